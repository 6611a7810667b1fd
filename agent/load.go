package agent

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// LoadShape is the form of a load's records on the wire. It is data of the dialect (contracts/mercafacil.md 3.8, 3.10,
// 3.11). The vendor has not published it: a wrong guess is corrected there alone.
type LoadShape struct {
	Wrapper string // name under which a batch stands in an object; empty: a bare array
	Key     string // field that names a record
	Label   string // field by which a person knows a record
	Active  string // boolean field by which one is taken out of use; empty: there is none
	Fixed   bool   // a record never changes: another content under its key is a conflict
	Fields  []LoadField
}

// LoadField is a known field of a record. Unknown ones travel untouched.
type LoadField struct {
	Name     string
	Type     FieldType
	Required bool // a record must have it; the key and the label must not be empty
	Code     bool // a text of digits that names something: what a spreadsheet makes of one is undone
	Exact    bool // a decimal that keeps all its places
}

// FieldType is what a field of a record must be.
type FieldType string

// The types of field.
const (
	TextField    FieldType = "text"
	DecimalField FieldType = "decimal" // at most three decimals
	FlagField    FieldType = "flag"    // true or false
)

// Field finds a field by its name.
func (s LoadShape) Field(name string) (LoadField, bool) {
	i := slices.IndexFunc(s.Fields, func(f LoadField) bool { return f.Name == name })
	if i < 0 {
		return LoadField{}, false
	}
	return s.Fields[i], true
}

// LoadEntry is one record of a load in the catalog, as keyed hashes. A record that was taken out of use has no content.
type LoadEntry struct {
	Key     uint64 // of the kind and the record's own key
	Content uint64 // of its content
	Name    []byte // what is needed to take it out of use, as JSON
}

// PackEntries packs entries: key, content, and the name's length before the name.
func PackEntries(entries []LoadEntry) []byte {
	var packed []byte
	for _, entry := range entries {
		packed = binary.BigEndian.AppendUint64(packed, entry.Key)
		packed = binary.BigEndian.AppendUint64(packed, entry.Content)
		packed = append(binary.AppendUvarint(packed, uint64(len(entry.Name))), entry.Name...)
	}
	return packed
}

// UnpackEntries is the inverse of [PackEntries]. The names share packed.
func UnpackEntries(packed []byte) ([]LoadEntry, error) {
	var entries []LoadEntry
	for len(packed) > 0 {
		if len(packed) < 17 {
			return nil, fmt.Errorf("%w: cut entry of a load", ErrDamaged)
		}
		entry := LoadEntry{Key: binary.BigEndian.Uint64(packed), Content: binary.BigEndian.Uint64(packed[8:])}
		size, n := binary.Uvarint(packed[16:])
		if n <= 0 || size > uint64(len(packed)-16-n) {
			return nil, fmt.Errorf("%w: cut name of a load", ErrDamaged)
		}
		entry.Name = packed[16+n : 16+n+int(size)]
		packed = packed[16+n+int(size):]
		entries = append(entries, entry)
	}
	return entries, nil
}
