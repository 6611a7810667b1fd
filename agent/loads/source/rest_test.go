package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
)

func names(opened []source.Opened) (list []string) {
	for _, o := range opened {
		name := o.Name()
		if older := source.Superseded(o); len(older) > 0 {
			name += "<" + strings.Join(older, "<")
		}
		list = append(list, name)
	}
	return list
}

func TestTheNewestOfAFullLoadsFilesIsReadAndTheOthersSaySo(t *testing.T) {
	cfg := source.Default()
	cfg.Mode = "full"
	for _, c := range []struct {
		files []string // in the order in which they are written
		want  []string
	}{
		{[]string{"carga_20261127.csv", "carga_20261126.csv"}, []string{"carga_20261127.csv<carga_20261126.csv"}},
		{[]string{"p 02-12-2026.csv", "p 30-11-2026.csv", "p 01-12-2026.csv"}, []string{"p 02-12-2026.csv<p 01-12-2026.csv<p 30-11-2026.csv"}},
		{[]string{"carga9.csv", "carga10.csv"}, []string{"carga10.csv<carga9.csv"}},
		{[]string{"carga.csv", "carga (1).csv", "carga - Copia.csv"}, nil},
		{[]string{"carga_20261127_1de2.csv", "carga_20261127_2de2.csv", "carga_20261126.csv"}, []string{"carga_20261127_1de2.csv", "carga_20261127_2de2.csv<carga_20261126.csv"}},
		{[]string{"p_parte1.csv", "p_parte2.csv", "p_parte3.csv"}, []string{"p_parte1.csv", "p_parte2.csv", "p_parte3.csv"}},
		{[]string{"Produtos 02 of 02.csv", "Produtos 01 of 02.csv"}, []string{"Produtos 01 of 02.csv", "Produtos 02 of 02.csv"}},
		{[]string{"bebidas.csv", "mercearia.csv"}, []string{"mercearia.csv", "bebidas.csv"}},
	} {
		inFolder(t, cfg, func(folder string, open func() []source.Opened) {
			for _, name := range c.files {
				write(t, folder, name, "sku;ean\n1;2\n")
			}
			opened := open()
			got := names(opened)
			if len(got) == 1 {
				parts := strings.Split(got[0], "<")
				slices.Reverse(parts[1:])
				got[0] = strings.Join(parts, "<")
			}
			if c.want == nil && len(got) != 1 || c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			for _, o := range opened {
				read(t, o)
				if err := errors.Join(o.Err(), o.Close(source.Taken)); err != nil {
					t.Error(err)
				}
			}
			reports, _ := filepath.Glob(filepath.Join(folder, "done", "*.report.txt")) // the pattern is right
			if len(c.want) == 1 && len(reports) != len(c.files)-1 {
				t.Fatalf("reports: %q", reports)
			}
			for _, path := range reports {
				if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), "substituído por ") {
					t.Errorf("%s: %s %v", path, text, err)
				}
			}
		})
	}
}

func TestTheTimeDecidesWhereNamesDoNot(t *testing.T) {
	cfg := source.Default()
	cfg.Mode = "full"
	inFolder(t, cfg, func(folder string, open func() []source.Opened) {
		write(t, folder, "b.csv", "")
		write(t, folder, "b2.csv", "")
		yesterday := time.Now().Add(-24 * time.Hour)
		if err := os.Chtimes(filepath.Join(folder, "b2.csv"), yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
		if got := names(open()); !slices.Equal(got, []string{"b.csv<b2.csv"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestAFileThatIsWrittenIsLeftUntilItRests(t *testing.T) {
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		path := filepath.Join(folder, "a.csv")
		write(t, folder, "a.csv", "sku;ean\n1;2\n")
		ended := make(chan struct{})
		go func() { // it pauses for longer than an agent of before waited
			defer close(ended)
			for range 4 {
				<-time.After(4 * time.Second)
				out, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = out.WriteString("3;4\n")
				if err := errors.Join(err, out.Close()); err != nil {
					t.Error(err)
				}
			}
		}()
		opened := open()
		if got := read(t, opened[0]); len(got) != 5 || opened[0].Err() != nil {
			t.Errorf("got %q, %v", got, opened[0].Err())
		}
		<-ended
	})
}

func TestAFileThatNeverRestsIsSaid(t *testing.T) {
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		path := filepath.Join(folder, "a.csv")
		write(t, folder, "a.csv", "sku;ean\n1;2\n")
		write(t, folder, "b.csv", "sku;ean\n1;2\n\x00\x00\x00\x00") // a copy that took its space first
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			<-time.After(time.Second / 2) // never at the moment of a look, which would find the file open
			for n := 1; ; n++ {           // same size, another end
				if err := os.WriteFile(path, []byte("sku;ean\n1;"+string(rune('0'+n%10))+"\n"), 0o600); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				case <-time.After(3 * time.Second):
				}
			}
		}()
		opened := open()
		close(stop)
		<-ended
		for i, want := range []string{"ainda está sendo gravado", "a cópia dele não terminou"} {
			got := read(t, opened[i])
			if err := opened[i].Err(); len(got) != 0 || !errors.Is(err, source.ErrUnfinished) || !strings.Contains(agent.Sentence(err), want) {
				t.Errorf("got %q, %v", got, err)
			}
		}
	})
}

