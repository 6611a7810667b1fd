package load

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// TestLoadsRoutinesAndTheDayOverHTTP goes through the checked client: openapi.yaml says what each answer looks like.
func TestLoadsRoutinesAndTheDayOverHTTP(t *testing.T) {
	s := e2e.NewSite(t).Start()
	for path, body := range map[string]string{
		"/v2/products":     `[{"sku":"80215","ean":"","name":"CAFE","price":12.90,"active":true}]`,
		"/v2/operators":    `{"operators":[{"id":"7","name":"ANA","email":""}]}`,
		"/v2/coupons-list": "[" + agenttest.Receipt("OLD", "") + "]",
	} {
		if got := s.Post(path, body); got.Status != http.StatusAccepted || got.Field("changed") != 1.0 {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	s.Post("/v2/coupons", agenttest.Receipt("A", ""))
	run := s.Call(http.MethodPost, "/v1/routines/resend/run", e2e.SupportToken, "{}")
	if run.Status != http.StatusAccepted || run.Field("cause") != "person" {
		t.Errorf("run: %d %s", run.Status, run.Body)
	}
	if unknown := s.Call(http.MethodPost, "/v1/routines/nada/run", e2e.SupportToken, "{}"); unknown.Status != http.StatusNotFound {
		t.Errorf("no such routine: %d %s", unknown.Status, unknown.Body)
	}
	id, _ := run.Field("id").(string)
	for end := time.Now().Add(5 * time.Second); ; <-time.After(10 * time.Millisecond) {
		runs := s.Call(http.MethodGet, "/v1/routines/resend/runs", e2e.SupportToken, "")
		if strings.Contains(runs.Body, id) && strings.Contains(runs.Body, `"state":"done"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the run does not end: %s", runs.Body)
		}
	}
	if list := s.Call(http.MethodGet, "/v1/routines", e2e.SupportToken, ""); !strings.Contains(list.Body, `"when":"a cada 30m"`) {
		t.Errorf("got %s", list.Body)
	}
	if day := s.Call(http.MethodGet, "/v1/reconcile?day=2026-05-14&sales=1", e2e.SupportToken, ""); day.Field("total.accepted.count") != 1.0 {
		t.Errorf("got %s", day.Body)
	}
	if found := s.Call(http.MethodGet, "/v1/sales?day=2026-05-14&late=1", e2e.SupportToken, ""); strings.Count(found.Body, `"fate":"delivered"`) != 1 {
		t.Errorf("got %s", found.Body)
	}
}
