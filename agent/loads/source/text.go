package source

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// endOfText is DOS' mark of a text's end; it is no character of the text.
const endOfText = 0x1a

// decoded reads a text as UTF-8 with lines that end in \n or \r\n: one of UTF-16, one with a byte order mark, else one of that
// encoding. Marks at its start and its end are dropped. The encoding may be empty: the text's own bytes.
func decoded(r io.Reader, encoding string) *bufio.Reader {
	raw := bufio.NewReaderSize(r, buffer)
	head, _ := raw.Peek(4) // a short text has fewer
	utf16 := func(endian unicode.Endianness) io.Reader {
		return transform.NewReader(raw, unicode.UTF16(endian, unicode.UseBOM).NewDecoder())
	}
	var text io.Reader = raw
	switch {
	case bytes.HasPrefix(head, bom):
		_, _ = raw.Discard(len(bom)) // it was peeked
	case bytes.HasPrefix(head, []byte("\xff\xfe")), len(head) == 4 && head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		text = utf16(unicode.LittleEndian)
	case bytes.HasPrefix(head, []byte("\xfe\xff")), len(head) == 4 && head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		text = utf16(unicode.BigEndian)
	case legacy(encoding):
		text = transform.NewReader(raw, charmap.Windows1252.NewDecoder())
	}
	ready := bufio.NewReaderSize(&endless{r: bufio.NewReader(text)}, buffer)
	if endsInCR(ready) {
		return bufio.NewReaderSize(feeds{ready}, buffer)
	}
	return ready
}

// endless drops the marks of a text's end, and what spaces, zeros and line ends stand between and behind them.
type endless struct {
	r    *bufio.Reader
	held []byte // marks that were not the end's, with the byte behind them
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.held) == 0 {
		head, err := e.r.Peek(1)
		if err != nil {
			return 0, err
		}
		if head[0] != endOfText {
			ready, _ := e.r.Peek(min(e.r.Buffered(), len(p))) // they are there
			if at := bytes.IndexByte(ready, endOfText); at >= 0 {
				ready = ready[:at]
			}
			n := copy(p, ready)
			_, err = e.r.Discard(n)
			return n, err
		}
		if err := e.hold(); err != nil {
			return 0, err
		}
	}
	n := copy(p, e.held)
	e.held = e.held[n:]
	return n, nil
}

// hold reads on from a mark to the first byte that is none of the end's.
func (e *endless) hold() error {
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			e.held = nil
			return err
		}
		e.held = append(e.held, c)
		if bytes.IndexByte([]byte{endOfText, ' ', '\r', '\n', 0}, c) < 0 {
			return nil
		}
	}
}

// endsInCR tells a text whose first line ends in a carriage return alone, as old Macs write it.
func endsInCR(r *bufio.Reader) bool {
	head, _ := r.Peek(buffer) // a short text has fewer
	at := bytes.IndexAny(head, "\r\n")
	if at < 0 {
		return false
	}
	end := at
	for end < len(head) && (head[end] == '\r' || head[end] == '\n') {
		end++
	}
	return bytes.IndexByte(head[at:end], '\n') < 0
}

// feeds turns carriage returns into line feeds.
type feeds struct{ io.Reader }

func (f feeds) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// lossy tells a text with characters that were lost before it came here.
func lossy(text []byte) bool {
	return bytes.ContainsRune(text, utf8.RuneError) || bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`))
}
