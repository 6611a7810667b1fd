package operation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/doctor"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// withPendingSales starts an agent without its clouds and sells A and B.
func withPendingSales(t *testing.T) *e2e.Site {
	t.Helper()
	s := e2e.NewSite(t)
	s.Clouds.Leave()
	s.Start()
	for _, id := range []string{"A", "B"} {
		s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
	}
	return s
}

// replaceByCopy moves the data aside and leaves a copy in their place.
func replaceByCopy(t *testing.T, data, original string) {
	t.Helper()
	if err := os.Rename(data, original); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data, os.DirFS(original)); err != nil {
		t.Fatal(err)
	}
}

// A copy of a till's data beside it, with the same machine's id: the original sends its sales, the copy holds them and says so
// in the alarm, in doctor and in the queue; once a person lets them go nothing is there twice.
func TestACopyOfTheDataSellsNothingTwice(t *testing.T) {
	s := withPendingSales(t)
	s.Stop()
	data, kept := s.DataDir(), s.DataDir()+"-original"
	replaceByCopy(t, data, kept)
	s.ReturnClouds()
	s.Start()
	s.Post("/v2/coupons", agenttest.Receipt("C", "T-C"))
	s.WaitDrained()
	s.WantSoldOnce("C")
	if status := s.Status(); !strings.Contains(status.Body, "store_cloned") || status.Field("queue.held") != 2.0 {
		t.Errorf("the status says %s", status.Body)
	}
	_, found := s.Doctor()
	if f := found["clone"]; f.Verdict != doctor.Warn || !strings.Contains(f.Evidence, "clone") || !strings.Contains(f.Evidence, "2 registros") {
		t.Errorf("doctor says %+v", f)
	}
	if _, out, _ := e2e.RunCommand(t, "queue", "ls", "--state", "retido", "--config", s.Config); strings.Count(out, "cópia (clone)") != 2 {
		t.Errorf("the queue says %s", out)
	}
	s.Stop()
	if err := os.Rename(data, data+"-copy"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kept, data); err != nil {
		t.Fatal(err)
	}
	s.Start()
	s.WaitDrained()
	s.WantSoldOnce("A", "B", "C")
	if status := s.Status(); strings.Contains(status.Body, "store_cloned") {
		t.Errorf("the original takes itself for a copy: %s", status.Body)
	}
}

func TestWhatACloneHoldsGoesByOneCommand(t *testing.T) {
	s := withPendingSales(t)
	s.Post("/v2/coupons", "{}") // held for another reason: it stays
	s.Stop()
	replaceByCopy(t, s.DataDir(), s.DataDir()+"-original")
	s.ReturnClouds()
	s.Start()
	if code, _, errOut := e2e.RunCommand(t, "queue", "retry", "--reason", "invalid", "--config", s.Config); code != cli.ExitUsage || !strings.Contains(errOut, "copia ou resgate") {
		t.Errorf("another reason: %d, %s", code, errOut)
	}
	if code, out, errOut := e2e.RunCommand(t, "queue", "retry", "--reason", "cloned", "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "2 registros") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	s.WaitDrained()
	s.WantSoldOnce("A", "B")
	if held := s.Status().Field("queue.held"); held != 1.0 {
		t.Errorf("%v are held", held)
	}
}

// A backup that is brought back onto a healthy till, and onto another till that has sold.
func TestABackupIsRestoredOntoTillsThatSold(t *testing.T) {
	s := withPendingSales(t)
	s.Stop()
	s.Command(cli.ExitDone, "store", "backup")
	backups, err := filepath.Glob(filepath.Join(s.DataDir(), "backup", "2*"))
	if err != nil || len(backups) != 1 {
		t.Fatal(backups, err)
	}
	if out := s.Command(cli.ExitDone, "store", "restore", backups[0]); !strings.Contains(out, "O backup foi restaurado") || strings.Contains(out, "disco") {
		t.Errorf("onto a healthy disk: %s", out)
	}
	_, found := s.Doctor()
	if f := found["salvage"]; strings.Contains(f.Advice+f.Evidence, "troque") || !strings.Contains(f.Evidence, "restaurado") {
		t.Errorf("doctor says %+v", f)
	}
	old := filepath.Join(filepath.Dir(s.DataDir()), "old")
	if err := os.Rename(s.DataDir(), old); err != nil {
		t.Fatal(err)
	}
	s.Start() // a new till in its place
	for _, id := range []string{"B", "D"} {
		s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
	}
	s.Stop()
	if out := s.Command(cli.ExitDone, "store", "restore", filepath.Join(old, "backup", filepath.Base(backups[0]))); !strings.Contains(out, "1 já estavam aqui") || !strings.Contains(out, "1 registros retidos") {
		t.Errorf("onto a till that sold: %s", out)
	}
	s.ReturnClouds()
	s.Start()
	s.WaitDrained()
	s.WantSoldOnce("B", "D")
	if status := s.Status(); strings.Contains(status.Body, "troque o disco") || !strings.Contains(status.Body, "Um backup foi restaurado") {
		t.Errorf("the status says %s", status.Body)
	}
	s.Command(cli.ExitDone, "queue", "retry", "--reason", "salvaged")
	s.WaitDrained()
	s.WantSoldOnce("A", "B", "D")
}
