package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

// TestEachRecipeWorks applies the worked examples of docs/contributing.md to a copy of the files that they change, and runs the
// tests that come with them.
func TestEachRecipeWorks(t *testing.T) {
	root := agenttest.Root()
	recipes, err := filepath.Glob(filepath.Join("testdata", "recipes", "*.txt"))
	if err != nil || len(recipes) != 5 {
		t.Fatalf("got %q, %v; want a recipe for each of the five", recipes, err)
	}
	files := make(map[string]string)
	for _, recipe := range recipes {
		text, err := os.ReadFile(recipe)
		if err != nil {
			t.Fatal(err)
		}
		if err := applyRecipe(root, string(text), files); err != nil {
			t.Errorf("%s: %v", filepath.Base(recipe), err)
		}
	}
	packages, overlay := overlaid(t, root, files)
	if t.Failed() {
		return
	}
	// Built and run one after the other: go test itself runs in a package's folder, which a new package has in the overlay only.
	built := t.TempDir()
	command(t, root, "go", append([]string{"test", "-c", "-vet=off", "-overlay", overlay, "-o", built}, packages...)...)
	for _, pkg := range packages {
		command(t, root, filepath.Join(built, path.Base(pkg)+".test"), "-test.run=^TestRecipe", "-test.v")
	}
}

func command(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), name, args...)
	run.Dir = folder
	out, err := run.CombinedOutput()
	if err != nil || strings.Contains(string(out), "no tests to run") {
		t.Errorf("%s %q: %v\n%s", filepath.Base(name), args, err, out)
	}
}

// overlaid writes the changed files below a folder of the test, and gives the packages that have a test of a recipe, and the
// file by which the go command takes them for the repository's.
func overlaid(t *testing.T, root string, files map[string]string) (packages []string, overlay string) {
	t.Helper()
	folder, replace := t.TempDir(), make(map[string]string)
	for name, text := range files {
		if path.Ext(name) == ".go" {
			if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
				t.Errorf("%s is not formatted: %v", name, err)
			}
		}
		if strings.HasSuffix(name, "_test.go") && !slices.Contains(packages, "./"+path.Dir(name)) {
			packages = append(packages, "./"+path.Dir(name))
		}
		changed := filepath.Join(folder, strings.ReplaceAll(name, "/", "_"))
		plant(t, changed, text)
		replace[filepath.Join(root, filepath.FromSlash(name))] = changed
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(folder, "overlay.json")
	plant(t, overlay, string(list))
	return packages, overlay
}

// recipeStep begins a file that is new, or what is put after, before or in the place of the one line that has a text.
var recipeStep = regexp.MustCompile(`(?m)^-- (\S+)(?: (after|before|replace) (.+))? --\n`)

// applyRecipe carries out the steps of a recipe in files, which begin as they are below root.
func applyRecipe(root, recipe string, files map[string]string) error {
	steps := recipeStep.FindAllStringSubmatchIndex(recipe, -1)
	for i, at := range steps {
		part := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return recipe[at[2*n]:at[2*n+1]]
		}
		end := len(recipe)
		if i+1 < len(steps) {
			end = steps[i+1][0]
		}
		name, where, anchor, text := part(1), part(2), part(3), recipe[at[1]:end]
		if where == "" {
			files[name] = text
			continue
		}
		if _, known := files[name]; !known {
			before, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil {
				return err
			}
			files[name] = string(before)
		}
		changed, err := changeLine(files[name], where, anchor, text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		files[name] = changed
	}
	return nil
}

func changeLine(whole, where, anchor, text string) (string, error) {
	lines := strings.SplitAfter(whole, "\n")
	has := func(line string) bool { return strings.Contains(line, anchor) }
	at := slices.IndexFunc(lines, has)
	if at < 0 || slices.ContainsFunc(lines[at+1:], has) {
		return "", fmt.Errorf("not exactly one line has %q", anchor)
	}
	switch where {
	case "after":
		lines[at] += text
	case "before":
		lines[at] = text + lines[at]
	case "replace":
		lines[at] = text
	}
	return strings.Join(lines, ""), nil
}

func TestRecipeThatDoesNotApplyFails(t *testing.T) {
	root := t.TempDir()
	plant(t, filepath.Join(root, "a.go"), "one\ntwo\ntwo\n")
	for _, recipe := range []string{"-- a.go after three --\nx\n", "-- a.go before two --\nx\n", "-- b.go after one --\nx\n"} {
		if err := applyRecipe(root, recipe, make(map[string]string)); err == nil {
			t.Errorf("%q applies", recipe)
		}
	}
	files := make(map[string]string)
	recipe := "words\n-- a.go after one --\n1\n-- a.go before one --\n0\n-- a.go replace 1 --\n-- new.go --\nn\n"
	if err := applyRecipe(root, recipe, files); err != nil || files["a.go"] != "0\none\ntwo\ntwo\n" || files["new.go"] != "n\n" {
		t.Errorf("got %q, %v", files, err)
	}
}

// TestContributingNamesWhatIsThere looks for every file that docs/contributing.md names, and for every name that it says is in
// one of them.
func TestContributingNamesWhatIsThere(t *testing.T) {
	root := agenttest.Root()
	for _, fault := range nameFaults(root, readDocument(t, root, "docs/contributing.md")) {
		t.Error(fault)
	}
}

func TestNameThatIsNotThereFails(t *testing.T) {
	root := t.TempDir()
	plant(t, filepath.Join(root, "a", "b.go"), "package a\n\ntype T struct{ F int }\n\nfunc (T) M() {}\n\nfunc f() {}\n\nvar v int\n")
	right := "`T` in `a/b.go`, `M` in\n`a/b.go`, `f` in `a/b.go`, `v` in `a/b.go`, `F` in `a/b.go`; `a/new` and `./...`\n"
	if faults := nameFaults(root, right); len(faults) != 0 {
		t.Errorf("got %q", faults)
	}
	for text, want := range map[string]string{
		"`g` in `a/b.go`": "a/b.go has no g", "`f` in `a/c.go`": "a/c.go is not there", "in `a/z.md`": "a/z.md is not there",
	} {
		if faults := nameFaults(root, text); len(faults) == 0 || !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%s: got %q, want %q", text, faults, want)
		}
	}
}

var (
	namedFile = regexp.MustCompile("`([\\w./-]+/[\\w.-]+\\.(?:go|md|sh|json|yaml))`")
	namedIn   = regexp.MustCompile("`(\\w+)` in\\s+`([\\w./-]+\\.go)`")
)

func nameFaults(root, text string) (faults []string) {
	for _, found := range namedFile.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(found[1]))); err != nil {
			faults = append(faults, found[1]+" is not there")
		}
	}
	for _, found := range namedIn.FindAllStringSubmatch(text, -1) {
		names, err := declared(filepath.Join(root, filepath.FromSlash(found[2])))
		if err == nil && !slices.Contains(names, found[1]) {
			err = errors.New(found[2] + " has no " + found[1])
		}
		if err != nil {
			faults = append(faults, err.Error())
		}
	}
	return faults
}

// declared gives the functions, methods, types, fields, variables and constants of a file.
func declared(file string) (names []string, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			names = append(names, n.Name.Name)
		case *ast.TypeSpec:
			names = append(names, n.Name.Name)
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names = append(names, name.Name)
			}
		case *ast.Field:
			for _, name := range n.Names {
				names = append(names, name.Name)
			}
		}
		return true
	})
	return names, nil
}
