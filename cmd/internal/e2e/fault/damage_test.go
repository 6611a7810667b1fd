package fault

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/store/storetest"
)

// TestOneDamagedSaleBlindsNobody flips a bit of one of three pending sales while the agent is stopped, in its value, its
// state or an index: all that support asks is answered, there is an alarm, and the other sales go.
func TestOneDamagedSaleBlindsNobody(t *testing.T) {
	for _, place := range []string{"job", "state", "ready", "group"} {
		t.Run(place, func(t *testing.T) {
			s := e2e.NewSite(t)
			s.Clouds.Leave()
			s.Start()
			for _, id := range []string{"A", "B", "C"} {
				s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
			}
			s.Stop()
			storetest.FlipBit(t, s.DataDir(), place, 1)
			s.Start()
			wantSupportServed(t, s, "1")
			if place != "group" { // a wrong entry there leads no reader to the sale
				s.Until("there is an alarm", func() bool { return hasAlarm(s, agent.AlarmSalvaged) })
			}
			wantSupportServed(t, s, "1")
			s.ReturnClouds()
			s.Until("the others are sent", func() bool { return s.Status().Field("queue.pending") == 0.0 })
			for _, id := range []string{"2", "3"} {
				if got := s.Call(http.MethodGet, "/v1/queue/"+id, e2e.SupportToken, ""); got.Text("state") != "sent" {
					t.Errorf("sale %s: %s", id, got.Body)
				}
			}
			if out := s.Command(0, "queue", "ls"); !strings.Contains(out, "enviado") {
				t.Errorf("the command says %s", out)
			}
		})
	}
}

// wantSupportServed asks everything that support asks about a job, and changes it: no answer is the agent's own failure.
func wantSupportServed(t *testing.T, s *e2e.Site, id string) {
	t.Helper()
	for _, call := range [][3]string{
		{http.MethodGet, "/v1/status"},
		{http.MethodGet, "/v1/queue"},
		{http.MethodGet, "/v1/queue?state=pending"},
		{http.MethodGet, "/v1/queue/" + id},
		{http.MethodGet, "/v1/reconcile?day=2026-05-14"},
		{http.MethodGet, "/v1/sales/A"},
		{http.MethodPost, "/v1/queue/" + id + "/retry"},
		{http.MethodPost, "/v1/queue/" + id + "/discard", `{"reason":"teste"}`},
	} {
		if got := s.Call(call[0], call[1], e2e.SupportToken, call[2]); got.Status >= http.StatusInternalServerError {
			t.Errorf("%s %s: %d %s", call[0], call[1], got.Status, got.Body)
		}
	}
}

func hasAlarm(s *e2e.Site, code string) bool {
	var view struct{ Alarms []agent.Alarm }
	status := s.Status()
	status.Decode(s, &view)
	return slices.ContainsFunc(view.Alarms, func(a agent.Alarm) bool { return a.Code == code })
}

// TestDamagedBodyAndStrangersInTheSpoolHoldUpNothing damages the file of a large sale, and puts a folder beside it.
func TestDamagedBodyAndStrangersInTheSpoolHoldUpNothing(t *testing.T) {
	s := e2e.NewSite(t)
	s.Clouds.Leave()
	s.Start()
	large := strings.Replace(agenttest.Receipt("A", "T-A"), "{", `{"nota_interna":"`+strings.Repeat("x", 300<<10)+`",`, 1)
	if got := s.Post("/v2/coupons", large); got.Status != http.StatusAccepted {
		t.Fatalf("the till got %d %s", got.Status, got.Body)
	}
	s.Post("/v2/coupons", agenttest.Receipt("B", "T-B"))
	s.Stop()
	spool := filepath.Join(s.DataDir(), "spool")
	files, err := os.ReadDir(spool)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	path := filepath.Join(spool, files[0].Name())
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 1
	stray := filepath.Join(spool, "Nova pasta")
	err = errors.Join(os.WriteFile(path, body, 0o600), os.Mkdir(stray, 0o700), os.WriteFile(filepath.Join(stray, "a.txt"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	wantSupportServed(t, s, "1")
	s.ReturnClouds()
	s.Until("there is an alarm", func() bool { return hasAlarm(s, agent.AlarmSalvaged) })
	s.Until("nothing waits", func() bool { return s.Status().Field("queue.pending") == 0.0 })
	wantSupportServed(t, s, "1")
	s.WantSoldOnce("B")
}
