package simkit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schemas are a contract's shapes, by the names of their files without ".json".
type Schemas map[string]*jsonschema.Schema

// Compile reads the JSON schemas of a simulator's folder "schema". They may refer to each other by base and name.
func Compile(files fs.FS, base string) (Schemas, error) {
	found, err := fs.Glob(files, "schema/*.json")
	if err != nil {
		return nil, err
	}
	compiler, compiled := jsonschema.NewCompiler(), make(Schemas)
	for _, file := range found {
		raw, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := compiler.AddResource(base+schemaName(file), parsed); err != nil {
			return nil, err
		}
	}
	for _, file := range found {
		name := schemaName(file)
		if compiled[name], err = compiler.Compile(base + name); err != nil {
			return nil, err
		}
	}
	return compiled, nil
}

func schemaName(file string) string { return strings.TrimSuffix(path.Base(file), ".json") }

// Check refuses a body that is not of a shape, with the first field that is wrong.
func (s Schemas) Check(name string, body []byte) error {
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
