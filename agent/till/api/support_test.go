package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/ops/settings"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/till/api"
)

// ids are the jobs of a list, in its order.
func (a answer) ids() string {
	a.t.Helper()
	var page struct{ Jobs []struct{ ID string } }
	a.decode(&page)
	list := []string{}
	for _, job := range page.Jobs {
		list = append(list, job.ID)
	}
	return strings.Join(list, " ")
}

func TestQueueIsListedByStateKindAndPage(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		f.add(agent.Job{Kind: agent.KindCoupon, Session: fmt.Sprint("T", i), Coupon: fmt.Sprint("C", i), Body: []byte("{}")})
	}
	f.add(agent.Job{Kind: agent.KindConfirm, Session: "T0", Body: []byte("{}")})
	f.move(2, func(s *agent.Status) { s.State, s.Reason = agent.Dead, agent.ReasonRefused })
	for query, want := range map[string]string{
		"": "1 2 3 4 5 6", "?state=dead": "2", "?kind=confirm": "6", "?kind=coupon&state=pending": "1 3 4 5", "?after=4": "5 6", "?limit=2": "1 2", "?limit=2&after=2": "3 4", "?state=held": "",
	} {
		got := f.get("/v1/queue" + query).want(http.StatusOK)
		if got.ids() != want {
			t.Errorf("%s: got %s, want %s", query, got.ids(), want)
		}
		next := map[string]any{"?limit=2": "2", "?limit=2&after=2": "4"}[query]
		got.wantField("next", next)
	}
	if got := f.get("/v1/queue"); strings.Contains(got.body, `"body"`) {
		t.Errorf("a list shows bodies: %s", got.body)
	}
}

func TestQueueNamesEveryParameterThatIsWrong(t *testing.T) {
	f := newFixture(t)
	f.get("/v1/queue?state=lost&kind=shoe&limit=0&after=x").wantProblem(http.StatusUnprocessableEntity, "invalid", "state", "kind", "limit", "after")
	for _, query := range []string{"limit=501", "limit=-1", "limit=x"} {
		f.get("/v1/queue?"+query).wantProblem(http.StatusUnprocessableEntity, "invalid", "limit")
	}
	f.get("/v1/queue?limit=500").want(http.StatusOK)
}

func TestJobShowsItsNewestBytesMasked(t *testing.T) {
	f := newFixture(t)
	sent := agenttest.ReceiptWith(`"client_id":"` + agenttest.CPF + `","coupon":"C","fone":41987762038`)
	seq := f.add(agent.Job{Kind: agent.KindCoupon, Coupon: "C", Body: []byte(sent)})
	f.move(seq, func(s *agent.Status) {
		s.State, s.Attempts, s.Reason = agent.Dead, 1, agent.ReasonRefused
		s.Failure = &agent.Failure{Class: agent.ClassStatus, Status: 422, At: noon()}
		s.Answer = &agent.Answer{Status: 422, Body: []byte(`{"message":"client_id ` + agenttest.CPF + ` inválido"}`), At: noon()}
	})
	got := f.get("/v1/queue/1").want(http.StatusOK)
	for path, want := range map[string]any{
		"id": "1", "kind": "coupon", "state": "dead", "reason": "refused", "coupon": "C", "attempts": 1, "last_error.status": 422, "last_answer.status": 422,
		"body.items.0.product_name": "CAFE 500G", "not_before": nil,
	} {
		got.wantField(path, want)
	}
	if strings.Contains(got.body, agenttest.CPF) || strings.Contains(got.body, "41987762038") {
		t.Errorf("support sees a shopper: %s", got.body)
	}
}

func TestJobShowsWhatWentUpInsteadOfWhatCame(t *testing.T) {
	f := newFixture(t)
	seq := f.add(agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte(`{"origin":"came"}`)})
	if got := f.get("/v1/queue/1"); got.field("body.origin") != "came" {
		t.Fatalf("got %s", got.body)
	}
	job, err := f.store.Head(seq)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.store.Commit(t.Context(), agent.Change{Wires: []agent.Wire{{Seq: seq, Body: []byte(`{"origin":"went up"}`)}}, Moves: []agent.Move{{Seq: seq, Status: job.Status}}}); err != nil {
		t.Fatal(err)
	}
	f.get("/v1/queue/1").wantField("body.origin", "went up")
}

