package sale

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

func TestSaleInFakeTimeArrivesOnce(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		if err := b.Cloud.AddMember(fmt.Sprintf(`{"document_no":%q,"name":"Maria"}`, e2e.Maria)); err != nil {
			t.Fatal(err)
		}
		started := b.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria))
		id, _ := started.Field("transaction_id").(string)
		if started.Status != http.StatusOK || id == "" {
			t.Fatalf("start: %d %s", started.Status, started.Body)
		}
		b.Network.Cut(e2e.ErrRefused)
		if got := b.Post("/v2/coupons", agenttest.Receipt("A", id)); got.Status != http.StatusAccepted {
			t.Fatalf("coupon: %d %s", got.Status, got.Body)
		}
		<-time.After(time.Hour)
		if n := len(b.Cloud.Coupons()); n != 0 {
			t.Errorf("%d coupons came through a dead link", n)
		}
		b.Network.Cut(nil)
		b.WaitDrained(time.Hour)
		if n := len(b.Cloud.Coupons()); n != 1 {
			t.Errorf("the cloud has %d coupons", n)
		}
	})
}
