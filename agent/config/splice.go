package config

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

func decodeRune(text []byte) (rune, int) { return utf8.DecodeRune(text) }

// splice puts an encoded value at a path below a node; false: it cannot.
func (s *fileText) splice(node *yaml.Node, parts []part, encoded string, drop bool) ([]byte, bool) {
	p := parts[0]
	if p.index >= 0 {
		if node.Kind != yaml.SequenceNode || p.index >= len(node.Content) {
			return nil, false
		}
		child := node.Content[p.index]
		if len(parts) > 1 {
			return s.splice(child, parts[1:], encoded, drop)
		}
		from, to, ok := s.extent(child)
		return s.replace(from, to, encoded), ok
	}
	if node.Kind != yaml.MappingNode {
		return nil, false
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == p.name {
			return s.member(node, i, parts, encoded, drop)
		}
	}
	if drop {
		return s.text, true
	}
	return s.insert(node, parts, encoded)
}

// member changes or drops the i-th member of a section, or descends into it.
func (s *fileText) member(node *yaml.Node, i int, parts []part, encoded string, drop bool) ([]byte, bool) {
	key, value := node.Content[i], node.Content[i+1]
	empty := value.Tag == "!!null" && value.Value == ""
	switch {
	case len(parts) > 1 && empty && drop:
		return s.text, true
	case len(parts) > 1 && empty: // an empty section: its first field goes on the next line
		indent := strings.Repeat(" ", key.Column-1+2)
		return s.replace(s.after(key.Line), s.after(key.Line), s.newline(key.Line)+s.nested(indent, parts[1:], encoded)), true
	case len(parts) > 1:
		return s.splice(value, parts[1:], encoded, drop)
	case drop:
		return s.drop(node, i)
	case empty:
		colon := s.colon(key)
		return s.replace(colon, colon, " "+encoded), colon > 0
	case value.Kind != yaml.ScalarNode && value.Style&yaml.FlowStyle == 0:
		colon := s.colon(key)
		return s.replace(colon, s.after(lastLine(value)), " "+encoded+s.eol), colon > 0 && value.Kind != yaml.AliasNode
	}
	from, to, ok := s.extent(value)
	if value.Style == yaml.SingleQuotedStyle && value.Kind == yaml.ScalarNode {
		var text string
		if yaml.Unmarshal([]byte(encoded), &text) == nil && !strings.ContainsFunc(text, oddRune) && isText(encoded) {
			encoded = quote(text)
		}
	}
	return s.replace(from, to, encoded), ok
}

// isText reports whether YAML reads an encoded scalar as a text.
func isText(encoded string) bool {
	var node yaml.Node
	return yaml.Unmarshal([]byte(encoded), &node) == nil && len(node.Content) == 1 && node.Content[0].ShortTag() == "!!str"
}

// newline adds a missing line end.
func (s *fileText) newline(line int) string {
	if end := s.after(line); end > 0 && s.text[end-1] != '\n' {
		return s.eol
	}
	return ""
}

// nested returns new sections, one line each, with the value in the last.
func (s *fileText) nested(indent string, parts []part, encoded string) string {
	var out strings.Builder
	for i, p := range parts {
		out.WriteString(indent + strings.Repeat("  ", i) + p.name + ":")
		if i == len(parts)-1 {
			out.WriteString(" " + encoded)
		}
		out.WriteString(s.eol)
	}
	return out.String()
}

// insert adds a new field at the end of its section.
func (s *fileText) insert(node *yaml.Node, parts []part, encoded string) ([]byte, bool) {
	for _, p := range parts {
		if p.index >= 0 {
			return nil, false
		}
	}
	if node.Style&yaml.FlowStyle == 0 && len(node.Content) > 0 {
		line := lastLine(node)
		indent := strings.Repeat(" ", node.Content[0].Column-1)
		return s.replace(s.after(line), s.after(line), s.newline(line)+s.nested(indent, parts, encoded)), true
	}
	_, end, ok := s.extent(node)
	for i := len(parts) - 1; i >= 0; i-- {
		if encoded = parts[i].name + ": " + encoded; i > 0 {
			encoded = "{" + encoded + "}"
		}
	}
	if len(node.Content) > 0 {
		encoded = ", " + encoded
	}
	return s.replace(end-1, end-1, encoded), ok
}

// drop removes the i-th member of a section. A section without members becomes {}.
func (s *fileText) drop(node *yaml.Node, i int) ([]byte, bool) {
	key, value := node.Content[i], node.Content[i+1]
	inFlow := node.Style&yaml.FlowStyle != 0
	if len(node.Content) == 2 {
		if !inFlow {
			return s.replace(s.lines[key.Line-1]+key.Column-1, s.after(lastLine(value)), "{}"+s.eol), true
		}
		from, to, ok := s.extent(node)
		return s.replace(from, to, "{}"), ok
	}
	if !inFlow {
		return s.replace(s.lines[key.Line-1], s.after(max(lastLine(value), key.Line)), ""), true
	}
	_, to, ok := s.extent(value)
	from := s.at(key)
	if i > 0 {
		_, from, ok = s.extent(node.Content[i-1])
		return s.replace(from, to, ""), ok
	}
	return s.replace(from, s.at(node.Content[2]), ""), ok
}

// colon returns the offset after a key's colon; 0 without one.
func (s *fileText) colon(key *yaml.Node) int {
	_, end, ok := s.extent(key)
	if colon := bytes.IndexByte(s.text[end:], ':'); ok && colon >= 0 {
		return end + colon + 1
	}
	return 0
}

// lastLine returns the last line of a node.
func lastLine(node *yaml.Node) int {
	line := node.Line
	if node.Kind == yaml.ScalarNode && node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line += strings.Count(node.Value, "\n")
	}
	for _, child := range node.Content {
		line = max(line, lastLine(child))
	}
	return line
}

// extent returns the offsets of a value on one line or in brackets.
func (s *fileText) extent(node *yaml.Node) (from, to int, ok bool) {
	from = s.at(node)
	rest := s.text[from:]
	switch {
	case node.Anchor != "" || node.Kind == yaml.AliasNode || node.Style&yaml.TaggedStyle != 0:
		return from, from, false
	case node.Kind != yaml.ScalarNode:
		length := bracketed(rest)
		return from, from + length, length > 0
	case node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		length := quoted(rest)
		return from, from + length, length > 0
	case node.Style == 0 && node.Value != "" && bytes.HasPrefix(rest, []byte(node.Value)):
		return from, from + len(node.Value), true
	}
	return from, from, false
}

// quoted returns the length of a text in quotes; 0: it does not end.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\', text[0] == '\'' && text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return 0
}

// bracketed returns the length of a list or section in brackets; 0: it does not end.
func bracketed(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"', '\'':
			if i > 0 && !bytes.ContainsRune([]byte(" [{,:\n"), rune(text[i-1])) {
				continue // inside a plain text
			}
			length := quoted(text[i:])
			if length == 0 {
				return 0
			}
			i += length - 1
		case '#':
			if i > 0 && (text[i-1] == ' ' || text[i-1] == '\n') {
				end := bytes.IndexByte(text[i:], '\n')
				if end < 0 {
					return 0
				}
				i += end
			}
		}
	}
	return 0
}
