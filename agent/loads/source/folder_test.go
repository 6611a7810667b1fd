package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
)

// things is the shape of the records of these tests.
func things() agent.LoadShape {
	return agent.LoadShape{Key: "sku", Fields: []agent.LoadField{
		{Name: "sku", Type: agent.TextField, Required: true},
		{Name: "ean", Type: agent.TextField, Required: true},
		{Name: "price", Type: agent.DecimalField},
		{Name: "active", Type: agent.FlagField},
	}}
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files lists what lies in a folder, without the times in the names.
func files(t *testing.T, folder string) (list []string) {
	t.Helper()
	for _, where := range []string{".", "done", "rejected"} {
		entries, err := os.ReadDir(filepath.Join(folder, where))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if parts := strings.SplitN(entry.Name(), "-", 3); where != "." {
				list = append(list, where+"/"+parts[len(parts)-1])
			} else if !entry.IsDir() {
				list = append(list, entry.Name())
			}
		}
	}
	return list
}

// read gives the bodies and faults of a source.
func read(t *testing.T, o source.Opened) (list []string) {
	t.Helper()
	for record := range o.Records(t.Context()) {
		if record.Fault != nil {
			list = append(list, record.Place+" "+record.Fault.Field+" "+record.Fault.Code+" "+record.Key)
			continue
		}
		list = append(list, string(record.Body))
	}
	return list
}

// inFolder opens a folder's files in simulated time: a file counts as written after a while.
func inFolder(t *testing.T, cfg source.Config, test func(folder string, open func() []source.Opened)) {
	t.Helper()
	folder := t.TempDir()
	cfg.Type, cfg.Path = "folder", folder
	synctest.Test(t, func(t *testing.T) {
		test(folder, func() []source.Opened {
			t.Helper()
			opened, err := source.Open(t.Context(), cfg, things())
			if err != nil {
				t.Fatal(err)
			}
			return opened
		})
	})
}

func TestAFoldersFilesAreReadInTheirOrderAndMoved(t *testing.T) {
	cfg := source.Default()
	cfg.Decimal, cfg.Columns = "comma", map[string]string{"sku": "CODIGO"}
	inFolder(t, cfg, func(folder string, open func() []source.Opened) {
		if opened := open(); len(opened) != 0 {
			t.Errorf("an empty folder has %v", opened)
		}
		write(t, folder, "b.csv", "codigo;Price;ativo;active\n1;1.050,5;x;sim\n2;abc;;\n3;1\n4;2;;talvez\n")
		write(t, folder, "a.ndjson", "{\"sku\":\"9\"}\n")
		write(t, folder, "c.csv", "codigo\n")
		for _, other := range []string{".hidden.csv", "d.csv.tmp", "e.part", "f.txt"} {
			write(t, folder, other, "x")
		}
		opened := open()
		var names []string
		for _, o := range opened {
			names = append(names, o.Name())
		}
		if !slices.Equal(names, []string{"a.ndjson", "b.csv", "c.csv"}) {
			t.Fatalf("got %q", names)
		}
		if got := read(t, opened[0]); !slices.Equal(got, []string{`{"sku":"9"}`}) {
			t.Errorf("got %q", got)
		}
		want := []string{`{"sku":"1","price":1050.50,"ativo":"x","active":true,"ean":""}`, "b.csv, linha 3 price invalid 2", "b.csv, linha 4  columns ", "b.csv, linha 5 active invalid 4"}
		if got := read(t, opened[1]); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if done, total, known := source.Position(opened[1]); !known || done != total || total == 0 {
			t.Errorf("at %d of %d, %v", done, total, known)
		}
		opened[1].Refuse("b.csv, linha 3", agent.Fault{Field: "price", Code: "invalid", Detail: "não é um número"})
		if err := errors.Join(opened[0].Err(), opened[1].Err(), opened[0].Close(source.Taken), opened[1].Close(source.Taken), opened[2].Close(source.Faulty)); err != nil {
			t.Fatal(err)
		}
		if got, want := files(t, folder), []string{".hidden.csv", "d.csv.tmp", "e.part", "f.txt", "done/a.ndjson", "done/b.csv", "done/b.csv.report.txt", "rejected/c.csv"}; !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		report, err := filepath.Glob(filepath.Join(folder, "done", "*.report.txt"))
		if err != nil || len(report) != 1 {
			t.Fatal(report, err)
		}
		if text, err := os.ReadFile(report[0]); err != nil || string(text) != "b.csv, linha 3\tprice\tinvalid\tnão é um número\n" {
			t.Errorf("the report has %q %v", text, err)
		}
	})
}

