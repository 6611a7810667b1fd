package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/mercafacil/mercafacilsim"
)

func execCommand(t *testing.T, self, input string, args []string) (int, string, string) {
	t.Helper()
	var out, errOut bytes.Buffer
	command := exec.CommandContext(t.Context(), self, args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &errOut
	_ = command.Run() // its exit code is what counts
	return command.ProcessState.ExitCode(), out.String(), errOut.String()
}

func TestExitCodesSayWhatHappened(t *testing.T) {
	s := newSite(t)
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
		{"version", []string{"version"}, exitDone, "pdvagent "},
		{"no such command", []string{"fly"}, exitUsage, "fly"},
		{"no such flag", []string{"version", "--fly"}, exitUsage, "fly"},
		{"too many words", []string{"version", "now"}, exitUsage, "now"},
		{"a word missing", []string{"queue", "show"}, exitUsage, "arg"},
		{"a flag missing", []string{"queue", "discard", "1"}, exitUsage, "--reason"},
		{"agent not running", []string{"status", "--config", s.config}, exitNotRunning, "não está em execução"},
		{"queue of no agent", []string{"queue", "ls", "--config", s.config}, exitNotRunning, "não está em execução"},
		{"no configuration", []string{"run", "--config", wrong + ".none"}, exitFailed, "config init"},
		{"wrong configuration", []string{"config", "check", "--config", wrong}, exitFailed, `linha 2: a chave "shopp"`},
		{"run with a wrong configuration", []string{"run", "--config", wrong}, exitFailed, "linha 1: version"},
		{"right configuration", []string{"config", "check", "--config", s.config}, exitDone, "está correto"},
		{"init without answers", []string{"config", "init", "--config", wrong + ".new"}, exitUsage, "--shop"},
		{"init over another", []string{"config", "init", "--config", wrong, "--shop", "1", "--till", "1", "--token", "t"}, exitFailed, "não foi alterado"},
		{"sandbox for everybody", []string{"sandbox", "--listen", "0.0.0.0:0"}, exitFailed, "loopback"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := runCommand(t, c.args...)
			if code != c.code || !strings.Contains(out+errOut, c.says) {
				t.Errorf("got %d, %q, %q; want %d with %q", code, out, errOut, c.code, c.says)
			}
		})
	}
}

func TestInitWritesAFileThatIsRightAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "config.yaml")
	code, _, errOut := runCommand(t, "config", "init", "--config", path, "--shop", "007", "--till", "3", "--token", "T'oken", "--data-dir", t.TempDir())
	if code != exitDone {
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
	s := newSite(t)
	for _, args := range [][]string{{"config", "show", "--config", s.config}, {"config", "show", "--json", "--config", s.config}} {
		code, out, _ := runCommand(t, args...)
		if code != exitDone || !strings.Contains(out, "***") || strings.Contains(out, tillToken) || strings.Contains(out, cloudToken) {
			t.Errorf("got %d, %s", code, out)
		}
	}
}

func TestSupportWorksTheQueueByCommands(t *testing.T) {
	s := newSite(t).open()
	if err := s.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 2}); err != nil {
		t.Fatal(err)
	}
	s.post("/v2/coupons", agenttest.Receipt("A", "T"))
	s.post("/v2/coupons", agenttest.Receipt("B", "U"))
	s.until("both are dead", func() bool { return s.call("GET", "/v1/status", supportToken, "").field("queue.dead") == 2.0 })
	do := func(says string, args ...string) string {
		t.Helper()
		code, out, errOut := runCommand(t, append(args, "--config", s.config)...)
		if code != exitDone || !strings.Contains(out, says) {
			t.Errorf("%v: got %d, %q, %q; want %q", args, code, out, errOut, says)
		}
		return out
	}
	do("ATENÇÃO", "status")
	do("dead", "queue", "ls", "--state", "dead")
	var page struct{ Jobs []struct{ ID string } }
	if err := json.Unmarshal([]byte(do("", "queue", "ls", "--json")), &page); err != nil || len(page.Jobs) != 2 {
		t.Errorf("%v: %+v", err, page)
	}
	if lines := strings.Count(do(`"id":"1"`, "queue", "export"), "\n"); lines != 2 {
		t.Errorf("export has %d lines", lines)
	}
	do(`"coupon": "A"`, "queue", "show", "1")
	do("discarded", "queue", "discard", "2", "--reason", "teste")
	file := filepath.Join(t.TempDir(), "fixed.json")
	if err := os.WriteFile(file, []byte(agenttest.Receipt("A", "T")), 0o600); err != nil {
		t.Fatal(err)
	}
	do(`"job": "1"`, "queue", "repair", "1", "--file", file)
	s.drained()
	s.wantSoldOnce("A")
	if code, _, errOut := runCommand(t, "queue", "retry", "1", "--config", s.config); code != exitFailed || !strings.Contains(errOut, "já terminou") {
		t.Errorf("retry of what was sent: %d, %s", code, errOut)
	}
}

func TestBenchPrintsItsRatios(t *testing.T) {
	code, out, errOut := runCommand(t, "bench", "store", "--json", "--seconds", "0.05", "--rounds", "1", "--dir", t.TempDir())
	var result enqueueResult
	if err := json.Unmarshal([]byte(out), &result); code != exitDone || err != nil || result.Raw <= 0 || result.One <= 0 || result.Many <= 0 {
		t.Errorf("got %d, %s, %s, %v", code, out, errOut, err)
	}
}

func TestBenchSettlesAFileOfBoletos(t *testing.T) {
	code, out, errOut := runCommand(t, "bench", "settlement", "--json", "--records", "1200", "--dir", t.TempDir())
	var result settlementFigures
	if err := json.Unmarshal([]byte(out), &result); code != exitDone || err != nil || result.Records != 1200 || result.Known <= 0 || result.Paid <= 0 || result.PackedMiB <= 0 {
		t.Errorf("got %d, %s, %s, %v", code, out, errOut, err)
	}
}
