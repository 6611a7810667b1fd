package payments

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// Unequivocal refuses a vendor's answer in which a member that we read stands twice in its object: which one holds nobody can
// know, and it is about money. into is what the answer is read into, as for json.Unmarshal, and says which members these are;
// names that differ in case are one name, as there. Members that nobody reads may stand twice. A text that is no JSON is
// left to its reader.
func Unequivocal(answer []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := once(decoder, reflect.TypeOf(into)); errors.Is(err, errTwice) {
		return Misread("a member stands twice in the answer")
	}
	return nil
}

var errTwice = errors.New("a member stands twice")

// once reads a value that is read into a type; nil for one that nobody reads.
func once(d *json.Decoder, t reflect.Type) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('['):
		return onceEach(d, element(t))
	case json.Delim('{'):
		return onceInObject(d, t)
	}
	return nil
}

func onceEach(d *json.Decoder, t reflect.Type) error {
	for d.More() {
		if err := once(d, t); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func onceInObject(d *json.Decoder, t reflect.Type) error {
	fields, all := members(t)
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if !all {
			name = strings.ToLower(name)
		}
		of, read := fields[name]
		if (read || all) && seen[name] {
			return errTwice
		}
		seen[name] = true
		if err := once(d, of); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// bare is a type without its pointers.
func bare(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// element is the type of a list's elements; nil for no list. A raw text is none: it is read later.
func element(t reflect.Type) reflect.Type {
	if t = bare(t); t == nil || t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.Uint8 {
		return nil
	}
	return t.Elem()
}

// members are the members of an object that a type reads, by their names in small letters; all for a map, which reads each.
func members(t reflect.Type) (fields map[string]reflect.Type, all bool) {
	t = bare(t)
	if t == nil || t.Kind() != reflect.Struct {
		return nil, t != nil && t.Kind() == reflect.Map
	}
	fields = make(map[string]reflect.Type)
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		if !field.Anonymous {
			fields[strings.ToLower(name)] = field.Type
		}
	}
	return fields, false
}
