package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// contract is the published description of the local API. Every request that the suite makes and every answer that it
// gets is held against it, and in the end every operation must have been seen to succeed.
type contract struct {
	document any
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
	seen     map[string]bool
}

const contractURL = "urn:pdvagent:openapi"

var theContract = sync.OnceValues(func() (*contract, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "agent", "tillapi", "docs", "openapi.yaml"))
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
	c := &contract{compiler: jsonschema.NewCompiler(), schemas: make(map[string]*jsonschema.Schema), seen: make(map[string]bool)}
	if c.document, err = jsonschema.UnmarshalJSON(bytes.NewReader(encoded)); err != nil {
		return nil, err
	}
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(contractURL, c.document)
})

// at follows a pointer and every $ref on its way; it gives the value and where it really stands.
func (c *contract) at(pointer string) (any, string) {
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

func (c *contract) follow(node any, place string) (any, string) {
	if object, ok := node.(map[string]any); ok && len(object) == 1 {
		if ref, ok := object["$ref"].(string); ok {
			return c.at(strings.TrimPrefix(ref, "#/"))
		}
	}
	return node, place
}

func (c *contract) object(pointer string) map[string]any {
	node, _ := c.at(pointer)
	object, _ := node.(map[string]any)
	return object
}

func escape(part string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(part) }

// validate holds a value against the schema at a pointer.
func (c *contract) validate(pointer string, value any) error {
	_, place := c.at(pointer)
	if place == "" {
		return fmt.Errorf("the document has no %s", pointer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	schema := c.schemas[place]
	if schema == nil {
		var err error
		if schema, err = c.compiler.Compile(contractURL + "#" + place); err != nil {
			return err
		}
		c.schemas[place] = schema
	}
	return schema.Validate(value)
}

func (c *contract) validateJSON(pointer string, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return c.validate(pointer, value)
}

// operation finds the pointer of a request's operation, one without wildcards first; empty for what the document does not
// have.
func (c *contract) operation(method, path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if pointer := "/paths/" + escape(strings.TrimSuffix(path, "/")) + "/" + strings.ToLower(method); c.object(pointer) != nil {
		return pointer
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for template := range c.object("/paths") {
		names := strings.Split(strings.Trim(template, "/"), "/")
		same := len(names) == len(parts)
		for i := range names {
			same = same && (names[i] == parts[i] || (strings.HasPrefix(names[i], "{") && parts[i] != ""))
		}
		pointer := "/paths/" + escape(template) + "/" + strings.ToLower(method)
		if same && c.object(pointer) != nil {
			return pointer
		}
	}
	return ""
}

// check holds one call against the document.
func (c *contract) check(request *http.Request, sent []byte, response *http.Response, got []byte) error {
	operation := c.operation(request.Method, request.URL.Path)
	answer := "/components/responses/Problem"
	if operation != "" {
		answer = operation + "/responses/default"
		if response.StatusCode < http.StatusMultipleChoices {
			answer = fmt.Sprintf("%s/responses/%d", operation, response.StatusCode)
		}
	}
	if c.object(answer) == nil {
		return fmt.Errorf("no answer %d to %s", response.StatusCode, request.URL.Path)
	}
	if err := c.checkHeaders(answer, response.Header); err != nil {
		return err
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	content := c.object(answer + "/content")
	if _, any := content["*/*"]; !any && (err != nil || content[media] == nil) {
		return fmt.Errorf("the answer has type %q", response.Header.Get("Content-Type"))
	}
	if strings.HasSuffix(media, "json") {
		if err := c.validateJSON(answer+"/content/"+escape(media)+"/schema", got); err != nil {
			return fmt.Errorf("the answer: %w", err)
		}
	}
	if operation == "" || response.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	c.mu.Lock()
	c.seen[operation] = true
	c.mu.Unlock()
	return c.checkRequest(operation, request, sent)
}

func (c *contract) checkHeaders(answer string, header http.Header) error {
	for name := range c.object(answer + "/headers") {
		place := answer + "/headers/" + name
		value, required := header.Get(name), c.object(place)["required"] == true
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

// checkRequest holds a call that was taken against what the document says must be sent.
func (c *contract) checkRequest(operation string, request *http.Request, sent []byte) error {
	declared := make(map[string]bool)
	list, _ := c.object(operation)["parameters"].([]any)
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
	body := operation + "/requestBody/content/" + escape(media) + "/schema"
	if _, place := c.at(body); place == "" {
		return nil
	}
	if charset := params["charset"]; charset != "" && charset != "utf-8" {
		return nil
	}
	if err := c.validateJSON(body, bytes.TrimPrefix(sent, []byte("\xef\xbb\xbf"))); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	return nil
}

// unseen are the operations that no test saw succeed.
func (c *contract) unseen() []string {
	var missing []string
	for template := range c.object("/paths") {
		for method := range c.object("/paths/" + escape(template)) {
			if !c.seen["/paths/"+escape(template)+"/"+method] {
				missing = append(missing, method+" "+template)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// suite runs all tests, then looks for operations of the document that none of them used.
type suite struct{ m *testing.M }

// Run is goleak's TestingM.
func (s suite) Run() int {
	code := s.m.Run()
	for _, narrowing := range []string{"test.run", "test.list", "test.fuzz", "test.skip", "test.bench"} {
		if flag.Lookup(narrowing).Value.String() != "" {
			return code
		}
	}
	document, err := theContract()
	if err == nil && code == 0 && len(document.unseen()) > 0 {
		err = fmt.Errorf("no test saw these operations succeed: %s", strings.Join(document.unseen(), ", "))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapi.yaml:", err)
		return 1
	}
	return code
}

// Every example of the document is what its schema asks for.
func TestExamplesOfTheDocumentFitTheirSchemas(t *testing.T) {
	document, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	var walk func(pointer string)
	walk = func(pointer string) {
		object := document.object(pointer)
		_, hasSchema := object["schema"]
		examples := map[string]any{}
		if example, ok := object["example"]; ok {
			examples["example"] = example
		}
		if list, ok := object["examples"].(map[string]any); ok && hasSchema {
			for name, example := range list {
				inner, _ := example.(map[string]any)
				examples[name] = inner["value"]
			}
		}
		for name, example := range examples {
			if checked++; hasSchema {
				if err := document.validate(pointer+"/schema", example); err != nil {
					t.Errorf("%s, %s: %v", pointer, name, err)
				}
			}
		}
		for name, child := range object {
			if _, ok := child.(map[string]any); ok && name != "example" && name != "examples" && name != "schemas" {
				walk(pointer + "/" + escape(name))
			}
		}
	}
	for part := range maps.Keys(document.object("/components")) {
		if part != "schemas" {
			walk("/components/" + part)
		}
	}
	walk("/paths")
	if checked < 35 {
		t.Errorf("found %d examples", checked)
	}
}

// A check that lets everything pass is worth nothing.
func TestContractNoticesWhatItDoesNotSay(t *testing.T) {
	document, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	good := `{"status":"queued","job":"1"}`
	header := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"r"}, "X-Agent-Delivery": {"queued"}, "X-Agent-Time": {"agent=1;cloud=0"}}
	with := func(name, value string) http.Header {
		changed := header.Clone()
		if changed.Set(name, value); value == "" {
			changed.Del(name)
		}
		return changed
	}
	for name, c := range map[string]struct {
		path, sent string
		status     int
		header     http.Header
		got        string
		wrong      bool
	}{
		"right":                    {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, header, good, false},
		"with a slash":             {"/v2/transaction/confirm/", `{"transaction_id":"T","more":1}`, 202, header, good, false},
		"an unknown member":        {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, header, `{"status":"queued","job":"1","x":1}`, true},
		"a missing member":         {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, header, `{"status":"queued"}`, true},
		"another status":           {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 201, header, good, true},
		"a request without its id": {"/v2/transaction/confirm", `{}`, 202, header, good, true},
		"a header missing":         {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, with("X-Request-Id", ""), good, true},
		"a header's other value":   {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, with("X-Agent-Delivery", "soon"), good, true},
		"another type":             {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 202, with("Content-Type", "text/plain"), good, true},
		"a refusal that is none":   {"/v2/transaction/confirm", `{"transaction_id":"T"}`, 422, with("Content-Type", "application/problem+json"), good, true},
		"an undocumented query":    {"/v2/transaction/confirm?now=1", `{"transaction_id":"T"}`, 202, header, good, true},
		"an undocumented path":     {"/v3/transaction/confirm", `{}`, 200, header, good, true},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		err = document.check(request, []byte(c.sent), &http.Response{StatusCode: c.status, Header: c.header}, []byte(c.got))
		if (err != nil) != c.wrong {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
