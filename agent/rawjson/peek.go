package rawjson

import "bytes"

// Peek gives the value after the first occurrence of a member's name in a text, without parsing the rest: a string without
// escapes, or a bare word. The text may not be JSON and the member may belong to an inner object: the caller must be able to
// find out later whether it was the right one.
func Peek(text []byte, name string) ([]byte, bool) {
	for at := 0; ; {
		found := bytes.Index(text[at:], []byte(name))
		if found < 0 {
			return nil, false
		}
		at += found + len(name)
		start := at - len(name)
		if start == 0 || text[start-1] != '"' || at >= len(text) || text[at] != '"' {
			continue
		}
		rest := bytes.TrimLeft(text[at+1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		return word(bytes.TrimLeft(rest[1:], " \t\r\n"))
	}
}

func word(text []byte) ([]byte, bool) {
	if len(text) > 0 && text[0] == '"' {
		end := bytes.IndexAny(text[1:], `"\`)
		if end < 0 || text[1+end] == '\\' {
			return nil, false
		}
		return text[1 : 1+end], true
	}
	end := bytes.IndexAny(text, " \t\r\n,}]\"")
	if end <= 0 {
		return nil, false
	}
	return text[:end], true
}
