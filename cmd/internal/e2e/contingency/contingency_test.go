package contingency

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/cmd/internal/e2e"
)

// tooLong is no answer inside the live deadline (half a second here) on any machine, however busy: on real connections only
// a call that hangs can be told from a slow one. That the deadline is kept to the millisecond is tested in fake time.
const tooLong = 20 * time.Second

// inTime wants an answer.
func inTime(s *e2e.Site, what string, call func() e2e.Answer) e2e.Answer {
	s.Helper()
	begun := time.Now()
	got := call()
	if took := time.Since(begun); took > tooLong {
		s.Errorf("%s: the till waited %v", what, took)
	}
	return got
}

func TestAnOutageInTheMiddleOfASale(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSiteShortDeadline(t).Start()
		s.AddMember(e2e.Maria, "Maria Aparecida")
		s.AddOffer(`{"id":"p","type":"percentage","product":"80215","percent":10}`)
		before := s.Begin(dialect, e2e.Maria) // the link goes after the start
		s.Clouds.Leave()
		<-time.After(50 * time.Millisecond) // the kept connection's end is heard; a write into it before would be an attempt that may have arrived
		if g := before.Apply(e2e.Units("80215", 2, "10.00")).Discounts(t); g.Agent.Delivery != "contingency" || g.Agent.Reason != "unreachable" || g.LineSum(t) != "0.00" {
			t.Errorf("got %+v", g)
		}
		before.Sell("K-before")
		during := s.Begin(dialect, e2e.Maria) // begins and ends without a link
		if got, _ := s.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, e2e.Maria)).Field("user.name").(string); got != "Maria" {
			t.Errorf("the member cache says %q", got)
		}
		during.Apply(e2e.Units("80215", 2, "10.00"))
		during.Sell("K-during")
		after := s.Begin(dialect, e2e.Maria) // the link is back at apply
		s.Stop()
		s.Start() // and the agent was started anew
		s.ReturnClouds()
		if g := after.Apply(e2e.Units("80215", 2, "10.00")).Discounts(t); g.Agent.Delivery != "live" || g.LineSum(t) != "2.00" {
			t.Errorf("got %+v", g)
		}
		after.Sell("K-after")
		s.WaitDrained()
		s.WantSoldOnce("K-before", "K-during", "K-after")
		for _, coupon := range s.Clouds.Mercafacil.Coupons() {
			body := string(coupon.Body)
			if strings.Contains(body, "transaction_id") == (coupon.ID == "K-during") || !strings.Contains(body, e2e.Maria) || len(coupon.Warnings) != 0 {
				t.Errorf("%s went up as %s, %v", coupon.ID, body, coupon.Warnings)
			}
		}
		if strings.Contains(string(s.Clouds.Mercafacil.Coupons()[2].Body), after.ID) {
			t.Error("the till's id of a contingency went up")
		}
		s.WaitNoOpenSession()
	})
}

func TestMembershipIsResolvedOncePerOutage(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSiteShortDeadline(t).Start()
		s.Clouds.Leave()
		for i := range 3 {
			one := s.Begin(dialect, e2e.Stranger)
			one.Apply(e2e.Units("80215", 2, "10.00"))
			one.Sell(fmt.Sprint("K-", i))
		}
		s.ReturnClouds()
		s.WaitDrained()
		s.WantSoldOnce("K-0", "K-1", "K-2")
		for _, coupon := range s.Clouds.Mercafacil.Coupons() {
			if !strings.Contains(string(coupon.Body), `"client_id":"0"`) {
				t.Errorf("went up as %s", coupon.Body)
			}
		}
		if said := s.SessionCalls(); !slices.Equal(said, []string{"start cancel"}) {
			t.Errorf("the cloud heard %v", said)
		}
		if got := s.Status(); got.Field("queue.annulled") != 3.0 {
			t.Errorf("the confirms: %s", got.Body)
		}
	})
}

func TestForgetAMemberByTheAPI(t *testing.T) {
	s := e2e.NewSiteShortDeadline(t).Start()
	s.AddMember(e2e.Maria, "Maria")
	s.Begin("v2", e2e.Maria)
	forget := func(token string) e2e.Answer {
		return s.Call(http.MethodPost, "/v1/members/forget", token, fmt.Sprintf(`{"document":%q}`, e2e.Maria))
	}
	if got := forget(e2e.TillToken); got.Status != http.StatusForbidden {
		t.Errorf("a till's token: %d", got.Status)
	}
	s.Until("it is remembered and forgotten", func() bool { return forget(e2e.SupportToken).Field("forgotten") == true })
	s.Clouds.Leave()
	if got := s.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria)); got.Field("loyalty") != false {
		t.Errorf("got %s", got.Body)
	}
}
