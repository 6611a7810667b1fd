package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

// everything is the right of the wiring, of what measures and tests it, and of the installer's builder.
const everything = "*"

// architecture is the import table: which of our packages a package may import. It is held for tests as well, see
// testArrows. A new arrow is added here in the commit that needs it, with the reason
// in its body.
func architecture() map[string][]string {
	table := map[string][]string{
		"cmd/pdvagent":       {"cmd/internal/cli", "cmd/internal/bench"},
		"cmd/internal/app":   {everything},
		"cmd/internal/cli":   {everything},
		"cmd/internal/bench": {everything},
		"cmd/internal/rig":   {"agent", "agent/reading", "agent/config", "agent/sandbox", "agent/till/web"},
		"cmd/internal/usage": {},
		"installer/release":  {everything},
		"installer/linux":    {},
		"store/storetest":    {everything}, // imported by tests only, see testOnly
		"agent/agenttest":    {everything},
	}
	for _, part := range []map[string][]string{foundations(), wings(), clouds()} {
		maps.Copy(table, part)
	}
	maps.Copy(table, hub())
	for _, theme := range []string{"", "/sale", "/contingency", "/fault", "/load", "/payment", "/operation", "/console"} {
		table["cmd/internal/e2e"+theme] = []string{everything}
	}
	return table
}

// words are the domain types, rawjson and reading: whoever touches a body's bytes needs them.
func words(more ...string) []string {
	return append([]string{"agent", "agent/rawjson", "agent/reading"}, more...)
}

// foundations are what all rooms use, and the store.
func foundations() map[string][]string {
	return map[string][]string{
		"agent":                   {},
		"docs":                    {},
		"agent/rawjson":           {"agent"},
		"agent/reading":           {"agent", "agent/rawjson"},
		"agent/records":           {"agent"}, // every room keeps values of its own
		"agent/osfile":            {},
		"agent/door":              {},
		"agent/certificate":       {"agent/osfile"},
		"agent/upstream":          words(),
		"agent/mask":              words(),
		"agent/config":            words("agent/osfile", "agent/certificate", "agent/loads/source", "agent/chain"), // whether a source's section or an invitation is right
		"agent/chain":             {},                                                                              // an agent and its hub speak it
		"agent/simkit":            {},
		"agent/sandbox":           {"mercafacil/mercafacilsim", "payments/ideamaker/ideamakersim", "payments/sevenaz/sevenazsim", "payments/sicoob/sicoobsim", "payments/cashorder/cashordersim"},
		"store":                   words("store/internal/envelope", "store/internal/keyring", "agent/osfile", "store/internal/commit", "store/internal/salvage"),
		"store/internal/envelope": {},
		"store/internal/commit":   {},
		"store/internal/salvage":  {"store/internal/envelope", "agent/osfile"},
		"store/internal/keyring":  {"store/internal/envelope", "agent/osfile"},
	}
}

