package rawjson

import (
	"bytes"
	"encoding/json"
)

// Get gives the member of an object, or false.
func (v Value) Get(name string) (Value, bool) {
	for _, member := range v.Members {
		if member.Name == name {
			return member.Value, true
		}
	}
	return Value{}, false
}

// Raw gives the value's bytes in the text.
func (v Value) Raw() []byte { return v.text[v.Start:v.End] }

// Text gives a string's content, or a number as it is spelled; false for other kinds.
func (v Value) Text() (string, bool) {
	switch v.Kind {
	case String:
		return unquote(v.Raw()), true
	case Number:
		return string(v.Raw()), true
	}
	return "", false
}

// Quote gives text as a JSON string.
func Quote(text string) []byte {
	if plain(text) {
		return append(append(append(make([]byte, 0, len(text)+2), '"'), text...), '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil { // a string always encodes
		return []byte(`""`)
	}
	return quoted
}

// plain tells that a text needs no escapes in JSON.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// Edit is a new spelling for the bytes from Start to End.
type Edit struct {
	Start, End int
	Raw        []byte
}

// Apply gives the text with the edits made. They must be in the text's order and not overlap.
func Apply(text []byte, edits ...Edit) []byte {
	out := make([]byte, 0, len(text)+64*len(edits))
	at := 0
	for _, edit := range edits {
		out = append(append(out, text[at:edit.Start]...), edit.Raw...)
		at = edit.End
	}
	return append(out, text[at:]...)
}

// SetMember gives the text of object v with the named member set to raw: in its place, or as a new last member.
func SetMember(text []byte, v Value, name string, raw []byte) []byte {
	if old, ok := v.Get(name); ok {
		return Apply(text, Edit{old.Start, old.End, raw})
	}
	added := append(append(Quote(name), ':'), raw...)
	if len(v.Members) > 0 {
		added = append([]byte{','}, added...)
		last := v.Members[len(v.Members)-1].Value.End
		return Apply(text, Edit{last, last, added})
	}
	return Apply(text, Edit{v.Start + 1, v.Start + 1, added})
}

// RemoveMember gives the text of object v without the named member; the same text where there is none.
func RemoveMember(text []byte, v Value, name string) []byte {
	for i, member := range v.Members {
		if member.Name != name {
			continue
		}
		from, to := v.Start+1, member.Value.End
		switch {
		case i > 0:
			from = v.Members[i-1].Value.End
		case len(v.Members) > 1:
			to += bytes.IndexByte(text[to:], ',') + 1
		}
		return Apply(text, Edit{Start: from, End: to})
	}
	return text
}

// RawName gives the bytes of a member's name in the text, with quotes and escapes. m must be a member of v.
func (v Value) RawName(m Member) []byte { return v.text[m.NameStart:m.NameEnd] }

// Source gives the whole text that the value was parsed from.
func (v Value) Source() []byte { return v.text }