func TestJobThatIsNotThereIsNotFound(t *testing.T) {
	f := newFixture(t)
	f.add(agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte("{}")})
	for _, id := range []string{"2", "0", "01", "-1", "x", "99999999999999999999"} {
		f.get("/v1/queue/"+id).wantProblem(http.StatusNotFound, "not_found")
		f.post("/v1/queue/"+id+"/retry", "").wantProblem(http.StatusNotFound, "not_found")
		f.call(http.MethodPut, "/v1/queue/"+id+"/body", "{}").wantProblem(http.StatusNotFound, "not_found")
	}
	if len(f.loyalty.acts) != 0 || f.sender.resumed != 0 {
		t.Errorf("acted: %v", f.loyalty.acts)
	}
}

// unreadable is a store whose key for a job is missing.
type unreadable struct{ api.Store }

func (unreadable) Job(uint64) (agent.Job, error) { return agent.Job{}, agent.ErrKeyMissing }

func (unreadable) Wire(uint64, int) ([]byte, error) { return nil, agent.ErrKeyMissing }

func TestJobWhoseKeyIsMissingShowsItsHead(t *testing.T) {
	f := newFixture(t, func(c *api.Config) { c.Agent.Store = unreadable{c.Agent.Store} })
	f.add(agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte("{}")})
	got := f.get("/v1/queue/1").want(http.StatusOK)
	got.wantField("kind", "confirm")
	got.wantField("body", nil)
}

// damagedJob is a store in which the first job cannot be read, and of which only a list still shows anything.
type damagedJob struct{ api.Store }

func (damagedJob) Job(uint64) (agent.Job, error) { return agent.Job{}, agent.ErrDamaged }

func (damagedJob) Head(uint64) (agent.Job, error) { return agent.Job{}, agent.ErrDamaged }

func (damagedJob) List(agent.State, agent.Kind, uint64, int) ([]agent.Job, error) {
	return []agent.Job{{Seq: 1, Status: agent.Status{State: agent.Damaged}}}, nil
}

func (damagedJob) Wire(uint64, int) ([]byte, error) { return nil, agent.ErrDamaged }

func (damagedJob) OldestPending() (time.Time, error) { return time.Time{}, agent.ErrDamaged }

func TestDamagedJobIsARowOfItsOwnAndChangesWhenItIsMended(t *testing.T) {
	f := newFixture(t, func(c *api.Config) { c.Agent.Store = damagedJob{c.Agent.Store} })
	f.add(agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte("{}")})
	f.get("/v1/queue/1").want(http.StatusOK).wantField("state", "damaged")
	f.get("/v1/queue").want(http.StatusOK)
	f.get("/v1/status").want(http.StatusOK)
	f.post("/v1/queue/1/retry", "").wantProblem(http.StatusConflict, "in_flight")
	f.post("/v1/queue/1/discard", `{"reason":"x"}`).wantProblem(http.StatusConflict, "in_flight")
	f.call(http.MethodPut, "/v1/queue/1/body", "{}").wantProblem(http.StatusConflict, "in_flight")
	if len(f.loyalty.acts) != 0 {
		t.Errorf("acted: %v", f.loyalty.acts)
	}
}

func TestSupportRetriesAndDiscardsAJob(t *testing.T) {
	f := newFixture(t)
	f.add(agent.Job{Kind: agent.KindCoupon, Coupon: "C", Body: []byte("{}")})
	f.loyalty.act = func(seq uint64) { f.move(seq, func(s *agent.Status) { s.State = agent.Discarded }) }
	f.post("/v1/queue/1/discard", `{"reason":"venda de teste"}`).want(http.StatusOK).wantField("state", "discarded")
	f.loyalty.act = nil
	f.post("/v1/queue/1/retry", "").want(http.StatusOK).wantField("id", "1")
	if got := fmt.Sprint(f.loyalty.acts); got != "[discard 1 venda de teste retry 1]" || f.sender.resumed != 2 {
		t.Errorf("asked %s, resumed %d times", got, f.sender.resumed)
	}
	f.post("/v1/queue/1/discard", "{").wantProblem(http.StatusBadRequest, "malformed")
	f.loyalty.err = agent.Errorf(agent.CodeConflict, nil, "Este registro já foi enviado.")
	f.post("/v1/queue/1/retry", "").wantProblem(http.StatusConflict, "conflict")
	if f.sender.resumed != 2 {
		t.Error("a refusal resumed the sender")
	}
}

