package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

func TestExitCodesSayWhatHappened(t *testing.T) {
	s := e2e.NewSite(t)
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("version: 2\nshopp: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"version", []string{"version"}, cli.ExitDone, "pdvagent "},
		{"no such command", []string{"fly"}, cli.ExitUsage, "fly"},
		{"no such flag", []string{"version", "--fly"}, cli.ExitUsage, "fly"},
		{"too many words", []string{"version", "now"}, cli.ExitUsage, "now"},
		{"a word missing", []string{"queue", "show"}, cli.ExitUsage, "uso é"},
		{"a flag missing", []string{"queue", "discard", "1"}, cli.ExitUsage, "--reason"},
		{"agent not running", []string{"status", "--config", s.Config}, cli.ExitNotRunning, "não está em execução"},
		{"queue of no agent", []string{"queue", "ls", "--config", s.Config}, cli.ExitNotRunning, "não está em execução"},
		{"no configuration", []string{"run", "--config", wrong + ".none"}, cli.ExitFailed, "config init"},
		{"wrong configuration", []string{"config", "check", "--config", wrong}, cli.ExitFailed, `linha 2: a chave "shopp"`},
		{"run with a wrong configuration", []string{"run", "--config", wrong}, cli.ExitFailed, "linha 1: version"},
		{"right configuration", []string{"config", "check", "--config", s.Config}, cli.ExitDone, "está correto"},
		{"init without answers", []string{"config", "init", "--config", wrong + ".new"}, cli.ExitUsage, "--shop"},
		{"init over another", []string{"config", "init", "--config", wrong, "--shop", "1", "--till", "1", "--token", "t"}, cli.ExitFailed, "não foi alterado"},
		{"sandbox for everybody", []string{"sandbox", "--listen", "0.0.0.0:0"}, cli.ExitFailed, "loopback"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := e2e.RunCommand(t, c.args...)
			if code != c.code || !strings.Contains(out+errOut, c.says) {
				t.Errorf("got %d, %q, %q; want %d with %q", code, out, errOut, c.code, c.says)
			}
		})
	}
}

func TestInitWritesAFileThatIsRightAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "config.yaml")
	code, _, errOut := e2e.RunCommand(t, "config", "init", "--config", path, "--shop", "007", "--till", "3", "--token", "T'oken", "--data-dir", t.TempDir())
	if code != cli.ExitDone {
		t.Fatalf("got %d, %s", code, errOut)
	}
	cfg, warnings, err := config.Load(path, os.LookupEnv)
	if err != nil || len(warnings) != 0 || cfg.Shop.ID != "007" || cfg.Mercafacil.Token.Reveal() != "T'oken" || len(cfg.API.Tokens) != 3 {
		t.Errorf("got %+v, %v, %v", cfg, warnings, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestShowHidesSecretsInBothFormats(t *testing.T) {
	s := e2e.NewSite(t)
	for _, args := range [][]string{{"config", "show", "--config", s.Config}, {"config", "show", "--json", "--config", s.Config}} {
		code, out, _ := e2e.RunCommand(t, args...)
		if code != cli.ExitDone || !strings.Contains(out, "***") || strings.Contains(out, e2e.TillToken) || strings.Contains(out, e2e.CloudToken) {
			t.Errorf("got %d, %s", code, out)
		}
	}
}

func TestSupportWorksTheQueueByCommands(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 2})
	s.Post("/v2/coupons", agenttest.Receipt("A", "T"))
	s.Post("/v2/coupons", agenttest.Receipt("B", "U"))
	s.Until("both are dead", func() bool { return s.Status().Field("queue.dead") == 2.0 })
	do := func(says string, args ...string) string {
		t.Helper()
		code, out, errOut := e2e.RunCommand(t, append(args, "--config", s.Config)...)
		if code != cli.ExitDone || !strings.Contains(out, says) {
			t.Errorf("%v: got %d, %q, %q; want %q", args, code, out, errOut, says)
		}
		return out
	}
	do("ATENÇÃO", "status")
	do("recusado", "queue", "ls", "--state", "dead")
	var page struct{ Jobs []struct{ ID string } }
	if err := json.Unmarshal([]byte(do("", "queue", "ls", "--json")), &page); err != nil || len(page.Jobs) != 2 {
		t.Errorf("%v: %+v", err, page)
	}
	if lines := strings.Count(do(`"id":"1"`, "queue", "export"), "\n"); lines != 2 {
		t.Errorf("export has %d lines", lines)
	}
	do("Cupom: A", "queue", "show", "1")
	do("descartado", "queue", "discard", "2", "--reason", "teste")
	file := filepath.Join(t.TempDir(), "fixed.json")
	if err := os.WriteFile(file, []byte(agenttest.Receipt("A", "T")), 0o600); err != nil {
		t.Fatal(err)
	}
	do("registro 1", "queue", "repair", "1", "--file", file)
	s.WaitDrained()
	s.WantSoldOnce("A")
	if code, _, errOut := e2e.RunCommand(t, "queue", "retry", "1", "--config", s.Config); code != cli.ExitFailed || !strings.Contains(errOut, "já terminou") {
		t.Errorf("retry of what was sent: %d, %s", code, errOut)
	}
}