func TestAFileThatIsWrittenToWhileOrAfterItIsReadIsReadAgain(t *testing.T) {
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		write(t, folder, "a.csv", "sku;ean\n1;2\n")
		out, err := os.OpenFile(filepath.Join(folder, "a.csv"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		more := func(text string) {
			t.Helper()
			if _, err := out.WriteString(text); err != nil {
				t.Fatal(err)
			}
		}
		opened := open()
		read(t, opened[0])
		more("3;4\n")
		if err := opened[0].Close(source.Taken); !errors.Is(err, source.ErrUnfinished) || !strings.Contains(agent.Sentence(err), "ainda era gravado") {
			t.Errorf("got %v", err)
		}
		if got := files(t, folder); !slices.Equal(got, []string{"a.csv"}) {
			t.Errorf("got %q", got)
		}
		opened = open()
		if got := read(t, opened[0]); len(got) != 2 {
			t.Errorf("got %q", got)
		}
		if err := opened[0].Close(source.Taken); err != nil {
			t.Fatal(err)
		}
		if opened = open(); len(opened) != 0 {
			t.Errorf("it is read again without a reason: %q", names(opened))
		}
		more("5;6\n")
		future := time.Now().Add(100 * 365 * 24 * time.Hour) // the clock of the test stands in the past
		moved, _ := filepath.Glob(filepath.Join(folder, "done", "*-a.csv"))
		if err := errors.Join(out.Close(), os.Chtimes(moved[0], future, future)); err != nil {
			t.Fatal(err)
		}
		opened = open()
		if got := names(opened); !slices.Equal(got, []string{"a.csv"}) {
			t.Fatalf("got %q", got)
		}
		if got := read(t, opened[0]); len(got) != 3 {
			t.Errorf("got %q", got)
		}
		if err := opened[0].Close(source.Taken); err != nil {
			t.Fatal(err)
		}
		if opened = open(); len(opened) != 0 || !slices.Equal(files(t, folder), []string{"done/a.csv"}) {
			t.Errorf("it is read again and again: %q, %q", names(opened), files(t, folder))
		}
	})
}

func TestATextOfUTF16IsWhole(t *testing.T) {
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		write(t, folder, "a.csv", utf16le("sku;ean\n1;2\n", true))
		opened := open()
		if got := read(t, opened[0]); len(got) != 1 || opened[0].Err() != nil {
			t.Errorf("got %q, %v", got, opened[0].Err())
		}
	})
}

