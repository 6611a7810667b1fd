//go:build linux

package fault

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/traffic"
	"pdvagent/cmd/internal/e2e"
)

// The journal's disk is really full, the sale's is not: the till notices nothing, and afterwards the journal says how much it misses.
func TestFullDiskOfTheJournalIsNoTroubleToTheTill(t *testing.T) {
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, to mount a small disk")
	}
	s := e2e.NewSite(t)
	folder := filepath.Join(s.DataDir(), "traffic")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		agenttest.Missing(t, "the right to mount: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.Stop()
	s.AddMember(e2e.Maria, "Maria")
	one := s.Begin("v2", e2e.Maria)
	one.Apply(e2e.Units("80215", 2, "10.00"))
	one.Sell("K-1")
	s.WaitDrained()
	s.WantSoldOnce("K-1")
	s.Until("the journal gives up", func() bool { return strings.Contains(s.AgentLog.String(), "journal_not_written") })
	if got := s.Call(http.MethodGet, "/metrics", e2e.SupportToken, ""); strings.Contains(got.Body, "\npdvagent_journal_lost_lines_total 0\n") {
		t.Error("nothing was lost on a full disk")
	}
	if got := s.Call(http.MethodGet, "/v1/traffic", e2e.SupportToken, ""); got.Status != http.StatusOK {
		t.Errorf("support asks for the journal: %d %s", got.Status, got.Body)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.Until("the journal goes on, and says what it misses", func() bool {
		<-time.After(200 * time.Millisecond)
		s.Post("/v2/transaction/cancel", e2e.IDBody("transaction_id", "T"))
		return slices.ContainsFunc(s.Journal("?limit=500"), func(line traffic.Line) bool { return line.Dropped > 0 })
	})
}
