package sender

import (
	"testing"
	"time"

	"pdvagent/agent"
)

// TestWhatTheCloudRefuses has a case for every row of judge's table (till-api.md, "What the cloud refuses").
func TestWhatTheCloudRefuses(t *testing.T) {
	answered := func(status int) agent.Outcome { return agent.Outcome{Class: agent.ClassStatus, Status: status} }
	for _, row := range []struct {
		name       string
		kind       agent.Kind
		outcome    agent.Outcome
		unanswered bool
		conflict   CouponConflict
		want       verdict
	}{
		{"2xx", agent.KindCoupon, agent.Outcome{Class: agent.ClassOK, Status: 201}, false, ConflictAuto, delivered},
		{"400", agent.KindCoupon, answered(400), false, ConflictAuto, refused},
		{"413", agent.KindCoupon, answered(413), false, ConflictAuto, refused},
		{"415", agent.KindConfirm, answered(415), false, ConflictAuto, refused},
		{"422", agent.KindCancel, answered(422), false, ConflictAuto, refused},
		{"409 after an answered attempt", agent.KindCoupon, answered(409), false, ConflictAuto, refused},
		{"409 after an unanswered attempt", agent.KindCoupon, answered(409), true, ConflictAuto, delivered},
		{"409 configured as sent", agent.KindCoupon, answered(409), false, ConflictSent, delivered},
		{"409 configured as dead", agent.KindCoupon, answered(409), true, ConflictDead, refused},
		{"409 on a confirm keeps to auto", agent.KindConfirm, answered(409), false, ConflictSent, refused},
		{"409 on a confirm after an unanswered attempt", agent.KindConfirm, answered(409), true, ConflictDead, delivered},
		{"404 to a cancel", agent.KindCancel, answered(404), false, ConflictAuto, delivered},
		{"404 to a confirm", agent.KindConfirm, answered(404), false, ConflictAuto, suspect},
		{"404 to a coupon", agent.KindCoupon, answered(404), false, ConflictAuto, suspect},
		{"401", agent.KindCoupon, answered(401), false, ConflictAuto, unauthorized},
		{"403", agent.KindCoupon, answered(403), false, ConflictAuto, suspect},
		{"405", agent.KindCoupon, answered(405), false, ConflictAuto, suspect},
		{"redirect", agent.KindCoupon, answered(308), false, ConflictAuto, suspect},
		{"another 4xx", agent.KindCoupon, answered(418), false, ConflictAuto, suspect},
		{"408", agent.KindCoupon, answered(408), false, ConflictAuto, again},
		{"425", agent.KindCoupon, answered(425), false, ConflictAuto, again},
		{"429", agent.KindCoupon, answered(429), false, ConflictAuto, again},
		{"500", agent.KindCoupon, answered(500), false, ConflictAuto, again},
		{"503", agent.KindCoupon, answered(503), false, ConflictAuto, again},
		{"599", agent.KindCoupon, answered(599), false, ConflictAuto, again},
		{"a status nobody knows", agent.KindCoupon, answered(102), false, ConflictAuto, again},
		{"timeout", agent.KindCoupon, agent.Outcome{Class: agent.ClassTimeout}, false, ConflictAuto, again},
		{"cut", agent.KindCoupon, agent.Outcome{Class: agent.ClassBroken, Status: 201}, false, ConflictAuto, again},
		{"foreign", agent.KindCoupon, agent.Outcome{Class: agent.ClassForeign, Status: 200}, false, ConflictAuto, again},
		{"no connection", agent.KindCoupon, agent.Outcome{Class: agent.ClassUnreachable}, false, ConflictAuto, notTried},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := judge(row.kind, row.outcome, row.unanswered, row.conflict); got != row.want {
				t.Errorf("got verdict %d, want %d", got, row.want)
			}
		})
	}
}

func TestBackoffIsFullJitterBetweenATenthAndItsCeiling(t *testing.T) {
	for _, c := range []struct {
		failures int
		ceiling  time.Duration
	}{{1, 5 * time.Second}, {2, 10 * time.Second}, {5, 80 * time.Second}, {12, 30 * time.Minute}, {1_000_000, 30 * time.Minute}} {
		low, high := time.Duration(1<<62), time.Duration(0)
		for range 2000 {
			got := backoff(5*time.Second, 30*time.Minute, c.failures)
			low, high = min(low, got), max(high, got)
		}
		if low < c.ceiling/10 || high > c.ceiling || low > c.ceiling/5 || high < c.ceiling*9/10 {
			t.Errorf("after %d failures: %v to %v, want %v to %v", c.failures, low, high, c.ceiling/10, c.ceiling)
		}
	}
}
