package source_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
)

// elements reads everything: records and "!" for faults, then why it ended.
func elements(r io.Reader) (list []string, end error) {
	e := source.NewElements(r)
	for {
		record, fault, err := e.Next()
		switch {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return list, err
		case fault != nil:
			list = append(list, "!"+fault.Code)
		default:
			if _, err := rawjson.Parse(record); err != nil {
				record = []byte("!" + string(rawjson.Refusal(err).Code))
			}
			list = append(list, string(record))
		}
	}
}

func TestRecordsOfEveryShapeOfBody(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
	for name, c := range map[string]struct {
		text, want string
		end        error
	}{
		"array":                     {` [ {"a":1} , {"b":[2,{"c":"]}"}]} ] `, `{"a":1} {"b":[2,{"c":"]}"}]}`, nil},
		"empty array":               {`[]`, ``, nil},
		"wrapped":                   {"\xef\xbb\xbf{ \"products\" : [ {\"a\":1},{\"a\":2}] } ", `{"a":1} {"a":2}`, nil},
		"wrapped with more":         {`{"products":[{"a":1}],"more":1}`, `{"a":1}`, source.ErrShape},
		"rows":                      {"{\"a\":1}\r\n\n{\"a\":2}", `{"a":1} {"a":2}`, nil},
		"a row with a stray quote":  {"{\"a\":1}\n{\"a\":\"2\"\"}\n{\"a\":3}\n", `{"a":1} !malformed {"a":3}`, nil},
		"an object is a row of one": {`{"a":{"b":[1]}}`, `{"a":{"b":[1]}}`, nil},
		"marks behind an array":     {"[{\"a\":1}]\x1a\x00\r\n", `{"a":1}`, nil},
		"marks behind rows":         {"{\"a\":1}\n\x1a\x1a", `{"a":1}`, nil},
		"marks behind a wrapper":    {"{\"x\":[{\"a\":1}]}\x00", `{"a":1}`, nil},
		"marks before the end":      {"[{\"a\":1}\x1a,{\"a\":2}]", `{"a":1}`, source.ErrShape},
		"a row behind a mark":       {"{\"a\":1}\n\x1a\n{\"a\":2}", `{"a":1}`, source.ErrShape},
		"nothing":                   {" \n", ``, nil},
		"bare values":               {`[1, "x,y]" ,null,true]`, `1 "x,y]" null true`, nil},
		"cut in a record":           {`[{"a":1},{"a":`, `{"a":1}`, source.ErrCut},
		"cut between records":       {`[{"a":1},`, `{"a":1}`, source.ErrCut},
		"cut after a record":        {`[{"a":1}`, `{"a":1}`, source.ErrCut},
		"cut before the end":        {`{"x":[{"a":1}]`, `{"a":1}`, source.ErrCut},
		"comma before the end":      {`[{"a":1},]`, `{"a":1}`, source.ErrCut},
		"no comma":                  {`[{"a":1}{"a":2}]`, `{"a":1}`, source.ErrShape},
		"text":                      {`sku;ean`, ``, source.ErrShape},
		"a duplicate key":           {`[{"a":1,"a":2},{"b":1}]`, `!duplicate_key {"b":1}`, nil},
		"one record is too large":   {`[{"b":1},` + long + `,{"c":1}]`, `{"b":1} !too_large {"c":1}`, nil},
		"one row is too large":      {"{\"b\":1}\n" + long + "\n{\"c\":1}", `{"b":1} !too_large {"c":1}`, nil},
	} {
		for way, read := range map[string]func(io.Reader) io.Reader{"at once": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader} {
			t.Run(name+" "+way, func(t *testing.T) {
				list, err := elements(read(strings.NewReader(c.text)))
				if got := strings.Join(list, " "); got != c.want || !errors.Is(err, c.end) || (c.end == nil && err != nil) {
					t.Errorf("got %.200s, %v", got, err)
				}
			})
		}
	}
}

func TestAReaderThatFailsIsToldAsItIs(t *testing.T) {
	broken := errors.New("connection is gone")
	list, err := elements(io.MultiReader(strings.NewReader(`[{"a":1},{"a"`), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(list) != 1 {
		t.Errorf("got %v, %v", list, err)
	}
}

// FuzzElements reads what the library reads as an array, element by element.
func FuzzElements(f *testing.F) {
	agenttest.Seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := elements(strings.NewReader(string(body)))
		var want []json.RawMessage
		if json.Unmarshal(body, &want) != nil || len(want) == 0 || err != nil {
			return
		}
		if len(list) != len(want) {
			t.Fatalf("%q: %d records, want %d", body, len(list), len(want))
		}
		for i := range want {
			if !strings.HasPrefix(list[i], "!") && list[i] != string(want[i]) {
				t.Errorf("%q: record %d is %q", body, i, list[i])
			}
		}
	})
}