// wings are the rooms of the agent, by what they serve. Sales, paying and loads never import each other, and nobody below
// till imports till: TestWingsKeepApart holds this table against it.
func wings() map[string][]string {
	return map[string][]string{
		"agent/till/web":     words("agent/door"),
		"agent/till/console": {"agent", "agent/till/web", "docs"}, // it shows the guides
		"agent/till/api":     words("agent/till/web", "agent/sales/unread", "agent/mask", "agent/ops/traffic", "agent/ops/audit", "agent/config", "agent/ops/settings", "agent/ops/homologation", "agent/ops/evidence", "agent/ops/doctor", "agent/loads/catalog", "agent/ops/routine", "agent/loads/source", "agent/loads/inbox", "agent/loads/reconcile", "agent/upstream", "agent/paying/checkout", "agent/paying/settlement", "agent/paying/cardorder", "payments/cashorder", "payments", "payments/pix", "payments/boleto", "payments/ideamaker", "payments/sevenaz"),

		"agent/sales/basket":  {"agent"},
		"agent/sales/loyalty": words("agent/mask", "agent/records", "agent/sales/basket", "mercafacil"),
		"agent/sales/sender":  words("agent/upstream"),
		"agent/sales/unread":  {"agent", "agent/records"},

		"agent/paying/checkout":   {"agent", "agent/reading", "agent/records", "payments", "payments/pix"},
		"agent/paying/settlement": {"agent", "agent/reading", "agent/records", "payments", "payments/boleto"},
		"agent/paying/cardorder":  words("agent/records", "payments", "payments/cashorder"),
		"agent/paying/webhook":    {"agent/door", "agent/certificate"},

		"agent/loads/source":    words("agent/mask", "agent/osfile"), // catalog, history and reconcile read the same kinds of source
		"agent/loads/inbox":     words("agent/mask", "agent/osfile", "agent/loads/source"),
		"agent/loads/catalog":   words("agent/records", "agent/loads/source"),
		"agent/loads/history":   words("agent/osfile", "agent/loads/source"),
		"agent/loads/reconcile": words("agent/loads/source"),

		"agent/ops/routine":   {"agent"},
		"agent/ops/alarm":     {"agent"},
		"agent/ops/audit":     {"agent", "agent/records"},
		"agent/ops/metrics":   {"agent"},
		"agent/ops/traffic":   words("agent/mask", "agent/osfile"),
		"agent/ops/settings":  {"agent", "agent/config"},
		"agent/ops/retention": {},
		"agent/ops/doctor":    {"agent/osfile"},
		"agent/ops/evidence":  words("agent/osfile"),
		"agent/ops/fleet":     {"agent", "agent/config", "agent/loads/source", "agent/osfile"}, // an inventory is a shop's CSV
		"agent/ops/offsite":   {"agent", "agent/osfile"},

		// it masks what it shows, and asks the judges
		"agent/ops/homologation": words("agent/mask", "agent/osfile", "agent/ops/evidence", "mercafacil/homologation"),

		"agent/ops/uplink":  {"agent", "agent/chain", "agent/osfile"},
		"agent/ops/service": {"agent", "agent/osfile"},
		"agent/ops/setup":   {"agent", "agent/osfile", "agent/ops/service"},
	}
}

// clouds are the vendors' clients and their simulators. A simulator never imports its vendor's client: it would repeat its
// mistakes.
func clouds() map[string][]string {
	return map[string][]string{
		"mercafacil":                      words("agent/upstream"),
		"mercafacil/homologation":         words(),                   // it judges the client: it shares nothing with it
		"mercafacil/mercafacilsim":        {"agent", "agent/simkit"}, // its faults and control
		"payments":                        {"agent", "agent/reading"},
		"payments/pix":                    {"agent", "agent/reading"},
		"payments/boleto":                 {"agent", "agent/reading"},
		"payments/ideamaker":              {"agent", "agent/reading", "agent/upstream", "payments", "payments/pix"},
		"payments/sevenaz":                {"agent", "agent/reading", "agent/upstream", "payments", "payments/pix"},
		"payments/sicoob":                 words("agent/certificate", "agent/osfile", "agent/upstream", "payments", "payments/boleto", "payments/pix"), // its roots are a file
		"payments/cashorder":              {"agent", "agent/reading", "agent/upstream", "payments"},
		"payments/ideamaker/ideamakersim": {"agent", "payments/pix", "agent/simkit"},
		"payments/sevenaz/sevenazsim":     {"agent", "payments/pix", "payments/boleto", "agent/simkit"},
		"payments/sicoob/sicoobsim":       {"agent", "payments/pix", "payments/boleto", "agent/simkit"},
		"payments/cashorder/cashordersim": {"agent/simkit"},
		"payments/paymentstest":           {everything},
	}
}

// hub is the chain's hub: it shares words and files with the agent, and nothing else.
func hub() map[string][]string {
	const of = "cmd/pdvhub/internal/"
	return map[string][]string{
		"cmd/pdvhub":  {of + "cli"},
		of + "cli":    {of + "hub", of + "ledger", of + "fleet", "cmd/internal/usage"},
		of + "hub":    {of + "broker", of + "ledger", "agent/chain", "agent/osfile"},
		of + "broker": {"agent/chain", "agent/osfile"},
		of + "ledger": {"agent/chain", "agent/osfile"},
		of + "fleet":  {of + "ledger", "agent", "agent/chain"},
	}
}

