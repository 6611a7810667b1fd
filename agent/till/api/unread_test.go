package api_test

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// unreadable has the use cases refuse as loyalty does.
func (f *fixture) unreadable() {
	f.loyalty.err = reading.Malformed(reading.Place([]byte(`{"name":"TV 32" LED"}`), 16))
}

func TestSaleThatCannotBeReadIsKeptAndTheTillKnowsWhere(t *testing.T) {
	f := newFixture(t)
	f.unreadable()
	for range 2 {
		got := f.post("/v2/coupons", `{"name":"TV 32" LED"}`)
		got.wantProblem(http.StatusBadRequest, "malformed")
		if detail := got.field("detail").(string); !strings.Contains(detail, "linha 1, coluna 17") || !strings.Contains(detail, `« 99" xxx`) || !strings.Contains(detail, "guardado para o suporte") {
			t.Errorf("got %q", detail)
		}
		if job, _ := got.field("job").(string); !strings.HasPrefix(job, "u-") {
			t.Errorf("got job %q", job)
		}
	}
	list := f.get("/v1/queue?state=unread").want(http.StatusOK)
	list.wantField("jobs.0.state", "unread")
	list.wantField("jobs.0.reason", "malformed")
	list.wantField("jobs.0.shape.times", 2.0)
	list.wantField("jobs.0.shape.column", 17.0)
	if strings.Contains(list.body, "TV") || strings.Count(list.body, `"id"`) != 1 {
		t.Errorf("got %s", list.body)
	}
}

func TestOnlySalesCallsAreKept(t *testing.T) {
	f := newFixture(t)
	f.unreadable()
	for path, kept := range map[string]bool{
		"/v2/transaction/confirm": true, "/v2.2/transaction/cancel": true, "/v2/coupons-cancellation": true, "/v2/transaction/message": true,
		"/v2/transaction/start": false, "/v2/transaction/apply": false, "/v1/members/forget": false, "/v1/payments": false, "/v1/orders": false,
	} {
		f.post(path, `{"`+path, "Idempotency-Key", "k")
		if got := f.get("/v1/queue?state=unread").body; strings.Contains(got, `"id"`) != kept {
			t.Errorf("%s: %s", path, got)
		}
		f.loyalty.err = nil
		f.post("/v1/members/forget", `{"document":"52998224725"}`).want(http.StatusOK)
		if got := f.get("/v1/queue?state=unread").body; strings.Contains(got, `"id"`) {
			t.Errorf("%s: a shopper was forgotten, and there is still %s", path, got)
		}
		f.unreadable()
	}
}

func TestBodyInAnotherCharsetIsKeptAndSaysWhere(t *testing.T) {
	f := newFixture(t)
	got := f.post("/v2/coupons", "{\n\"name\":\"CAF\xc9 500G\"}")
	got.wantProblem(http.StatusBadRequest, "encoding")
	if detail := got.field("detail").(string); !strings.Contains(detail, "linha 2, coluna 12") || !strings.Contains(detail, "till.charset") {
		t.Errorf("got %q", detail)
	}
	f.get("/v1/queue?state=unread").want(http.StatusOK).wantField("jobs.0.reason", "encoding")
}

func TestRepairedBodyGoesTheWayOfItsKindAndIsNoLongerUnread(t *testing.T) {
	f := newFixture(t)
	f.unreadable()
	id := f.post("/v2/coupons", `{"name":"TV 32" LED"}`).field("job").(string)
	f.get("/v1/queue/"+id).want(http.StatusOK).wantField("shape.line", 1.0)
	f.post("/v1/queue/"+id+"/retry", "{}").wantProblem(http.StatusConflict, "conflict")
	f.call(http.MethodPut, "/v1/queue/"+id+"/body", `{"name":"TV",}`).wantProblem(http.StatusBadRequest, "malformed")
	f.loyalty.err, f.loyalty.receipt = nil, agent.Receipt{Job: "7"}
	got := f.call(http.MethodPut, "/v1/queue/"+id+"/body", `{"name":"TV 32\" LED"}`).want(http.StatusOK)
	got.wantField("job", "7")
	sub := f.loyalty.submissions[len(f.loyalty.submissions)-1]
	if sub.Kind != agent.KindCoupon || sub.Dialect != agent.V22 || string(sub.Body) != `{"name":"TV 32\" LED"}` {
		t.Errorf("handed over %+v, %s", sub, sub.Body)
	}
	f.get("/v1/queue/"+id).wantProblem(http.StatusNotFound, "not_found")
}

func TestUnreadBodyIsDiscardedAndShownOnlyToAnAdministrator(t *testing.T) {
	f := newFixture(t)
	f.unreadable()
	id := f.post("/v2/transaction/message", `{"name":"TV 32" LED"}`).field("job").(string)
	if got := f.get("/v1/queue/" + id + "/text").want(http.StatusOK); got.body != `{"name":"TV 32" LED"}` {
		t.Errorf("got %q", got.body)
	}
	f.call(http.MethodPut, "/v1/queue/"+id+"/body", `{}`).wantProblem(http.StatusConflict, "conflict")
	f.post("/v1/queue/"+id+"/discard", `{"reason":"caixa de teste"}`).want(http.StatusOK).wantField("state", "discarded")
	f.get("/v1/queue/"+id+"/text").wantProblem(http.StatusNotFound, "not_found")
	f.get("/v1/queue/1/text").wantProblem(http.StatusNotFound, "not_found")
}
