package loyalty_test

import (
	"context"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/loyalty"
)

// What a job is enqueued with is what Prepare would give before its first attempt, or nothing.
func TestJobsAreEnqueuedWithTheBytesThatGoUpUnlessTheCloudMustBeAskedFirst(t *testing.T) {
	var body []byte
	inShop(t, func(c *loyalty.Config) {
		store := c.Store
		c.Enqueue = func(ctx context.Context, change agent.Change, up []byte) (agent.Committed, error) {
			body = up
			return store.Commit(ctx, change)
		}
	}, func(t *testing.T, s *shop) {
		enqueued := func(kind agent.Kind, text string, ready bool) {
			t.Helper()
			body = nil
			receipt := s.must(kind, text)
			if ready != (body != nil) {
				t.Errorf("%s %s: enqueued with %q", kind, text, body)
			}
			if ready {
				s.wantPrepared(receipt.Job, string(body))
			}
		}
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		enqueued(agent.KindConfirm, named("C-1"), true)
		enqueued(agent.KindCoupon, client("K", "C-1", agenttest.CPF), true)
		enqueued(agent.KindCoupon, client("K-2", "C-1", agenttest.CNPJ), false) // nobody knows whose it is
		enqueued(agent.KindCoupon, strings.Replace(client("X", "", "0"), `"coupon":"X",`, "", 1), true)
		enqueued(agent.KindCouponCancellation, `{"coupon":"of-before"}`, true)
		enqueued(agent.KindConfirm, named("unknown"), true)
		s.cloud.says(agent.CallStart, nil)
		s.hears("contingency", agent.CallStart, agent.V2, `{"document_no":""}`)
		enqueued(agent.KindConfirm, named("U-1"), false) // the cloud has no such session
		enqueued(agent.KindCoupon, client("K-3", "U-1", "0"), true)
	})
}
