package contingency

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// TestAfterRestTheFirstSalesAreLiveAgainThoughTheNetworkSwallowedEveryConnection has a till that rests, and a router that forgets the
// agent's connections meanwhile: two live calls at most wait to their deadline (the second begins before the first
// is given up), none after longer rest, and every sale arrives once.
func TestAfterRestTheFirstSalesAreLiveAgainThoughTheNetworkSwallowedEveryConnection(t *testing.T) {
	for _, rest := range []time.Duration{time.Second, 20 * time.Second, time.Minute, 2 * time.Hour} {
		t.Run(rest.String(), func(t *testing.T) {
			e2e.InBubble(t, func(b *e2e.Bubble) {
				start := func() (live bool) {
					got, took := b.Call(http.MethodPost, "/v2/transaction/start", e2e.TillToken, `{"client_id":"52998224725","pdv_code":"012","operator_id":"7"}`)
					if got.Status != http.StatusOK || took > 3*time.Second {
						t.Errorf("start: %d after %v, %s", got.Status, took, got.Body)
					}
					return got.Header.Get("X-Agent-Delivery") == "live"
				}
				if !start() {
					t.Fatal("the cloud is not there")
				}
				for n := range 4 { // the queue has connections of its own
					b.Post("/v2/coupons", agenttest.Receipt(fmt.Sprint("BEFORE-", n), ""))
				}
				b.WaitDrained(time.Minute)
				b.Network.Swallow()
				<-time.After(rest)
				waited := 0
				for range 4 {
					if !start() {
						waited++
					}
				}
				if waited > 2 || waited > 0 && rest > time.Minute {
					t.Errorf("%d of 4 calls were not live", waited)
				}
				for n := range 4 {
					b.Post("/v2/coupons", agenttest.Receipt(fmt.Sprint("AFTER-", n), ""))
				}
				b.WaitDrained(2 * time.Minute)
				if n := b.RequestCount("coupon"); n != 8 {
					t.Errorf("%d coupons arrived", n)
				}
			})
		})
	}
}
