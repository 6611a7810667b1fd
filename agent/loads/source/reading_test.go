package source_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
)

// goods is the shape of a shop's products.
func goods() agent.LoadShape {
	shape := products
	shape.Fields = slices.Clone(products.Fields)
	shape.Fields[0].Code, shape.Fields[1].Code = true, true
	return shape
}

// ofFile reads a file of a person; the columns are an ERP's, decimals have a comma.
func ofFile(t *testing.T, name, text string, change func(*source.Config)) (list []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := source.Default()
	cfg.Decimal, cfg.Columns = "comma", map[string]string{"sku": "CODIGO", "name": "DESCRICAO", "price": "PRECO"}
	if change != nil {
		change(&cfg)
	}
	o := source.OpenFile(cfg, goods(), path)
	list = read(t, o)
	return list, o.Err()
}

func utf16le(text string, mark bool) string {
	var out []byte
	if mark {
		out = append(out, 0xff, 0xfe)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

func TestFilesAsSpreadsheetsAndOldProgramsWriteThem(t *testing.T) {
	const head, coffee = "CODIGO;EAN;DESCRICAO;PRECO\n", `{"sku":"1","ean":"1","name":"CAFÉ","price":1.00}`
	for name, c := range map[string]struct{ text, want string }{
		"a line that names the separator": {"sep=;\n" + head + "1;1;CAFÉ;1,00\n", coffee},
		"the same in quotes":              {"\"sep=|\"\r\nCODIGO|EAN|DESCRICAO|PRECO\r\n1|1|CAFÉ|1,00\r\n", coffee},
		"UTF-16 with a mark":              {utf16le("CODIGO\tEAN\tDESCRICAO\tPRECO\r\n1\t1\tCAFÉ\t1,00\r\n", true), coffee},
		"UTF-16 without one":              {utf16le(head+"1;1;CAFÉ;1,00\n", false), coffee},
		"carriage returns alone":          {strings.ReplaceAll(head+"1;1;CAFÉ;1,00\n", "\n", "\r"), coffee},
		"DOS' mark at the end":            {head + "1;1;CAFÉ;1,00\r\n\x1a", coffee},
		"the mark and a block's rest":     {head + "1;1;CAFÉ;1,00\r\n\x1a\x1a\r\n\x00\x00", coffee},
		"codes as formulas":               {head + "1;\"=\"\"7890000000017\"\"\";=\"CAFÉ\";1,00\n", `{"sku":"1","ean":"7890000000017","name":"CAFÉ","price":1.00}`},
		"codes behind an apostrophe":      {head + "1;'7890000000017;CAFÉ;1,00\n", `{"sku":"1","ean":"7890000000017","name":"CAFÉ","price":1.00}`},
		"codes as a bare formula":         {head + "1;=7890000000017;CAFÉ;1,00\n", `{"sku":"1","ean":"7890000000017","name":"CAFÉ","price":1.00}`},
		"codes with grouped digits":       {head + "1.002;7.890.000.000.017;CAFÉ;1,00\n", `{"sku":"1.002","ean":"7890000000017","name":"CAFÉ","price":1.00}`},
		"empty rows of a spreadsheet":     {head + ";;;\n1;1;CAFÉ;1,00\n;\n\"\"; ;;\n", `{"sku":"1","ean":"1","name":"CAFÉ","price":1.00}`},
		"codes with decimals":             {head + "80215.0;7890000000017,00;CAFÉ;1,00\n", `{"sku":"80215","ean":"7890000000017","name":"CAFÉ","price":1.00}`},
		"codes with an exponent, whole":   {head + "8,0215E+4;7.890000000017E12;CAFÉ;1,00\n", `{"sku":"80215","ean":"7890000000017","name":"CAFÉ","price":1.00}`},
		"codes that only look like that":  {head + "1E3;1.000;CAFÉ;1,00\n", `{"sku":"1E3","ean":"1.000","name":"CAFÉ","price":1.00}`},
		"an EAN that lost digits":         {head + "1;7,89E+12;CAFÉ;1,00\n", "x.csv, linha 2 ean invalid 1"},
		"a code that lost digits":         {head + "1,23457E+11;1;CAFÉ;1,00\n", "x.csv, linha 2 sku invalid 1,23457E+11"},
		"names stay as they are":          {head + "1;1;7,89E+12;1,00\n", `{"sku":"1","ean":"1","name":"7,89E+12","price":1.00}`},
		"doubles":                         {head + "1;1;CAFÉ;3.6930000000000000E+001\n", `{"sku":"1","ean":"1","name":"CAFÉ","price":36.93}`},
		"twins that nobody uses":          {"CODIGO;EAN;DESCRICAO;PRECO;GRUPO;GRUPO;\n1;1;CAFÉ;1,00;A;B;\n", `{"sku":"1","ean":"1","name":"CAFÉ","price":1.00,"GRUPO":"A"}`},
		"a character that was lost":       {head + "1;1;CAF\ufffd;1,00\n", "x.csv, linha 2  malformed "},
		"zeros in a line":                 {head + "1;1;CA\x00\x00;1,00\n2;1;CAFÉ;1,00\n", "x.csv, linha 2  malformed \n" + `{"sku":"2","ean":"1","name":"CAFÉ","price":1.00}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ofFile(t, "x.csv", c.text, nil)
			if strings.Join(got, "\n") != c.want || err != nil {
				t.Errorf("got  %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

func TestAFileWhoseNumbersContradictTheOptionIsRefusedWhole(t *testing.T) {
	const head = "CODIGO;EAN;DESCRICAO;PRECO\n"
	for name, c := range map[string]struct {
		decimal, text, want string
	}{
		"points with comma":           {"comma", head + "1;1;CAFE;12.90\n2;2;ARROZ;1.234\n", "linha 2: price é 12.90, o que contradiz a opção decimal: comma"},
		"only one, and the last":      {"comma", head + "1;1;CAFE;12,90\n2;2;ARROZ;0.5\n", "linha 3: price é 0.5"},
		"commas with point":           {"point", head + "1;1;CAFE;12,90\n", "decimal: comma"},
		"thousands with the other":    {"comma", head + "1;1;CAFE;1,234.56\n", "contradiz"},
		"only what may be either":     {"comma", head + "1;1;CAFE;1.234\n2;2;ARROZ;3\n", "mil vezes mais"},
		"the same with point":         {"point", head + "1;1;CAFE;5,799\n", "mil vezes mais"},
		"thousands and the own sign":  {"comma", head + "1;1;CAFE;1.234\n2;2;ARROZ;1,50\n", ""},
		"an option that is not there": {"point", head + "1;1;CAFE;12.90\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ofFile(t, "x.csv", c.text, func(cfg *source.Config) { cfg.Decimal = c.decimal })
			if c.want == "" && (err != nil || len(got) == 0) || c.want != "" && (err == nil || len(got) > 0 || !strings.Contains(agent.Sentence(err), c.want)) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestTwoColumnsOfOneNameAreRefusedWhereTheyAreUsed(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"CODIGO;EAN;DESCRICAO;PRECO;PRECO\n1;1;CAFE;1,00;2,00\n", `"PRECO"`},
		{"CODIGO;EAN;ean;DESCRICAO;PRECO\n1;1;2;CAFE;1,00\n", "não se sabe qual é ean"},
	} {
		if got, err := ofFile(t, "x.csv", c.text, nil); err == nil || len(got) != 0 || !strings.Contains(agent.Sentence(err), c.want) {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestJSONThatIsNoneIsSaidWithItsLine(t *testing.T) {
	got, err := ofFile(t, "x.json", "[\n {\"sku\":\"1\",\"ean\":\"\",\"name\":\"A\",\"price\":NaN},\n {\"sku\":\"2\",\"ean\":\"\",\"name\":\"P\xc3O\"},\n\n {\"sku\":\"3\",\"ean\":\"\",\"name\":\"\\uFFFD\"},\n]", nil)
	want := []string{"x.json, registro 1, linha 2  malformed 1", "x.json, registro 2, linha 3  encoding 2", "x.json, registro 3, linha 5  encoding 3"}
	if !slices.Equal(got, want) || err == nil || !strings.Contains(agent.Sentence(err), "na linha 6: não é JSON: há uma vírgula a mais") {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	got, err = ofFile(t, "x.json", "[{\"sku\":\"2\",\"ean\":\"\",\"name\":\"P\xc3O\"}]\x1a", func(c *source.Config) { c.Encoding = "windows-1252" })
	if err != nil || !slices.Equal(got, []string{`{"sku":"2","ean":"","name":"PÃO"}`}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// ofQuery reads a query of a database without UTF-8.
func ofQuery(t *testing.T, query, encoding, decimal string) (list []string, err error) {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "erp.db")
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"CREATE TABLE p (sku TEXT, ean TEXT, name TEXT, price TEXT, cost NUMERIC)", "INSERT INTO p VALUES ('1', '', CAST(x'50C34F' AS TEXT), '12,90', 3.5), ('2', '', 'PÃO', '1.234,5', 1000)"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := source.Default()
	cfg.Type, cfg.Driver, cfg.DSN, cfg.Query, cfg.Encoding, cfg.Decimal = "query", "sqlite", dsn, query, encoding, decimal
	shape := goods()
	shape.Fields = append(shape.Fields, agent.LoadField{Name: "cost", Type: agent.DecimalField})
	opened, err := source.Open(t.Context(), cfg, shape)
	if err != nil {
		t.Fatal(err)
	}
	list = read(t, opened[0])
	if again := read(t, opened[0]); !slices.Equal(list, again) {
		t.Errorf("read again: %q, first %q", again, list)
	}
	err = opened[0].Err()
	if closed := opened[0].Close(source.Taken); closed != nil {
		t.Error(closed)
	}
	return list, err
}

func TestTheEncodingAndTheDecimalSignHoldForQueries(t *testing.T) {
	got, err := ofQuery(t, "SELECT * FROM p", "windows-1252", "comma")
	if want := []string{`{"sku":"1","ean":"","name":"PÃO","price":12.90,"cost":3.50}`, `{"sku":"2","ean":"","name":"PÃO","price":1234.50,"cost":1000.00}`}; err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
	got, err = ofQuery(t, "SELECT sku, ean, name, cost FROM p", "utf-8", "point")
	if err != nil || len(got) != 2 || got[0] != "sqlite, linha 1 name encoding 1" {
		t.Errorf("got %q, %v", got, err)
	}
	got, err = ofQuery(t, "SELECT sku, ean, name, '12.90' AS price FROM p", "windows-1252", "comma")
	if err == nil || len(got) != 0 || !strings.Contains(agent.Sentence(err), "contradiz a opção decimal: comma") {
		t.Errorf("got %q, %v", got, err)
	}
}
