package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pdvagent/agent/ops/routine"
)

// Every name that a routine counts by has Portuguese words.
func TestEveryFigureOfARoutineHasItsWords(t *testing.T) {
	words := map[string]bool{}
	for _, f := range figures() {
		words[f.name] = true
	}
	counted := regexp.MustCompile(`\.Count\("([a-z_]+)"|"([a-z_]+)": +s\.(?:tally\.|windows|inconclusive)`)
	found := 0
	err := filepath.WalkDir("../../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2 {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range counted.FindAllStringSubmatch(string(source), -1) {
			found++
			if name := m[1] + m[2]; !words[name] {
				t.Errorf("%s counts %q, which has no words", path, name)
			}
		}
		return nil
	})
	if err != nil || found < 20 {
		t.Fatalf("found %d, %v", found, err)
	}
}

func TestARunsResultLeavesOutWhatThereWasNoneOf(t *testing.T) {
	run := routine.Report{Counts: map[string]int64{"windows": 3, "records": 1, "paid": 1, "known": 0, "other": 2}}
	if got, want := countsInWords(run), "3 janelas pedidas, 1 registro do banco, 1 pago, 2 de outros movimentos"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := countsInWords(routine.Report{Counts: map[string]int64{"pending": 0}}); got != "nada a fazer" {
		t.Errorf("got %q", got)
	}
}
