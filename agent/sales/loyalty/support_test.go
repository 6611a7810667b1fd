package loyalty_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestRepairOfADeadSaleKeepsItsNumberAndGetsANewRevision(t *testing.T) {
	l := newTill(t)
	sale := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	l.set(sale.Job, func(s *agent.Status) { s.State, s.Attempts = agent.Dead, 2 })
	seq := l.job(sale.Job).Seq
	fixed := strings.Replace(agenttest.Receipt("C-1", "T-1"), "CAFE", "CHA", 1)
	if _, err := l.service.Repair(context.Background(), seq, []byte(strings.Replace(fixed, "C-1", "C-2", 1))); agent.CodeOf(err) != agent.CodeInvalid {
		t.Errorf("another coupon: got %v", err)
	}
	if _, err := l.service.Repair(context.Background(), seq, []byte(fixed)); err != nil {
		t.Fatal(err)
	}
	if job := l.job(sale.Job); job.Status.State != agent.Pending || job.Status.Revision != 1 || job.Status.Attempts != 2 {
		t.Errorf("got %+v", job.Status)
	}
	if wire, err := l.store.Wire(seq, 1); err != nil || string(wire) != fixed {
		t.Errorf("wire %q, %v", wire, err)
	}
}

func TestRepairOfAHeldSaleIsANewSaleInItsPlaceAndWarnsOfADouble(t *testing.T) {
	l := newTill(t)
	l.must(agent.KindCoupon, agenttest.Receipt("C-0", "T-0"))
	held, _ := l.refused(agent.CodeInvalid, agent.KindCoupon, strings.Replace(agenttest.Receipt("C-1", "T-1"), "2026-05-14", "2026-05-99", 1))
	receipt, err := l.service.Repair(context.Background(), l.job(held.Job).Seq, []byte(agenttest.Receipt("C-1", "T-1")))
	if err != nil {
		t.Fatal(err)
	}
	l.want(held.Job, agent.Discarded, agent.ReasonSuperseded)
	l.want(receipt.Job, agent.Pending, "")
	if len(receipt.Warnings) != 1 || !strings.Contains(receipt.Warnings[0], "outro cupom") {
		t.Errorf("warnings: %q", receipt.Warnings)
	}
}

func TestRepairOfASaleWhoseKeyIsGoneIsANewSaleInItsPlace(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	lost := tillOn(t, s, false).must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	storetest.Close(t, s)
	if err := os.Remove(filepath.Join(cfg.Dir, "keys.json")); err != nil {
		t.Fatal(err)
	}
	l := tillOn(t, storetest.OpenIn(t, cfg), false)
	seq, _ := agent.ParseJobID(lost.Job)
	receipt, err := l.service.Repair(context.Background(), seq, []byte(agenttest.Receipt("C-1", "T-1")))
	if err != nil {
		t.Fatal(err)
	}
	if job := l.job(receipt.Job); job.Status.State != agent.Pending || job.Dialect != agent.V22 {
		t.Errorf("got %s in dialect %q", job.Status.State, job.Dialect)
	}
	if head, err := l.store.Head(seq); err != nil || head.Status.State != agent.Discarded {
		t.Errorf("the old one is %s, %v", head.Status.State, err)
	}
}

func TestRepairThatIsStillWrongChangesNothing(t *testing.T) {
	l := newTill(t)
	held, _ := l.refused(agent.CodeInvalid, agent.KindCoupon, `{"coupon":"C-1"}`)
	if _, err := l.service.Repair(context.Background(), l.job(held.Job).Seq, []byte(`{"coupon":"C-1","x":1}`)); agent.CodeOf(err) != agent.CodeInvalid {
		t.Errorf("got %v", err)
	}
	l.want(held.Job, agent.Held, agent.ReasonInvalid)
}

func TestRetryAndDiscardDoOnlyWhatTheStateAllows(t *testing.T) {
	for _, c := range []struct {
		state   agent.State
		reason  string
		retry   bool
		discard bool
	}{
		{agent.Pending, "", true, true},
		{agent.Dead, agent.ReasonRefused, true, true},
		{agent.Held, agent.ReasonCloned, true, true},
		{agent.Held, agent.ReasonInvalid, false, true},
		{agent.Held, agent.ReasonConflict, false, true},
		{agent.Sent, "", false, false},
		{agent.Annulled, agent.ReasonCancelled, false, false},
		{agent.Discarded, agent.ReasonSupport, false, false},
	} {
		t.Run(string(c.state)+" "+c.reason, func(t *testing.T) {
			add := func() (*till, uint64) {
				l := newTill(t)
				job := agent.Job{Kind: agent.KindConfirm, Session: "T", Body: []byte(session("T")), Status: agent.Status{State: c.state, Reason: c.reason}}
				committed, err := l.store.Commit(context.Background(), agent.Change{Jobs: []agent.Job{job}})
				if err != nil {
					t.Fatal(err)
				}
				return l, committed.Seqs[0]
			}
			l, seq := add()
			if err := l.service.Retry(context.Background(), seq); (err == nil) != c.retry || (err != nil && agent.CodeOf(err) != agent.CodeConflict) {
				t.Errorf("retry: %v", err)
			}
			l, seq = add()
			if err := l.service.Discard(context.Background(), seq, "teste"); (err == nil) != c.discard || (err != nil && agent.CodeOf(err) != agent.CodeConflict) {
				t.Errorf("discard: %v", err)
			}
			if c.discard {
				l.want(fmt.Sprint(seq), agent.Discarded, "support: teste")
			}
		})
	}
	l := newTill(t)
	if err := l.service.Retry(context.Background(), 99); agent.CodeOf(err) != agent.CodeNotFound {
		t.Errorf("a job that is not there: %v", err)
	}
	if err := l.service.Discard(context.Background(), 99, ""); agent.CodeOf(err) != agent.CodeInvalid {
		t.Errorf("without a reason: %v", err)
	}
}

func TestDeadSaleThatTheTillHasTakenBackIsNotSentByRetryNorRepair(t *testing.T) {
	l := newTill(t)
	body := agenttest.Receipt("C-1", "T-1")
	sale := l.must(agent.KindCoupon, body)
	l.set(sale.Job, func(s *agent.Status) { s.State, s.Reason, s.Attempts = agent.Dead, agent.ReasonRefused, 1 })
	back := l.must(agent.KindCouponCancellation, `{"coupon":"C-1"}`)
	l.set(back.Job, func(s *agent.Status) { s.State, s.Reason = agent.Annulled, agent.ReasonNothingTo })
	seq := l.job(sale.Job).Seq
	if err := l.service.Retry(context.Background(), seq); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("retry: %v", err)
	}
	if _, err := l.service.Repair(context.Background(), seq, []byte(body)); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("repair: %v", err)
	}
	l.want(sale.Job, agent.Dead, agent.ReasonRefused)
}
