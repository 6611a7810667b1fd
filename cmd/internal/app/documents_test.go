package app_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pdvagent/agent/agenttest"
)

// The README is a door: who comes new reads all of it.
const (
	readmeLines = 150
	readmeBytes = 10_000
	readmeWidth = 120 // characters
)

func TestReadmeIsADoor(t *testing.T) {
	text := readDocument(t, agenttest.Root(), "README.md")
	if n := strings.Count(text, "\n"); n >= readmeLines {
		t.Errorf("it has %d lines, want fewer than %d", n, readmeLines)
	}
	if len(text) > readmeBytes {
		t.Errorf("it has %d bytes, want at most %d", len(text), readmeBytes)
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > readmeWidth {
			t.Errorf("line %d has %d characters, want at most %d", number, n, readmeWidth)
		}
	}
}

// Every package, and so every wing, has its line in docs/architecture.md, and the document names no other.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	root := agenttest.Root()
	text := readDocument(t, root, "docs/architecture.md")
	var packages []string
	eachPackage(t, root, func(pkg string) { packages = append(packages, pkg) })
	for _, pkg := range packages {
		if !strings.Contains(text, "`"+pkg+"`") {
			t.Errorf("it does not name %s", pkg)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z0-9/]+`(?: `[a-z0-9/]+`)*) \\|").FindAllStringSubmatch(text, -1) {
		for name := range strings.FieldsSeq(row[1]) {
			if name = strings.Trim(name, "`"); !slices.Contains(packages, name) && !nested(filepath.Join(root, filepath.FromSlash(name))) {
				t.Errorf("it names %s, which is no package", name)
			}
		}
	}
}

// eachPackage hands in every folder of ours with Go code, but those that one package alone may import.
func eachPackage(t *testing.T, root string, do func(pkg string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(folder string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		name := entry.Name()
		if folder != root && (strings.HasPrefix(name, ".") || name == "testdata" || nested(folder)) {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(root, folder)
		files, globErr := filepath.Glob(filepath.Join(folder, "*.go"))
		if pkg := filepath.ToSlash(relative); len(files) > 0 && !strings.HasPrefix(pkg, "store/internal/") {
			do(pkg)
		}
		if err == nil {
			err = globErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// till-api.md and openapi.yaml have the same routes.
func TestTillAPINamesEveryRoute(t *testing.T) {
	root := agenttest.Root()
	document := readDocument(t, root, "docs/spec/till-api.md")
	var routes, named []string
	location := ""
	for line := range strings.Lines(readDocument(t, root, "agent/till/api/docs/openapi.yaml")) {
		if found := regexp.MustCompile(`^  (/\S+):$`).FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
			location = found[1]
		} else if found := regexp.MustCompile(`^    (get|post|put|delete):$`).FindStringSubmatch(strings.TrimSuffix(line, "\n")); found != nil {
			routes = append(routes, strings.ToUpper(found[1])+" "+location)
		}
	}
	for _, found := range regexp.MustCompile("`(GET|POST|PUT|DELETE) (/[^`?]*)(?:\\?[^`]*)?`").FindAllStringSubmatch(document, -1) {
		named = append(named, found[1]+" "+found[2])
	}
	slices.Sort(routes)
	slices.Sort(named)
	if named = slices.Compact(named); len(routes) < 50 || !slices.Equal(routes, named) {
		t.Errorf("openapi.yaml has %q\ntill-api.md has  %q", without(routes, named), without(named, routes))
	}
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// TestEveryLinkLeadsSomewhere follows the links of the documents to files and headings of the repository.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, fault := range linkFaults(t, agenttest.Root()) {
		t.Error(fault)
	}
}

func TestBrokenLinkFails(t *testing.T) {
	for name, planted := range map[string]struct{ text, want string }{
		"a file that is not there":        {"[x](docs/z.md)", "docs/z.md"},
		"a heading that is not there":     {"[x](docs/y.md#nothing)", "docs/y.md#nothing"},
		"a heading of its own, not there": {"[x](#nothing)", "#nothing"},
		"a picture that is not there":     {"![x](docs/x.png)", "docs/x.png"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			plant(t, filepath.Join(root, "docs", "y.md"), "# Y\n\n## O que há: já, e `isso`\n\n[back](../README.md#the-top) [here](#y)\n")
			right := "# The top\n\n[a](docs/y.md) [b](docs/y.md#o-que-há-já-e-isso) [c](docs) [d](https://example.com/z.md)\n```\n[code](z)\n```\n"
			plant(t, filepath.Join(root, "README.md"), right+planted.text+"\n")
			if faults := linkFaults(t, root); len(faults) != 1 || !strings.Contains(faults[0], planted.want) {
				t.Errorf("got %q, want one fault with %q", faults, planted.want)
			}
		})
	}
}

var (
	fence = regexp.MustCompile("(?ms)^```.*?^```")
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// linkFaults gives every link of a document below root that leads nowhere.
func linkFaults(t *testing.T, root string) (faults []string) {
	t.Helper()
	eachText(t, root, func(file, text string) {
		if path.Ext(file) != ".md" {
			return
		}
		for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			content := text
			if target != "" {
				other := path.Join(path.Dir(file), target)
				raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(other)))
				if _, missing := os.Stat(filepath.Join(root, filepath.FromSlash(other))); missing != nil {
					faults = append(faults, fmt.Sprintf("%s: %s is not there", file, found[1]))
					continue
				}
				if content = string(raw); err != nil && anchor != "" { // a folder
					faults = append(faults, fmt.Sprintf("%s: %s has no headings", file, found[1]))
					continue
				}
			}
			if anchor != "" && !slices.Contains(anchors(content), anchor) {
				faults = append(faults, fmt.Sprintf("%s: %s: there is no such heading", file, found[1]))
			}
		}
	})
	return faults
}

// anchors are the names by which the headings of a document can be reached: small letters, words joined by hyphens.
func anchors(text string) (names []string) {
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, found[1])
		names = append(names, name)
	}
	return names
}

func readDocument(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
