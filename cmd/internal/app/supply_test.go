package app_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"pdvagent/agent/agenttest"
)

// Every direct dependency has its line in docs/dependencies.md, with its reason, and the document has no other.
func TestDocumentSaysWhyEachDependencyIsThere(t *testing.T) {
	read := func(name string) string { return readDocument(t, agenttest.Root(), name) }
	var direct, documented []string
	for _, line := range regexp.MustCompile(`(?m)^\t(\S+\.\S+/\S+) v\S+$`).FindAllStringSubmatch(read("go.mod"), -1) {
		direct = append(direct, line[1])
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\S+\\.\\S+/\\S+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(read(filepath.Join("docs", "dependencies.md")), -1) {
		documented = append(documented, row[1])
	}
	slices.Sort(direct)
	slices.Sort(documented)
	if len(direct) < 10 || !slices.Equal(direct, documented) {
		t.Errorf("go.mod has       %q\nthe document has %q", direct, documented)
	}
}
