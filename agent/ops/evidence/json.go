package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"pdvagent/agent/rawjson"
)

// document is a report as its file has it.
type document struct {
	Version int `json:"version"`
	Report
	Summary []Count `json:"summary"` // follows from the items; for readers that do not count
}

// JSON gives the report's file.
func (r *Report) JSON() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return encode(document{Version: Version, Report: *r, Summary: r.Summary()})
}

// encode writes a value as people read it: indented, and < as <.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return out.Bytes(), err
}

// Parse reads a report's file. An unknown field, a key that stands twice, another version and a summary that is not the
// items' are refused.
func Parse(text []byte) (*Report, error) {
	var read document
	if err := strict(text, &read); err != nil {
		return nil, err
	}
	if read.Version != Version {
		return nil, fmt.Errorf("version %d of the report is not %d", read.Version, Version)
	}
	if err := read.Check(); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(read.Summary, read.Report.Summary()) {
		return nil, errors.New("the summary does not follow from the items")
	}
	return &read.Report, nil
}

// strict decodes one JSON value and nothing after it.
func strict(text []byte, into any) error {
	if _, err := rawjson.Parse(text); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands after the report")
	}
	return nil
}
