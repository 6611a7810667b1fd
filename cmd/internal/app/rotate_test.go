package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/cmd/internal/app"
)

// logged is the log files of a folder, oldest first, and their lines.
func logged(t *testing.T, folder string) (files []string, lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "pdvagent*.log"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files) // pdvagent-TIME.log, then pdvagent.log
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a folder that was put in the way
		}
		lines = append(lines, strings.Fields(string(text))...)
	}
	return files, lines
}

func TestAFullLogIsKeptUnderItsTimeAndTheOldestGoes(t *testing.T) {
	folder, clock := t.TempDir(), time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC)
	path := filepath.Join(folder, "pdvagent.log")
	open := func() (write func(from, to int), done func()) {
		log := app.NewRotation(path, 100, 3, func() time.Time { clock = clock.Add(time.Second); return clock })
		return func(from, to int) {
				for n := from; n < to; n++ {
					if _, err := fmt.Fprintf(log, "line%05d\n", n); err != nil {
						t.Error(err)
					}
				}
			}, func() {
				if err := log.Close(); err != nil {
					t.Error(err)
				}
			}
	}
	write, done := open()
	write(0, 15)
	done()
	write, done = open() // it goes on in the same file
	write(15, 95)
	done()
	files, lines := logged(t, folder)
	if len(files) != 3 || len(lines) != 25 || lines[0] != "line00070" || lines[24] != "line00094" {
		t.Errorf("got %v, %v", files, lines)
	}
	if err := os.WriteFile(filepath.Join(folder, "pdvagent-mine.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	write, done = open()
	write(95, 200)
	done()
	if files, _ = logged(t, folder); len(files) != 4 || !slices.Contains(files, filepath.Join(folder, "pdvagent-mine.log")) {
		t.Errorf("a file that is not the log's own: got %v", files)
	}
}

// A folder has the full file's next name here; on Windows it is a viewer that has the file open.
func TestALogThatCannotBeRenamedGrowsToTwiceItsSizeAndGoesOnLater(t *testing.T) {
	folder, clock := t.TempDir(), time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC)
	path := filepath.Join(folder, "pdvagent.log")
	inTheWay := filepath.Join(folder, "pdvagent-2026-11-29T01-02-03.000.log")
	if err := os.MkdirAll(filepath.Join(inTheWay, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	log := app.NewRotation(path, 1000, 3, func() time.Time { return clock })
	write := func(lines int) {
		for range lines {
			if _, err := fmt.Fprintln(log, "123456789"); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(1000)
	if _, lines := logged(t, folder); len(lines) != 201 {
		t.Errorf("got %d lines", len(lines))
	}
	clock = clock.Add(time.Second)
	write(50)
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if files, lines := logged(t, folder); err != nil || info.Size() > 500 || len(files) != 3 || len(lines) < 201+30 {
		t.Errorf("got %v, %d lines, %v", files, len(lines), err)
	}
}
