package mercafacilsim

import (
	"bytes"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// schemas are the contract's request shapes by route.
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
	for _, route := range []string{"confirm", "cancel", "coupon", "coupon-cancellation"} {
		if compiled[route], err = compiler.Compile(schemaBase + route); err != nil {
			return nil, err
		}
	}
	return compiled, nil
}

// check names the first field that is not as the contract has it.
func (s schemas) check(route string, body []byte) error {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return errors.New("body is not JSON")
	}
	err = s[route].Validate(parsed)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	return fmt.Errorf("field %q: %s", path.Join(invalid.InstanceLocation...), strings.Join(invalid.ErrorKind.KeywordPath(), " "))
}

func requestID() string { return rand.Text() }
