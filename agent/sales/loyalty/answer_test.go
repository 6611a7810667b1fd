package loyalty_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/sales/loyalty"
)

// applied is a shop in which the cloud has given discounts to a session.
func applied(t *testing.T, change func(*loyalty.Config), test func(t *testing.T, s *shop)) {
	t.Helper()
	inShop(t, change, func(t *testing.T, s *shop) {
		ids := 0
		s.cloud.says(agent.CallStart, func(string) string {
			if ids++; ids == 1 {
				return opens
			}
			return `{"loyalty":true,"transaction_id":"C-2"}`
		})
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.heard()
		test(t, s)
	})
}

func TestTheCloudsDiscountsAreWrittenWithTheConfirm(t *testing.T) {
	commits := 0
	applied(t, func(c *loyalty.Config) { c.Store = counted{c.Store, &commits} }, func(t *testing.T, s *shop) {
		before := commits
		s.must(agent.KindConfirm, named("C-1"))
		<-time.After(time.Hour)
		synctest.Wait()
		if before != 2 || commits != 3 { // start, intent; confirm
			t.Errorf("%d commits before the confirm, %d at the end", before, commits)
		}
		if session, known, err := s.service.Session("C-1"); err != nil || !known || !session.Applied || session.Stage != agent.StageConfirmed {
			t.Errorf("got %+v, %t, %v", session, known, err)
		}
	})
}

// counted counts commits.
type counted struct {
	loyalty.Store
	n *int
}

func (c counted) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	*c.n++
	return c.Store.Commit(ctx, change)
}

func TestTheCloudsDiscountsAreWrittenWithoutAConfirmAfterTwoMinutes(t *testing.T) {
	applied(t, nil, func(t *testing.T, s *shop) {
		<-time.After(2 * time.Minute)
		s.crash()
		s.hears("replayed", agent.CallApply, agent.V2, cart("C-1", 2))
		s.wantVoided()
	})
}

// A SIGKILL while the discounts are in memory alone is what one while the cloud is asked is: nobody knows them, so the same
// basket is asked for in another session, and a confirm goes to the session that gave them.
func TestSIGKILLBeforeTheDiscountsAreWritten(t *testing.T) {
	applied(t, nil, func(t *testing.T, s *shop) {
		s.crash()
		receipt := s.must(agent.KindConfirm, named("C-1"))
		s.wantPrepared(receipt.Job, named("C-1"))
		s.wantVoided()
	})
	applied(t, nil, func(t *testing.T, s *shop) {
		s.crash()
		wants(t, s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2)), `"transaction_id":"C-1"`)
		if got := calls(s.cloud.heard()); got != "start apply" {
			t.Errorf("the cloud heard %s", got)
		}
		s.wantVoided("C-1")
		s.wantPrepared(s.must(agent.KindConfirm, named("C-1")).Job, named("C-2"))
	})
}

func TestAnotherBasketAndACancelFindDiscountsThatAreNotWritten(t *testing.T) {
	applied(t, nil, func(t *testing.T, s *shop) {
		s.hears("replayed", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallApply, tenPercent(3))
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 3))
		if got := calls(s.cloud.heard()); got != "start apply" {
			t.Errorf("the cloud heard %s", got)
		}
		s.wantVoided("C-1")
		s.wantPrepared(s.must(agent.KindCancel, named("C-1")).Job, named("C-2"))
	})
}
