package config

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// node is one field in the file's JSON Schema.
type node map[string]any

// document is the schema, read once.
var document = sync.OnceValue(func() node {
	var tree node
	_ = json.Unmarshal(Schema, &tree) // a test reads it
	return tree
})

// child gives the schema of a member or of a list's entries, references followed.
func (n node) child(p part) (node, bool) {
	var found any
	switch {
	case p.index >= 0:
		found = n["items"]
	default:
		properties, _ := n["properties"].(map[string]any)
		if found = properties[p.name]; found == nil {
			found = n["additionalProperties"]
		}
	}
	schema, ok := found.(map[string]any)
	if reference, isReference := schema["$ref"].(string); isReference {
		defs, _ := document()["$defs"].(map[string]any)
		schema, ok = defs[strings.TrimPrefix(reference, "#/$defs/")].(map[string]any)
	}
	return schema, ok
}

// kind is the JSON type of a field's values.
func (n node) kind() string {
	if kind, ok := n["type"].(string); ok {
		return kind
	}
	example := n["const"]
	if list, _ := n["enum"].([]any); len(list) > 0 {
		example = list[0]
	}
	switch example.(type) {
	case float64:
		return "integer"
	case bool:
		return "boolean"
	case string:
		return "string"
	}
	return ""
}

// schemaAt gives the schema of a field; false: there is no such field.
func schemaAt(path string) (node, bool) {
	parts, err := parsePath(path)
	if err != nil {
		return nil, false
	}
	at := document()
	for _, p := range parts {
		next, ok := at.child(p)
		if !ok {
			return nil, false
		}
		at = next
	}
	return at, true
}

// ParseValue reads a value that a person types for a field. The type is the field's and does not come from the value's look: 013
// is a text where the field is one, with its zero. One pair of quotes around a text is dropped; lists and sections are typed
// as in the file. Nothing removes the field. The error is [Faults].
func ParseValue(path, text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	schema, known := schemaAt(path)
	if !known {
		return nil, Faults{{Field: path, Detail: "não há campo com este nome; veja os que existem em: pdvagent config schema"}}
	}
	refuse := func(detail string) (any, error) { return nil, Faults{{Field: path, Detail: detail}} }
	bare := strings.TrimSpace(text)
	switch schema.kind() {
	case "string":
		last := path[strings.LastIndexByte(path, '.')+1:]
		return trimmed(last, unquoted(text)), nil
	case "integer":
		number, err := strconv.ParseInt(bare, 10, 64)
		if err != nil {
			return refuse("deve ser um número inteiro")
		}
		return number, nil
	case "number":
		number, err := strconv.ParseFloat(strings.Replace(bare, ",", ".", 1), 64)
		if err != nil {
			return refuse("deve ser um número")
		}
		return number, nil
	case "boolean":
		switch strings.ToLower(bare) {
		case "true", "sim":
			return true, nil
		case "false", "não", "nao":
			return false, nil
		}
		return refuse("deve ser true ou false")
	}
	var tree yaml.Node
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil || len(tree.Content) != 1 {
		return refuse("não é um valor; escreva listas e seções como no arquivo, por exemplo [a, b]")
	}
	return typed(tree.Content[0], schema), nil
}

// typed gives a list or a section whose texts are texts.
func typed(value *yaml.Node, schema node) any {
	switch value.Kind {
	case yaml.SequenceNode:
		entry, _ := schema.child(part{index: 0})
		list := []any{}
		for _, child := range value.Content {
			list = append(list, typed(child, entry))
		}
		return list
	case yaml.MappingNode:
		object := make(map[string]any)
		for i := 0; i+1 < len(value.Content); i += 2 {
			name := value.Content[i].Value
			member, _ := schema.child(part{name, -1})
			object[name] = typed(value.Content[i+1], member)
		}
		return object
	}
	if schema.kind() == "string" {
		return value.Value
	}
	var read any
	_ = value.Decode(&read) // a scalar is always one
	return read
}

func unquoted(text string) string {
	if n := len(text); n > 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		var inner string
		if yaml.Unmarshal([]byte(text), &inner) == nil {
			return inner
		}
	}
	return text
}

