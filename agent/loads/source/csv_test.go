package source

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pdvagent/agent/agenttest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func rowsOf(t testing.TB, text, encoding string, separator, quote byte) (rows [][]string, faults []string) {
	t.Helper()
	reader := &csvReader{lines: newLines(strings.NewReader(text), encoding), separator: separator, quote: quote}
	for {
		fields, number, fault, err := reader.read()
		if errors.Is(err, io.EOF) {
			return rows, faults
		}
		if err != nil {
			t.Fatal(err)
		}
		if fault != nil {
			faults = append(faults, fmt.Sprint(number, " ", fault.Detail))
			continue
		}
		rows = append(rows, fields)
	}
}

func TestCSVAsShopsWriteIt(t *testing.T) {
	for name, c := range map[string]struct {
		text, encoding   string
		separator, quote byte
		want             [][]string
		faults           int
	}{
		"quotes, doubled and across lines": {"a;\"b;\"\"c\"\"\nd\";e\r\n\r\nf;g;h\n", "utf-8", ';', '"', [][]string{{"a", "b;\"c\"\nd", "e"}, {"f", "g", "h"}}, 0},
		"empty fields at both ends":        {";\n\"\";\"\"\n", "utf-8", ';', '"', [][]string{{"", ""}, {"", ""}}, 0},
		"a quote inside a bare field":      {"TV 32\" LED,1\n", "utf-8", ',', '"', [][]string{{`TV 32" LED`, "1"}}, 0},
		"no quotes at all":                 {"\"a\"|b\n", "utf-8", '|', 0, [][]string{{`"a"`, "b"}}, 0},
		"a stray quote spends one line":    {"1,\"a\n2,b\n3,c\n", "utf-8", ',', '"', [][]string{{"2", "b"}, {"3", "c"}}, 1},
		"text after a quote":               {"\"a\"b,c\nd,e\n", "utf-8", ',', '"', [][]string{{"d", "e"}}, 1},
		"byte order mark":                  {"\xef\xbb\xbfa,b\n", "utf-8", ',', '"', [][]string{{"a", "b"}}, 0},
		"windows-1252":                     {"PÃO\x80", "windows-1252", ',', '"', [][]string{{"PÃƒO€"}}, 0},
		"Latin-1 said to be UTF-8":         {"a\nP\xc3O\nb\n", "utf-8", ',', '"', [][]string{{"a"}, {"b"}}, 1},
		"without an end":                   {"a,b", "utf-8", ',', '"', [][]string{{"a", "b"}}, 0},
		"nothing":                          {"", "utf-8", ',', '"', nil, 0},
		"a line of a megabyte":             {"a\n" + strings.Repeat("x", 1<<20+1) + "\nb\n", "utf-8", ',', '"', [][]string{{"a"}, {"b"}}, 1},
		"a quote open for a megabyte":      {"a\n\"" + strings.Repeat("x\n", 1<<19) + "b\n", "utf-8", ',', '"', append([][]string{{"a"}}, append(slices.Repeat([][]string{{"x"}}, 1<<19-1), []string{"b"})...), 1},
	} {
		t.Run(name, func(t *testing.T) {
			rows, faults := rowsOf(t, c.text, c.encoding, c.separator, c.quote)
			if !slices.EqualFunc(rows, c.want, slices.Equal) || len(faults) != c.faults {
				t.Errorf("got %d rows %.200q, faults %.300q", len(rows), rows, faults)
			}
		})
	}
}

// FuzzCSV compares with the library's reader wherever that one makes sense of the text.
func FuzzCSV(f *testing.F) {
	for _, sample := range []string{"a,b\nc,d\n", "\"a,\"\"b\"\"\",c\n", "\"a\nb\",c\n", "a\"b,c\n", "\"a\"b\n", ",,\n\n,\n", "\r\n\"\r\"\r\n"} {
		f.Add(sample)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, faults := rowsOf(t, text, "utf-8", ',', '"')
		library := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, string(bom))))
		library.FieldsPerRecord = -1
		want, err := library.ReadAll()
		if err != nil || len(faults) > 0 || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\x00\x1a") || strings.Count(text, "\n") >= maxLines || strings.ContainsAny(text, "\t \v\f\u0085\u00a0") {
			return // it gives up, we give up a record, lines end in another way, or it is no UTF-8
		}
		if !slices.EqualFunc(rows, want, slices.Equal) {
			t.Errorf("%q: got %q, want %q", text, rows, want)
		}
	})
}

func TestSeparatorIsFoundInTheHeader(t *testing.T) {
	for header, want := range map[string]byte{"a;b,c;d": ';', "a,b": ',', "a\tb\tc": '\t', "a|b": '|', "only": ';'} {
		if got := separatorOf(header); got != want {
			t.Errorf("%q: got %q", header, got)
		}
	}
}