// Support edits what it sees: masks that come back unchanged stand for what was there.
func TestRepairedBodyKeepsWhatSupportDoesNotSee(t *testing.T) {
	f := newFixture(t)
	original := agenttest.ReceiptWith(`"client_id":"` + agenttest.CPF + `","coupon":"C"`)
	f.add(agent.Job{Kind: agent.KindCoupon, Coupon: "C", Body: []byte(original), Status: agent.Status{State: agent.Held}})
	var shown struct{ Body map[string]any }
	got := f.get("/v1/queue/1")
	got.decode(&shown)
	text := got.body[strings.Index(got.body, `"body":`)+len(`"body":`) : strings.LastIndex(got.body, "}")]
	if strings.Contains(text, agenttest.CPF) {
		t.Fatalf("support sees %s", text)
	}
	f.loyalty.receipt = agent.Receipt{Job: "1", Warnings: []string{"Esta venda já foi enviada com outro cupom."}}
	got = f.call(http.MethodPut, "/v1/queue/1/body", strings.Replace(text, "CAFE 500G", "CAFE 1KG", 1)).want(http.StatusOK)
	got.wantField("job", "1")
	got.wantField("warnings.0", "Esta venda já foi enviada com outro cupom.")
	if want := strings.Replace(original, "CAFE 500G", "CAFE 1KG", 1); string(f.loyalty.repaired) != want || f.sender.resumed != 1 {
		t.Errorf("repaired as %s, want %s; resumed %d times", f.loyalty.repaired, want, f.sender.resumed)
	}
	f.loyalty.receipt = agent.Receipt{Job: "1"}
	f.call(http.MethodPut, "/v1/queue/1/body", "{}").want(http.StatusOK).wantField("warnings", "[]")
	f.loyalty.err = agent.Errorf(agent.CodeInvalid, nil, "A venda não pode estar certa.")
	got = f.call(http.MethodPut, "/v1/queue/1/body", "{}")
	got.wantProblem(http.StatusUnprocessableEntity, "invalid")
	got.wantField("job", "1")
}

func TestRoutinesAreListedAndStarted(t *testing.T) {
	f := newFixture(t)
	ended, done := noon(), routine.Done
	report := routine.Report{ID: "run-0", Routine: "resend", State: done, EndedAt: &ended}
	f.support.entries = []routine.Entry{
		{Name: "resend", When: "a cada 30m", NextAt: &ended, Last: &report}, {Name: "products", When: "a cada 6h", Running: &routine.Report{ID: "run-1", State: routine.Running}},
	}
	f.support.runs = []routine.Report{report}
	f.get("/v1/routines").want(http.StatusOK).wantField("routines.1.running.id", "run-1")
	status := f.get("/v1/status").want(http.StatusOK)
	for path, want := range map[string]any{
		"routines.0.name": "resend", "routines.0.last": "done", "routines.0.last_at": "2026-05-14T15:00:00Z", "routines.0.next_at": "2026-05-14T15:00:00Z", "routines.0.running": false,
		"routines.1.running": true, "routines.1.last": nil, "routines.1.next_at": nil,
	} {
		status.wantField(path, want)
	}
	f.get("/v1/routines/resend/runs").want(http.StatusOK).wantField("runs.0.id", "run-0")
	for query, want := range map[string]string{"": "products false", "?full=1": "products true", "?full=yes": "products false"} {
		f.post("/v1/routines/products/run"+query, "").want(http.StatusAccepted).wantField("id", "run-1")
		if f.support.started != want {
			t.Errorf("%s: started %s, want %s", query, f.support.started, want)
		}
	}
	f.support.err = agent.Errorf(agent.CodeNotPrimary, nil, "Só no caixa principal.")
	f.post("/v1/routines/products/run", "").wantProblem(http.StatusConflict, "not_primary")
	f.get("/v1/routines/products/runs").wantProblem(http.StatusConflict, "not_primary")
}

