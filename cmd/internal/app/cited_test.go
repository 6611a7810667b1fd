package app_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

// TestEveryDocumentThatIsCitedIsThere reads every comment, script and document of the repository. A document that one of
// them names must exist, and with it the section ("store.md 10", "till-api.md section 5", "sicoob.md 4.3 and 5.1"), the
// title ("till-api.md, "Sales"") and the code (R35, H42, M7, SEC-14) of it.
func TestEveryDocumentThatIsCitedIsThere(t *testing.T) {
	for _, fault := range citationFaults(t, agenttest.Root()) {
		t.Error(fault)
	}
}

func TestFalseCitationFails(t *testing.T) {
	const spec = "# The store\n\n## 10. Clock\n\n### 10.2 Steps\n\n## What is refused\n\n| code | |\n|---|---|\n| R35 | cancel |\n| SEC-14 | mask |\n"
	for name, planted := range map[string]struct{ file, text, want string }{
		"a document that is not there":         {"a/x.go", "// Package a does it (queue.md 3).\npackage a\n", "queue.md is no document"},
		"a section that is not there":          {"a/x.go", "// Package a does it (store.md 11).\npackage a\n", "store.md has no section 11"},
		"the second of two sections":           {"a/x.go", "// Package a does it (store.md 10 and 10.3).\npackage a\n", "store.md has no section 10.3"},
		"a section on the comment's next line": {"a/x.go", "// Package a does it (store.md\n// section 4).\npackage a\n", "store.md has no section 4"},
		"a title that is not there":            {"a/x.go", "// Package a does it (store.md, \"What is kept\").\npackage a\n", `store.md has no title "What is kept"`},
		"a requirement that is not there":      {"a/x.go", "package a\n\nvar A int // the cancel (R36)\n", "R36 stands in no document"},
		"a rule that is not there":             {"a/x_test.go", "package a\n\nvar name = \"SEC-15 a form\"\n", "SEC-15 stands in no document"},
		"a contract without a name":            {"a/x.go", "// Package a does it (contract 4.3).\npackage a\n", "names no document"},
		"a script":                             {"run.sh", "#!/bin/sh\n# as promised (promises.md)\necho R99\n", "promises.md is no document"},
		"a document":                           {"docs/y.md", "# Y\n\nSee store.md 12.\n", "store.md has no section 12"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			right := "// Package b is store.md 10, 10.2 and the title of store.md, \"What is refused\" (R35, SEC-14).\npackage b\n"
			for file, text := range map[string]string{"docs/spec/store.md": spec, "b/b.go": right, planted.file: planted.text} {
				plant(t, filepath.Join(root, filepath.FromSlash(file)), text)
			}
			if faults := citationFaults(t, root); len(faults) != 1 || !strings.Contains(faults[0], planted.want) {
				t.Errorf("got %q, want one fault with %q", faults, planted.want)
			}
		})
	}
}

