package contingency

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func TestAnAbandonedSessionIsCancelledInTheCloud(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t, "abandon_after: 2h", "abandon_after: 1s").Start()
		one := s.Begin(dialect, "0")
		one.Apply(e2e.Units("80215", 1, "10.00"))
		s.WaitNoOpenSession()
		got := s.Call(http.MethodGet, "/v1/sales/"+one.ID, e2e.TillToken, "")
		if got.Field("session") != "abandoned" {
			t.Errorf("got %s", got.Body)
		}
	})
}

func TestADiscountNobodyConfirmedIsSaid(t *testing.T) {
	s := e2e.NewSite(t, "abandon_after: 2h", "abandon_after: 1s").Start()
	one := s.Begin("v2", "0")
	one.Apply(e2e.Units("80215", 2, "10.00"))
	one.SendReceipt("K")
	s.Until("the alarm is raised", func() bool {
		return s.Status().Header.Get("X-Agent-Alarm") == "discount_unconfirmed"
	})
	if stage := s.Clouds.Mercafacil.SessionList()[0].Stage; stage != "open" {
		t.Errorf("the session is %s, want it open", stage)
	}
	one.End("confirm")
	s.Until("the alarm ends", func() bool {
		return s.Status().Header.Get("X-Agent-Alarm") == ""
	})
}

func TestConfirmAfterCancelAndTheOtherWayRoundInParallel(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		for range 20 {
			one := s.Begin(dialect, "0")
			one.Apply(e2e.Units("80215", 1, "10.00"))
			answers := make([]e2e.Answer, 2)
			var group sync.WaitGroup
			for i, how := range []string{"confirm", "cancel"} {
				group.Go(func() { answers[i] = one.End(how) })
			}
			group.Wait()
			statuses := []int{answers[0].Status, answers[1].Status}
			slices.Sort(statuses)
			if !slices.Equal(statuses, []int{http.StatusAccepted, http.StatusConflict}) {
				t.Fatalf("got %+v", answers)
			}
		}
		s.WaitDrained()
		s.WaitNoOpenSession()
		for id, said := range s.Clouds.Mercafacil.Sessions() {
			if len(said) != 1 {
				t.Errorf("%s: the cloud heard %v", id, said)
			}
		}
	})
}

func TestTheDialectsAreNotMixedInASession(t *testing.T) {
	s := e2e.NewSite(t).Start()
	one := s.Begin("v2", "0")
	for path, body := range map[string]string{
		"/v2.2/transaction/pre-apply": fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, one.ID, e2e.Items(e2e.Units("A", 1, "10.00"))),
		"/v2.2/transaction/apply":     e2e.IDBody("transaction_id", one.ID), "/v2.2/transaction/confirm": e2e.IDBody("transaction_id", one.ID),
		"/v2.2/transaction/message": fmt.Sprintf(`{"transaction_id":%q,"tag":"x","input_value":""}`, one.ID),
	} {
		if got := s.Post(path, body); got.Status != http.StatusConflict || got.Field("code") != "dialect_mixed" {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
	}
}

func TestAnUnknownSessionHasAWordOfItsOwn(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		ghost := &e2e.Sale{Site: s, Dialect: dialect, Client: "0", ID: "ghost"}
		for _, got := range []e2e.Answer{ghost.Apply(e2e.Units("A", 1, "10.00")), ghost.Reply("sim", "")} {
			if got.Status != http.StatusNotFound || got.Field("code") != "unknown_transaction" || got.Field("origin") != "till" {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		}
		if got := ghost.End("confirm"); got.Status != http.StatusAccepted {
			t.Errorf("confirm: %d %s", got.Status, got.Body)
		}
		s.Until("it travels unchanged", func() bool { return len(s.Arrivals("confirm")) == 1 })
	})
}