func TestDayIsTodayInTheShopUnlessAsked(t *testing.T) {
	f := newFixture(t)
	f.support.report = reconcile.Report{Total: reconcile.Totals{}, Sales: []reconcile.Sale{{Coupon: "C"}}}
	f.cfg.Agent.Now = func() time.Time { return time.Date(2026, 5, 15, 1, 0, 0, 0, time.UTC) } // 22:00 of the day before in the shop
	f.remake()
	for query, want := range map[string]struct {
		day   string
		sales bool
	}{"": {"2026-05-14", false}, "?day=2026-01-02": {"2026-01-02", false}, "?sales=1": {"2026-05-14", true}} {
		got := f.get("/v1/reconcile" + query).want(http.StatusOK)
		got.wantField("day", want.day)
		if (got.field("sales") != nil) != want.sales {
			t.Errorf("%s: got %s", query, got.body)
		}
	}
	if got := f.get("/v1/reconcile?format=csv").want(http.StatusOK); got.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(got.body, ";") {
		t.Errorf("got %v %q", got.header, got.body)
	}
	f.support.err = agent.Errorf(agent.CodeInvalid, nil, "Use uma data.")
	f.get("/v1/reconcile?day=x").wantProblem(http.StatusUnprocessableEntity, "invalid")
}

func TestJournalIsReadByWhatIsAskedFor(t *testing.T) {
	f := newFixture(t)
	f.get("/v1/traffic").want(http.StatusOK).wantField("lines", "[]")
	if f.support.query.Limit != 100 {
		t.Errorf("asked %+v", f.support.query)
	}
	f.support.lines = []traffic.Line{{Route: "/v2/coupons", Status: 202}}
	f.get("/v1/traffic?since=2026-05-14T19:12:46Z&route=coupons&key=C&side=cloud&limit=7").want(http.StatusOK).wantField("lines.0.route", "/v2/coupons")
	if want := (traffic.Query{Since: time.Date(2026, 5, 14, 19, 12, 46, 0, time.UTC), Route: "coupons", Key: "C", Side: "cloud", Limit: 7}); f.support.query != want {
		t.Errorf("asked %+v, want %+v", f.support.query, want)
	}
	f.get("/v1/traffic?limit=501").wantProblem(http.StatusUnprocessableEntity, "invalid", "limit")
	f.get("/v1/traffic?since=yesterday&limit=0&side=moon").wantProblem(http.StatusUnprocessableEntity, "invalid", "since", "limit", "side")
	f.support.err = errFailed
	f.get("/v1/traffic").wantProblem(http.StatusInternalServerError, "internal")
}

func TestConfigurationIsShownAndChangedByTheAdministrator(t *testing.T) {
	f := newFixture(t)
	f.support.outcome = settings.Outcome{Version: config.Version{Number: 8}, Applied: []string{"log.level"}, NeedsRestart: []string{}, Warnings: []config.Fault{}}
	f.get("/v1/config").want(http.StatusOK).wantField("log.level", "info")
	f.get("/v1/config/versions").want(http.StatusOK).wantField("versions.0.number", 7)
	got := f.call(http.MethodPut, "/v1/config", `{"store":{"max_mb":9007199254740993}}`).want(http.StatusOK)
	got.wantField("version.number", 8)
	got.wantField("applied.0", "log.level")
	if patch := fmt.Sprint(f.support.patch); patch != "map[store:map[max_mb:9007199254740993]]" || f.support.author != "chefe" {
		t.Errorf("changed %s by %s", patch, f.support.author)
	}
	f.support.author = ""
	f.post("/v1/config/undo", "").want(http.StatusOK).wantField("version.number", 8)
	if f.support.author != "chefe" {
		t.Errorf("undone by %q", f.support.author)
	}
	f.support.patch = nil
	f.call(http.MethodPut, "/v1/config", `[1]`).wantProblem(http.StatusBadRequest, "malformed")
	f.call(http.MethodPut, "/v1/config", `{"a":1,"a":2}`).wantProblem(http.StatusBadRequest, "duplicate_key")
	f.call(http.MethodPut, "/v1/config", `{"a":"`+strings.Repeat("x", 64<<10)+`"}`).wantProblem(http.StatusRequestEntityTooLarge, "too_large")
	if f.support.patch != nil {
		t.Errorf("changed %v", f.support.patch)
	}
}

