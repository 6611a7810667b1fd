package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
)

func TestStoreIsCompactedByCommandWhileTheAgentIsStopped(t *testing.T) {
	s := newSite(t).open()
	s.post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.drained()
	if code, _, errOut := runCommand(t, "store", "compact", "--config", s.config); code != exitFailed || !strings.Contains(errOut, "Pare o serviço") {
		t.Errorf("while it runs: got %d, %s", code, errOut)
	}
	s.stop()
	code, out, errOut := runCommand(t, "store", "compact", "--json", "--config", s.config)
	if code != exitDone || !strings.Contains(out, `"bytes_after"`) {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	s.open()
	if got := s.call("GET", "/v1/sales/K", tillToken, ""); got.status != 200 || !strings.Contains(got.body, `"state":"sent"`) {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

// TestSupportVerifiesCarvesBacksUpAndRestores goes through what support does with the files of a stopped agent.
func TestSupportVerifiesCarvesBacksUpAndRestores(t *testing.T) {
	s := newSite(t)
	s.clouds.Leave()
	s.open()
	for _, id := range []string{"A", "B", "C"} {
		s.post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
	}
	data := filepath.Join(filepath.Dir(s.config), "data")
	for _, verb := range []string{"verify", "carve", "backup"} {
		if code, _, said := runCommand(t, "store", verb, "--config", s.config); code != exitFailed || !strings.Contains(said, "Pare o serviço") {
			t.Errorf("%s while it runs: %d, %s", verb, code, said)
		}
	}
	s.stop()
	wantCommand(t, s, exitDone, "3 registros", "store", "verify")
	wantCommand(t, s, exitDone, "backup", "store", "backup")
	backups, err := store.Backups(data)
	if err != nil || len(backups) != 1 {
		t.Fatal(backups, err)
	}
	wantCommand(t, s, exitDone, "3 registros", "store", "verify", filepath.Join(backups[0].Path, "pdvagent.db"))
	tear(t, filepath.Join(data, "pdvagent.db"))
	wantCommand(t, s, exitFailed, "está danificado", "store", "verify")
	wantCommand(t, s, exitFailed, "Integridade dos dados", "doctor")
	wantCommand(t, s, exitDone, "valores do arquivo atual", "store", "carve")
	wantCommand(t, s, exitDone, "3 registros", "store", "verify")
	wantCommand(t, s, exitFailed, "não é um backup", "store", "restore", data+"-none")
	if err := os.Remove(filepath.Join(data, "pdvagent.db")); err != nil {
		t.Fatal(err)
	}
	wantCommand(t, s, exitDone, "retidos", "store", "restore", backups[0].Path)
	s.open()
	status := s.call(http.MethodGet, "/v1/status", supportToken, "")
	var view struct{ Alarms []agent.Alarm }
	status.decode(t, &view)
	if !slices.ContainsFunc(view.Alarms, func(a agent.Alarm) bool { return a.Code == agent.AlarmSalvaged }) || status.field("queue.accepted") != 3.0 {
		t.Errorf("the status says %s", status.body)
	}
	if err := s.clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2", "3"} {
		s.call(http.MethodPost, "/v1/queue/"+id+"/retry", supportToken, "")
	}
	s.drained()
	s.wantSoldOnce("A", "B", "C")
}

func wantCommand(t *testing.T, s *site, code int, says string, args ...string) {
	t.Helper()
	got, out, errOut := runCommand(t, append(args, "--config", s.config)...)
	if got != code || !strings.Contains(out+errOut, says) {
		t.Errorf("%v: exit code %d, want %d, with %q:\n%s%s", args, got, code, says, out, errOut)
	}
}

// tear spoils the head of every page but the first two.
func tear(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 2 * 4096; at < len(file); at += 4096 {
		copy(file[at:], "\xFF\xFF\xFF\xFF")
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestResendSalvagedIsTheConfigurationsWord(t *testing.T) {
	s := newSite(t, "resend_salvaged: false", "resend_salvaged: true")
	s.clouds.Leave()
	s.open()
	s.post("/v2/coupons", agenttest.Receipt("A", "T-A"))
	s.stop()
	path := filepath.Join(filepath.Dir(s.config), "data", "pdvagent.db")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(file[:2*4096])
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.open()
	s.drained()
	s.wantSoldOnce("A")
	var report store.Report
	raw, err := filepath.Glob(filepath.Join(filepath.Dir(path), "salvage", "*.json"))
	if err != nil || len(raw) != 1 {
		t.Fatal(raw, err)
	}
	text, err := os.ReadFile(raw[0])
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil || len(report.Held) != 0 || !report.Unsure {
		t.Errorf("the report is %s, %v", text, err)
	}
}
