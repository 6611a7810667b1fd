package sicoob

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unpack takes the archive out of a download's answer as it comes, and reads the answer to its end. It holds the archive and
// nothing else of it.
func unpack(answer io.Reader) (*pieces, error) {
	a := &answerReader{r: bufio.NewReaderSize(answer, 64<<10)}
	err := a.value("", 0)
	if err == nil {
		err = a.end()
	}
	switch {
	case errors.Is(err, errNoBase64):
		return nil, bad("base64, or its end, is missing", "O arquivo do Sicoob veio cortado ou trocado no caminho (base64 inválido).")
	case errors.Is(err, errTooLarge):
		return nil, bad("base64 over the limit", "O arquivo do Sicoob passa de 32 MiB e não foi aberto.")
	case err != nil:
		return nil, lost("no whole JSON text: " + err.Error())
	case a.packed == nil:
		return nil, lost("no arquivo")
	case a.packed.size == 0:
		return nil, lost("arquivo is empty")
	}
	return a.packed, nil
}

var (
	errNoBase64 = errors.New("no base64")
	errTooLarge = errors.New("too large")
	errNotJSON  = errors.New("no JSON")
)

const (
	maxAnswerDepth = 16
	maxName        = 256 // bytes of a member's name
)

// answerReader walks a JSON text of any shape, and decodes the base64 of the one member arquivo in it, in letters of any size.
type answerReader struct {
	r      *bufio.Reader
	packed *pieces
}

// next gives the next byte that is no blank, and leaves it where it is.
func (a *answerReader) next() (byte, error) {
	for {
		c, err := a.r.ReadByte()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			return c, a.r.UnreadByte()
		}
	}
}

// take reads one byte, which must be one of those.
func (a *answerReader) take(any string) (byte, error) {
	c, err := a.next()
	if err != nil {
		return 0, err
	}
	if strings.IndexByte(any, c) < 0 {
		return 0, errNotJSON
	}
	return a.r.ReadByte()
}

// end wants nothing more to come.
func (a *answerReader) end() error {
	if _, err := a.next(); err == nil {
		return errNotJSON
	}
	return nil
}

// value reads one value, that of the member name.
func (a *answerReader) value(name string, depth int) error {
	c, err := a.next()
	switch {
	case err != nil:
		return err
	case depth > maxAnswerDepth:
		return errNotJSON
	case c == '{' || c == '[':
		return a.list(c, depth)
	case c == '"' && strings.EqualFold(name, "arquivo"):
		return a.archive()
	case c == '"':
		_, err := io.Copy(io.Discard, a.text())
		return err
	}
	for { // a number or a word
		c, err := a.r.ReadByte()
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if strings.IndexByte(",]} \t\r\n", c) >= 0 {
			return a.r.UnreadByte()
		}
		if strings.IndexByte("+-.0123456789eEtrufalsn", c) < 0 {
			return errNotJSON
		}
	}
}

// list reads an object or an array.
func (a *answerReader) list(open byte, depth int) error {
	last := string(map[byte]rune{'{': '}', '[': ']'}[open])
	_, _ = a.r.ReadByte() // it was looked at
	if c, err := a.next(); err != nil || string(c) == last {
		_, _ = a.r.ReadByte() // it was looked at by next
		return err
	}
	for {
		name := ""
		if open == '{' {
			if c, err := a.next(); err != nil || c != '"' {
				return errNotJSON
			}
			raw, err := io.ReadAll(io.LimitReader(a.text(), maxName+1))
			if err != nil || len(raw) > maxName {
				return errNotJSON
			}
			if name = string(raw); a.packed != nil && strings.EqualFold(name, "arquivo") {
				return errors.New("arquivo stands there twice")
			}
			if _, err := a.take(":"); err != nil {
				return err
			}
		}
		if err := a.value(name, depth+1); err != nil {
			return err
		}
		if c, err := a.take("," + last); err != nil || string(c) == last {
			return err
		}
	}
}

// archive decodes the base64 of the text that comes next: also in lines.
func (a *answerReader) archive() error {
	text := &counted{r: a.text()}
	a.packed = new(pieces)
	_, err := io.Copy(a.packed, base64.NewDecoder(base64.StdEncoding, io.LimitReader(text, maxPacked+1)))
	switch {
	case text.n > maxPacked:
		return errTooLarge
	case err != nil: // also where the text has no end
		return errNoBase64
	}
	_, err = io.Copy(io.Discard, text) // what a decoder need not read: the closing quote
	return err
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// text gives the JSON string that comes next, without its escapes.
func (a *answerReader) text() io.Reader {
	_, _ = a.r.ReadByte() // the opening quote
	return &quoted{r: a.r}
}

// quoted reads a JSON string to its end.
type quoted struct {
	r     *bufio.Reader
	rest  []byte // of an escaped letter
	ended bool
}

func (q *quoted) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !q.ended {
		if len(q.rest) > 0 {
			done := copy(p[n:], q.rest)
			n, q.rest = n+done, q.rest[done:]
			continue
		}
		c, err := q.r.ReadByte()
		if err != nil {
			return n, io.ErrUnexpectedEOF
		}
		switch c {
		case '"':
			q.ended = true
		case '\\':
			if err := q.escape(); err != nil {
				return n, err
			}
		default:
			p[n] = c
			n++
		}
	}
	if n == 0 && q.ended {
		return 0, io.EOF
	}
	return n, nil
}

// escape reads what stands behind a backslash.
func (q *quoted) escape() error {
	c, err := q.r.ReadByte()
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	if c == 'u' {
		digits := make([]byte, 4)
		if _, err := io.ReadFull(q.r, digits); err != nil {
			return io.ErrUnexpectedEOF
		}
		letter, err := strconv.ParseUint(string(digits), 16, 16)
		if err != nil {
			return errNotJSON
		}
		q.rest = utf8.AppendRune(nil, rune(letter))
		return nil
	}
	at := strings.IndexByte(`"\/bfnrt`, c)
	if at < 0 {
		return errNotJSON
	}
	q.rest = []byte{"\"\\/\b\f\n\r\t"[at]}
	return nil
}
