package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// wantTrial wants the latest try to stand so, as support sees it.
func wantTrial(s *e2e.Site, state, end string) {
	s.Helper()
	if got := s.Call(http.MethodGet, "/v1/config/trial", e2e.SupportToken, ""); got.Text("state") != state || got.Text("end") != end {
		s.Errorf("want %s %s: %s", state, end, got.Body)
	}
}

func TestAChangeIsTriedByCommand(t *testing.T) {
	s := e2e.NewSite(t).Start()
	before := s.ConfigText()
	wantTrial(s, "none", "")
	if out := s.Command(cli.ExitDone, "config", "try", "sender.per_second", "7"); !strings.Contains(out, "Em experiência até") || !strings.Contains(s.ConfigText(), "per_second: 7") {
		t.Errorf("got %s", out)
	}
	wantTrial(s, "running", "")
	if out := s.Command(cli.ExitFailed, "config", "set", "log.level", "warn"); !strings.Contains(out, "em experiência") {
		t.Errorf("another change: %s", out)
	}
	s.Command(cli.ExitDone, "config", "back")
	if wantTrial(s, "reverted", "person"); s.ConfigText() != before {
		t.Errorf("the file is %s", s.ConfigText())
	}
	s.Command(cli.ExitFailed, "config", "keep")
	s.Command(cli.ExitFailed, "config", "try", "sender.parallel", "2")
	s.Command(cli.ExitFailed, "config", "try", "mercafacil.base_url", "https://other.example.com/")
	s.Command(cli.ExitFailed, "config", "try", "api.tokens[0].token", "x")
	s.Command(cli.ExitUsage, "config", "try", "sender.per_second")
	s.Command(cli.ExitDone, "config", "try", "sender.per_second", "9")
	if out := s.Command(cli.ExitDone, "config", "keep"); !strings.Contains(out, "ficou") || !strings.Contains(s.ConfigText(), "per_second: 9") {
		t.Errorf("got %s", out)
	}
	wantTrial(s, "kept", "person")
	if got := admin(s, http.MethodPost, "/v1/config/trial", `{"sender":{"per_second":11}}`); got.Status != http.StatusAccepted || got.Text("by") != "admin" {
		t.Errorf("over the API: %d %s", got.Status, got.Body)
	}
	if got := admin(s, http.MethodPost, "/v1/config/trial/confirm", `{}`); got.Text("state") != "kept" {
		t.Errorf("over the API: %d %s", got.Status, got.Body)
	}
}

// A new token is shown to the cloud first. One that it takes then and refuses later, in whatever words, ends no sale: they go up
// once the old one is back.
func TestATriedTokenEndsNoSale(t *testing.T) {
	s := e2e.NewSite(t).Start()
	before := s.ConfigText()
	if got := admin(s, http.MethodPost, "/v1/config/trial", `{"mercafacil":{"token":"outro-token-outro-token"}}`); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "recusa este token") || s.ConfigText() != before {
		t.Errorf("a token that the cloud refuses: %d %s", got.Status, got.Body)
	}
	s.Clouds.Leave()
	if got := admin(s, http.MethodPost, "/v1/config/trial", `{"mercafacil":{"token":"outro-token-outro-token"}}`); got.Status != http.StatusServiceUnavailable || s.ConfigText() != before {
		t.Errorf("a cloud that is away: %d %s", got.Status, got.Body)
	}
	if err := s.Clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.AddFault(simkit.Fault{Route: "*", Fault: "status", Status: 400, Times: 1}) // it takes the probe's token
	s.Until("the try begins", func() bool {
		return admin(s, http.MethodPost, "/v1/config/trial", `{"mercafacil":{"token":"outro-token-outro-token"}}`).Status == http.StatusAccepted
	})
	for _, status := range []int{422, 403, 404} {
		s.AddFault(simkit.Fault{Route: "*", Fault: "status", Status: status, Times: 1})
	}
	for _, coupon := range []string{"A-1", "A-2", "A-3", "A-4"} {
		if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt(coupon, ""))); got.Status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", coupon, got.Status, got.Body)
		}
	}
	s.Until("the cloud refuses the token", func() bool { return strings.Contains(s.Status().Body, "cloud_unauthorized") })
	if got := s.Status(); got.Field("queue.dead") != 0.0 || got.Field("queue.held") != 0.0 || got.Field("queue.pending") != 4.0 {
		t.Errorf("during the try: %s", got.Body)
	}
	if got := admin(s, http.MethodDelete, "/v1/config/trial", ""); got.Status != http.StatusOK || s.ConfigText() != before {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	s.WaitDrained()
	if got := s.Status(); got.Field("queue.sent") != 4.0 || len(s.Clouds.Mercafacil.Coupons()) != 4 {
		t.Errorf("after it: %s", got.Body)
	}
}

// A power cut in the middle of a try: the next start has the old file before it reads it, and says so.
func TestAPowerCutTakesATryBack(t *testing.T) {
	e2e.RunAsProgram(t)
	s := e2e.NewSite(t)
	before := s.ConfigText()
	process := s.StartProcess()
	if got := admin(s, http.MethodPost, "/v1/config/trial", `{"sender":{"per_second":7}}`); got.Status != http.StatusAccepted {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.StartProcess()
	if s.ConfigText() != before {
		t.Errorf("the file is %s", s.ConfigText())
	}
	wantTrial(s, "reverted", "restart")
	if got := s.Status(); !strings.Contains(got.Body, "config_trial") {
		t.Errorf("no alarm: %s", got.Body)
	}
	if got := admin(s, http.MethodGet, "/v1/audit?who=pdvagent", ""); !strings.Contains(got.Body, "ninguém confirmou") {
		t.Errorf("the trail has %s", got.Body)
	}
	admin(s, http.MethodDelete, "/v1/config/trial", "") // somebody knows
	if got := s.Status(); strings.Contains(got.Body, "config_trial") {
		t.Errorf("the alarm stays: %s", got.Body)
	}
}
