package loyalty_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/loyalty"
)

// run sweeps regularly until the test ends.
func (s *shop) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		for {
			if _, _, err := s.service.Sweep(ctx); err != nil && ctx.Err() == nil {
				done <- err
				return
			}
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-time.After(5 * time.Minute):
			}
		}
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	}
}

func (s *shop) stage(id string, want agent.Stage) {
	s.t.Helper()
	if got, known, err := s.service.Session(id); err != nil || !known || got.Stage != want {
		s.t.Errorf("session %s: got %+v, %v, %v, want %s", id, got, known, err, want)
	}
}

func TestASessionEndsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		first, second agent.Kind
		words         string
	}{
		"confirm, then cancel": {agent.KindConfirm, agent.KindCancel, "cancele o cupom"},
		"cancel, then confirm": {agent.KindCancel, agent.KindConfirm, "Comece outra"},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(t *testing.T, s *shop) {
				s.cloud.says(agent.CallStart, opens)
				s.hears("live", agent.CallStart, agent.V2, start)
				for _, id := range []string{"C-1", "never begun here"} {
					first := s.must(c.first, named(id))
					receipt, refusal := s.refused(agent.CodeConflict, c.second, named(id))
					wants(t, refusal.Message, c.words)
					s.want(receipt.Job, agent.Held, agent.ReasonConflict)
					s.want(first.Job, agent.Pending, "")
					if again := s.must(c.first, named(id)); !again.Replayed || again.Job != first.Job {
						t.Errorf("repeated: %+v", again)
					}
				}
			})
		})
	}
}

func TestOfAConfirmAndACancelAtTheSameTimeOneIsTaken(t *testing.T) {
	s := newTill(t)
	for round := range 40 {
		id := fmt.Sprint("T-", round)
		errs := make([]error, 2)
		var group sync.WaitGroup
		for i, kind := range []agent.Kind{agent.KindConfirm, agent.KindCancel} {
			group.Go(func() { _, errs[i] = s.say(kind, named(id)) })
		}
		group.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%s: confirm %v, cancel %v", id, errs[0], errs[1])
		}
		for _, err := range errs {
			if err != nil && agent.CodeOf(err) != agent.CodeConflict {
				t.Fatal(err)
			}
		}
	}
}

func TestASessionTheCloudHasNotEndsWithoutAWord(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		for i, kind := range []agent.Kind{agent.KindConfirm, agent.KindCancel} {
			s.hears("contingency", agent.CallStart, agent.V2, start)
			id := fmt.Sprint("U-", i+1)
			s.want(s.must(kind, named(id)).Job, agent.Annulled, agent.ReasonNoSession)
			if again := s.must(kind, named(id)); !again.Replayed {
				t.Errorf("repeated: %+v", again)
			}
		}
		s.stage("U-1", agent.StageConfirmed)
		s.stage("U-2", agent.StageCancelled)
	})
}

func TestAClosedSessionRemembersNothingPersonalItNeedsNotTo(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.must(agent.KindConfirm, named("C-1"))
		data, _, err := s.store.Record(s.config.SessionBucket, "C-1")
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"opening", "cart", "applied", "answers"} {
			if strings.Contains(string(data), part) {
				t.Errorf("it keeps %s: %s", part, data)
			}
		}
	})
}

func TestAnAbandonedSessionIsCancelled(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		stop := s.run()
		defer stop()
		<-time.After(2 * time.Hour)
		s.wantVoided()
		<-time.After(10 * time.Minute)
		s.wantVoided("C-1")
		s.stage("C-1", agent.StageAbandoned)
		s.want(s.must(agent.KindConfirm, named("C-1")).Job, agent.Annulled, agent.ReasonNoSession)
		s.isRefused(agent.CodeConflict, agent.CallApply, agent.V2, cart("C-1", 2))
	})
}

