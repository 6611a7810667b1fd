package loyalty_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
)

// Every failed call has its reason; a session that may have reached the cloud is taken back.
func TestEveryFailureOfAnApplyHasItsReason(t *testing.T) {
	status := func(code int) agent.Outcome {
		return agent.Outcome{Class: agent.ClassStatus, Status: code, Reached: true, Body: []byte(`{"message":"no"}`)}
	}
	for name, c := range map[string]struct {
		answer any
		reason agent.Absence
		voided bool
	}{
		"no connection":      {agent.Outcome{Class: agent.ClassUnreachable}, agent.AbsenceUnreachable, false},
		"broken":             {agent.Outcome{Class: agent.ClassBroken, Reached: true}, agent.AbsenceUnreachable, true},
		"cut":                {agent.Outcome{Class: agent.ClassBroken, Status: 200, Reached: true}, agent.AbsenceCloudError, true},
		"HTML":               {agent.Outcome{Class: agent.ClassForeign, Status: 200, Reached: true}, agent.AbsenceCloudError, true},
		"text":               {"ok", agent.AbsenceCloudError, true},
		"a list":             {"[]", agent.AbsenceCloudError, true},
		"500":                {status(500), agent.AbsenceCloudError, true},
		"429":                {status(429), agent.AbsenceCloudError, true},
		"408":                {status(408), agent.AbsenceCloudError, true},
		"301":                {status(301), agent.AbsenceCloudError, true},
		"401":                {status(401), agent.AbsenceAuth, false},
		"400":                {status(400), agent.AbsenceRefused, true},
		"404":                {status(404), agent.AbsenceRefused, true},
		"no items":           {`{}`, agent.AbsenceBadDiscount, true},
		"items null":         {`{"items":null}`, agent.AbsenceBadDiscount, true},
		"items empty":        {`{"items":[]}`, agent.AbsenceBadDiscount, true},
		"another product":    {strings.Replace(tenPercent(2), `"sku":"1"`, `"sku":"9"`, 1), agent.AbsenceBadDiscount, true},
		"sum is off":         {strings.Replace(tenPercent(2), "18.00", "17.00", 1), agent.AbsenceBadDiscount, true},
		"larger than line":   {strings.Replace(strings.Replace(tenPercent(2), "2.00,", "25.00,", 1), "18.00", "-5.00", 1), agent.AbsenceBadDiscount, true},
		"a word for a value": {strings.Replace(tenPercent(2), `"20.000"`, `"vinte"`, 1), agent.AbsenceBadDiscount, true},
		"absolute above all": {strings.Replace(tenPercent(2), "null", `{"discount_value":18.01}`, 1), agent.AbsenceBadDiscount, true},
		"absolute a text":    {strings.Replace(tenPercent(2), "null", `"5"`, 1), agent.AbsenceBadDiscount, true},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(t *testing.T, s *shop) {
				s.cloud.says(agent.CallStart, opens)
				s.hears("live", agent.CallStart, agent.V2, start)
				s.cloud.says(agent.CallApply, c.answer)
				got := s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 2))
				wants(t, got, `"reason":"`+string(c.reason)+`"`, `"transaction_id":"C-1"`,
					`"items":[{"sku":"1","ean":"2","quantity":2,"total_value_without_discount":20.00,"discount_value":0.00,"total_value_with_discount":20.00}]`,
					`"absolute":{"discount_value":0.00},"payment_discount":{"discount_value":0.00}`, `"total":"20.00"`)
				if c.voided {
					s.wantVoided("C-1")
				} else {
					s.wantVoided()
				}
				if alarm := len(s.alarms.List()) == 1; alarm != (c.reason == agent.AbsenceAuth) {
					t.Errorf("alarms: %v", s.alarms.List())
				}
			})
		})
	}
}

func TestAnApplyThatTimedOutLeavesItsCancelOnDiskBeforeTheAnswer(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.cloud.slow(agent.CallApply, time.Minute)
		begun := time.Now()
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 2)), `"reason":"timeout"`)
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("the till waited %v", took)
		}
		s.wantVoided("C-1")
		// what the till says of it now is of no use to the cloud
		receipt := s.must(agent.KindConfirm, named("C-1"))
		s.want(receipt.Job, agent.Annulled, agent.ReasonNoSession)
	})
}

