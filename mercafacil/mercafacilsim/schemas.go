package mercafacilsim

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// schemas are the contract's shapes by name: a request's route, or a route's response.
type schemas map[string]*jsonschema.Schema

const schemaBase = "https://mercafacil.invalid/"

func compile() (schemas, error) {
	entries, err := schemaFiles.ReadDir("schema")
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	for _, entry := range entries {
		raw, err := schemaFiles.ReadFile("schema/" + entry.Name())
		if err != nil {
			return nil, err
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		if err := compiler.AddResource(schemaBase+strings.TrimSuffix(entry.Name(), ".json"), parsed); err != nil {
			return nil, err
		}
	}
	compiled := make(schemas)
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".json")
		if compiled[name], err = compiler.Compile(schemaBase + name); err != nil {
			return nil, err
		}
	}
	return compiled, nil
}

// schemaOf names the schema of a request: live routes differ between the dialects.
func schemaOf(c *call) string {
	switch c.route {
	case "start", "message", "pre-apply", "apply":
		return c.route + "." + c.dialect
	}
	return c.route
}

// check names the first field that is not as the contract has it.
func (s schemas) check(name string, body []byte) error {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return errors.New("body is not JSON")
	}
	err = s[name].Validate(parsed)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	return fmt.Errorf("field %q: %s", path.Join(invalid.InstanceLocation...), strings.Join(invalid.ErrorKind.KeywordPath(), " "))
}