func TestARefusedStartPassesWithItsOrigin(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddFault(simkit.Fault{Route: "start", Fault: "status", Status: http.StatusBadRequest, Body: `{"message":"document_no is not known here"}`, Times: 1})
	got := s.Post("/v2/transaction/start", `{"document_no":"52998224725"}`)
	if got.Status != http.StatusBadRequest || got.Field("origin") != "cloud" || got.Field("code") != "cloud_refused" || !strings.Contains(got.Body, "document_no") {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// A document is checked by us, so that it is right or wrong with and without the cloud.
func TestADocumentIsTheSameWithAndWithoutTheCloud(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddMember(e2e.Maria, "Maria")
	for _, cloud := range []string{"online", "offline"} {
		for body, status := range map[string]int{
			`{"document_no":"123"}`: 422, `{"document_no":"52998224726"}`: 422, `{"document_no":5299822472}`: 422,
			`{"document_no":"529.982.247-25"}`: 200, `{"document_no":""}`: 200, `{"document_no":null}`: 200,
		} {
			if got := s.Post("/v2/transaction/start", body); got.Status != status || (status == 422 && got.Field("origin") != "till") {
				t.Errorf("%s, %s: got %d %s", cloud, body, got.Status, got.Body)
			}
			nested := `{"transaction_context":` + body + `,"transaction_id":""}`
			if got := s.Post("/v2.2/transaction/start", nested); got.Status != status {
				t.Errorf("%s, %s: got %d %s", cloud, nested, got.Status, got.Body)
			}
			basket := strings.Replace(body, "document_no", "client_id", 1)
			basket = strings.TrimSuffix(basket, "}") + `,"items":[{"sku":"1","ean":"1","quantity":1,"total_value":1}]}`
			if got := s.Post("/v2/transaction/apply", basket); got.Status != status {
				t.Errorf("%s, %s: got %d %s", cloud, basket, got.Status, got.Body)
			}
		}
		s.Clouds.Leave()
	}
}

func TestTheShopperIsNotAskedAgainWhenTheBasketChanges(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.SetCloud(`{"rounds":2}`)
	s.AddMember(e2e.Maria, "Maria")
	s.AddOffer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
	one := s.Begin("v2.2", e2e.Maria)
	if got := one.PreApply(e2e.Units("A", 2, "10.00")); !strings.Contains(got.Body, "Pergunta 1 de 2") {
		t.Fatalf("got %s", got.Body)
	}
	one.Reply("sim-1", "")
	one.Reply("nao-2", "")
	s.Post("/v2.2/transaction/apply", e2e.IDBody("transaction_id", one.ID))
	if got := one.PreApply(e2e.Units("A", 3, "10.00")); got.Field("should_display_message") != false || got.Field("transaction_id") != one.ID {
		t.Errorf("asked again: %s", got.Body)
	}
	if g := s.Post("/v2.2/transaction/apply", e2e.IDBody("transaction_id", one.ID)).Discounts(t); g.LineSum(t) != "3.00" {
		t.Errorf("got %+v", g)
	}
	s.WaitDrained()
	if said := s.SessionCalls(); !slices.Equal(said, []string{
		"start pre-apply message:sim-1 message:nao-2 apply cancel", "start pre-apply message:sim-1 message:nao-2 apply",
	}) {
		t.Errorf("the cloud heard %q", said)
	}
}

func TestTheAnswerToAConfirmThatATillWaitedForNamesTheTillsSession(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		one := s.Begin(dialect, "0")
		one.Apply(e2e.Units("A", 2, "10.00"))
		one.Apply(e2e.Units("A", 1, "10.00")) // the cloud's id is another one now
		got := s.Post("/"+dialect+"/transaction/confirm", e2e.IDBody("transaction_id", one.ID), "Prefer", "wait=10")
		if got.Status != http.StatusOK || got.Header.Get("X-Agent-Delivery") != "delivered" || got.Field("transaction_id") != one.ID {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
		if sent := s.LastBody("confirm"); strings.Contains(sent, one.ID) {
			t.Errorf("the cloud heard the till's id: %s", sent)
		}
	})
}
