package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/settings"
)

func TestConfigurationHasAVersionThatAChangeMayWant(t *testing.T) {
	f := newFixture(t)
	f.support.outcome = settings.Outcome{Version: config.Version{Number: 8, At: noon()}}
	tag := f.get("/v1/config").want(http.StatusOK).header.Get("ETag")
	if tag != `"8-`+strings.TrimPrefix(settings.Tag(f.support.outcome.Version), "8-")+`"` {
		t.Errorf("got %s", tag)
	}
	for header, want := range map[string]string{tag: strings.Trim(tag, `"`), "*": "", "": ""} {
		for method, path := range map[string]string{http.MethodPut: "/v1/config", http.MethodPost: "/v1/config/undo"} {
			got := f.call(method, path, `{}`, "If-Match", header).want(http.StatusOK)
			if f.support.seen != want || got.header.Get("ETag") != tag {
				t.Errorf("%s with %q: it wants %q, and answers %q", path, header, f.support.seen, got.header.Get("ETag"))
			}
		}
	}
	f.support.err = agent.Errorf(agent.CodeChanged, nil, "ana mudou.")
	f.call(http.MethodPut, "/v1/config", `{}`, "If-Match", tag).wantProblem(http.StatusPreconditionFailed, "changed")
}

func TestATryIsSeenBySupportAndEndedByTheAdministrator(t *testing.T) {
	f := newFixture(t)
	asSupport := []string{"Authorization", "Bearer " + supportToken}
	f.call(http.MethodGet, "/v1/config/trial", "", asSupport...).want(http.StatusOK).wantField("state", "none")
	f.support.trial = config.Trial{State: config.TrialRuns, By: "chefe", Began: noon(), Deadline: noon().Add(5 * time.Minute), Changed: []string{"log.level"}}
	f.support.outcome = settings.Outcome{Version: config.Version{Number: 9}, Applied: []string{"log.level"}}
	began := f.post("/v1/config/trial", `{"log":{"level":"debug"}}`).want(http.StatusAccepted)
	began.wantField("left_seconds", 300)
	began.wantField("applied.0", "log.level")
	f.call(http.MethodGet, "/v1/config/trial", "", asSupport...).wantField("state", "running")
	for method, path := range map[string]string{http.MethodPost: "/v1/config/trial", http.MethodDelete: "/v1/config/trial"} {
		f.call(method, path, `{}`, asSupport...).wantProblem(http.StatusForbidden, "scope")
	}
	f.post("/v1/config/trial/confirm", `{}`, asSupport...).wantProblem(http.StatusForbidden, "scope")
	f.post("/v1/config/trial/confirm", `{}`).want(http.StatusOK)
	if f.support.author != "keep chefe" {
		t.Errorf("by %s", f.support.author)
	}
	f.call(http.MethodDelete, "/v1/config/trial", "").want(http.StatusOK)
	if f.support.author != "back chefe" {
		t.Errorf("by %s", f.support.author)
	}
	f.support.err = config.Faults{{Field: "sender.parallel", Detail: "x"}}
	f.post("/v1/config/trial", `{"sender":{"parallel":9}}`).wantProblem(http.StatusUnprocessableEntity, "invalid", "sender.parallel")
	trail := f.get("/v1/audit")
	if n := strings.Count(trail.body, "/v1/config/trial"); n < 3 {
		t.Errorf("the trail has %s", trail.body)
	}
}
