//go:build linux

package main

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
	"pdvagent/agent/traffic"
)

// The journal's disk is really full, the sale's is not: the till notices nothing, and afterwards the journal says how much it misses.
func TestFullDiskOfTheJournalIsNoTroubleToTheTill(t *testing.T) {
	if os.Getuid() != 0 {
		agenttest.Missing(t, "root, to mount a small disk")
	}
	s := newSite(t)
	folder := filepath.Join(filepath.Dir(s.config), "data", "traffic")
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
	s.open()
	defer s.stop()
	s.member(maria, "Maria")
	one := s.begin("v2", maria)
	one.apply(units("80215", 2, "10.00"))
	one.sell("K-1")
	s.drained()
	s.wantSoldOnce("K-1")
	s.until("the journal gives up", func() bool { return strings.Contains(s.log.String(), "journal_not_written") })
	if got := s.call(http.MethodGet, "/metrics", supportToken, ""); strings.Contains(got.body, "\npdvagent_journal_lost_lines_total 0\n") {
		t.Error("nothing was lost on a full disk")
	}
	if got := s.call(http.MethodGet, "/v1/traffic", supportToken, ""); got.status != http.StatusOK {
		t.Errorf("support asks for the journal: %d %s", got.status, got.body)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.until("the journal goes on, and says what it misses", func() bool {
		<-time.After(200 * time.Millisecond)
		s.post("/v2/transaction/cancel", idBody("transaction_id", "T"))
		return slices.ContainsFunc(s.journal("?limit=500"), func(line traffic.Line) bool { return line.Dropped > 0 })
	})
}
