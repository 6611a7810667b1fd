package cli_test

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
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/store"
)

func TestStoreIsCompactedByCommandWhileTheAgentIsStopped(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.WaitDrained()
	if code, _, errOut := e2e.RunCommand(t, "store", "compact", "--config", s.Config); code != cli.ExitFailed || !strings.Contains(errOut, "Pare o serviço") {
		t.Errorf("while it runs: got %d, %s", code, errOut)
	}
	s.Stop()
	code, out, errOut := e2e.RunCommand(t, "store", "compact", "--json", "--config", s.Config)
	if code != cli.ExitDone || !strings.Contains(out, `"bytes_after"`) {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	s.Start()
	if got := s.Call("GET", "/v1/sales/K", e2e.TillToken, ""); got.Status != 200 || !strings.Contains(got.Body, `"state":"sent"`) {
		t.Errorf("afterwards: %d %s", got.Status, got.Body)
	}
}

// TestSupportVerifiesCarvesBacksUpAndRestores goes through what support does with the files of a stopped agent.
func TestSupportVerifiesCarvesBacksUpAndRestores(t *testing.T) {
	s := e2e.NewSite(t)
	s.Clouds.Leave()
	s.Start()
	for _, id := range []string{"A", "B", "C"} {
		s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
	}
	data := s.DataDir()
	for _, verb := range []string{"verify", "carve", "backup"} {
		if code, _, said := e2e.RunCommand(t, "store", verb, "--config", s.Config); code != cli.ExitFailed || !strings.Contains(said, "Pare o serviço") {
			t.Errorf("%s while it runs: %d, %s", verb, code, said)
		}
	}
	s.Stop()
	wantCommand(t, s, cli.ExitDone, "3 registros", "store", "verify")
	wantCommand(t, s, cli.ExitDone, "backup", "store", "backup")
	backups, err := store.Backups(data)
	if err != nil || len(backups) != 1 {
		t.Fatal(backups, err)
	}
	wantCommand(t, s, cli.ExitDone, "3 registros", "store", "verify", filepath.Join(backups[0].Path, "pdvagent.db"))
	tear(t, filepath.Join(data, "pdvagent.db"))
	wantCommand(t, s, cli.ExitFailed, "está danificado", "store", "verify")
	wantCommand(t, s, cli.ExitFailed, "Integridade dos dados", "doctor")
	wantCommand(t, s, cli.ExitDone, "valores do arquivo atual", "store", "carve")
	wantCommand(t, s, cli.ExitDone, "3 registros", "store", "verify")
	wantCommand(t, s, cli.ExitFailed, "não é um backup", "store", "restore", data+"-none")
	if err := os.Remove(filepath.Join(data, "pdvagent.db")); err != nil {
		t.Fatal(err)
	}
	wantCommand(t, s, cli.ExitDone, "retidos", "store", "restore", backups[0].Path)
	s.Start()
	status := s.Status()
	var view struct{ Alarms []agent.Alarm }
	status.Decode(t, &view)
	if !slices.ContainsFunc(view.Alarms, func(a agent.Alarm) bool { return a.Code == agent.AlarmSalvaged }) || status.Field("queue.accepted") != 3.0 {
		t.Errorf("the status says %s", status.Body)
	}
	s.ReturnClouds()
	for _, id := range []string{"1", "2", "3"} {
		s.Call(http.MethodPost, "/v1/queue/"+id+"/retry", e2e.SupportToken, "")
	}
	s.WaitDrained()
	s.WantSoldOnce("A", "B", "C")
}

func wantCommand(t *testing.T, s *e2e.Site, code int, says string, args ...string) {
	t.Helper()
	got, out, errOut := e2e.RunCommand(t, append(args, "--config", s.Config)...)
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
	s := e2e.NewSite(t, "resend_salvaged: false", "resend_salvaged: true")
	s.Clouds.Leave()
	s.Start()
	s.Post("/v2/coupons", agenttest.Receipt("A", "T-A"))
	s.Stop()
	path := filepath.Join(s.DataDir(), "pdvagent.db")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(file[:2*4096])
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s.ReturnClouds()
	s.Start()
	s.WaitDrained()
	s.WantSoldOnce("A")
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

// TestDeletedDatabaseIsSaidAndANewOneIsAPersonsWord deletes what an antivirus deletes, and begins anew on purpose.
func TestDeletedDatabaseIsSaidAndANewOneIsAPersonsWord(t *testing.T) {
	s := e2e.NewSite(t)
	s.Clouds.Leave()
	s.Start()
	s.Post("/v2/coupons", agenttest.Receipt("A", "T-A"))
	s.Stop()
	wantCommand(t, s, cli.ExitDone, "backup", "store", "backup")
	if err := os.Remove(filepath.Join(s.DataDir(), "pdvagent.db")); err != nil {
		t.Fatal(err)
	}
	s.Start()
	var view struct{ Alarms []agent.Alarm }
	status := s.Status()
	status.Decode(t, &view)
	said := slices.ContainsFunc(view.Alarms, func(a agent.Alarm) bool {
		return a.Code == agent.AlarmSalvaged && strings.Contains(a.Detail, "sumiu")
	})
	if !said || status.Field("queue.held") != 1.0 {
		t.Errorf("the status says %s", status.Body)
	}
	s.Stop()
	wantCommand(t, s, cli.ExitUsage, "--confirm", "store", "new")
	wantCommand(t, s, cli.ExitDone, "começa vazio", "store", "new", "--confirm")
	s.Start()
	if status := s.Status(); status.Field("queue.accepted") != 0.0 || strings.Contains(status.Body, agent.AlarmSalvaged) {
		t.Errorf("the new one says %s", status.Body)
	}
	s.Stop()
	if err := osfile.RemoveTree(s.DataDir()); err != nil {
		t.Fatal(err)
	}
	s.Start() // its marker lies beside the configuration
	if status := s.Status(); !strings.Contains(status.Body, agent.AlarmSalvaged) {
		t.Errorf("without its folder it says %s", status.Body)
	}
}
