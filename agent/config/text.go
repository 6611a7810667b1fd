package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Text gives a file that people write as UTF-8. Editors save it as UTF-16 or Windows-1252, too; a byte order mark and DOS' mark
// of the end are dropped, and lines that end in CR alone end in LF.
func Text(raw []byte) []byte {
	text := bytes.TrimRight(encoded(raw), "\x1a")
	if bytes.IndexByte(text, '\n') < 0 {
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	}
	return text
}

func encoded(raw []byte) []byte {
	utf16 := func(endian unicode.Endianness) []byte {
		text, err := unicode.UTF16(endian, unicode.UseBOM).NewDecoder().Bytes(raw)
		if err != nil {
			return raw
		}
		return text
	}
	ascii := func(text, zero int) bool {
		return len(raw) >= 4 && raw[text] != 0 && raw[zero] == 0 && raw[text+2] != 0 && raw[zero+2] == 0
	}
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), ascii(0, 1):
		return utf16(unicode.LittleEndian)
	case bytes.HasPrefix(raw, []byte("\xfe\xff")), ascii(1, 0):
		return utf16(unicode.BigEndian)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if utf8.Valid(raw) {
		return raw
	}
	text, _ := charmap.Windows1252.NewDecoder().Bytes(raw) // it takes every byte
	return text
}

// strange matches the spaces that pages and word processors have and YAML takes for letters.
var strange = regexp.MustCompile("[\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]")

// strangeSpace finds the first of them outside comments.
func strangeSpace(text []byte) (Fault, bool) {
	for i, line := range bytes.Split(text, []byte("\n")) {
		code := line
		if at := bytes.Index(line, []byte("#")); at == 0 || at > 0 && (line[at-1] == ' ' || line[at-1] == '\t') {
			code = line[:at]
		}
		if strange.Match(code) {
			return Fault{Line: i + 1, Detail: "a linha tem um espaço que não é o comum (colado de uma página ou do Word); apague os espaços dela e digite de novo"}, true
		}
	}
	return Fault{}, false
}

// wrongIndent finds the line whose indentation makes a text no YAML: a tab in it, or one that fits no line above.
func wrongIndent(text []byte) (Fault, bool) {
	type level struct{ indent, line int }
	stack := []level{{0, 1}}
	opens, skip, brackets := true, -1, 0
	for i, raw := range strings.Split(string(text), "\n") {
		line := strings.TrimRight(raw, " \t\r")
		content := strings.TrimLeft(line, " \t")
		indent := len(line) - len(content)
		switch {
		case content == "" || content[0] == '#' || brackets > 0 || skip >= 0 && indent > skip:
			brackets += depth(content, brackets)
			continue
		case strings.Contains(line[:indent], "\t"):
			return Fault{Line: i + 1, Detail: "o YAML não aceita tabulações no recuo; use espaços"}, true
		}
		skip = -1
		top := stack[len(stack)-1]
		if indent > top.indent {
			if !opens {
				return Fault{Line: i + 1, Detail: fmt.Sprintf("o recuo é maior que o da linha %d, que não abre uma seção; alinhe as duas", top.line)}, true
			}
			stack = append(stack, level{indent, i + 1})
		}
		for len(stack) > 1 && indent < stack[len(stack)-1].indent {
			stack = stack[:len(stack)-1]
		}
		if top = stack[len(stack)-1]; indent != top.indent {
			return Fault{Line: i + 1, Detail: fmt.Sprintf("o recuo não é o de nenhuma linha acima; alinhe com a linha %d ou com a de uma seção", top.line)}, true
		}
		stack[len(stack)-1].line = i + 1
		for strings.HasPrefix(content, "- ") {
			rest := strings.TrimLeft(content[1:], " ")
			indent += len(content) - len(rest)
			content = rest
			stack = append(stack, level{indent, i + 1})
		}
		code, _, _ := strings.Cut(content, " #")
		code = strings.TrimRight(code, " ")
		if block.MatchString(code) {
			skip = indent
		}
		opens = strings.HasSuffix(code, ":") || code == "-"
		brackets += depth(content, 0)
	}
	return Fault{}, false
}

// block matches the line before a text of several lines.
var block = regexp.MustCompile(`: *[|>][-+0-9]*$`)

// depth counts the brackets that a line leaves open, those in quotes not; it may close as many as are open.
func depth(line string, open int) int {
	was, quote := open, rune(0)
	for _, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '{':
			open++
		case (c == ']' || c == '}') && open > 0:
			open--
		}
	}
	return open - was
}