func plant(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// documents is what can be cited: by the path of each document below the root.
type documents struct {
	sections map[string][]string // "10", "10.2"
	titles   map[string]string   // all headings, a line each
	codes    map[string]bool     // "R35", "SEC-14"
}

var (
	heading     = regexp.MustCompile(`(?m)^#+ (.*)$`)
	numbered    = regexp.MustCompile(`(?m)^(?:#+ |\| )(\d+(?:\.\d+)*)(?:\.? | \|)`) // of a heading or of a table's row
	definedCode = regexp.MustCompile(`(?m)^\| ((?:[RHM]|SEC-)\d+) \|`)

	address     = regexp.MustCompile(`https?://\S+`)
	citedFile   = regexp.MustCompile(`([\w./-]*\w\.md)(?:,? (?:section )?(\d+(?:\.\d+)*(?:(?:, | and | to )\d+(?:\.\d+)*)*)\b|,? "([^"]+)")?`)
	citedNumber = regexp.MustCompile(`\d+(?:\.\d+)*`)
	citedCode   = regexp.MustCompile(`(?:^|[^\w$./-])([RHM]\d+)\b`)
	citedRule   = regexp.MustCompile(`\bSEC-\d+\b`)
	nameless    = regexp.MustCompile(`\b[Cc]ontracts? \d+(?:\.\d+)*`)
)

// citationFaults gives every citation below root that leads nowhere.
func citationFaults(t *testing.T, root string) []string {
	t.Helper()
	have := documents{sections: make(map[string][]string), titles: make(map[string]string), codes: make(map[string]bool)}
	eachText(t, root, func(file, text string) {
		if path.Ext(file) == ".md" {
			have.read(file, text)
		}
	})
	var faults []string
	eachText(t, root, func(file, text string) {
		for _, fault := range have.check(t, file, text) {
			faults = append(faults, file+": "+fault)
		}
	})
	slices.Sort(faults)
	return slices.Compact(faults)
}

// eachText hands in every file below root in which something may be cited, by its path below root.
func eachText(t *testing.T, root string, do func(file, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == ".git" || name == "testdata" || name == "cache" && strings.HasSuffix(filepath.Dir(file), ".ci") {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(root, file)
		relative = filepath.ToSlash(relative)
		script := path.Ext(relative) == "" && strings.HasPrefix(relative, ".ci/")
		if err != nil || (!script && !slices.Contains([]string{".go", ".md", ".sh", ".yml", ".yaml", ".nsi", ".service"}, path.Ext(relative))) {
			return err
		}
		text, err := os.ReadFile(file)
		do(relative, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (d documents) read(file, text string) {
	d.sections[file] = nil
	for _, found := range numbered.FindAllStringSubmatch(text, -1) {
		d.sections[file] = append(d.sections[file], found[1])
	}
	for _, found := range heading.FindAllStringSubmatch(text, -1) {
		d.titles[file] += strings.TrimLeft(found[1], "0123456789. ") + "\n"
	}
	for _, found := range definedCode.FindAllStringSubmatch(text, -1) {
		d.codes[found[1]] = true
	}
}

// check gives what a file cites and what is not there. Codes of requirements count in comments only: a test may call a
// receipt R3.
func (d documents) check(t *testing.T, file, text string) []string {
	said := remarks(t, file, text)
	said = address.ReplaceAllString(said, "")
	var faults []string
	for _, cited := range citedFile.FindAllStringSubmatch(said, -1) {
		faults = append(faults, d.place(cited[1], cited[2], cited[3])...)
	}
	for _, cited := range citedCode.FindAllStringSubmatch(said, -1) {
		if !d.codes[cited[1]] {
			faults = append(faults, cited[1]+" stands in no document")
		}
	}
	for _, code := range citedRule.FindAllString(text, -1) {
		if !d.codes[code] {
			faults = append(faults, code+" stands in no document")
		}
	}
	for _, words := range nameless.FindAllString(said, -1) {
		faults = append(faults, words+" names no document: write for example sicoob.md 4.3")
	}
	return faults
}

// place looks for a document by the end of its path, and for the sections and the title of it.
func (d documents) place(name, numbers, title string) (faults []string) {
	name = strings.TrimLeft(name, "./")
	var file string
	for known := range d.sections {
		if known == name || strings.HasSuffix(known, "/"+name) {
			file = known
			break
		}
	}
	if file == "" {
		return []string{name + " is no document"}
	}
	for _, number := range citedNumber.FindAllString(numbers, -1) {
		if !slices.Contains(d.sections[file], number) {
			faults = append(faults, fmt.Sprintf("%s has no section %s", name, number))
		}
	}
	if title != "" && !strings.Contains(d.titles[file], title) {
		faults = append(faults, fmt.Sprintf("%s has no title %q", name, title))
	}
	return faults
}

// remarks is what a file says to its reader: a document's text, a program's comments, each on one line.
func remarks(t *testing.T, file, text string) string {
	t.Helper()
	var lines []string
	switch path.Ext(file) {
	case ".md":
		return text
	case ".go":
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			lines = append(lines, strings.ReplaceAll(group.Text(), "\n", " "))
		}
	default:
		for line := range strings.Lines(text) {
			if _, comment, ok := strings.Cut(" "+line, " #"); ok {
				lines = append(lines, strings.TrimSpace(comment))
			} else if comment, ok := strings.CutPrefix(line, ";"); ok {
				lines = append(lines, strings.TrimSpace(comment))
			}
		}
	}
	return strings.Join(lines, "\n")
}
