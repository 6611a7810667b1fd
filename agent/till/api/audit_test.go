package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/audit"
	"pdvagent/agent/till/api"
	"pdvagent/agent/till/web"
)

// trail is what the trail has, the newest first.
func (f *fixture) trail(query string, headers ...string) []audit.Entry {
	f.t.Helper()
	got := f.call(http.MethodGet, "/v1/audit"+query, "", headers...)
	if got.status != http.StatusOK {
		f.t.Fatalf("got %d %s", got.status, got.body)
	}
	var page struct{ Entries []audit.Entry }
	got.decode(&page)
	return page.Entries
}

// last is the newest entry.
func (f *fixture) last() audit.Entry {
	f.t.Helper()
	list := f.trail("?limit=1")
	if len(list) == 0 {
		f.t.Fatal("the trail is empty")
	}
	return list[0]
}

// Whoever adds a route that changes something gives it its words in deeds; and each leaves an entry, refused or done, by a
// configured token as by a session.
func TestEveryRouteThatChangesSomethingLeavesAnEntry(t *testing.T) {
	f := newFixture(t)
	a, err := api.New(f.cfg)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, route := range a.Routes() {
		name := route.Method + " " + route.Path
		byPerson := slices.ContainsFunc([]string{"/resolve", "/cancel", "/write-off"}, func(end string) bool { return strings.HasSuffix(route.Path, end) }) && strings.HasPrefix(route.Path, "/v1/")
		if route.Method == http.MethodGet || (route.Scope < web.Support && !byPerson) {
			continue
		}
		seen++
		session := f.console(adminToken) // its own entry is before this one
		f.call(route.Method, concrete(route.Path), `{}`, "Authorization", "Bearer "+session)
		got := f.last()
		if got.Action != name || got.Who != "chefe" || got.Via != audit.ByConsole || len(got.Session) != 16 || got.What == "" || got.At.IsZero() {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if seen < 14 {
		t.Errorf("only %d routes", seen)
	}
}

func TestTillsCallsLeaveNoEntry(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/payments/1/cancel", "/v1/payments/1/resolve", "/v1/boletos/15/write-off", "/v2/coupons"} {
		f.post(path, `{"reason":"x"}`, "Authorization", "Bearer "+tillToken)
	}
	if list := f.trail(""); len(list) != 0 {
		t.Errorf("got %+v", list)
	}
}

func TestEntryTellsWhoDidWhatToWhichJobAndHowItEnded(t *testing.T) {
	f := newFixture(t)
	id := f.held()
	f.loyalty.act = f.discarded
	got := f.post("/v1/queue/"+id+"/discard", `{"reason":"Venda de teste, cliente Florisbela 529.982.247-25"}`, "Authorization", "Bearer "+supportToken, "User-Agent", "pdvagent/1.0")
	if got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	entry := f.last()
	if entry.Who != "suporte" || entry.Via != audit.ByCommand || entry.Session != "" || entry.Target != id || entry.Outcome != audit.Done || !entry.At.Equal(noon()) {
		t.Errorf("got %+v", entry)
	}
	if string(entry.Before) != `{"state":"held","reason":"invalid"}` || string(entry.After) != `{"state":"discarded","reason":"support"}` {
		t.Errorf("from %s to %s", entry.Before, entry.After)
	}
	if !strings.Contains(entry.Reason, "Venda") || strings.Contains(entry.Reason, "Florisbela") || strings.Contains(entry.Reason, "982") {
		t.Errorf("the reason is %q", entry.Reason)
	}
	f.post("/v1/queue/999/retry", "").wantProblem(http.StatusNotFound, "not_found")
	if entry = f.last(); entry.Outcome != audit.Refused || entry.Code != agent.CodeNotFound || entry.Via != audit.ByProgram || entry.Target != "999" {
		t.Errorf("got %+v", entry)
	}
}

func TestEntryOfAPanicSaysThatItFailed(t *testing.T) {
	f := newFixture(t)
	id := f.held()
	f.loyalty.act = func(uint64) { panic("x") }
	if got := f.post("/v1/queue/"+id+"/discard", `{"reason":"x"}`); got.status != http.StatusInternalServerError {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if entry := f.last(); entry.Outcome != audit.Failed {
		t.Errorf("got %+v", entry)
	}
}

func TestEntryOfAConfigurationHasWhatDiffersWithoutSecrets(t *testing.T) {
	f := newFixture(t)
	f.support.show = map[string]any{"sender": map[string]any{"per_second": 20}, "log": map[string]any{"level": "info"}, "mercafacil": map[string]any{"token": "***"}}
	f.support.outcome.Version.Changed = []string{"mercafacil.token", "sender.per_second"}
	f.support.change = func() {
		f.support.show = map[string]any{"sender": map[string]any{"per_second": 5}, "log": map[string]any{"level": "info"}, "mercafacil": map[string]any{"token": "***"}}
	}
	if got := f.call(http.MethodPut, "/v1/config", `{"sender":{"per_second":5},"mercafacil":{"token":"CANARY"}}`); got.status != http.StatusOK {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	entry := f.last()
	if string(entry.Before) != `{"mercafacil.token":"***","sender.per_second":20}` || string(entry.After) != `{"mercafacil.token":"***","sender.per_second":5}` {
		t.Errorf("from %s to %s", entry.Before, entry.After)
	}
	seen := f.trail("?limit=1", "Authorization", "Bearer "+supportToken)[0] // who may not see the configuration sees what changed only
	if string(seen.Before) != `{"mercafacil.token":"***","sender.per_second":"***"}` || string(seen.After) != string(seen.Before) {
		t.Errorf("support sees %s and %s", seen.Before, seen.After)
	}
}

// fullTrail writes nothing.
type fullTrail struct{ api.Audit }

func (fullTrail) Write(context.Context, audit.Entry) error { return agent.ErrStoreFull }

func TestFullStoreStopsNoDeedAndIsSaid(t *testing.T) {
	f := newFixture(t, func(cfg *api.Config) { cfg.Support.Audit = fullTrail{cfg.Support.Audit} })
	got := f.post("/v1/routines/resend/run", "")
	if got.status != http.StatusAccepted || got.header.Get("X-Agent-Audit") != "not_written" {
		t.Errorf("got %d %q %s", got.status, got.header.Get("X-Agent-Audit"), got.body)
	}
	if line := f.seen[len(f.seen)-1]; !strings.Contains(line.Detail, "trilha") {
		t.Errorf("the journal says %q", line.Detail)
	}
}

func TestWrongCredentialsLeaveNoEntryAndRightOnesDo(t *testing.T) {
	f := newFixture(t)
	f.enter("wrong")
	f.post("/v1/console/session", `{"token":"`+tillToken+`"}`, "Authorization", "")
	if list := f.trail(""); len(list) != 0 {
		t.Fatalf("got %+v", list)
	}
	code := f.code(supportToken)
	id, _ := f.enter(code).field("id").(string)
	entry := f.last()
	if entry.Who != "suporte" || entry.Session != id || entry.Outcome != audit.Done {
		t.Errorf("got %+v", entry)
	}
	text, err := json.Marshal(f.trail(""))
	if err != nil || strings.Contains(string(text), code) {
		t.Errorf("the trail has the code: %s, %v", text, err)
	}
}

func TestTrailIsSearched(t *testing.T) {
	f := newFixture(t)
	for i, token := range []string{supportToken, adminToken, supportToken} {
		f.now = noon().Add(time.Duration(i) * time.Hour)
		f.code(token)
	}
	for query, want := range map[string]int{
		"": 3, "?who=suporte": 2, "?since=2026-05-14": 3, "?since=2026-05-15": 0, "?since=2026-05-14T15:30:00Z&until=2026-05-14T16:30:00Z": 1, "?after=3": 2, "?limit=2": 2,
	} {
		if got := f.trail(query); len(got) != want {
			t.Errorf("%q: got %d entries", query, len(got))
		}
	}
	if next := f.get("/v1/audit?limit=2").field("next"); next != "2" {
		t.Errorf("the next page is after %v", next)
	}
	for query, field := range map[string]string{"since=x": "since", "until=x": "until", "limit=0": "limit", "limit=501": "limit", "after=0": "after", "after=x": "after"} {
		f.get("/v1/audit?"+query).wantProblem(http.StatusUnprocessableEntity, "invalid", field)
	}
}

// held adds a coupon that a person must look at, and gives its number.
func (f *fixture) held() string {
	f.t.Helper()
	seq := f.add(agent.Job{Kind: agent.KindCoupon, Coupon: "1", Body: []byte(`{}`), Status: agent.Status{State: agent.Held, Reason: agent.ReasonInvalid}})
	return strconv.FormatUint(seq, 10)
}

// discarded ends a job as support's discard does.
func (f *fixture) discarded(seq uint64) {
	f.t.Helper()
	job, err := f.store.Job(seq)
	if err != nil {
		f.t.Fatal(err)
	}
	status := job.Status
	status.State, status.Reason = agent.Discarded, agent.ReasonSupport+": cliente Florisbela"
	if _, err := f.store.Commit(f.t.Context(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: status}}}); err != nil {
		f.t.Fatal(err)
	}
}
