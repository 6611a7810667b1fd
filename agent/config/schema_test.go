package config_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"pdvagent/agent/config"
)

func schema(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("urn:pdvagent:config", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("urn:pdvagent:config")
	if err != nil {
		t.Fatal(err)
	}
	return compiled, document.(map[string]any)
}

// The schema has every field of the file and no other, each with a word about it.
func TestSchemaHasEveryField(t *testing.T) {
	_, document := schema(t)
	var compare func(path string, typ reflect.Type, node map[string]any)
	compare = func(path string, typ reflect.Type, node map[string]any) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			if typ.Kind() == reflect.Slice {
				node, _ = node["items"].(map[string]any)
			}
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[yaml.Node]() {
			return
		}
		properties, _ := node["properties"].(map[string]any)
		var fields []string
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			fields = append(fields, name)
			property, ok := properties[name].(map[string]any)
			if !ok {
				t.Errorf("the schema does not have %s.%s", path, name)
				continue
			}
			if leaf := property["properties"] == nil; leaf && property["description"] == nil {
				t.Errorf("%s.%s is not described", path, name)
			}
			compare(path+"."+name, typ.Field(i).Type, property)
		}
		for name := range properties {
			if !slices.Contains(fields, name) {
				t.Errorf("the file does not have %s.%s", path, name)
			}
		}
	}
	compare("", reflect.TypeFor[config.Config](), document)
}

// What Parse takes the schema takes, and what the schema refuses Parse refuses; the defaults it tells are the real ones.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	compiled, document := schema(t)
	valid := func(text string) bool {
		var tree any
		if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
			return false
		}
		encoded, err := json.Marshal(tree)
		if err != nil {
			return false
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
		return err == nil && compiled.Validate(value) == nil
	}
	for _, text := range []string{minimal(), config.Template(config.Example()), minimal("routines: {resend: {every: 30m}}")} {
		if !valid(text) {
			t.Errorf("refuses %s", text)
		}
	}
	for _, line := range []string{
		"version: 2", "shop: {id: '', till: '2'}", "api: {listen: 0.0.0.0:80, tokens: [{name: a, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}]}", "api: {tokens: []}",
		"api: {tokens: [{name: a, scope: root, token: aaaaaaaaaaaaaaaaaaaaaa}]}", "till: {queued_status: 201}", "sender: {parallel: 0}", "sender: {retry_min: 5}",
		"log: {level: loud}", "log: {max_mb: 1}", "traffic: {bodies: all}", "nonsense: 1", "store: {max_mb: 1}", "loyalty: {unknown_member: ask}",
		"mercafacil: {base_url: ftp://example.com, token: t, pdv_version: '1'}",
	} {
		_, faults := parse(t, minimal(line))
		if valid(minimal(line)) || faults == nil {
			t.Errorf("%s: the schema takes it %v, the reader finds %v", line, valid(minimal(line)), faults)
		}
	}
	tree, err := config.Default().Tree()
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for section, node := range document["properties"].(map[string]any) {
		properties, _ := node.(map[string]any)["properties"].(map[string]any)
		for name, property := range properties {
			want, ok := property.(map[string]any)["default"]
			if !ok || section == "mercafacil" {
				continue
			}
			told++
			got := tree[section].(map[string]any)[name]
			if text, isText := want.(string); isText && strings.ContainsAny(text, "hms") && text != got {
				got = strings.NewReplacer("2h0m0s", "2h", "720h0m0s", "720h", "30m0s", "30m", "1m0s", "60s").Replace(got.(string))
			}
			encodedGot, _ := json.Marshal(got)
			encodedWant, _ := json.Marshal(want)
			if string(encodedGot) != string(encodedWant) {
				t.Errorf("%s.%s: the schema says %s, it is %s", section, name, encodedWant, encodedGot)
			}
		}
	}
	if told < 20 {
		t.Errorf("the schema tells %d defaults", told)
	}
}