// testArrows are what a package's tests may import beyond the package's own arrows and the fixtures: the real thing behind
// an interface, or the simulator of what is called.
func testArrows() map[string][]string {
	return map[string][]string{
		"agent/records":           {"store"},
		"agent/loads/catalog":     {"store", "mercafacil"},
		"agent/loads/reconcile":   {"store"},
		"agent/paying/cardorder":  {"store", "agent/simkit", "payments/cashorder/cashordersim"},
		"agent/paying/checkout":   {"store"},
		"agent/paying/settlement": {"store", "agent/simkit", "payments/sicoob", "payments/sicoob/sicoobsim"},
		"agent/sales/basket":      {"agent/rawjson", "agent/reading", "mercafacil"},
		"agent/sales/loyalty":     {"store"},
		"agent/sales/sender":      {"store"},
		"agent/sales/unread":      {"store"},
		"agent/ops/audit":         {"store"},
		"agent/paying/webhook":    {"agent/osfile"},
		"agent/ops/service":       {"agent/mask"},
		"agent/till/api":          {"store"},
		"payments/cashorder":      {"agent/simkit", "payments/cashorder/cashordersim"},
		"payments/ideamaker":      {"agent/simkit", "payments/ideamaker/ideamakersim"},
		"payments/sevenaz":        {"agent/simkit", "payments/sevenaz/sevenazsim"},
		"payments/sicoob":         {"agent/simkit", "payments/sicoob/sicoobsim"},
		"cmd/internal/rig":        {},

		// the real agent, and its side of the hub
		"cmd/pdvhub/internal/cli": {"agent/chain"},
		"cmd/pdvhub/internal/hub": {"agent", "agent/ops/uplink", "cmd/internal/rig", "cmd/pdvhub/internal/fleet"},
	}
}

func standardLibraryOnly() []string { return []string{"agent", "agent/rawjson"} }

func testOnly() []string {
	return []string{"store/storetest", "agent/agenttest", "payments/paymentstest", "cmd/internal/e2e"}
}

// bboltUsers are the only packages that may know the database.
func bboltUsers() []string { return []string{"store", "store/storetest"} }

const module = "pdvagent"

func TestImportsFollowTheTable(t *testing.T) {
	for _, fault := range archFaults(t, agenttest.Root()) {
		t.Error(fault)
	}
}

func TestWingsKeepApart(t *testing.T) {
	for table, arrows := range map[string]map[string][]string{"architecture": architecture(), "testArrows": testArrows()} {
		for pkg, imported := range arrows {
			for _, other := range imported {
				if fault := wingFault(pkg, other); fault != "" {
					t.Errorf("%s: %s", table, fault)
				}
			}
		}
	}
}

func TestWingFaults(t *testing.T) {
	for arrow, allowed := range map[[2]string]bool{
		{"agent/sales/sender", "agent/paying/checkout"}:  false,
		{"agent/loads/history", "agent/sales/loyalty"}:   false,
		{"agent/ops/metrics", "agent/till/web"}:          false,
		{"store", "agent/till/api"}:                      false,
		{"agent/ops/settings", "agent/config"}:           true,
		{"agent/loads/history", "agent/loads/source"}:    true,
		{"agent/till/api", "agent/paying/checkout"}:      true,
		{"cmd/internal/rig", "agent/till/web"}:           true,
		{"mercafacil/mercafacilsim", "agent/till/web"}:   false,
		{"agent/sales/loyalty", "agent/sales/basket"}:    true,
		{"agent/paying/cardorder", "agent/ops/settings"}: false,
	} {
		if got := wingFault(arrow[0], arrow[1]) == ""; got != allowed {
			t.Errorf("%s -> %s: allowed is %v", arrow[0], arrow[1], got)
		}
	}
}

