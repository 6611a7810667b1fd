package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"pdvagent/agent"
)

// Elements reads, one at a time, the records of a JSON array, of an object that holds one array, or of a row of objects
// (NDJSON).
type Elements struct {
	r     *bufio.Reader
	at    int // line of the next byte
	start int // line of the last record
	began bool
	array bool // inside [ ]
	inner bool // of an object { "name": [ ] }
	first bool
	done  bool
	empty bool
}

// Line is the line on which the last record began, or on which reading ended.
func (e *Elements) Line() int { return e.start }

// Empty tells, after the end, whether the text was empty.
func (e *Elements) Empty() bool { return e.empty }

// ErrShape is a text that is none of the three.
var ErrShape = errors.New("not an array, an object with one, or a row of objects")

// ErrCut is a text that ends in its middle, ErrComma one of them: a list whose last record a comma follows.
var (
	ErrCut   = errors.New("the text ends in its middle")
	ErrComma = fmt.Errorf("a comma before the end of the list: %w", ErrCut)
)

// NewElements reads r, which is UTF-8.
func NewElements(r io.Reader) *Elements {
	return &Elements{r: bufio.NewReaderSize(&sticky{r: r}, buffer), first: true, at: 1, start: 1}
}

// sticky returns a reader's error again: bufio drops an error that it met while peeking.
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

// Next reads the bytes of the next record, which begin and end as a JSON value does and are not checked in between. It gives
// io.EOF after the last record. A fault is that record's alone; after any other error nothing can be read.
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
	e.start = e.at
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

// begin finds out which of the three the text is. An object whose first value is an array is a wrapper; any other object is
// the first of a row.
func (e *Elements) begin() error {
	e.began = true
	if start, err := e.r.Peek(len(bom)); err == nil && bytes.Equal(start, bom) {
		_, _ = e.r.Discard(len(bom)) // it was peeked
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
		_, _ = e.r.Discard(1) // it was peeked
	case c == '{':
		head, _ := e.r.Peek(maxWrapper)
		if n := wrapperLen(head); n > 0 {
			_, _ = e.r.Discard(n) // it was peeked
			e.at += bytes.Count(head[:n], []byte{'\n'})
			e.array, e.inner = true, true
		}
	default:
		return ErrShape
	}
	return nil
}

// maxWrapper bounds the text before a wrapper's array, in bytes.
const maxWrapper = 256

// wrapperLen is the length of {"name":[ at the start of text; 0 for anything else.
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

// peek looks at the next byte that is no space.
func (e *Elements) peek() (byte, error) {
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			e.at++
			continue
		case ' ', '\t', '\r':
			continue
		}
		return c, e.r.UnreadByte()
	}
}

// forward goes to the next record; false at the end of the text.
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
	if !e.array && isMark(c) {
		return false, e.ending()
	}
	if !e.array {
		return true, nil
	}
	if c == ']' {
		_, _ = e.r.Discard(1) // it was peeked
		return false, e.ending()
	}
	if !e.first {
		if c != ',' {
			return false, ErrShape
		}
		_, _ = e.r.Discard(1) // it was peeked
		if c, err = e.peek(); errors.Is(err, io.EOF) {
			return false, ErrCut
		}
		if c == ']' {
			return false, ErrComma
		}
		if err != nil {
			return false, err
		}
	}
	e.first = false
	return true, nil
}

// ending reads what may follow the array: the wrapper's end and nothing else.
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
			_, _ = e.r.Discard(1) // it was peeked
		case isMark(c) && !e.inner:
			_, _ = e.r.Discard(1) // it was peeked
		default:
			return ErrShape
		}
	}
}

// isMark tells what programs of DOS and C leave behind a text.
func isMark(c byte) bool { return c == endOfText || c == 0 }

// line reads a row's record by its line end, so that a stray quote in one does not spoil the next.
func (e *Elements) line() (text []byte, tooLong bool, err error) {
	text, tooLong, err = readLine(e.r)
	e.at++
	if errors.Is(err, io.EOF) {
		err = nil // forward has seen a byte
	}
	return bytes.TrimSpace(text), tooLong, err
}

// value reads one value, whose end its brackets and strings show. A value that is too long is skipped.
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
		if c == '\n' && (depth > 0 || inString) {
			e.at++
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
