package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// Every direct dependency has its line in README, with its reason, and README has no other.
func TestReadmeSaysWhyEachDependencyIsThere(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var direct, told []string
	for _, line := range regexp.MustCompile(`(?m)^\t(\S+\.\S+/\S+) v\S+$`).FindAllStringSubmatch(read("go.mod"), -1) {
		direct = append(direct, line[1])
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\S+\\.\\S+/\\S+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(read("README.md"), -1) {
		told = append(told, row[1])
	}
	slices.Sort(direct)
	slices.Sort(told)
	if len(direct) < 10 || !slices.Equal(direct, told) {
		t.Errorf("go.mod has  %q\nREADME has %q", direct, told)
	}
}
