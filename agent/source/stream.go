package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"pdvagent/agent"
)

// Elements reads the records of a JSON array, of an object that holds one, or of a row of objects (NDJSON), one at a
// time. next gives io.EOF after the last; a fault is that record's alone; any other error is the whole text's, from
// which on nothing can be read.
type Elements struct {
	r     *bufio.Reader
	began bool
	array bool // inside [ ]
	inner bool // of an object { "name": [ ] }
	first bool
	done  bool
	empty bool
}

// Empty tells, after the end, whether there was no text at all.
func (e *Elements) Empty() bool { return e.empty }

// ErrShape says that a text is none of the three.
var ErrShape = errors.New("not an array, an object with one, or a row of objects")

// ErrCut says that a text ends in its middle.
var ErrCut = errors.New("the text ends in its middle")

// NewElements reads r, which is UTF-8.
func NewElements(r io.Reader) *Elements {
	return &Elements{r: bufio.NewReaderSize(&sticky{r: r}, buffer), first: true}
}

// sticky gives an error again: bufio forgets one when it looks ahead.
type sticky struct {
	r   io.Reader
	err error
}

func (s *sticky) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.err = err
	return n, err
}

// Next gives the next record's bytes: where a JSON value begins and ends. Whether it is one in between, its reader sees.
func (e *Elements) Next() ([]byte, *agent.Fault, error) {
	if e.done {
		return nil, nil, io.EOF
	}
	if !e.began {
		if err := e.begin(); err != nil {
			return nil, nil, err
		}
	}
	more, err := e.forward()
	if err != nil || !more {
		if err == nil {
			e.done = true
			err = io.EOF
		}
		return nil, nil, err
	}
	read := e.value
	if !e.array {
		read = e.line
	}
	text, tooLong, err := read()
	switch {
	case err != nil:
		return nil, nil, err
	case tooLong:
		return nil, &agent.Fault{Code: "too_large", Detail: "O registro passa do limite de 1 MiB."}, nil
	}
	return text, nil, nil
}

// begin finds out which of the three it is. An object whose first value is an array is a wrapper; any other is the first
// of a row.
func (e *Elements) begin() error {
	e.began = true
	if start, err := e.r.Peek(len(bom)); err == nil && bytes.Equal(start, bom) {
		_, _ = e.r.Discard(len(bom)) // it was just seen
	}
	c, err := e.peek()
	switch {
	case errors.Is(err, io.EOF):
		e.empty = true
		return nil
	case err != nil:
		return err
	case c == '[':
		e.array = true
		_, _ = e.r.Discard(1) // it was just seen
	case c == '{':
		head, _ := e.r.Peek(maxWrapper)
		if n := wrapperLen(head); n > 0 {
			_, _ = e.r.Discard(n) // it was just seen
			e.array, e.inner = true, true
		}
	default:
		return ErrShape
	}
	return nil
}

// maxWrapper bounds the text before a wrapper's array.
const maxWrapper = 256

// wrapperLen gives the length of {"name":[ at the start of text; 0 where it is something else.
func wrapperLen(text []byte) int {
	at := skipSpace(text, 1)
	if at >= len(text) || text[at] != '"' {
		return 0
	}
	end := bytes.IndexByte(text[at+1:], '"')
	if end < 0 {
		return 0
	}
	at = skipSpace(text, at+end+2)
	if at >= len(text) || text[at] != ':' {
		return 0
	}
	if at = skipSpace(text, at+1); at >= len(text) || text[at] != '[' {
		return 0
	}
	return at + 1
}

func skipSpace(text []byte, at int) int {
	for at < len(text) && bytes.IndexByte([]byte(" \t\r\n"), text[at]) >= 0 {
		at++
	}
	return at
}

// peek gives the next byte that is no space.
func (e *Elements) peek() (byte, error) {
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c, e.r.UnreadByte()
	}
}

// forward goes to the next record; false at the end, which has to be the text's.
func (e *Elements) forward() (bool, error) {
	c, err := e.peek()
	if errors.Is(err, io.EOF) {
		if e.array {
			return false, ErrCut
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !e.array {
		return true, nil
	}
	if c == ']' {
		_, _ = e.r.Discard(1) // it was just seen
		return false, e.ending()
	}
	if !e.first {
		if c != ',' {
			return false, ErrShape
		}
		_, _ = e.r.Discard(1) // it was just seen
		if c, err = e.peek(); errors.Is(err, io.EOF) || c == ']' {
			return false, ErrCut
		}
		if err != nil {
			return false, err
		}
	}
	e.first = false
	return true, nil
}

// ending takes what may stand after the array: the wrapper's end and nothing else.
func (e *Elements) ending() error {
	for c, err := e.peek(); ; c, err = e.peek() {
		switch {
		case errors.Is(err, io.EOF) && !e.inner:
			return nil
		case errors.Is(err, io.EOF):
			return ErrCut
		case err != nil:
			return err
		case c == '}' && e.inner:
			e.inner = false
			_, _ = e.r.Discard(1) // it was just seen
		default:
			return ErrShape
		}
	}
}

// line reads a row's record: a stray quote in one must not spoil the next.
func (e *Elements) line() (text []byte, tooLong bool, err error) {
	text, tooLong, err = readLine(e.r)
	if errors.Is(err, io.EOF) {
		err = nil // forward saw that there is something
	}
	return bytes.TrimSpace(text), tooLong, err
}

// value reads one value: brackets and strings say where it ends. One that is too long is read over.
func (e *Elements) value() (text []byte, tooLong bool, err error) {
	depth, inString, escaped := 0, false, false
	for {
		c, err := e.r.ReadByte()
		if errors.Is(err, io.EOF) && depth == 0 && !inString && len(text) > 0 {
			return text, tooLong, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, false, ErrCut
		}
		if err != nil {
			return nil, false, err
		}
		if len(text) < maxRecord {
			text = append(text, c)
		} else {
			tooLong = true
		}
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 { // the array's own end, after a bare word
				text = text[:len(text)-1]
				return text, tooLong, e.r.UnreadByte()
			}
			if depth == 0 {
				return text, tooLong, nil
			}
		case depth == 0 && (c == ',' || c == '\n'): // after a bare word
			return bytes.TrimSpace(text[:len(text)-1]), tooLong, e.r.UnreadByte()
		}
	}
}