func TestAFileThatIsLeftStaysWithoutAReport(t *testing.T) {
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		write(t, folder, "a.csv", "sku;ean\n1;2\n")
		opened := open()
		opened[0].Refuse("a.csv, linha 2", agent.Fault{})
		if err := opened[0].Close(source.Left); err != nil {
			t.Fatal(err)
		}
		if got := files(t, folder); !slices.Equal(got, []string{"a.csv"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestAFileThatCannotBeReadToItsEndSaysSo(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"no header":     {"a.csv", "", ""},
		"no key":        {"a.csv", "ean\n1\n", "Falta a coluna de sku"},
		"a bad header":  {"a.csv", "\"sku;ean\n", "O cabeçalho do arquivo a.csv não serve"},
		"cut":           {"a.json", `[{"sku":"1"},`, "termina no meio"},
		"another thing": {"a.json", "<html>", "não é uma lista"},
		"gone":          {"", "", "não pôde ser lido"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if c.file != "" {
				write(t, folder, c.file, c.text)
			}
			o := source.OpenFile(source.Default(), things(), filepath.Join(folder, "a"+filepath.Ext("x"+c.file)))
			read(t, o)
			if err := o.Err(); (c.want == "") != (err == nil) || err != nil && !strings.Contains(agent.Sentence(err), c.want) {
				t.Errorf("got %v", err)
			}
			if err := o.Close(source.Taken); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(folder, c.file)); err != nil {
				t.Errorf("a person's file was moved: %v", err)
			}
		})
	}
}

func TestAFolderThatIsNotThereIsAnErrorForAPerson(t *testing.T) {
	cfg := source.Default()
	cfg.Type, cfg.Path = "folder", filepath.Join(t.TempDir(), "nothing")
	if _, err := source.Open(t.Context(), cfg, things()); agent.CodeOf(err) != agent.CodeInvalid || !strings.Contains(agent.Sentence(err), "não existe") {
		t.Errorf("got %v", err)
	}
	cfg.Path = t.TempDir()
	write(t, cfg.Path, "a.csv", "sku;ean\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Open(ctx, cfg, things()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	cfg.Type = "ftp"
	if _, err := source.Open(t.Context(), cfg, things()); err == nil {
		t.Error("a source of an unknown type was opened")
	}
}

func TestAConfigurationsFaultsAreNamed(t *testing.T) {
	folder := func(change func(*source.Config)) source.Config {
		c := source.Default()
		c.Type, c.Path = "folder", "/x"
		change(&c)
		return c
	}
	query := func(change func(*source.Config)) source.Config {
		c := source.Default()
		c.Type, c.Driver, c.DSN, c.Query = "query", "postgres", "x", "select 1"
		change(&c)
		return c
	}
	for want, c := range map[string]source.Config{
		"":          folder(func(*source.Config) {}),
		"type":      folder(func(c *source.Config) { c.Type = "ftp" }),
		"mode":      folder(func(c *source.Config) { c.Mode = "all" }),
		"removed":   folder(func(c *source.Config) { c.Removed = "inactive" }),
		"path":      folder(func(c *source.Config) { c.Path = "" }),
		"encoding":  folder(func(c *source.Config) { c.Encoding = "utf-16" }),
		"decimal":   folder(func(c *source.Config) { c.Decimal = "," }),
		"quote":     folder(func(c *source.Config) { c.Quote = "''" }),
		"separator": folder(func(c *source.Config) { c.Separator = c.Quote }),
		"query":     folder(func(c *source.Config) { c.DSN = "x" }),
		"driver":    query(func(c *source.Config) { c.Driver = "oracle" }),
		"dsn":       query(func(c *source.Config) { c.DSN = "" }),
		"query ":    query(func(c *source.Config) { c.Query = "delete from x" }),
		"path ":     query(func(c *source.Config) { c.Path = "/x" }),
	} {
		faults := c.Check()
		if want == "" && len(faults) != 0 || want != "" && (len(faults) != 1 || faults[0].Field != strings.TrimSpace(want)) {
			t.Errorf("%q: got %+v", want, faults)
		}
	}
}
