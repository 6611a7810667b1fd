package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/till/api"
)

func TestEveryRouteOfASaleHandsOverItsKindAndDialect(t *testing.T) {
	for path, want := range map[string]agent.Submission{
		"/v2/transaction/confirm":   {Kind: agent.KindConfirm, Dialect: agent.V2},
		"/v2/transaction/cancel":    {Kind: agent.KindCancel, Dialect: agent.V2},
		"/v2.2/transaction/confirm": {Kind: agent.KindConfirm, Dialect: agent.V22},
		"/v2.2/transaction/cancel":  {Kind: agent.KindCancel, Dialect: agent.V22},
		"/v2/coupons":               {Kind: agent.KindCoupon, Dialect: agent.V22}, // that both dialects share: the configured one
		"/v2/coupons-cancellation":  {Kind: agent.KindCouponCancellation, Dialect: agent.V22},
	} {
		f := newFixture(t)
		f.loyalty.receipt = agent.Receipt{Job: "5", Coupon: "001-made"}
		got := f.post(path, "{\"x\":\"caf\xe9\"}", "Content-Type", "application/json; charset=windows-1252").want(http.StatusAccepted)
		if got.body != `{"status":"queued","job":"5","coupon":"001-made"}`+"\n" || got.header.Get("X-Agent-Delivery") != "queued" {
			t.Errorf("%s: got %s %v", path, got.body, got.header)
		}
		if sub := f.loyalty.submissions[0]; sub.Kind != want.Kind || sub.Dialect != want.Dialect || string(sub.Body) != `{"x":"café"}` {
			t.Errorf("%s: handed over %+v, body %s", path, sub, sub.Body)
		}
		if len(f.sender.hurried) != 0 {
			t.Errorf("%s: hurried though nobody waits", path)
		}
	}
}

func TestSaleThatCameBeforeIsSaidToBeReplayed(t *testing.T) {
	f := newFixture(t)
	f.loyalty.receipt = agent.Receipt{Job: "5", Replayed: true}
	got := f.post("/v2/coupons", "{}").want(http.StatusAccepted)
	if got.header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("got %v", got.header)
	}
}

func TestTillThatTakesOnlyTwoHundredGetsIt(t *testing.T) {
	f := newFixture(t, func(c *api.Config) { c.Sales.QueuedStatus = 200 })
	f.loyalty.receipt = agent.Receipt{Job: "5"}
	f.post("/v2/coupons", "{}").want(http.StatusOK).wantField("status", "queued")
	f.post("/v2/products", `[{"sku":"1"}]`).want(http.StatusOK)
}

func TestRefusedSaleThatWasKeptNamesItsJob(t *testing.T) {
	f := newFixture(t)
	f.loyalty.receipt = agent.Receipt{Job: "5"}
	refusal := agent.Errorf(agent.CodeInvalid, nil, "A venda não pode estar certa.")
	refusal.Fields = []agent.Fault{{Field: "date", Code: "invalid", Detail: "Use uma data."}}
	f.loyalty.err = refusal
	got := f.post("/v2/coupons", "{}")
	got.wantProblem(http.StatusUnprocessableEntity, "invalid", "date")
	got.wantField("job", "5")
}

