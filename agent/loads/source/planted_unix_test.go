//go:build !windows

package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
)

const secret = "sku;ean\nsegredo;1\n"

// outside is a file that the agent may write and nobody may plant: the store, for one.
func outside(t *testing.T) (path string, untouched func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pdvagent.db")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func() {
		t.Helper()
		text, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(text) != secret || info.Mode().Perm() != 0o600 {
			t.Errorf("what was outside is now %q %v, %v", text, info, errors.Join(err, statErr))
		}
	}
}

// plants are what somebody may put where a file or folder of a source belongs.
func plants(target string) map[string]func(path string) error {
	return map[string]func(path string) error{
		"a link":        func(path string) error { return os.Symlink(target, path) },
		"a pipe":        func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"a folder":      func(path string) error { return os.Mkdir(path, 0o755) },
		"another file":  func(path string) error { return os.Link(target, path) },
		"a broken link": func(path string) error { return os.Symlink(target+".new", path) },
	}
}

func try(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// eachPlant runs a test in a source folder for each plant, and looks at the file outside.
func eachPlant(t *testing.T, test func(t *testing.T, kind, folder string, plant func(name string), open func() []source.Opened)) {
	t.Helper()
	for kind := range plants("") {
		t.Run(kind, func(t *testing.T) {
			target, untouched := outside(t)
			inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
				test(t, kind, folder, func(name string) { try(t, plants(target)[kind](filepath.Join(folder, name))) }, open)
			})
			untouched()
			if _, err := os.Lstat(target + ".new"); err == nil {
				t.Error("a file was made outside")
			}
		})
	}
}

func TestListWhatIsNoFileIsSaidAndTheOthersAreRead(t *testing.T) {
	eachPlant(t, func(t *testing.T, kind, folder string, plant func(string), open func() []source.Opened) {
		write(t, folder, "b.csv", "sku;ean\n1;2\n")
		plant("a.csv")
		try(t, os.Mkdir(filepath.Join(folder, "done"), 0o700))
		plant("done/20200101-000000.000-c.csv")
		for _, o := range open() {
			got := read(t, o)
			switch {
			case o.Name() == "b.csv", kind == "another file": // a name of its own is as good as the first one
				if len(got) != 1 || o.Err() != nil {
					t.Errorf("%s: got %q, %v", o.Name(), got, o.Err())
				}
			case len(got) > 0 || !errors.Is(o.Err(), source.ErrUnfinished) || !strings.Contains(agent.Sentence(o.Err()), o.Name()+" não foi lido: não é um arquivo comum"):
				t.Errorf("%s: got %q, %v", o.Name(), got, o.Err())
			}
			try(t, o.Close(source.Left))
		}
	})
}

// Between the settling second and the reading, between two readings, and between the last reading and the move.
func TestReadAndMoveWhatTookAFilesPlaceIsNotIt(t *testing.T) {
	for moment := range 3 {
		eachPlant(t, func(t *testing.T, kind, folder string, plant func(string), open func() []source.Opened) {
			path := filepath.Join(folder, "a.csv")
			write(t, folder, "a.csv", "sku;ean\n1;2\n")
			write(t, folder, "b.csv", "sku;ean\n1;2\n")
			opened := open()
			if moment > 0 {
				read(t, opened[0])
			}
			try(t, os.Remove(path))
			plant("a.csv")
			if moment < 2 {
				if got := read(t, opened[0]); len(got) > 0 || !errors.Is(opened[0].Err(), source.ErrUnfinished) {
					t.Errorf("got %q, %v", got, opened[0].Err())
				}
			}
			for _, fate := range []source.Fate{source.Taken, source.Faulty} {
				if err := opened[0].Close(fate); !errors.Is(err, source.ErrUnfinished) {
					t.Errorf("it was moved as %s: %v", fate, err)
				}
			}
			if _, err := os.Lstat(path); err != nil {
				t.Error(err)
			}
			if got := read(t, opened[1]); len(got) != 1 || opened[1].Err() != nil {
				t.Errorf("the other file: %q, %v", got, opened[1].Err())
			}
			try(t, opened[1].Close(source.Taken))
		})
	}
}

func TestReportIsAFileOfItsOwn(t *testing.T) {
	for _, fate := range []source.Fate{source.Taken, source.Faulty, source.Left} {
		eachPlant(t, func(t *testing.T, kind, folder string, plant func(string), open func() []source.Opened) {
			write(t, folder, "bad.csv", "sku;ean\n1;2\n")
			plant(".bad.csv.report")
			opened := open()
			read(t, opened[0])
			opened[0].Refuse("bad.csv, linha 2", agent.Fault{Code: "invalid"})
			if err := opened[0].Err(); (kind == "a folder") != (err != nil) || err != nil && !strings.Contains(agent.Sentence(err), "O relatório do arquivo bad.csv não pôde ser escrito") {
				t.Errorf("got %v", err)
			}
			try(t, opened[0].Close(fate))
			reports, err := filepath.Glob(filepath.Join(folder, "*", "*bad.csv.report.txt"))
			try(t, err)
			if kind == "a folder" || fate == source.Left {
				return
			}
			if len(reports) != 1 {
				t.Fatalf("got %q", files(t, folder))
			}
			if info, err := os.Lstat(reports[0]); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
				t.Errorf("the report is %v %v", info, err)
			}
		})
	}
}

