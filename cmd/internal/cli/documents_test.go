package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"

	"github.com/spf13/cobra"
)

// Section 6 of till-api.md names every command of this package, and no other. Those of bench are handed in by main.
func TestTillAPINamesEveryCommand(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(agenttest.Root(), "docs", "spec", "till-api.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(document), "\n## 6. ")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, command := range regexp.MustCompile("`([a-z-]+(?: [a-z]+)?)[^`]*`").FindAllStringSubmatch(row[1], -1) {
			if !strings.HasPrefix(command[1], "bench ") {
				named = append(named, command[1])
			}
		}
	}
	there := commands(newRoot(io.Discard))
	slices.Sort(named)
	slices.Sort(there)
	if len(there) < 40 || !slices.Equal(there, named) {
		t.Errorf("there are   %q\nit names    %q", there, named)
	}
}

// commands gives every command that does something: those of a group with the group's name.
func commands(of *cobra.Command) (list []string) {
	if !of.HasSubCommands() {
		return []string{strings.TrimPrefix(of.CommandPath(), "pdvagent ")}
	}
	for _, command := range of.Commands() {
		list = append(list, commands(command)...)
	}
	return list
}
