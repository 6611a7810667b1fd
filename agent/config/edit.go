package config

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Change sets one field of the file.
type Change struct {
	Path  string // sender.per_second, api.tokens[0].token
	Value any    // text, number, boolean, list or object; nil removes the field
}

// Edit returns the file's text with the changes; comments, order, blank lines and quotes stay byte for byte. It does not
// check the result as a configuration. The error is [Faults].
func Edit(text []byte, changes []Change) ([]byte, error) {
	for _, change := range changes {
		edited, err := edit(text, change)
		if err != nil {
			return nil, err
		}
		text = edited
	}
	return text, nil
}

// edit makes one change and verifies that the new text reads as the old one with that one difference.
func edit(text []byte, change Change) ([]byte, error) {
	parts, err := parsePath(change.Path)
	if err != nil {
		return nil, err
	}
	value, encoded, err := encode(change.Value)
	if err != nil {
		return nil, Faults{{Field: change.Path, Detail: "o valor não pode ser escrito neste arquivo"}}
	}
	var root yaml.Node
	var before any
	if yaml.Unmarshal(text, &root) != nil || yaml.Unmarshal(text, &before) != nil || len(root.Content) != 1 {
		return nil, Faults{{Detail: "o arquivo não é um YAML válido; corrija-o à mão"}}
	}
	if old, err := with(before, parts, value, change.Value == nil); err == nil {
		s := newFileText(text)
		edited, ok := s.splice(root.Content[0], parts, encoded, change.Value == nil)
		var after any
		if ok && yaml.Unmarshal(edited, &after) == nil && reflect.DeepEqual(after, old) {
			return edited, nil
		}
	}
	return nil, Faults{{Field: change.Path, Detail: "este campo não pode ser alterado sem perder a forma do arquivo; altere-o à mão"}}
}

// part is one step of a path: a name, or an index of a list.
type part struct {
	name  string
	index int // -1: a name
}

var pathStep = regexp.MustCompile(`^([a-z][a-z0-9_-]*)((?:\[[0-9]{1,3}\])*)$`)

func parsePath(path string) ([]part, error) {
	var parts []part
	for _, step := range strings.Split(path, ".") {
		match := pathStep.FindStringSubmatch(step)
		if match == nil {
			return nil, Faults{{Field: path, Detail: "não é o nome de um campo; por exemplo sender.per_second ou api.tokens[0].token"}}
		}
		parts = append(parts, part{match[1], -1})
		for _, index := range strings.FieldsFunc(match[2], func(r rune) bool { return r == '[' || r == ']' }) {
			n, _ := strconv.Atoi(index) // the expression allows three digits
			parts = append(parts, part{"", n})
		}
	}
	return parts, nil
}

// encode returns a value's YAML on one line, and the value as it will be read.
func encode(value any) (any, string, error) {
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return nil, "", err
	}
	flow(&node)
	text, err := yaml.Marshal(&node)
	if err != nil {
		return nil, "", err
	}
	var read any
	err = yaml.Unmarshal(text, &read)
	encoded := strings.TrimSpace(string(text))
	if strings.ContainsAny(encoded, "\n") {
		err = fmt.Errorf("%q is more than a line", encoded)
	}
	return read, encoded, err
}

// plain matches a text that never needs quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./-]*$`)

func flow(node *yaml.Node) {
	node.Style = yaml.FlowStyle
	switch {
	case node.Kind != yaml.ScalarNode:
	case node.ShortTag() != "!!str" || (plain.MatchString(node.Value) && isText(node.Value)):
		node.Style = 0
	case strings.ContainsFunc(node.Value, oddRune):
		node.Style = yaml.DoubleQuotedStyle
	default:
		node.Style = yaml.SingleQuotedStyle
	}
	for _, child := range node.Content {
		flow(child)
	}
}

// with returns a tree in which one field is set or removed.
func with(tree any, parts []part, value any, drop bool) (any, error) {
	if len(parts) == 0 {
		return value, nil
	}
	p := parts[0]
	if p.index >= 0 {
		list, ok := tree.([]any)
		if !ok || p.index >= len(list) || (drop && len(parts) == 1) {
			return nil, fmt.Errorf("no entry %d", p.index)
		}
		changed, err := with(list[p.index], parts[1:], value, drop)
		list = append([]any(nil), list...)
		list[p.index] = changed
		return list, err
	}
	object := make(map[string]any)
	if old, ok := tree.(map[string]any); ok {
		for name, member := range old {
			object[name] = member
		}
	} else if tree != nil {
		return nil, fmt.Errorf("%s is no section", p.name)
	}
	if _, known := object[p.name]; drop && !known {
		return tree, nil
	}
	if drop && len(parts) == 1 {
		delete(object, p.name)
		return object, nil
	}
	changed, err := with(object[p.name], parts[1:], value, drop)
	object[p.name] = changed
	return object, err
}

// fileText is a file's text with the offsets of yaml.v3's lines and columns.
type fileText struct {
	text  []byte
	lines []int // offset of each line
	eol   string
}

func newFileText(text []byte) *fileText {
	s := &fileText{text: text, lines: []int{0}, eol: "\n"}
	for i, c := range text {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	if bytes.Contains(text, []byte("\r\n")) {
		s.eol = "\r\n"
	}
	return s
}

// at returns the offset of a node. Columns count characters.
func (s *fileText) at(node *yaml.Node) int {
	offset := s.lines[node.Line-1]
	for range node.Column - 1 {
		_, size := decodeRune(s.text[offset:])
		offset += size
	}
	return offset
}

// after returns the offset of the next line.
func (s *fileText) after(line int) int {
	if line < len(s.lines) {
		return s.lines[line]
	}
	return len(s.text)
}

// replace returns the text with a piece between two offsets replaced.
func (s *fileText) replace(from, to int, piece string) []byte {
	out := make([]byte, 0, len(s.text)+len(piece))
	return append(append(append(out, s.text[:from]...), piece...), s.text[to:]...)
}
