package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"pdvagent/agent"
)

const (
	maxRecord = 1 << 20  // bytes of one record, in any format: a receipt has some hundred lines
	buffer    = 64 << 10 // of reading
	maxLines  = 50       // of one CSV record: a quote that is never closed must not swallow the file
)

var bom = []byte("\xef\xbb\xbf")

// lines reads a text line by line. A line that is too long is cut, and marked as tooLong.
type lines struct {
	r      *bufio.Reader
	number int
	back   []line // read ahead, and to be read again
}

type line struct {
	number  int
	text    []byte
	tooLong bool
}

func newLines(r io.Reader, encoding string) *lines { return &lines{r: decoded(r, encoding)} }

// next reads a line without its end; io.EOF after the last.
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

// readLine reads a line with its end, cut when it is too long.
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

// csvReader reads RFC 4180 with the shop's separator and quote. After a stray quote it gives up the record and goes on with
// the next line, which encoding/csv cannot.
type csvReader struct {
	lines     *lines
	separator byte
	quote     byte // 0: none
}

var errQuote = errors.New("uma aspa foi aberta e não foi fechada, ou há texto depois da que fecha")

// read reads the fields of the next record that is not empty, and the number of its first line. A fault is that record's
// alone.
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
	errZeros    = errors.New("há bytes zero no texto: a cópia do arquivo não terminou, ou ele se danificou")
)

// record puts a record together from its lines. After a fault the lines behind the first are read again.
func (c *csvReader) record(first line) ([]string, error) {
	text, ahead := first.text, []line(nil)
	giveUp := func(err error) ([]string, error) {
		c.lines.back = append(ahead, c.lines.back...)
		return nil, err
	}
	for {
		switch {
		case first.tooLong || len(text) > maxRecord:
			return giveUp(errTooLong)
		case bytes.IndexByte(text, 0) >= 0:
			return giveUp(errZeros)
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
		if err != nil || len(ahead) == maxLines || more.tooLong {
			if err == nil {
				ahead = append(ahead, more)
			}
			return giveUp(errQuote)
		}
		ahead = append(ahead, more)
		text = append(append(bytes.Clone(text), '\n'), more.text...)
	}
}

// splitCSV splits a record into its fields; open when a quote is still open at its end.
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

// unquote reads up to the closing quote. Two quotes are one of the text.
func unquote(text string, quote byte) (field, rest string, closed bool) {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, quote)
		if at < 0 {
			return "", "", false
		}
		out.WriteString(text[:at])
		text = text[at+1:]
		if text == "" || text[0] != quote {
			return out.String(), text, true
		}
		out.WriteByte(quote)
		text = text[1:]
	}
}

// declared reads the line by which Excel tells a file's separator: sep=;
func declared(text string) (separator byte, ok bool) {
	text = strings.Trim(text, `" `)
	if len(text) != len("sep=;") || !strings.EqualFold(text[:4], "sep=") {
		return 0, false
	}
	return text[4], true
}

// separatorOf guesses the separator: the candidate that a header has most of.
func separatorOf(header string) byte {
	best, most := byte(';'), 0
	for _, candidate := range []byte{';', ',', '\t', '|'} {
		if n := strings.Count(header, string(candidate)); n > most {
			best, most = candidate, n
		}
	}
	return best
}
