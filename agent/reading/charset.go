package reading

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Latin tells whether a charset's name means windows-1252, of which iso-8859-1 is a part.
func Latin(charset string) bool {
	switch strings.ToLower(charset) {
	case "windows-1252", "iso-8859-1", "cp1252", "latin1":
		return true
	}
	return false
}

// FromLatin gives a text of windows-1252 as UTF-8; false where it has one of the five bytes that are undefined there.
func FromLatin(text []byte) ([]byte, bool) {
	plain, err := charmap.Windows1252.NewDecoder().Bytes(text)
	return plain, err == nil && !bytes.ContainsRune(plain, utf8.RuneError)
}
