package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/reading"
)

// APIDocument is openapi.yaml, the published description of the local API. Every request of the tests and every answer is
// checked against it; at the end every operation must have been seen to succeed. It is safe for concurrent use.
type APIDocument struct {
	document any
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
	seen     map[string]bool               // operations that succeeded, by pointer
}

const documentURL = "urn:pdvagent:openapi"

// OpenAPI is the document that all tests of a package share.
func OpenAPI() (*APIDocument, error) { return sharedOpenAPI() }

var sharedOpenAPI = sync.OnceValues(readOpenAPI)

func readOpenAPI() (*APIDocument, error) {
	text, err := os.ReadFile(filepath.Join(agenttest.Root(), "agent", "till", "api", "docs", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	c := &APIDocument{compiler: jsonschema.NewCompiler(), schemas: make(map[string]*jsonschema.Schema), seen: make(map[string]bool)}
	if c.document, err = jsonschema.UnmarshalJSON(bytes.NewReader(encoded)); err != nil {
		return nil, err
	}
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(documentURL, c.document)
}

// at follows a JSON pointer and every $ref on its way. It gives the value and the pointer without references; both are empty
// where there is nothing.
func (c *APIDocument) at(pointer string) (any, string) {
	node, place := c.document, ""
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		node, place = c.follow(node, place)
		object, ok := node.(map[string]any)
		if !ok {
			return nil, ""
		}
		if node, ok = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]; !ok {
			return nil, ""
		}
		place += "/" + part
	}
	return c.follow(node, place)
}

func (c *APIDocument) follow(node any, place string) (any, string) {
	if object, ok := node.(map[string]any); ok && len(object) == 1 {
		if ref, ok := object["$ref"].(string); ok {
			return c.at(strings.TrimPrefix(ref, "#/"))
		}
	}
	return node, place
}

// Object is the object at a pointer; nil where there is none.
func (c *APIDocument) Object(pointer string) map[string]any {
	node, _ := c.at(pointer)
	object, _ := node.(map[string]any)
	return object
}

// EscapePointer escapes a name for a JSON pointer.
func EscapePointer(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
}

// validate checks a value against the schema at a pointer.
func (c *APIDocument) validate(pointer string, value any) error {
	_, place := c.at(pointer)
	if place == "" {
		return fmt.Errorf("the document has no %s", pointer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	schema := c.schemas[place]
	if schema == nil {
		var err error
		if schema, err = c.compiler.Compile(documentURL + "#" + place); err != nil {
			return err
		}
		c.schemas[place] = schema
	}
	return schema.Validate(value)
}

func (c *APIDocument) validateJSON(pointer string, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return c.validate(pointer, value)
}

// operation is the pointer of a request's operation, a path without wildcards first; empty for a path that the document does
// not have.
func (c *APIDocument) operation(method, path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if pointer := "/paths/" + EscapePointer(strings.TrimSuffix(path, "/")) + "/" + strings.ToLower(method); c.Object(pointer) != nil {
		return pointer
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for template := range c.Object("/paths") {
		names := strings.Split(strings.Trim(template, "/"), "/")
		same := len(names) == len(parts)
		for i := range names {
			same = same && (names[i] == parts[i] || (strings.HasPrefix(names[i], "{") && parts[i] != ""))
		}
		pointer := "/paths/" + EscapePointer(template) + "/" + strings.ToLower(method)
		if same && c.Object(pointer) != nil {
			return pointer
		}
	}
	return ""
}

// Check checks one call: its answer, the answer's headers and, if the call was accepted, the request.
func (c *APIDocument) Check(request *http.Request, sent []byte, response *http.Response, got []byte) error {
	operation := c.operation(request.Method, request.URL.Path)
	answer := "/components/responses/Problem"
	if operation != "" {
		answer = operation + "/responses/default"
		if response.StatusCode < http.StatusBadRequest {
			answer = fmt.Sprintf("%s/responses/%d", operation, response.StatusCode)
		}
	}
	if c.Object(answer) == nil {
		return fmt.Errorf("no answer %d to %s", response.StatusCode, request.URL.Path)
	}
	if err := c.checkHeaders(answer, response.Header); err != nil {
		return err
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	content := c.Object(answer + "/content")
	if _, any := content["*/*"]; !any && response.StatusCode != http.StatusNoContent && (err != nil || content[media] == nil) {
		return fmt.Errorf("the answer has type %q", response.Header.Get("Content-Type"))
	}
	if strings.HasSuffix(media, "json") {
		if err := c.validateJSON(answer+"/content/"+EscapePointer(media)+"/schema", got); err != nil {
			return fmt.Errorf("the answer: %w", err)
		}
	}
	if operation == "" || response.StatusCode >= http.StatusBadRequest {
		return nil
	}
	c.mu.Lock()
	c.seen[operation] = true
	c.mu.Unlock()
	return c.checkRequest(operation, request, sent)
}

func (c *APIDocument) checkHeaders(answer string, header http.Header) error {
	for name := range c.Object(answer + "/headers") {
		place := answer + "/headers/" + name
		value, required := header.Get(name), c.Object(place)["required"] == true
		if value == "" && required {
			return fmt.Errorf("the answer has no %s", name)
		}
		if value != "" {
			if err := c.validate(place+"/schema", value); err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
		}
	}
	return nil
}

// checkRequest checks that an accepted request has only what the document declares.
func (c *APIDocument) checkRequest(operation string, request *http.Request, sent []byte) error {
	declared := make(map[string]bool)
	list, _ := c.Object(operation)["parameters"].([]any)
	for _, parameter := range list {
		node, _ := c.follow(parameter, "")
		if object, ok := node.(map[string]any); ok {
			declared[fmt.Sprint(object["in"], " ", object["name"])] = true
		}
	}
	for name := range request.URL.Query() {
		if !declared["query "+name] {
			return fmt.Errorf("the document has no parameter %s", name)
		}
	}
	if request.Header.Get("Prefer") != "" && !declared["header Prefer"] {
		return fmt.Errorf("the document has no Prefer here")
	}
	media, params, _ := mime.ParseMediaType(request.Header.Get("Content-Type"))
	body := operation + "/requestBody/content/" + EscapePointer(media) + "/schema"
	if _, place := c.at(body); place == "" {
		return nil
	}
	if charset := params["charset"]; charset != "" && charset != "utf-8" {
		return nil
	}
	mended, _, _, err := reading.Document(sent)
	if err != nil { // it was accepted in another charset, or is refused below
		mended = sent
	}
	if !utf8.Valid(mended) {
		return nil
	}
	if err := c.validateJSON(body, bytes.TrimPrefix(mended, []byte("\xef\xbb\xbf"))); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	return nil
}

// unseen are the operations that no test has seen succeed.
func (c *APIDocument) unseen() []string {
	var missing []string
	for template := range c.Object("/paths") {
		for method := range c.Object("/paths/" + EscapePointer(template)) {
			if !c.seen["/paths/"+EscapePointer(template)+"/"+method] {
				missing = append(missing, method+" "+template)
			}
		}
	}
	slices.Sort(missing)
	return missing
}