func TestAnAbandonedSessionComesToLifeWithItsNextBasket(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		ids := 0
		s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"transaction_id":"C-%d"}`, ids) })
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		stop := s.run()
		defer stop()
		<-time.After(3 * time.Hour)
		s.stage("C-1", agent.StageAbandoned)
		wants(t, s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2)), `"transaction_id":"C-1"`)
		s.stage("C-1", agent.StageOpen)
		s.wantPrepared(s.must(agent.KindConfirm, named("C-1")).Job, named("C-2"))
	})
}

func TestASessionWithAReceiptAndNoConfirmIsNeverCancelledButSaid(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.must(agent.KindCoupon, agenttest.Receipt("K", "C-1"))
		stop := s.run()
		defer stop()
		<-time.After(3 * time.Hour)
		s.wantVoided()
		if alarms := s.alarms.List(); len(alarms) != 1 || alarms[0].Code != "discount_unconfirmed" || !strings.Contains(alarms[0].Detail, "1 venda") {
			t.Errorf("alarms: %+v", alarms)
		}
		s.must(agent.KindConfirm, named("C-1"))
		<-time.After(time.Hour)
		if alarms := s.alarms.List(); len(alarms) != 0 {
			t.Errorf("after the confirm: %+v", alarms)
		}
	})
}

func TestAContingencyWithAReceiptNeedsNoConfirm(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.must(agent.KindCoupon, agenttest.Receipt("K", "U-1"))
		stop := s.run()
		defer stop()
		<-time.After(3 * time.Hour)
		s.wantVoided()
		if alarms := s.alarms.List(); len(alarms) != 0 {
			t.Errorf("alarms: %+v", alarms)
		}
	})
}

func TestSessionsAreForgottenAfterAWeekUnlessTheirSaleIsStillOnItsWay(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		ids := 0
		s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"transaction_id":"C-%d"}`, ids) })
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("live", agent.CallStart, agent.V2, start)
		sent := s.must(agent.KindConfirm, named("C-1"))
		s.must(agent.KindConfirm, named("C-2"))
		s.set(sent.Job, func(st *agent.Status) { st.State = agent.Sent })
		stop := s.run()
		defer stop()
		<-time.After(8 * 24 * time.Hour)
		if _, known, err := s.service.Session("C-1"); known || err != nil {
			t.Errorf("the sent one is still known, %v", err)
		}
		s.stage("C-2", agent.StageConfirmed)
	})
}

func TestMembersAreForgottenWhenTheirTimeIsOver(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		stop := s.run()
		defer stop()
		<-time.After(29 * 24 * time.Hour)
		if values, _, err := s.store.Records(s.config.MemberBucket, nil, 9); err != nil || len(values) != 1 || strings.Contains(string(values[0].Data), agenttest.CPF) {
			t.Errorf("got %d values, %v", len(values), err)
		}
		<-time.After(2 * 24 * time.Hour)
		if values, _, err := s.store.Records(s.config.MemberBucket, nil, 9); err != nil || len(values) != 0 {
			t.Errorf("got %d values, %v", len(values), err)
		}
	})
}

// client is a receipt of a session for a client_id.
func client(coupon, session, id string) string {
	return agenttest.ReceiptWith(fmt.Sprintf(`"transaction_id":%q,"client_id":%q,"coupon":%q`, session, id, coupon))
}

func TestWhatTheSessionKnowsOfTheShopperDecidesTheClientID(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		for i, loyalty := range []string{"true", "false"} {
			id := fmt.Sprint("C-", i)
			s.cloud.says(agent.CallStart, fmt.Sprintf(`{"loyalty":%s,"transaction_id":%q}`, loyalty, id))
			s.hears("live", agent.CallStart, agent.V2, start)
			s.cloud.heard()
			receipt := s.must(agent.KindCoupon, client(id, id, agenttest.CPF))
			want := map[string]string{"true": agenttest.CPF, "false": "0"}[loyalty]
			s.wantPrepared(receipt.Job, client(id, id, want))
			if seen := s.cloud.heard(); len(seen) != 0 {
				t.Errorf("the cloud was asked: %v", seen)
			}
		}
	})
}

// The receipt's document differs from the session's (R38): the cloud is asked about it.
func TestAnotherDocumentThanTheSessionsIsAskedAbout(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		receipt := s.must(agent.KindCoupon, client("K", "C-1", agenttest.CNPJ))
		s.cloud.says(agent.CallStart, `{"loyalty":false,"transaction_id":"R-1"}`)
		s.wantPrepared(receipt.Job, client("K", "C-1", "0"))
		s.wantVoided("R-1")
	})
}