func TestEveryFaultOfAConfigurationIsNamed(t *testing.T) {
	f := newFixture(t)
	f.support.err = config.Faults{{Field: "log.level", Detail: "Use info."}, {Field: "shop.id", Detail: "Falta."}}
	for _, got := range []answer{f.get("/v1/config"), f.get("/v1/config/versions"), f.call(http.MethodPut, "/v1/config", "{}"), f.post("/v1/config/undo", "")} {
		got.wantProblem(http.StatusUnprocessableEntity, "invalid", "log.level", "shop.id")
	}
	f.support.err = errFailed
	f.get("/v1/config").wantProblem(http.StatusInternalServerError, "internal")
}

func TestMetricsAreServedToSupport(t *testing.T) {
	f := newFixture(t)
	if got := f.get("/metrics").want(http.StatusOK); got.body != "metrics" {
		t.Errorf("got %q", got.body)
	}
}

func TestLoadIsCountedRecordByRecord(t *testing.T) {
	for path, body := range map[string]string{
		"/v2/products": `[{"sku":"1"},{"sku":"2"},{"name":"sem sku"}]`, "/v2/operators": `{"operators":[{"sku":"1"},{"sku":"2"},{"name":"sem sku"}]}`,
		"/v2/coupons-list": "{\"sku\":\"1\"}\n{\"sku\":\"2\"}\n{\"name\":\"sem sku\"}\n",
	} {
		f := newFixture(t)
		media := map[bool]string{true: "application/x-ndjson", false: "application/json"}[path == "/v2/coupons-list"]
		got := f.post(path, body, "Content-Type", media).want(http.StatusAccepted)
		for field, want := range map[string]any{"accepted": 2, "changed": 2, "unchanged": 0, "rejected_total": 1, "rejected.0.index": 2, "rejected.0.code": "required"} {
			got.wantField(field, want)
		}
		if got.header.Get("X-Agent-Delivery") != "queued" {
			t.Errorf("%s: %v", path, got.header)
		}
		again := f.post(path, body, "Content-Type", media).want(http.StatusAccepted)
		again.wantField("unchanged", 2)
		if jobs := f.get("/v1/queue").ids(); jobs != "1" {
			t.Errorf("%s: jobs %s", path, jobs)
		}
	}
}

// A body without a single record that can be read is no load; a load that breaks off keeps what came before.
func TestLoadThatCannotBeReadIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		body, media string
		status      int
		code        string
		kept        bool
	}{
		"nothing":                      {"", "application/json", 400, "malformed", false},
		"an empty list is a load":      {"[]", "application/json", 202, "", false},
		"no JSON at all":               {"produtos", "application/json", 400, "malformed", false},
		"a text":                       {`"produtos"`, "application/json", 400, "malformed", false},
		"a list that is cut":           {`[{"sku":"1"},{"sku":"2"}`, "application/json", 400, "malformed", true},
		"a duplicate key":              {`[{"sku":"1","sku":"2"}]`, "application/json", 400, "duplicate_key", false},
		"one right among wrong ones":   {`[{"sku":"1","sku":"2"},{"sku":"9"}]`, "application/json", 202, "", false},
		"another type":                 {"sku;1", "text/csv", 415, "media_type", false},
		"Latin-1 that says it is UTF8": {"[{\"sku\":\"caf\xe9\"}]", "application/json", 400, "encoding", false},
	} {
		f := newFixture(t)
		got := f.post("/v2/products", c.body, "Content-Type", c.media)
		if jobs := f.get("/v1/queue").ids(); (jobs == "1") != (c.kept || name == "one right among wrong ones") {
			t.Errorf("%s: jobs %q", name, jobs)
		}
		if c.code == "" {
			got.want(c.status)
			continue
		}
		if got.wantProblem(c.status, c.code); t.Failed() {
			t.Fatal(name)
		}
		if detail := fmt.Sprint(got.field("detail")); strings.Contains(detail, "registros certos antes disso foram aceitos") != c.kept {
			t.Errorf("%s: %s", name, detail)
		}
	}
}