// wingOf gives sales for agent/sales/loyalty; nothing for what is in no wing.
func wingOf(pkg string) string {
	for _, wing := range []string{"till", "sales", "paying", "loads", "ops"} {
		if strings.HasPrefix(pkg, "agent/"+wing+"/") {
			return wing
		}
	}
	return ""
}

func wingFault(pkg, imported string) string {
	from, to := wingOf(pkg), wingOf(imported)
	serving := []string{"sales", "paying", "loads"}
	switch {
	case from == to || to == "" || strings.HasPrefix(pkg, "cmd/"):
		return ""
	case to == "till":
		return pkg + " must not import " + imported + ": nobody below till imports till"
	case slices.Contains(serving, from) && slices.Contains(append(serving, "ops"), to):
		return pkg + " must not import " + imported + ": sales, paying and loads stand apart, and ops above them"
	}
	return ""
}

func TestForbiddenArrowFailsTheTable(t *testing.T) {
	for name, planted := range map[string]struct{ file, source, want string }{
		"sender learns of the store":     {"agent/sales/sender/x.go", "// Package sender.\npackage sender\nimport _ \"pdvagent/store\"\n", "agent/sales/sender must not import store"},
		"simulator shares the client":    {"mercafacil/mercafacilsim/x.go", "// Package mercafacilsim.\npackage mercafacilsim\nimport _ \"pdvagent/mercafacil\"\n", "must not import mercafacil"},
		"words import a library":         {"agent/x.go", "// Package agent.\npackage agent\nimport _ \"github.com/google/uuid\"\n", "standard library only"},
		"a second package knows bbolt":   {"agent/till/api/x.go", "// Package api.\npackage api\nimport _ \"go.etcd.io/bbolt\"\n", "only store knows bbolt"},
		"a test crosses the wings":       {"agent/paying/checkout/x_test.go", "package checkout\nimport _ \"pdvagent/agent/sales/loyalty\"\n", "agent/paying/checkout must not import agent/sales/loyalty"},
		"the store learns of till":       {"store/x_test.go", "package store\nimport _ \"pdvagent/agent/till/web\"\n", "store must not import agent/till/web"},
		"production imports a fixture":   {"agent/till/web/x.go", "// Package web.\npackage web\nimport _ \"pdvagent/store/storetest\"\n", "must not import store/storetest"},
		"a package nobody listed":        {"agent/surprise/x.go", "// Package surprise.\npackage surprise\n", "agent/surprise is not in the table"},
		"a package without a doc":        {"agent/sales/sender/x.go", "package sender\n", "agent/sales/sender has no package doc"},
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

func TestTopLevelIsWhatTheCustomerFixed(t *testing.T) {
	entries, err := os.ReadDir(agenttest.Root())
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
	if !isOurs {
		return libraryFault(pkg, imported, isTest)
	}
	fixture := slices.Contains(testOnly(), ours)
	switch {
	case ours == pkg, slices.Contains(allowed, ours):
		return ""
	case isTest && (fixture || slices.Contains(testArrows()[pkg], ours)):
		return ""
	case fixture && !isFixture(pkg):
		return pkg + " must not import " + ours + ": tests alone do"
	case slices.Contains(allowed, everything):
		return ""
	}
	return pkg + " must not import " + ours
}

// isFixture tells that only tests import a package, or nobody: a theme of the tests of the whole agent.
func isFixture(pkg string) bool {
	return slices.Contains(testOnly(), pkg) || strings.HasPrefix(pkg, "cmd/internal/e2e/")
}

func libraryFault(pkg, imported string, isTest bool) string {
	switch {
	case isTest:
		return ""
	case strings.HasPrefix(imported, "go.etcd.io/bbolt") && !slices.Contains(bboltUsers(), pkg):
		return pkg + " imports bbolt: only store knows bbolt"
	case strings.Contains(strings.Split(imported, "/")[0], ".") && slices.Contains(standardLibraryOnly(), pkg):
		return pkg + " imports " + imported + ": standard library only"
	}
	return ""
}