func TestMembershipThatNobodyKnewIsResolvedOnceAnOutage(t *testing.T) {
	for loyalty, want := range map[string]string{"true": agenttest.CPF, "false": "0"} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			s.hears("contingency", agent.CallStart, agent.V2, start)
			s.hears("contingency", agent.CallStart, agent.V2, start)
			first := s.must(agent.KindCoupon, client("K-1", "U-1", agenttest.CPF))
			second := s.must(agent.KindCoupon, client("K-2", "U-2", agenttest.CPF))
			s.cloud.heard()
			_, err := s.service.Prepare(t.Context(), s.job(first.Job))
			if postponed, ok := errors.AsType[*agent.Postponed](err); !ok || postponed.Outcome.Class != agent.ClassUnreachable {
				t.Fatalf("without a cloud: %v", err)
			}
			s.cloud.heard()
			s.cloud.says(agent.CallStart, fmt.Sprintf(`{"loyalty":%s,"transaction_id":"R-1"}`, loyalty))
			for i, receipt := range []agent.Receipt{first, second} {
				session := `"transaction_id":"U-` + fmt.Sprint(i+1) + `",`
				s.wantPrepared(receipt.Job, strings.Replace(client(fmt.Sprint("K-", i+1), fmt.Sprint("U-", i+1), want), session, "", 1))
			}
			if seen := s.cloud.heard(); calls(seen) != "start" || seen[0].body != `{"document_no":"`+agenttest.CPF+`","transaction_id":""}` {
				t.Errorf("the cloud heard %v", seen)
			}
			s.wantVoided("R-1")
		})
	}
}

func TestUnknownMembersCanGoAsZeroOrAsGiven(t *testing.T) {
	for choice, want := range map[loyalty.Unknown]string{loyalty.UnknownZero: "0", loyalty.UnknownAsGiven: agenttest.CPF} {
		inShop(t, func(c *loyalty.Config) { c.UnknownMember, c.KeepOfflineID = choice, true }, func(t *testing.T, s *shop) {
			s.hears("contingency", agent.CallStart, agent.V2, start)
			receipt := s.must(agent.KindCoupon, client("K", "U-1", agenttest.CPF))
			s.wantPrepared(receipt.Job, client("K", "U-1", want))
		})
	}
}

func TestACloudThatCannotIdentifyDoesNotHoldASaleForEver(t *testing.T) {
	for name, c := range map[string]struct {
		answer agent.Outcome
		tries  int
	}{
		"refused": {agent.Outcome{Class: agent.ClassStatus, Status: 404, Reached: true}, 0},
		"nothing": {agent.Outcome{Class: agent.ClassOK, Status: 200, Reached: true, Body: []byte(`{}`)}, 0},
		"500":     {agent.Outcome{Class: agent.ClassStatus, Status: 500, Reached: true}, 5},
		"silence": {agent.Outcome{Class: agent.ClassTimeout, Reached: true}, 5},
		"HTML":    {agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(t *testing.T, s *shop) {
				s.cloud.says(agent.CallStart, c.answer)
				receipt := s.must(agent.KindCoupon, client("K", "", agenttest.CPF))
				for range c.tries {
					if _, err := s.service.Prepare(t.Context(), s.job(receipt.Job)); err == nil {
						t.Fatal("it goes up too soon")
					}
				}
				s.wantPrepared(receipt.Job, client("K", "", agenttest.CPF))
			})
		})
	}
}

func TestAnAnswerForASessionThatWasGivenUpIsHeardByNobody(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-1","message":{"text":"?","responses":[{"button":"Sim","tag":"sim"}]}}`)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, `{}`) // bad: the session is given up
		s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 1))
		s.cloud.says(agent.CallMessage, `{}`)
		s.cloud.heard()
		wants(t, s.hears("contingency", agent.CallMessage, agent.V2, `{"transaction_id":"C-1","document_no":"1","message_tag":"sim"}`), `"reason":"bad_discount"`)
		if seen := s.cloud.heard(); len(seen) != 0 || len(s.jobs(agent.KindMessage)) != 0 {
			t.Errorf("the cloud heard %v, queued %v", seen, s.jobs(agent.KindMessage))
		}
	})
}