func TestBodyOfASaleIsBounded(t *testing.T) {
	f := newFixture(t)
	f.post("/v2/coupons", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`).wantProblem(http.StatusRequestEntityTooLarge, "too_large")
	f.post("/v2/coupons", "{}", "Content-Type", "text/plain").wantProblem(http.StatusUnsupportedMediaType, "media_type")
	if len(f.loyalty.submissions) != 0 {
		t.Errorf("handed over %+v", f.loyalty.submissions)
	}
}

// The first sale without room raises the alarm; the first that finds room ends it; other refusals do neither.
func TestFullStoreRaisesItsAlarmUntilThereIsRoom(t *testing.T) {
	f := newFixture(t)
	f.loyalty.err = agent.Errorf(agent.CodeStoreFull, nil, "cheio")
	f.post("/v2/coupons", "{}").wantProblem(http.StatusInsufficientStorage, "store_full")
	f.post("/v2/transaction/start", "{}").wantProblem(http.StatusInsufficientStorage, "store_full")
	if list := f.alarms.List(); len(list) != 1 || list[0].Code != agent.AlarmStoreFull || !list[0].Since.Equal(noon()) || list[0].Detail == "" {
		t.Fatalf("alarms: %+v", list)
	}
	f.loyalty.err = agent.Errorf(agent.CodeConflict, nil, "outra")
	f.post("/v2/coupons", "{}").wantProblem(http.StatusConflict, "conflict")
	if len(f.alarms.List()) != 1 {
		t.Error("a refusal ended the alarm")
	}
	f.loyalty.err = nil
	f.post("/v2/coupons", "{}").want(http.StatusAccepted)
	if list := f.alarms.List(); len(list) != 0 {
		t.Errorf("alarms: %+v", list)
	}
}

func TestTillThatWaitsGetsTheCloudsOwnBody(t *testing.T) {
	for name, c := range map[string]struct {
		answer   string
		replayed bool
		want     string
		delivery string
	}{
		"delivered":         {`{"message":"coupon created"}`, false, `{"message":"for the till"}`, "delivered"},
		"delivered before":  {`{"message":"coupon created"}`, true, `{"message":"for the till"}`, "replayed"},
		"answer is no JSON": {"<html>", false, `{"status":"sent","job":"1"}` + "\n", "delivered"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			seq := f.add(agent.Job{Kind: agent.KindCoupon, Session: "T", Coupon: "C", Body: []byte("{}")})
			f.sent(seq, c.answer)
			f.loyalty.receipt = agent.Receipt{Job: fmt.Sprint(seq), Replayed: c.replayed}
			f.loyalty.down = func(id string, answer []byte) []byte {
				return []byte(strings.Replace(string(answer), "coupon created", map[bool]string{true: "for the till"}[id == "T"], 1))
			}
			got := f.post("/v2/coupons", "{}", "Prefer", "respond-async, wait=10").want(http.StatusOK)
			if got.body != c.want || got.header.Get("X-Agent-Delivery") != c.delivery || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %v", got.body, got.header)
			}
			if fmt.Sprint(f.sender.hurried) != "[1]" || f.sender.done != 1 {
				t.Errorf("hurried %v, done %d", f.sender.hurried, f.sender.done)
			}
		})
	}
}

// queueFake is a store with one job that a test moves; it lives in a synctest bubble, where a real file cannot.
type queueFake struct {
	api.Store
	mu      sync.Mutex
	job     agent.Job
	changed chan struct{}
}

func (q *queueFake) Head(uint64) (agent.Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.job, nil
}

func (q *queueFake) Changed() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changed
}

func (q *queueFake) become(state agent.State) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.job.Status.State = state
	close(q.changed)
	q.changed = make(chan struct{})
}

// A till waits for the delivery as long as it asked, and no longer than there is something to wait for.
func TestTillThatWaitsIsAnsweredInTime(t *testing.T) {
	for name, c := range map[string]struct {
		prefer string
		happen func(q *queueFake, f *fixture, hangUp func())
		status int
		after  time.Duration
	}{
		"nothing happens":        {"wait=5", func(*queueFake, *fixture, func()) {}, 202, 5 * time.Second},
		"the longest there is":   {"wait=3600", func(*queueFake, *fixture, func()) {}, 202, 30 * time.Second},
		"delivered":              {"wait=5", func(q *queueFake, _ *fixture, _ func()) { q.become(agent.Sent) }, 200, 2 * time.Second},
		"refused for good":       {"wait=5", func(q *queueFake, _ *fixture, _ func()) { q.become(agent.Dead) }, 202, 2 * time.Second},
		"another job changed":    {"wait=5", func(q *queueFake, _ *fixture, _ func()) { q.become(agent.Pending) }, 202, 5 * time.Second},
		"the agent stops":        {"wait=5", func(_ *queueFake, f *fixture, _ func()) { close(f.stop) }, 202, 2 * time.Second},
		"the till hangs up":      {"wait=5", func(_ *queueFake, _ *fixture, hangUp func()) { hangUp() }, 202, 2 * time.Second},
		"it does not want to":    {"wait=0", func(*queueFake, *fixture, func()) {}, 202, 0},
		"what nobody can read":   {"wait=soon", func(*queueFake, *fixture, func()) {}, 202, 0},
		"it says something else": {"handling=strict", func(*queueFake, *fixture, func()) {}, 202, 0},
	} {
		t.Run(name, func(t *testing.T) {
			outside := newFixture(t).cfg // with its file, which stays outside of the bubble
			synctest.Test(t, func(t *testing.T) {
				q := &queueFake{job: agent.Job{Seq: 1, Kind: agent.KindCoupon, Status: agent.Status{State: agent.Pending}}, changed: make(chan struct{})}
				f := &fixture{t: t, cfg: outside, loyalty: &loyalty{receipt: agent.Receipt{Job: "1"}}, stop: make(chan struct{})}
				f.cfg.Agent.Store, f.cfg.Agent.Stopping, f.cfg.Agent.Now, f.cfg.Sales.Loyalty = q, f.stop, time.Now, f.loyalty
				f.remake()
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				go func() {
					<-time.After(2 * time.Second)
					c.happen(q, f, hangUp)
				}()
				begin := time.Now()
				got := f.callWith(ctx, http.MethodPost, "/v2/coupons", "{}", "Prefer", c.prefer)
				took := time.Since(begin)
				if got.status != c.status || took != c.after {
					t.Errorf("got %d after %v, want %d after %v", got.status, took, c.status, c.after)
				}
				if want := fmt.Sprintf("agent=0;cloud=%d", took.Milliseconds()); got.header.Get("X-Agent-Time") != want {
					t.Errorf("X-Agent-Time is %q, want %q", got.header.Get("X-Agent-Time"), want)
				}
				<-time.After(2 * time.Second)
			})
		})
	}
}

func TestEveryLiveRouteHandsOverItsCallAndDialect(t *testing.T) {
	for path, want := range map[string]agent.Talk{
		"/v2/transaction/start":       {Call: agent.CallStart, Dialect: agent.V2},
		"/v2/transaction/message":     {Call: agent.CallMessage, Dialect: agent.V2},
		"/v2/transaction/apply":       {Call: agent.CallApply, Dialect: agent.V2},
		"/v2.2/transaction/start":     {Call: agent.CallStart, Dialect: agent.V22},
		"/v2.2/transaction/message":   {Call: agent.CallMessage, Dialect: agent.V22},
		"/v2.2/transaction/pre-apply": {Call: agent.CallPreApply, Dialect: agent.V22},
		"/v2.2/transaction/apply":     {Call: agent.CallApply, Dialect: agent.V22},
	} {
		for _, delivery := range []agent.Delivery{agent.DeliveryLive, agent.DeliveryContingency, agent.DeliveryReplayed} {
			f := newFixture(t)
			f.loyalty.reply = agent.Reply{Body: []byte(`{"byte":  "for byte"}`), Delivery: delivery, Cloud: 1234 * time.Millisecond}
			got := f.post(path, `{"a":1}`).want(http.StatusOK)
			if got.body != `{"byte":  "for byte"}` || got.header.Get("X-Agent-Delivery") != string(delivery) || got.header.Get("Content-Type") != "application/json" ||
				!strings.HasSuffix(got.header.Get("X-Agent-Time"), ";cloud=1234") {
				t.Errorf("%s: got %s %v", path, got.body, got.header)
			}
			if talk := f.loyalty.talks[0]; talk.Call != want.Call || talk.Dialect != want.Dialect || string(talk.Body) != `{"a":1}` || talk.Ref != "request-1" {
				t.Errorf("%s: handed over %+v", path, talk)
			}
		}
	}
}

func TestRefusedLiveCallIsAProblemAndSaysHowLongTheCloudTook(t *testing.T) {
	f := newFixture(t)
	f.loyalty.reply.Cloud = 900 * time.Millisecond
	f.loyalty.err = agent.Errorf(agent.CodeUnknownSession, nil, "Não há atendimento com este transaction_id.")
	got := f.post("/v2/transaction/apply", "{}")
	got.wantProblem(http.StatusNotFound, "unknown_transaction")
	if !strings.HasSuffix(got.header.Get("X-Agent-Time"), ";cloud=900") {
		t.Errorf("got %v", got.header)
	}
}

func TestShopperIsForgottenByTheDocumentOfTheBody(t *testing.T) {
	f := newFixture(t)
	for _, forgotten := range []bool{true, false} {
		f.loyalty.forgotten = forgotten
		f.post("/v1/members/forget", `{"document":"`+agenttest.CPF+`"}`).want(http.StatusOK).wantField("forgotten", forgotten)
	}
	if f.loyalty.acts[0] != "forget "+agenttest.CPF {
		t.Errorf("asked %v", f.loyalty.acts)
	}
	f.post("/v1/members/forget", `{`).wantProblem(http.StatusBadRequest, "malformed")
	f.loyalty.err = agent.Errorf(agent.CodeInvalid, nil, "O documento não confere.")
	f.post("/v1/members/forget", `{}`).wantProblem(http.StatusUnprocessableEntity, "invalid")
}

func TestSaleTellsWhatHappenedToIt(t *testing.T) {
	f := newFixture(t)
	confirm := f.add(agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte("{}")})
	coupon := f.add(agent.Job{Kind: agent.KindCoupon, Session: "T", Coupon: "C", Body: []byte("{}")})
	f.add(agent.Job{Kind: agent.KindCouponCancellation, Coupon: "C", Body: []byte("{}")})
	f.add(agent.Job{Kind: agent.KindCoupon, Session: "OTHER", Coupon: "D", Body: []byte("{}")})
	f.sent(confirm, `{"message":"confirmed"}`)
	f.sent(coupon, `{"client_id":"`+agenttest.CPF+`"}`)
	for _, id := range []string{"T", "C"} {
		got := f.call(http.MethodGet, "/v1/sales/"+id, "", "Authorization", "Bearer "+tillToken).want(http.StatusOK)
		var sale struct {
			TransactionID   string `json:"transaction_id"`
			Coupon, Session string
			Loyalty         any
			Jobs            []struct {
				ID, Kind, State string
				LastAnswer      *struct{ Status int } `json:"last_answer"`
			}
		}
		got.decode(&sale)
		if sale.TransactionID != "T" || sale.Coupon != "C" || sale.Session != "confirmed" || sale.Loyalty != nil || len(sale.Jobs) != 3 {
			t.Fatalf("by %s: got %s", id, got.body)
		}
		for i, want := range []string{"1 confirm sent", "2 coupon sent", "3 coupon-cancellation pending"} {
			if job := sale.Jobs[i]; job.ID+" "+job.Kind+" "+job.State != want || (job.LastAnswer != nil) != (i < 2) {
				t.Errorf("by %s: job %d is %+v, want %s", id, i, job, want)
			}
		}
		if strings.Contains(got.body, agenttest.CPF) {
			t.Errorf("by %s: a document is shown: %s", id, got.body)
		}
	}
	f.get("/v1/sales/nobody").wantProblem(http.StatusNotFound, "not_found")
}

func TestSaleSaysHowItsSessionStands(t *testing.T) {
	begun := agent.Session{ID: "T", Stage: agent.StageAbandoned, Dialect: agent.V2, CreatedAt: noon()}
	for name, c := range map[string]struct {
		jobs    []agent.Job
		session agent.Session
		ask     string
		want    string
		status  int
	}{
		"only begun":                {nil, agent.Session{ID: "T", Stage: agent.StageOpen}, "T", "open", 200},
		"abandoned":                 {[]agent.Job{{Kind: agent.KindCoupon, Session: "T", Coupon: "C"}}, begun, "C", "abandoned", 200},
		"the agent's own cancel":    {[]agent.Job{{Kind: agent.KindCancel, Session: "T", Unique: agent.VoidKey("cloud-1")}}, agent.Session{}, "T", "open", 200},
		"the till's cancel":         {[]agent.Job{{Kind: agent.KindCancel, Session: "T"}}, agent.Session{}, "T", "cancelled", 200},
		"a confirm that is held":    {[]agent.Job{{Kind: agent.KindConfirm, Session: "T", Status: agent.Status{State: agent.Held}}}, agent.Session{}, "T", "open", 200},
		"a receipt without session": {[]agent.Job{{Kind: agent.KindCoupon, Coupon: "C"}}, agent.Session{}, "C", "none", 200},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.loyalty.session = c.session
			for _, job := range c.jobs {
				job.Body = []byte("{}")
				f.add(job)
			}
			got := f.get("/v1/sales/" + c.ask).want(c.status)
			got.wantField("session", c.want)
			if (got.field("loyalty") != nil) != (c.session.ID != "") {
				t.Errorf("got %s", got.body)
			}
		})
	}
}

func TestStatusShowsEveryPart(t *testing.T) {
	f := newFixture(t)
	f.add(agent.Job{Kind: agent.KindCoupon, Session: "T", Coupon: "A", Body: []byte("{}")})
	f.add(agent.Job{Kind: agent.KindCoupon, Session: "U", Coupon: "B", Body: []byte("{}"), Status: agent.Status{State: agent.Held}})
	f.sent(f.add(agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte("{}")}), "{}")
	f.support.alarms = []agent.Alarm{{Code: agent.AlarmHeldJobs, Detail: "Um registro retido.", Since: noon()}}
	f.sender.link = agent.Link{Online: true, Since: noon(), Paused: []string{"coupon"}}
	got := f.get("/v1/status").want(http.StatusOK)
	for path, want := range map[string]any{
		"online": true, "circuit": "closed", "since": "2026-05-14T15:00:00Z", "version": "1.2.3", "agent_id": f.store.AgentID(),
		"alarms.0.code": "held_jobs", "queue.pending": 1, "queue.held": 1, "queue.sent": 1, "queue.dead": 0, "queue.annulled": 0, "queue.discarded": 0, "queue.accepted": 3,
		"queue.oldest_at": "2026-05-14T15:00:00Z", "queue.by_kind.coupon.held": 1, "clouds.0.name": "mercafacil", "clouds.0.url": "https://cloud.example/api/", "clouds.0.online": true, "clouds.0.paused.0": "coupon",
	} {
		got.wantField(path, want)
	}
	if used, _ := got.field("store.bytes").(float64); used <= 0 {
		t.Errorf("got %s", got.body)
	}
}

// The circuit says that live calls are answered without the cloud; the till is then offline whatever the queue's link says.
func TestStatusIsOfflineWhileTheCircuitIsOpen(t *testing.T) {
	begun, opened := noon(), noon().Add(time.Minute)
	for name, c := range map[string]struct {
		link    agent.Link
		circuit agent.Circuit
		online  bool
		word    string
		since   time.Time
		reason  any
	}{
		"all well":            {agent.Link{Online: true, Since: begun}, agent.Circuit{}, true, "closed", begun, nil},
		"no link":             {agent.Link{Since: begun, Reason: agent.ClassTimeout}, agent.Circuit{}, false, "closed", begun, "timeout"},
		"live calls fail":     {agent.Link{Online: true, Since: begun}, agent.Circuit{Open: true, Since: opened, Reason: agent.ClassUnreachable}, false, "open", opened, "unreachable"},
		"both, the link long": {agent.Link{Since: begun, Reason: agent.ClassTimeout}, agent.Circuit{Open: true, Since: opened, Reason: agent.ClassUnreachable}, false, "open", begun, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.sender.link, f.circuit.state = c.link, c.circuit
			got := f.get("/v1/status").want(http.StatusOK)
			got.wantField("online", c.online)
			got.wantField("circuit", c.word)
			got.wantField("since", c.since.Format(time.RFC3339))
			got.wantField("clouds.0.online", c.online)
			got.wantField("clouds.0.reason", c.reason)
			got.wantField("queue.oldest_at", nil)
		})
	}
}

// A sale that seems odd is accepted: the answer, the sale and the journal say what is odd.
func TestNotesOfASaleAreSaid(t *testing.T) {
	f := newFixture(t)
	notes := []agent.Note{{Code: agent.NoteAbove, Field: "items[0].total_value_with_discount", Count: 2}}
	f.loyalty.receipt = agent.Receipt{Job: "5", Notes: notes}
	got := f.post("/v2/coupons", "{}").want(http.StatusAccepted)
	got.wantField("notes.0.code", "above_total")
	got.wantField("notes.0.detail", agent.NoteAbove.Detail())
	f.add(agent.Job{Kind: agent.KindCoupon, Coupon: "C-1", Unique: agent.CouponGroup("C-1"), Body: []byte("{}"), Notes: notes})
	sale := f.get("/v1/sales/C-1").want(http.StatusOK)
	sale.wantField("notes.0.code", "above_total")
	sale.wantField("jobs.0.notes.0.count", 2)
}
