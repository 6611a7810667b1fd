package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"

	"pdvagent/agent"
)

const (
	maxRecord = 1 << 20  // bytes of one record, in any format: a receipt has some hundred lines
	buffer    = 64 << 10 // of reading
	maxLines  = 50       // of one CSV record: a quote that is never closed must not swallow the file
)

var bom = []byte("\xef\xbb\xbf")

// lines reads a text line by line, never more than one at a time. A line that is too long is given cut, as tooLong.
type lines struct {
	r      *bufio.Reader
	number int
	back   []line // read ahead and given back
}

type line struct {
	number  int
	text    []byte
	tooLong bool
}

func newLines(r io.Reader, encoding string) *lines {
	if encoding == "windows-1252" || encoding == "iso-8859-1" { // who says the second means the first
		r = transform.NewReader(r, charmap.Windows1252.NewDecoder())
	}
	buffered := bufio.NewReaderSize(r, buffer)
	if start, err := buffered.Peek(len(bom)); err == nil && bytes.Equal(start, bom) {
		_, _ = buffered.Discard(len(bom)) // it was just seen
	}
	return &lines{r: buffered}
}

// next gives a line without its end; io.EOF after the last.
func (l *lines) next() (line, error) {
	if len(l.back) > 0 {
		first := l.back[0]
		l.back = l.back[1:]
		return first, nil
	}
	text, tooLong, err := readLine(l.r)
	l.number++
	if errors.Is(err, io.EOF) && len(text) > 0 {
		err = nil
	}
	return line{number: l.number, text: bytes.TrimRight(text, "\r\n"), tooLong: tooLong}, err
}

// readLine gives a line with its end, cut where it is too long.
func readLine(r *bufio.Reader) (text []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(text)+len(part) <= maxRecord {
			text = append(text, part...)
		} else {
			tooLong = true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, tooLong, err
		}
	}
}

// csvReader reads RFC 4180 with a separator and a quote of the shop's. The library's reader stops making sense of a file
// at its first stray quote; this one gives up the record and goes on with the line after it.
type csvReader struct {
	lines     *lines
	separator byte
	quote     byte // 0: none
}

var errQuote = errors.New("uma aspa foi aberta e não foi fechada, ou há texto depois da que fecha")

// read gives the fields of the next record that is not empty, and the line it begins on. A fault is that record's alone.
func (c *csvReader) read() ([]string, int, *agent.Fault, error) {
	for {
		first, err := c.lines.next()
		if err != nil {
			return nil, 0, nil, err
		}
		if len(bytes.TrimSpace(first.text)) == 0 {
			continue
		}
		fields, err := c.record(first)
		if err != nil {
			return nil, first.number, &agent.Fault{Field: "", Code: "malformed", Detail: err.Error()}, nil
		}
		return fields, first.number, nil, nil
	}
}

var (
	errTooLong  = errors.New("o registro é longo demais")
	errEncoding = errors.New("o texto não está na codificação configurada (encoding)")
)

// record puts a record together from its lines. When it cannot, only the first of them is spent.
func (c *csvReader) record(first line) ([]string, error) {
	text, taken := first.text, []line(nil)
	giveUp := func(err error) ([]string, error) {
		c.lines.back = append(taken, c.lines.back...)
		return nil, err
	}
	for {
		switch {
		case first.tooLong || len(text) > maxRecord:
			return giveUp(errTooLong)
		case !utf8.Valid(text) || bytes.ContainsRune(text, utf8.RuneError):
			return giveUp(errEncoding)
		}
		fields, open, err := splitCSV(string(text), c.separator, c.quote)
		if err != nil {
			return giveUp(err)
		}
		if !open {
			return fields, nil
		}
		more, err := c.lines.next()
		if err != nil || len(taken) == maxLines || more.tooLong {
			if err == nil {
				taken = append(taken, more)
			}
			return giveUp(errQuote)
		}
		taken = append(taken, more)
		text = append(append(bytes.Clone(text), '\n'), more.text...)
	}
}

// splitCSV gives the fields of a record, or that a quote is still open at its end.
func splitCSV(text string, separator, quote byte) (fields []string, open bool, err error) {
	for {
		if quote == 0 || len(text) == 0 || text[0] != quote {
			at := strings.IndexByte(text, separator)
			if at < 0 {
				return append(fields, text), false, nil
			}
			fields, text = append(fields, text[:at]), text[at+1:]
			continue
		}
		field, rest, closed := unquote(text[1:], quote)
		if !closed {
			return nil, true, nil
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, false, nil
		}
		if rest[0] != separator {
			return nil, false, errQuote
		}
		text = rest[1:]
	}
}

// unquote reads up to the closing quote; two stand for one.
func unquote(text string, quote byte) (field, rest string, closed bool) {
	var whole strings.Builder
	for {
		at := strings.IndexByte(text, quote)
		if at < 0 {
			return "", "", false
		}
		whole.WriteString(text[:at])
		text = text[at+1:]
		if text == "" || text[0] != quote {
			return whole.String(), text, true
		}
		whole.WriteByte(quote)
		text = text[1:]
	}
}

// separatorOf guesses what a header's columns stand between.
func separatorOf(header string) byte {
	best, most := byte(';'), 0
	for _, candidate := range []byte{';', ',', '\t', '|'} {
		if n := strings.Count(header, string(candidate)); n > most {
			best, most = candidate, n
		}
	}
	return best
}
