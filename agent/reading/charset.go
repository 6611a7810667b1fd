package reading

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
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

// LatinBytes turns a stream of UTF-8 or windows-1252 into UTF-8: a byte that is no UTF-8 is the other's. One that is undefined
// there becomes the replacement character.
type LatinBytes struct{ transform.NopResetter }

// Transform implements [transform.Transformer].
func (LatinBytes) Transform(dst, src []byte, atEOF bool) (written, read int, err error) {
	for read < len(src) {
		c, size := utf8.DecodeRune(src[read:])
		switch {
		case c != utf8.RuneError || size > 1:
		case !atEOF && !utf8.FullRune(src[read:]):
			return written, read, transform.ErrShortSrc
		default:
			c = charmap.Windows1252.DecodeByte(src[read])
		}
		if written+utf8.UTFMax > len(dst) {
			return written, read, transform.ErrShortDst
		}
		written += utf8.EncodeRune(dst[written:], c)
		read += size
	}
	return written, read, nil
}