// loaded puts a file into a folder's done, as of a load that long from now.
func loaded(t *testing.T, folder string, from time.Duration) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(folder, "done"), 0o700); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(from)
	name := filepath.Join("done", at.UTC().Format("20060102-150405.000")+"-a.csv")
	write(t, folder, name, "")
	if err := os.Chtimes(filepath.Join(folder, name), at.Add(-time.Minute), at.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOfAnotherKindFromBeforeTheLastLoadAreNobodysTrouble(t *testing.T) {
	cfg := source.Default()
	cfg.Type, cfg.Path = "folder", t.TempDir()
	write(t, cfg.Path, "leia-me.txt", "")
	loaded(t, cfg.Path, time.Hour)
	if opened, err := source.Open(t.Context(), cfg, things()); err != nil || len(opened) != 0 {
		t.Errorf("got %v, %v", opened, err)
	}
}

func TestTheCauseOfAFoldersTroubleIsNamed(t *testing.T) {
	cfg := source.Default()
	cfg.Type = "folder"
	for name, c := range map[string]struct {
		make func(folder string) string
		want string
	}{
		"done is a file":       {func(folder string) string { write(t, folder, "done", ""); return folder }, "há um arquivo com o nome done"},
		"the folder is a file": {func(folder string) string { write(t, folder, "x", ""); return filepath.Join(folder, "x") }, "é um arquivo, não uma pasta"},
		"another kind since the last load": {func(folder string) string {
			loaded(t, folder, -time.Hour)
			write(t, folder, "produtos.txt", "")
			return folder
		}, "(por exemplo produtos.txt): exporte como .csv"},
		"only other kinds of file": {func(folder string) string { write(t, folder, "produtos.txt", ""); return folder }, "(por exemplo produtos.txt): exporte como .csv"},
	} {
		cfg.Path = c.make(t.TempDir())
		if _, err := source.Open(t.Context(), cfg, things()); err == nil || !strings.Contains(agent.Sentence(err), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		write(t, folder, "~$produtos.csv", "x")
		if opened := open(); len(opened) != 0 {
			t.Errorf("got %q", names(opened))
		}
		long := strings.Repeat("ã", 120) + ".csv"
		write(t, folder, long, "sku;ean\n1;2\n")
		opened := open()
		opened[0].Refuse("x", agent.Fault{})
		if err := opened[0].Close(source.Taken); err != nil {
			t.Errorf("a long name: %v", err)
		}
		if err := os.MkdirAll(filepath.Join(folder, "vazia.csv"), 0o700); err != nil {
			t.Fatal(err)
		}
		if opened := open(); len(opened) != 0 {
			t.Errorf("got %q", names(opened))
		}
	})
}

// Files that may be the parts of one load are never read by half: nothing is, and the sentence says what to do.
func TestDoubtfulPartsOfAFullLoadAreNotRead(t *testing.T) {
	cfg := source.Default()
	cfg.Mode = "full"
	for _, c := range []struct {
		files []string
		want  string // of the sentence; empty: the load is read
	}{
		{[]string{"p1.csv", "p2.csv"}, "não se sabe se p1.csv, p2.csv são partes"},
		{[]string{"carga_001.csv", "carga_002.csv", "carga_003.csv"}, "são partes"},
		{[]string{"carga_20261127_1.csv", "carga_20261127_2.csv", "carga_20261126_1.csv"}, "carga_20261127_1.csv, carga_20261127_2.csv são partes"},
		{[]string{"carga_1de3.csv", "carga_2de3.csv"}, "falta a parte 3 de 3"},
		{[]string{"carga_2de3.csv"}, "falta a parte 1, 3 de 3"},
		{[]string{"carga_parte1.csv", "carga_parte3.csv"}, "falta a parte 2;"},
		{[]string{"carga_1de2.csv", "carga_2de3.csv"}, "não são as partes de uma só carga"},
		{[]string{"carga_1de2.csv", "carga_2de2.csv", "carga.csv"}, "não são as partes de uma só carga"},
		{[]string{"p1.csv"}, ""},
		{[]string{"carga_1de1.csv"}, ""},
		{[]string{"carga_20261127_0600.csv", "carga_20261127_1200.csv"}, ""},
		{[]string{"carga (1).csv", "carga (2).csv"}, ""},
	} {
		inFolder(t, cfg, func(folder string, open func() []source.Opened) {
			for _, name := range c.files {
				write(t, folder, name, "sku;ean\n1;2\n")
			}
			records, said := 0, ""
			for _, o := range open() {
				records += len(read(t, o))
				if err := o.Err(); err != nil {
					said += agent.Sentence(err)
				}
				if err := o.Close(source.Left); err != nil {
					t.Error(err)
				}
			}
			if (records > 0) != (c.want == "") || !strings.Contains(said, c.want) || (c.want == "" && said != "") {
				t.Errorf("%q: %d records, %q, want %q", c.files, records, said, c.want)
			}
		})
	}
}

func TestNumberedExportsOfDifferentDaysAreABacklog(t *testing.T) {
	cfg := source.Default()
	cfg.Mode = "full"
	inFolder(t, cfg, func(folder string, open func() []source.Opened) {
		write(t, folder, "p1.csv", "")
		write(t, folder, "p2.csv", "")
		yesterday := time.Now().Add(-24 * time.Hour)
		if err := os.Chtimes(filepath.Join(folder, "p1.csv"), yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
		if got := names(open()); !slices.Equal(got, []string{"p2.csv<p1.csv"}) {
			t.Errorf("got %q", got)
		}
	})
}