func TestAMessageOfASessionThatWasGivenUpIsMoot(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-1","message":{"text":"?","responses":[{"button":"Sim","tag":"sim"}]}}`)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("contingency", agent.CallMessage, agent.V2, `{"transaction_id":"C-1","document_no":"1","message_tag":"sim"}`)
		s.cloud.says(agent.CallApply, `{}`) // bad: the session is given up
		s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 1))
		if _, err := s.service.Prepare(t.Context(), s.jobs(agent.KindMessage)[0]); !errors.Is(err, agent.ErrMoot) {
			t.Errorf("got %v", err)
		}
	})
}

func TestACancelDuringAnApplyIsTakenAtOnceAndTheApplyRefused(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.cloud.slow(agent.CallApply, time.Second)
		s.hears("live", agent.CallStart, agent.V2, start)
		refused := make(chan error, 1)
		go func() {
			_, err := s.service.Talk(agent.Talk{Call: agent.CallApply, Dialect: agent.V2, Body: []byte(cart("C-1", 2))})
			refused <- err
		}()
		<-time.After(500 * time.Millisecond)
		begun := time.Now()
		s.must(agent.KindCancel, named("C-1"))
		if took := time.Since(begun); took > 0 {
			t.Errorf("the cancel waited %v", took)
		}
		if err := <-refused; agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("the apply: %v", err)
		}
		s.wantVoided() // the till's own cancel goes
		s.wantPrepared(s.jobs(agent.KindCancel)[0].ID(), named("C-1"))
	})
}

func TestASessionThatEndedWhileItWasBegunAnewIsTakenBack(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, time.Second)
		refused := make(chan error, 1)
		go func() {
			_, err := s.service.Talk(agent.Talk{Call: agent.CallApply, Dialect: agent.V2, Body: []byte(cart("U-1", 2))})
			refused <- err
		}()
		<-time.After(500 * time.Millisecond)
		s.want(s.must(agent.KindConfirm, named("U-1")).Job, agent.Annulled, agent.ReasonNoSession)
		if err := <-refused; agent.CodeOf(err) != agent.CodeConflict {
			t.Errorf("the apply: %v", err)
		}
		s.wantVoided("C-1")
	})
}

func TestASaleUndoneBeforeItWentTakesItsSessionAlong(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		confirm := s.must(agent.KindConfirm, named("C-1"))
		s.must(agent.KindCoupon, agenttest.Receipt("K", "C-1"))
		s.must(agent.KindCouponCancellation, `{"coupon":"K"}`)
		s.want(confirm.Job, agent.Annulled, agent.ReasonCancelled)
		s.stage("C-1", agent.StageCancelled)
		cancels := s.jobs(agent.KindCancel)
		if len(cancels) != 1 || cancels[0].Void() {
			t.Fatalf("cancels: %+v", cancels)
		}
		s.wantPrepared(cancels[0].ID(), named("C-1"))
		if again := s.must(agent.KindCancel, named("C-1")); !again.Replayed {
			t.Errorf("the till's own cancel: %+v", again)
		}

		s.cloud.says(agent.CallStart, nil)
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.must(agent.KindCoupon, agenttest.Receipt("K-2", "U-1"))
		s.must(agent.KindCouponCancellation, `{"coupon":"K-2"}`)
		if len(s.jobs(agent.KindCancel)) != 1 {
			t.Error("a session that the cloud never had is cancelled there")
		}
	})
}

func TestBusyTellsWhenNoTillWaitsForTheCloud(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		if s.service.Busy() != nil {
			t.Fatal("busy with nothing")
		}
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = s.service.Talk(agent.Talk{Call: agent.CallStart, Dialect: agent.V2, Body: []byte(start)}) // its end counts
		}()
		synctest.Wait()
		idle := s.service.Busy()
		if idle == nil {
			t.Fatal("not busy during a call")
		}
		begun := time.Now()
		<-idle
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %v", took)
		}
		<-done
		if s.service.Busy() != nil {
			t.Error("still busy")
		}
	})
}

func TestSessionInTwoDialectsIsRefused(t *testing.T) {
	l := newTill(t)
	l.must(agent.KindConfirm, session("T-1"))
	_, err := l.service.Accept(context.Background(), agent.Submission{Kind: agent.KindCancel, Dialect: agent.V22, Body: []byte(session("T-1"))})
	if agent.CodeOf(err) != agent.CodeDialectMixed {
		t.Errorf("got %v", err)
	}
}