func TestTheLinesAreAppendedAndNothingElseChanges(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		answer := ` {"transaction_id":"C-1", "x" : 1e2 ,` + tenPercent(2)[1:]
		s.cloud.says(agent.CallApply, answer)
		got := s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		want := strings.TrimSuffix(answer, "}") + `,"agent":{"delivery":"live","lines":[{"index":0,"discount":"2.00","absolute_share":"0.00","total":"18.00"}]}}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestTheSameBasketIsAnsweredFromDiskAlsoAfterARestart(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		first := s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.heard()
		s.restart()
		respelled := strings.Replace(cart("C-1", 2), "20.00", "2e1", 1)
		respelled = strings.Replace(respelled, "2e1", "20", 1)
		if again := s.hears("replayed", agent.CallApply, agent.V2, respelled); again != first {
			t.Errorf("got %s, want %s", again, first)
		}
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestAChangedBasketCancelsOnDiskThenStartsAndAppliesAnew(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		ids, voidedAtStart := 0, []string(nil)
		s.cloud.says(agent.CallStart, func(string) string {
			if ids++; ids == 2 {
				voidedAtStart = s.voided()
			}
			return fmt.Sprintf(`{"loyalty":true,"transaction_id":"C-%d"}`, ids)
		})
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, `{"transaction_id":"C-1",`+tenPercent(2)[1:])
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallApply, `{"transaction_id":"C-2","note":{"transaction_id":"C-2"},`+tenPercent(3)[1:])
		s.cloud.heard()
		got := s.hears("live", agent.CallApply, agent.V2, cart("C-1", 3))
		seen := s.cloud.heard()
		if calls(seen) != "start apply" || seen[0].body != start || !strings.Contains(seen[1].body, `"transaction_id":"C-2"`) {
			t.Errorf("the cloud heard %v", seen)
		}
		if len(voidedAtStart) != 1 {
			t.Errorf("the cancel was not on disk before the new start: %v", voidedAtStart)
		}
		s.wantVoided("C-1")
		if strings.Contains(got, "C-2") || strings.Count(got, `"transaction_id":"C-1"`) != 2 {
			t.Errorf("the till sees the cloud's new id: %s", got)
		}
		s.hears("replayed", agent.CallApply, agent.V2, cart("C-1", 3))

		receipt := s.must(agent.KindConfirm, named("C-1"))
		s.wantPrepared(receipt.Job, named("C-2"))
		coupon := s.must(agent.KindCoupon, agenttest.Receipt("C-1", "C-1")) // a till that uses one id for both
		s.wantPrepared(coupon.Job, agenttest.Receipt("C-1", "C-2"))
	})
}

// A power cut while the cloud is asked: its discounts are unknown, so it is not asked again in the same session.
func TestAnApplyCutByACrashIsNotAskedAgainInItsSession(t *testing.T) {
	for _, dialect := range []agent.Dialect{agent.V2, agent.V22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			ids := 0
			s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"transaction_id":"C-%d"}`, ids) })
			s.cloud.says(agent.CallPreApply, none)
			body, apply, want := start, cart("C-1", 2), "start apply"
			if dialect == agent.V22 {
				body, apply, want = start22, named("C-1"), "start pre-apply apply"
			}
			s.hears("live", agent.CallStart, dialect, body)
			if dialect == agent.V22 {
				s.hears("live", agent.CallPreApply, dialect, cart("C-1", 2))
			}
			s.cloud.says(agent.CallApply, func(string) string {
				s.crash()
				return tenPercent(2)
			})
			_, _ = s.talk(agent.CallApply, dialect, apply) // nobody hears the end of it
			s.cloud.says(agent.CallApply, tenPercent(2))
			s.cloud.heard()
			wants(t, s.hears("live", agent.CallApply, dialect, apply), `"transaction_id":"C-1"`)
			if got := calls(s.cloud.heard()); got != want {
				t.Errorf("%s: the cloud heard %s, want %s", dialect, got, want)
			}
			s.wantVoided("C-1")
		})
	}
}

func TestABasketIsOnDiskBeforeTheTillHearsOfItsDiscounts(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.disk.fail.Store(true)
		s.isRefused(agent.CodeStoreFull, agent.CallApply, agent.V2, cart("C-1", 2))
		s.disk.fail.Store(false)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
	})
}

func TestAChangedBasketWhoseNewStartFailsGetsZeros(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 3)), `"quantity":3`, `"discount_value":0.00`)
		s.wantVoided("C-1")
		s.want(s.must(agent.KindConfirm, named("C-1")).Job, agent.Annulled, agent.ReasonNoSession)
	})
}

func TestASessionBornInContingencyIsBegunAtApplyWhenTheLinkIsBack(t *testing.T) {
	for _, dialect := range []agent.Dialect{agent.V2, agent.V22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			body := map[agent.Dialect]string{agent.V2: start, agent.V22: start22}[dialect]
			s.hears("contingency", agent.CallStart, dialect, body)
			if dialect == agent.V22 {
				s.hears("contingency", agent.CallPreApply, dialect, cart("U-1", 2))
			} else {
				s.hears("contingency", agent.CallApply, dialect, cart("U-1", 2))
			}
			s.cloud.heard()
			s.restart()
			s.cloud.says(agent.CallStart, opens)
			s.cloud.says(agent.CallPreApply, `{"should_display_message":true,"message":{"text":"?","responses":[{"button":"a","tag":"a"}]}}`)
			s.cloud.says(agent.CallApply, `{"transaction_id":"C-1",`+tenPercent(2)[1:])
			apply, want := cart("U-1", 2), "start apply"
			if dialect == agent.V22 {
				apply, want = named("U-1"), "start pre-apply apply"
			}
			wants(t, s.hears("live", agent.CallApply, dialect, apply), `"transaction_id":"U-1"`, `"discount":"2.00"`)
			seen := s.cloud.heard()
			if calls(seen) != want || seen[0].body != body {
				t.Errorf("%s: the cloud heard %v, want %s", dialect, seen, want)
			}
			for _, one := range seen[1:] {
				wants(t, one.body, `"transaction_id":"C-1"`)
			}
		})
	}
}

