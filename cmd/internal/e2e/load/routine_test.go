package load

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func TestShopWideRoutineOfATillThatIsNotPrimary(t *testing.T) {
	folder := t.TempDir()
	e2e.InBubble(t, func(b *e2e.Bubble) {
		drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n")
		got, _ := b.Call(http.MethodPost, "/v1/routines/products/run", e2e.SupportToken, "{}")
		if got.Status != http.StatusConflict || got.Field("code") != "not_primary" || !strings.Contains(got.Body, "caixa principal") {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
		<-time.After(24 * time.Hour)
		if b.RequestCount("products") != 0 {
			t.Error("it ran by the clock")
		}
		if till, _ := b.Call(http.MethodPost, "/v1/routines/resend/run", e2e.TillToken, "{}"); till.Status != http.StatusForbidden {
			t.Errorf("a till may start routines: %d", till.Status)
		}
		list, _ := b.Call(http.MethodGet, "/v1/routines", e2e.SupportToken, "")
		for _, name := range []string{"resend", "end-of-day", "products", "abandoned", "retention", "compact", "backup"} {
			if !strings.Contains(list.Body, `"name":"`+name+`"`) {
				t.Errorf("the timetable lacks %s", name)
			}
		}
	}, folderOf(folder, "")[2:]...)
}

// TestEndOfDaySendsWhatWaitsForItsOwnTime is R45: a job that has failed often would wait half an hour.
func TestEndOfDaySendsWhatWaitsForItsOwnTime(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		if err := b.Cloud.Add(simkit.Fault{Route: "coupon", Fault: "status", Status: 503}); err != nil {
			t.Fatal(err)
		}
		b.Post("/v2/coupons", agenttest.Receipt("A", ""))
		<-time.After(3 * time.Hour)
		b.Cloud.Heal()
		run := b.RunRoutine("end-of-day")
		if run.State != routine.Done || run.Counts["pending"] != 1 {
			t.Errorf("got %+v", run)
		}
		if n := len(b.Cloud.Coupons()); n != 1 {
			t.Errorf("%d receipts a moment after the routine", n)
		}
	}, "retry_max: 30m", "retry_max: 20h")
}