func TestDoneAndRejectedAreFoldersOfTheFolder(t *testing.T) {
	for _, name := range []string{"done", "rejected"} {
		for _, when := range []string{"before", "while it is read"} {
			elsewhere := t.TempDir()
			inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
				write(t, folder, "a.csv", "sku;ean\n1;2\n")
				path := filepath.Join(folder, name)
				if when == "before" {
					try(t, os.Symlink(elsewhere, path))
					cfg := source.Default()
					cfg.Type, cfg.Path = "folder", folder
					if _, err := source.Open(t.Context(), cfg, things()); err == nil || !strings.Contains(agent.Sentence(err), "há um arquivo com o nome "+name) {
						t.Errorf("got %v", err)
					}
					return
				}
				opened := open()
				read(t, opened[0])
				try(t, os.Remove(path), os.Symlink(elsewhere, path))
				opened[0].Refuse("x", agent.Fault{})
				fate := map[string]source.Fate{"done": source.Taken, "rejected": source.Faulty}[name]
				if err := opened[0].Close(fate); err == nil || !strings.Contains(agent.Sentence(err), "não arquivos nem atalhos") {
					t.Errorf("got %v", err)
				}
				if _, err := os.Stat(filepath.Join(folder, "a.csv")); err != nil {
					t.Error(err)
				}
			})
			if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
				t.Errorf("%s %s: %v %v", name, when, entries, err)
			}
		}
	}
}

// The names in done can be known before: somebody takes the next ones.
func TestAPlantedNameInDoneIsNotWritten(t *testing.T) {
	cfg := source.Default()
	cfg.Mode = "full"
	target, untouched := outside(t)
	inFolder(t, cfg, func(folder string, open func() []source.Opened) {
		write(t, folder, "carga_20261126.csv", "sku;ean\n1;2\n")
		write(t, folder, "carga_20261127.csv", "sku;ean\n1;2\n")
		opened := open()
		read(t, opened[0])
		for _, name := range []string{"carga_20261126.csv", "carga_20261127.csv"} {
			info, err := os.Stat(filepath.Join(folder, name))
			try(t, err)
			at := info.ModTime().UTC().Format("20060102-150405.000") + "-" // later than simulated time
			try(t, os.Mkdir(filepath.Join(folder, "done", at+name), 0o700), os.Symlink(target, filepath.Join(folder, "done", at+name+".report.txt")))
		}
		opened[0].Refuse("x", agent.Fault{})
		try(t, opened[0].Close(source.Taken))
		entries, err := os.ReadDir(filepath.Join(folder, "done"))
		try(t, err)
		regular := slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.Type().IsRegular() })
		if len(regular) != 4 {
			t.Errorf("got %v", regular)
		}
	})
	untouched()
}

func TestReadAnotherFileOfTheSameSizeTimeAndEndIsNotIt(t *testing.T) {
	inFolder(t, source.Default(), func(folder string, open func() []source.Opened) {
		end := strings.Repeat("0", 80) + "\n"
		write(t, folder, "a.csv", "sku;ean\n1;"+end)
		write(t, folder, ".b", "sku;ean\n2;"+end)
		info, err := os.Stat(filepath.Join(folder, "a.csv"))
		try(t, err, os.Chtimes(filepath.Join(folder, ".b"), info.ModTime(), info.ModTime()))
		opened := open()
		try(t, os.Rename(filepath.Join(folder, ".b"), filepath.Join(folder, "a.csv")))
		if got := read(t, opened[0]); len(got) > 0 || !errors.Is(opened[0].Err(), source.ErrUnfinished) {
			t.Errorf("got %q, %v", got, opened[0].Err())
		}
	})
}

func TestAPersonsLinkIsRead(t *testing.T) {
	target, untouched := outside(t)
	path := filepath.Join(t.TempDir(), "a.csv")
	try(t, os.Symlink(target, path))
	o := source.OpenFile(source.Default(), things(), path)
	if got := read(t, o); len(got) != 1 || o.Err() != nil || o.Name() != "a.csv" {
		t.Errorf("got %q, %v", got, o.Err())
	}
	try(t, o.Close(source.Taken))
	pipe := filepath.Join(t.TempDir(), "p.csv")
	try(t, syscall.Mkfifo(pipe, 0o600))
	o = source.OpenFile(source.Default(), things(), pipe)
	if read(t, o); o.Err() == nil {
		t.Error("a pipe was read")
	}
	untouched()
}
