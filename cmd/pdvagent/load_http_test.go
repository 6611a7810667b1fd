package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
)

// TestLoadsRoutinesAndTheDayOverHTTP goes through the checked client: openapi.yaml says what each answer looks like.
func TestLoadsRoutinesAndTheDayOverHTTP(t *testing.T) {
	s := newSite(t).open()
	for path, body := range map[string]string{
		"/v2/products":     `[{"sku":"80215","ean":"","name":"CAFE","price":12.90,"active":true}]`,
		"/v2/operators":    `{"operators":[{"id":"7","name":"ANA","email":""}]}`,
		"/v2/coupons-list": "[" + agenttest.Receipt("OLD", "") + "]",
	} {
		if got := s.post(path, body); got.status != http.StatusAccepted || got.field("changed") != 1.0 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	s.post("/v2/coupons", agenttest.Receipt("A", ""))
	run := s.call(http.MethodPost, "/v1/routines/resend/run", supportToken, "{}")
	if run.status != http.StatusAccepted || run.field("cause") != "person" {
		t.Errorf("run: %d %s", run.status, run.body)
	}
	if unknown := s.call(http.MethodPost, "/v1/routines/nada/run", supportToken, "{}"); unknown.status != http.StatusNotFound {
		t.Errorf("no such routine: %d %s", unknown.status, unknown.body)
	}
	id, _ := run.field("id").(string)
	for end := time.Now().Add(5 * time.Second); ; <-time.After(10 * time.Millisecond) {
		runs := s.call(http.MethodGet, "/v1/routines/resend/runs", supportToken, "")
		if strings.Contains(runs.body, id) && strings.Contains(runs.body, `"state":"done"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the run does not end: %s", runs.body)
		}
	}
	if list := s.call(http.MethodGet, "/v1/routines", supportToken, ""); !strings.Contains(list.body, `"when":"a cada 30m"`) {
		t.Errorf("got %s", list.body)
	}
	if day := s.call(http.MethodGet, "/v1/reconcile?day=2026-05-14&sales=1", supportToken, ""); day.field("total.accepted.count") != 1.0 {
		t.Errorf("got %s", day.body)
	}
}
