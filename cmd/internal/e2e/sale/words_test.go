package sale

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

// An item is taken back: start, apply, cancel, apply with the same id gives the new discounts, and the cancel ends the session
// that it was about, also when it still waits as the second apply comes.
func TestABasketAfterACancelHasItsOwnDiscounts(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		for name, waits := range map[string]int{"the cancel goes at once": 0, "the cancel waits": 8} {
			t.Run(name, func(t *testing.T) {
				s := e2e.NewSite(t).Start()
				s.AddMember(e2e.Maria, "Maria")
				s.AddOffer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
				one := s.Begin(dialect, e2e.Maria)
				if got := one.Apply(e2e.Units("A", 3, "10.00")).Discounts(t); got.LineSum(t) != "3.00" {
					t.Fatalf("the first basket: %+v", got)
				}
				if waits > 0 {
					s.AddFault(simkit.Fault{Route: "cancel", Fault: "status", Status: 503, Times: waits})
				}
				if got := one.End("cancel"); got.Status != http.StatusAccepted {
					t.Fatalf("cancel: %d %s", got.Status, got.Body)
				}
				if waits == 0 {
					s.WaitDrained()
				}
				answer := one.Apply(e2e.Units("A", 1, "10.00"))
				if got := answer.Discounts(t); answer.Status != http.StatusOK || got.LineSum(t) != "1.00" || answer.Header.Get("X-Agent-Delivery") != "live" {
					t.Errorf("the second basket: %d %s", answer.Status, answer.Body)
				}
				one.Sell("K")
				s.WaitDrained()
				s.WantSoldOnce("K")
				ends := make([]string, 0, 2)
				for _, said := range s.Clouds.Mercafacil.Sessions() {
					ends = append(ends, strings.Join(said, " "))
				}
				slices.Sort(ends)
				if want := []string{"cancel", "confirm"}; !slices.Equal(ends, want) {
					t.Errorf("the cloud's sessions ended with %q, want %q", ends, want)
				}
			})
		}
	})
}

// jobState reads a job of the queue.
func jobState(b *e2e.Bubble, id string) (state, reason string, attempts float64) {
	b.Helper()
	got, _ := b.Call(http.MethodGet, "/v1/queue/"+id, e2e.SupportToken, "")
	state, _ = got.Field("state").(string)
	reason, _ = got.Field("reason").(string)
	attempts, _ = got.Field("attempts").(float64)
	return state, reason, attempts
}

func addFault(b *e2e.Bubble, f simkit.Fault) {
	b.Helper()
	if err := b.Cloud.Add(f); err != nil {
		b.Fatal(err)
	}
}

// A cloud that answers 200 and says inside that it did not take the sale has not taken it.
func TestASaleThatTheCloudDeniesInsideIsNotDelivered(t *testing.T) {
	for _, denial := range []string{`{"success":false}`, `{"ok":false}`, `{"status":"error"}`, `{"errorMessage":"fila cheia"}`} {
		t.Run(denial, func(t *testing.T) {
			e2e.InBubble(t, func(b *e2e.Bubble) {
				addFault(b, simkit.Fault{Route: "coupon", Fault: simkit.Says, Body: denial})
				b.Post("/v2/coupons", agenttest.Receipt("A", "T"))
				<-time.After(50 * time.Minute)
				if state, _, _ := jobState(b, "1"); state != "pending" {
					t.Errorf("after 50 minutes it is %s", state)
				}
				<-time.After(30 * time.Minute)
				if state, reason, attempts := jobState(b, "1"); state != "dead" || reason != "denied" || attempts < 6 {
					t.Errorf("after 80 minutes: %s %s, %v attempts", state, reason, attempts)
				}
				if alarms := fmt.Sprint(b.StatusField("alarms")); !strings.Contains(alarms, "dead_jobs") || b.StatusField("online") != true {
					t.Errorf("alarms %s", alarms)
				}
				b.Cloud.Heal()
				b.WaitDrained(time.Hour)
				if n := len(b.Cloud.Coupons()); n != 1 {
					t.Errorf("the cloud has %d coupons", n)
				}
			})
		})
	}
}

// A code inside the answer is judged as that status; what only looks like a refusal is delivered; a refusal that says that this
// sale is there already is good after an attempt without an answer.
func TestTheCloudsWordsAreReadWithCare(t *testing.T) {
	for _, c := range []struct {
		first         string // fault of the attempt before
		status        int
		body          string
		state, reason string
	}{
		{"", http.StatusOK, `{"code":400,"message":"total inválido"}`, "dead", "refused"},
		{"", http.StatusOK, `{"errors":[],"errorMessage":null}`, "sent", ""},
		{"reset", http.StatusBadRequest, `{"message":"cupom ja cadastrado"}`, "sent", ""},
		{"reset", http.StatusUnprocessableEntity, `{"errors":[{"field":"coupon","message":"must be unique"}]}`, "sent", ""},
		{"reset", http.StatusUnprocessableEntity, `{"errors":[{"field":"client_id","message":"must be unique"}]}`, "dead", "refused"},
	} {
		t.Run(c.body, func(t *testing.T) {
			e2e.InBubble(t, func(b *e2e.Bubble) {
				if c.first != "" {
					addFault(b, simkit.Fault{Route: "coupon", Fault: c.first, Times: 1})
				}
				answer := simkit.Fault{Route: "coupon", Fault: simkit.Status, Status: c.status, Body: c.body}
				if c.status == http.StatusOK {
					answer.Fault, answer.Status = simkit.Says, 0
				}
				addFault(b, answer)
				b.Post("/v2/coupons", agenttest.Receipt("A", "T"))
				<-time.After(10 * time.Minute)
				if state, reason, _ := jobState(b, "1"); state != c.state || reason != c.reason {
					t.Errorf("it is %s %q, want %s %q", state, reason, c.state, c.reason)
				}
			})
		})
	}
}

// Cancellations of coupons that the cloud never had stop nobody: the good one goes within a minute, each of the others ends
// after an hour with words that say what it is.
func TestCancellationsOfUnknownCouponsDoNotStopAGoodOne(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		b.Post("/v2/coupons", agenttest.Receipt("GOOD", "T"))
		b.WaitDrained(time.Minute)
		for n := range 5 {
			if got := b.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", fmt.Sprint("OLD-", n))); got.Status != http.StatusAccepted {
				t.Fatalf("got %d %s", got.Status, got.Body)
			}
		}
		<-time.After(time.Minute)
		b.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", "GOOD"))
		<-time.After(time.Minute)
		if state, _, _ := jobState(b, "7"); state != "sent" {
			t.Errorf("the good one is %s after a minute", state)
		}
		<-time.After(55 * time.Minute)
		for id := 2; id <= 6; id++ {
			if state, _, _ := jobState(b, fmt.Sprint(id)); state != "pending" {
				t.Errorf("job %d is %s before an hour", id, state)
			}
		}
		<-time.After(30 * time.Minute)
		for id := 2; id <= 6; id++ {
			if state, reason, attempts := jobState(b, fmt.Sprint(id)); state != "dead" || reason != "unknown" || attempts < 5 {
				t.Errorf("job %d ended %s %q after %v attempts", id, state, reason, attempts)
			}
		}
	})
}