// The till named a session of the agent when it gave the document later (v2.2): the cloud begins a session without that name.
func TestASessionIsBegunAnewWithoutTheTillsID(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V22, start22)
		s.hears("contingency", agent.CallStart, agent.V22, strings.Replace(start22, `"transaction_id":""`, `"transaction_id":"U-1"`, 1))
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallPreApply, none)
		s.cloud.heard()
		s.hears("live", agent.CallPreApply, agent.V22, cart("U-1", 2))
		if seen := s.cloud.heard(); calls(seen) != "start pre-apply" || seen[0].body != start22 {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestALateStartOfASessionBegunAnewIsTakenBack(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, 4*time.Second)
		s.hears("contingency", agent.CallApply, agent.V2, cart("U-1", 2))
		<-time.After(2 * time.Second)
		s.wantVoided("C-1")
		if job := s.jobs(agent.KindCancel)[0]; job.Session != "U-1" {
			t.Errorf("the cancel is of session %q", job.Session)
		}
	})
}

func TestTheDeadlineHoldsForStartAndApplyTogether(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.cloud.slow(agent.CallStart, 2*time.Second)
		s.cloud.slow(agent.CallApply, time.Second)
		begun := time.Now()
		s.hears("contingency", agent.CallApply, agent.V2, cart("U-1", 2))
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("the till waited %v", took)
		}
		s.wantVoided("C-1")
	})
}

func TestAnOpenCircuitAnswersWithoutACall(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.heard()
		s.cloud.open = true
		wants(t, s.hears("contingency", agent.CallStart, agent.V2, start), `"reason":"circuit_open"`)
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, cart("C-1", 2)), `"reason":"circuit_open"`)
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
		s.wantVoided() // it is as open as it was: the till may still apply
		s.cloud.open = false
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallApply, agent.V2, cart("C-1", 2))
		if got := calls(s.cloud.heard()); got != "apply" {
			t.Errorf("the cloud heard %s", got)
		}
	})
}

func TestOnlyLiveCallsAreNotedByTheCircuit(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, 10*time.Second)
		s.hears("contingency", agent.CallStart, agent.V2, start)
		<-time.After(time.Minute) // the late answer
		if len(s.cloud.notes) != 1 || s.cloud.notes[0].Class != agent.ClassTimeout {
			t.Errorf("noted: %+v", s.cloud.notes)
		}
	})
}

func TestABasketWithoutASessionOpensOne(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallApply, tenPercent(2))
		body := strings.Replace(cart("", 2), `"transaction_id":"",`, "", 1)
		wants(t, s.hears("live", agent.CallApply, agent.V2, body), `"transaction_id":"C-1"`)
		if seen := s.cloud.heard(); calls(seen) != "start apply" || !strings.Contains(seen[0].body, `"document_no":""`) || !strings.Contains(seen[1].body, `"transaction_id":"C-1"`) {
			t.Errorf("the cloud heard %v", seen)
		}
		s.hears("replayed", agent.CallApply, agent.V2, cart("C-1", 2))
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallApply, agent.V2, body), `"transaction_id":"U-1"`, `"discount_value":0.00`)
	})
}

func TestTheSamePreApplyAfterAnApplyAsksNothing(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallPreApply, none)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		first := s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.heard()
		wants(t, s.hears("replayed", agent.CallPreApply, agent.V22, cart("C-1", 2)), `"should_display_message":false`, `"transaction_id":"C-1"`)
		if again := s.hears("replayed", agent.CallApply, agent.V22, named("C-1")); again != first {
			t.Errorf("got %s, want %s", again, first)
		}
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestABasketThatCannotBeReckonedNamesEveryField(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		e := s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V2, `{"transaction_id":"C-1","client_id":"0","items":[
			{"sku":1.5,"ean":"1","quantity":0,"total_value":1},{"sku":"1","ean":true,"quantity":1e30,"total_value":-1},
			{"sku":{},"ean":"1","quantity":"um","total_value":1,"total_value_with_discount":2},{"sku":"1","ean":"1","total_value":"1,2,3"}]}`)
		var got []string
		for _, fault := range e.Fields {
			got = append(got, fault.Field+" "+fault.Code)
		}
		slices.Sort(got)
		want := []string{
			"items[0].sku fraction", "items[1].ean type", "items[1].quantity too_large", "items[2].quantity not_decimal",
			"items[2].sku type", "items[3].quantity required", "items[3].total_value not_decimal",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V2, `{"transaction_id":"C-1","client_id":"0","items":[]}`)
	})
}

func TestApplyBeforeThePreApplyIsRefused(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V22, start22)
		if e := s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V22, named("C-1")); e.Fields[0].Field != "items" {
			t.Errorf("got %+v", e.Fields)
		}
	})
}
