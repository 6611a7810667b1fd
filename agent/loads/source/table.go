package source

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"pdvagent/agent"
)

// Table is a small table that a person keeps in a spreadsheet, as texts.
type Table struct {
	Columns []string
	Line    int // of the header
	Rows    []Row
}

// Row is a row that is not empty. With a fault it has no values.
type Row struct {
	Line   int
	Values []string
	Fault  *agent.Fault
}

// ReadTable reads a CSV whose separator and encoding are guessed: UTF-8, UTF-16 or windows-1252. What a spreadsheet makes of a
// code is undone. An empty text has no columns.
func ReadTable(content []byte) (*Table, error) {
	encoding := ""
	if !utf8.Valid(content) {
		encoding = "windows-1252"
	}
	reader := &csvReader{lines: newLines(bytes.NewReader(content), encoding), quote: '"'}
	header, err := reader.lines.next()
	if separator, ok := declared(string(header.text)); ok && err == nil {
		reader.separator = separator
		header, err = reader.lines.next()
	}
	for err == nil && len(bytes.TrimSpace(header.text)) == 0 {
		header, err = reader.lines.next()
	}
	if errors.Is(err, io.EOF) {
		return &Table{}, nil
	}
	if reader.separator == 0 {
		reader.separator = separatorOf(string(header.text))
	}
	columns, faulty := reader.record(header)
	if err = errors.Join(err, faulty); err != nil {
		return nil, err
	}
	table := &Table{Columns: columns, Line: header.number}
	for {
		values, number, fault, err := reader.read()
		switch {
		case errors.Is(err, io.EOF):
			return table, nil
		case err != nil:
			return nil, err
		case fault == nil && empty(values):
			continue
		}
		table.Rows = append(table.Rows, Row{Line: number, Values: values, Fault: fault})
	}
}

// Code is a code as a person wrote it in a spreadsheet; an error where the spreadsheet lost digits of it.
func Code(text string) (string, error) { return mend(strings.TrimSpace(text), true) }
