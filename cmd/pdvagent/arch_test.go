package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// everything is the right of the wiring: cmd/pdvagent.
const everything = "*"

// architecture is the import table: which of our packages a package may import. The twin of the table in README, "The
// source"; a new arrow is added here and there in the same commit, with the reason in its body. rawjson stands beside
// the words: whoever touches a body's bytes needs it. Standard library only: see standardLibraryOnly.
func architecture() map[string][]string {
	words := []string{"agent", "agent/rawjson"}
	return map[string][]string{
		"agent":                           {},
		"agent/rawjson":                   {"agent"},
		"agent/osfile":                    {},
		"agent/config":                    append(words, "agent/osfile", "agent/source"), // whether a source's section is right
		"agent/web":                       words,
		"agent/upstream":                  words,
		"agent/sender":                    words,
		"mercafacil":                      append(words, "agent/upstream"),
		"agent/basket":                    {"agent"},
		"agent/loyalty":                   append(words, "agent/basket", "mercafacil"),
		"agent/mask":                      words,
		"agent/traffic":                   append(words, "agent/mask"),
		"agent/alarm":                     {"agent"},
		"agent/metrics":                   {"agent"},
		"agent/service":                   {"agent", "agent/osfile"},
		"agent/retention":                 {},
		"agent/routine":                   {"agent"},
		"agent/source":                    words, // catalog, history and reconcile read the same kinds of source
		"agent/catalog":                   append(words, "agent/source"),
		"agent/history":                   append(words, "agent/source"),
		"agent/reconcile":                 append(words, "agent/source"),
		"payments":                        {"agent"},
		"payments/pix":                    {"agent"},
		"payments/ideamaker":              {"agent", "agent/upstream", "payments", "payments/pix"},
		"payments/sevenaz":                {"agent", "agent/upstream", "payments", "payments/pix"},
		"payments/boleto":                 {"agent"},
		"payments/sicoob":                 {"agent", "agent/upstream", "payments", "payments/boleto"},
		"payments/cashorder":              {"agent", "agent/upstream", "payments"},
		"payments/cashorder/cashordersim": {"payments/cloudsim"},
		"agent/cardorder":                 append(words, "payments", "payments/cashorder"),
		"payments/sicoob/sicoobsim":       {"agent", "payments/pix", "payments/boleto", "payments/cloudsim"},
		"agent/checkout":                  {"agent", "payments", "payments/pix"},
		"agent/webhook":                   {},
		"agent/settlement":                {"agent", "payments", "payments/boleto"},
		"payments/cloudsim":               {}, // what simulated payment clouds share: faults, clock, schemas
		"agent/setup":                     {"agent", "agent/osfile", "agent/service"},
		"installer/linux":                 {},
		"agent/doctor":                    {"agent/osfile"},
		"agent/settings":                  {"agent", "agent/config"},
		"agent/tillapi":                   append(words, "agent/web", "agent/mask", "agent/traffic", "agent/config", "agent/settings", "agent/catalog", "agent/routine", "agent/source", "agent/reconcile", "agent/upstream", "agent/checkout", "agent/settlement", "agent/cardorder", "payments/cashorder", "payments", "payments/pix", "payments/boleto", "payments/ideamaker", "payments/sevenaz"),
		"store":                           append(words, "store/internal/envelope", "store/internal/keyring", "agent/osfile", "store/internal/commit", "store/internal/salvage"),
		"store/internal/envelope":         {},
		"store/internal/commit":           {},
		"store/internal/salvage":          {"store/internal/envelope"},
		"store/internal/keyring":          {"store/internal/envelope", "agent/osfile"},
		"mercafacil/mercafacilsim":        {"agent"}, // not its vendor's package: it would repeat its mistakes
		"payments/ideamaker/ideamakersim": {"payments/pix", "payments/cloudsim"},
		"payments/sevenaz/sevenazsim":     {"payments/pix", "payments/cloudsim"},
		"agent/sandbox":                   {"mercafacil/mercafacilsim", "payments/ideamaker/ideamakersim", "payments/sevenaz/sevenazsim", "payments/sicoob/sicoobsim", "payments/cashorder/cashordersim"},
		"store/storetest":                 {everything}, // imported by tests only, see testOnly
		"agent/agenttest":                 {everything},
		"payments/paymentstest":           {everything},
		"cmd/pdvagent":                    {everything},
		"installer/release":               {everything},
	}
}

func standardLibraryOnly() []string { return []string{"agent", "agent/rawjson"} }

func testOnly() []string {
	return []string{"store/storetest", "agent/agenttest", "payments/paymentstest"}
}