// spaced are the texts whose spaces at the ends count.
var spaced = []string{"separator", "quote", "query", "dsn", "certificate_password"}

func trimmed(key, text string) string {
	if slices.Contains(spaced, key) {
		return text
	}
	return strings.TrimSpace(text)
}

var octal = regexp.MustCompile(`^[+-]?0[0-9_]+$`)

// tidy makes texts and numbers what the file says: spaces around a text do not count, and a number with a zero before it is
// decimal, where YAML would read an octal one.
func tidy(value reflect.Value, key string, tree *yaml.Node) {
	if tree.Kind == yaml.AliasNode {
		tree = tree.Alias
	}
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			tidy(value.Elem(), key, tree)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("yaml"), ",")
			if member := memberOf(tree, name); member != nil {
				tidy(value.Field(i), name, member)
			}
		}
	case reflect.Map:
		for _, name := range value.MapKeys() {
			if member := memberOf(tree, name.String()); member != nil {
				entry := reflect.New(value.Type().Elem()).Elem()
				entry.Set(value.MapIndex(name))
				tidy(entry, name.String(), member)
				value.SetMapIndex(name, entry)
			}
		}
	case reflect.Slice:
		for i := range min(value.Len(), len(tree.Content)) {
			tidy(value.Index(i), key, tree.Content[i])
		}
	case reflect.String:
		value.SetString(trimmed(key, value.String()))
	case reflect.Int, reflect.Int64:
		if number, err := strconv.ParseInt(strings.ReplaceAll(tree.Value, "_", ""), 10, 64); err == nil && octal.MatchString(tree.Value) {
			value.SetInt(number)
		}
	case reflect.Float64:
		if number, err := strconv.ParseFloat(tree.Value, 64); err == nil && octal.MatchString(tree.Value) {
			value.SetFloat(number)
		}
	}
}

// memberOf gives the value of a section's member; nil without one.
func memberOf(tree *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(tree.Content) && tree.Kind == yaml.MappingNode; i += 2 {
		if tree.Content[i].Value == name {
			return tree.Content[i+1]
		}
	}
	return nil
}

// lessIndented finds a member that stands at the file's margin and belongs into the empty section above it.
func lessIndented(tree *yaml.Node) (Fault, bool) {
	for i := 2; i+1 < len(tree.Content) && tree.Kind == yaml.MappingNode; i += 2 {
		section, empty, key := tree.Content[i-2], tree.Content[i-1], tree.Content[i]
		if _, known := schemaAt(key.Value); known || empty.ShortTag() != "!!null" {
			continue
		}
		if _, inside := schemaAt(section.Value + "." + key.Value); inside {
			return Fault{Line: key.Line, Detail: "falta o recuo: " + key.Value + " é da seção " + section.Value + ", e fica dois espaços à direita dela"}, true
		}
	}
	return Fault{}, false
}

// placeholder matches what examples and manuals write where a value goes.
var placeholder = regexp.MustCompile(`(?i)^troque[-_]est|\bcole[-_]aqui|^ao menos 22 caracteres|^<[^<>]*>$|^x{4,}$|^\.{3}$|^(seu|sua)[-_](token|chave|senha)|^(your|my)[-_](token|key|password)|^change[-_]?me`)

// Placeholders lists the values that still are the example's.
func Placeholders(text []byte) Faults {
	var tree yaml.Node
	if yaml.Unmarshal(Text(text), &tree) != nil {
		return nil
	}
	lines := make(lineIndex)
	lines.add("", &tree)
	var faults Faults
	var walk func(at *yaml.Node)
	walk = func(at *yaml.Node) {
		if at.Kind == yaml.ScalarNode && placeholder.MatchString(at.Value) {
			faults = append(faults, Fault{Line: at.Line, Field: lines.at(at.Line), Detail: "ainda é o texto do exemplo (" + placeholder.FindString(at.Value) + "…); ponha o valor da loja, e nos tokens locais um sorteado"})
		}
		for _, child := range at.Content {
			walk(child)
		}
	}
	walk(&tree)
	return faults
}
