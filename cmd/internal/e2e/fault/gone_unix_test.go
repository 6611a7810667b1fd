//go:build !windows

package fault

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// TestSaleIntoADeletedDatabaseIsNotAcknowledged deletes the file under a process: no 202, the process ends as failed, and the
// next one has every sale that was acknowledged, and an alarm.
func TestSaleIntoADeletedDatabaseIsNotAcknowledged(t *testing.T) {
	e2e.RunAsProgram(t)
	s := e2e.NewSite(t)
	s.Clouds.Leave()
	process := s.StartProcess()
	if got := s.Post("/v2/coupons", agenttest.Receipt("A", "T-A")); got.Status != http.StatusAccepted {
		t.Fatalf("the till got %d %s", got.Status, got.Body)
	}
	if err := os.Remove(filepath.Join(s.DataDir(), "pdvagent.db")); err != nil {
		t.Fatal(err)
	}
	if got := s.Post("/v2/coupons", agenttest.Receipt("B", "T-B")); got.Status != http.StatusServiceUnavailable {
		t.Errorf("the till got %d %s", got.Status, got.Body)
	}
	if process.Wait() == nil {
		t.Error("the process ended in order: no service manager starts it again")
	}
	s.StartProcess()
	if !hasAlarm(s, agent.AlarmSalvaged) {
		t.Errorf("the status says %s", s.Status().Body)
	}
	s.Post("/v2/coupons", agenttest.Receipt("B", "T-B")) // as the till was told
	s.ReturnClouds()
	s.WaitDrained()
	s.WantSoldOnce("A", "B")
}