// bboltUsers are the only packages that may know the database.
func bboltUsers() []string { return []string{"store"} }

const module = "pdvagent"

func TestImportsFollowTheTable(t *testing.T) {
	for _, fault := range archFaults(t, filepath.Join("..", "..")) {
		t.Error(fault)
	}
}

func TestForbiddenArrowFailsTheTable(t *testing.T) {
	for name, planted := range map[string]struct{ file, source, want string }{
		"sender learns of the store":     {"agent/sender/x.go", "// Package sender.\npackage sender\nimport _ \"pdvagent/store\"\n", "agent/sender must not import store"},
		"simulator shares the client":    {"mercafacil/mercafacilsim/x.go", "// Package mercafacilsim.\npackage mercafacilsim\nimport _ \"pdvagent/mercafacil\"\n", "must not import mercafacil"},
		"words import a library":         {"agent/x.go", "// Package agent.\npackage agent\nimport _ \"github.com/google/uuid\"\n", "standard library only"},
		"a second package knows bbolt":   {"agent/tillapi/x.go", "// Package tillapi.\npackage tillapi\nimport _ \"go.etcd.io/bbolt\"\n", "only store knows bbolt"},
		"production imports a fixture":   {"agent/web/x.go", "// Package web.\npackage web\nimport _ \"pdvagent/store/storetest\"\n", "must not import store/storetest"},
		"a package nobody listed":        {"agent/surprise/x.go", "// Package surprise.\npackage surprise\n", "agent/surprise is not in the table"},
		"a package without a doc":        {"agent/sender/x.go", "package sender\n", "agent/sender has no package doc"},
		"a top level nobody agreed upon": {"helpers/x.go", "// Package helpers.\npackage helpers\n", "helpers is not in the table"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, filepath.FromSlash(planted.file))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(planted.source), 0o600); err != nil {
				t.Fatal(err)
			}
			faults := archFaults(t, root)
			if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, planted.want) }) {
				t.Errorf("got %q, want one with %q", faults, planted.want)
			}
		})
	}
}

func TestReadmeNamesEveryPackageOfTheTable(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range architecture() {
		if !strings.Contains(pkg, "internal/") && !strings.Contains(string(readme), "`"+pkg+"`") {
			t.Errorf("README's table does not have %s", pkg)
		}
	}
}

func TestTopLevelIsWhatTheCustomerFixed(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	fixed := []string{"cmd", "agent", "store", "mercafacil", "payments", "config.example.yaml", "installer", "go.mod", "README.md", "go.sum", "docs"}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(fixed, name) {
			t.Errorf("%s stands at the top level", name)
		}
	}
}

// nested tells whether a module begins in the folder.
func nested(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// archFaults reads every Go file below root and gives what the table does not allow.
func archFaults(t *testing.T, root string) []string {
	t.Helper()
	table, documented := architecture(), make(map[string]bool)
	var faults []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != root {
			return filepath.SkipDir // .ci and .git are not the agent
		}
		if err == nil && entry.IsDir() && file != root && nested(file) {
			return filepath.SkipDir // a module of its own, for comparisons
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(relative))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		allowed, listed := table[pkg]
		if !listed {
			faults = append(faults, pkg+" is not in the table")
			return nil
		}
		isTest := strings.HasSuffix(file, "_test.go")
		if !isTest {
			documented[pkg] = documented[pkg] || parsed.Doc != nil
		}
		for _, spec := range parsed.Imports {
			if fault := importFault(pkg, strings.Trim(spec.Path.Value, `"`), allowed, isTest); fault != "" {
				faults = append(faults, relative+": "+fault)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, has := range documented {
		if !has {
			faults = append(faults, pkg+" has no package doc")
		}
	}
	return faults
}

func importFault(pkg, imported string, allowed []string, isTest bool) string {
	ours, isOurs := strings.CutPrefix(imported, module+"/")
	switch {
	case !isOurs && strings.HasPrefix(imported, "go.etcd.io/bbolt") && !slices.Contains(bboltUsers(), pkg) && !isTest:
		return pkg + " imports bbolt: only store knows bbolt"
	case !isOurs && strings.Contains(strings.Split(imported, "/")[0], ".") && slices.Contains(standardLibraryOnly(), pkg) && !isTest:
		return pkg + " imports " + imported + ": standard library only"
	case !isOurs, isTest, slices.Contains(allowed, ours):
		return ""
	case slices.Contains(testOnly(), ours) && !slices.Contains(testOnly(), pkg):
		return pkg + " must not import " + ours + ": tests alone do"
	case slices.Contains(allowed, everything):
		return ""
	}
	return pkg + " must not import " + ours
}
