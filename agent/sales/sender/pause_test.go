package sender_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/sender"
)

func TestRefusedConnectionIsNoAttemptAndEverythingGoesWhenTheLinkIsBack(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(unreachable)) }, func(s *shop) {
		seqs := s.add(coupons(100)...)
		wait(2 * time.Hour)
		tries := len(s.cloud.deliveries())
		if tries < 2*60*60/60 || tries > 2*60*60/2 {
			t.Errorf("%d trials in two hours without a link: want one every 3 to 30 s", tries)
		}
		for _, seq := range seqs {
			if job := s.want(seq, agent.Pending); job.Status.Attempted() || job.Status.Unanswered {
				t.Fatalf("job %d counts as tried: %+v", seq, job.Status)
			}
		}
		if link := s.sender.Link(); link.Online || link.Reason != agent.ClassUnreachable {
			t.Errorf("link: %+v", link)
		}
		s.cloud.tell(nil)
		wait(31 * time.Second)
		for _, seq := range seqs {
			s.want(seq, agent.Sent)
		}
		if !s.sender.Link().Online {
			t.Error("the link is back and nobody says so")
		}
		if said := strings.Count(s.log.String(), "cloud_away"); said != 1 {
			t.Errorf("the outage was said %d times:\n%s", said, s.log.String())
		}
	})
}

func TestJobThatWaitsLongBecauseOfTheLinkGoesAtOnceWhenItIsBack(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(timeout)) }, func(s *shop) {
		seqs := s.add(coupons(5)...)
		wait(3 * time.Hour) // some now wait half an hour for their turn
		s.cloud.tell(nil)
		wait(35 * time.Second)
		for _, seq := range seqs {
			if job := s.want(seq, agent.Sent); job.Status.Attempts < 2 {
				t.Errorf("job %d: %d attempts", seq, job.Status.Attempts)
			}
		}
	})
}

func TestRefusedTokenPausesTheCloudWithOneAlarmAndBurnsNoAttempts(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(status(401))) }, func(s *shop) {
		seqs := s.add(coupons(50)...)
		wait(10 * time.Hour)
		if tries := len(s.cloud.deliveries()); tries < 20 || tries > 25 {
			t.Errorf("%d tries in ten hours, want the first ones and one each half hour", tries)
		}
		for _, seq := range seqs {
			if job := s.want(seq, agent.Pending); job.Status.Attempts != 0 {
				t.Errorf("job %d: %d attempts", seq, job.Status.Attempts)
			}
		}
		if alarms := s.alarms.List(); len(alarms) != 1 || alarms[0].Code != agent.AlarmUnauthorized {
			t.Errorf("alarms: %+v", alarms)
		}
		s.cloud.tell(nil)
		s.sender.Resume() // a person asked
		wait(time.Second)
		for _, seq := range seqs {
			s.want(seq, agent.Sent)
		}
		if alarms := s.alarms.List(); len(alarms) != 0 {
			t.Errorf("alarms: %+v", alarms)
		}
	})
}

func TestPausedCloudResumesByItself(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(status(401))) }, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(time.Minute)
		s.cloud.tell(nil)
		wait(30 * time.Minute)
		s.want(seq, agent.Sent)
	})
}

func TestJobRefusedLikeAMissingRouteDiesWhenTheNextOnePasses(t *testing.T) {
	for _, code := range []int{301, 307, 402, 403, 404, 405, 410} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			inShop(t, nil, func(s *shop) {
				s.cloud.tell(func(d delivery) agent.Outcome {
					if d.body == "coupon bad" {
						return status(code)
					}
					return ok
				})
			}, func(s *shop) {
				bad := s.add(coupon("bad"))[0]
				wait(2 * time.Hour)
				s.want(bad, agent.Pending) // alone, it may be the route
				good := s.add(coupon("good"))[0]
				wait(time.Second)
				s.want(good, agent.Sent)
				if job := s.want(bad, agent.Dead); job.Status.Reason != agent.ReasonRouteOnly {
					t.Errorf("reason %q", job.Status.Reason)
				}
				if alarms := s.alarms.List(); len(alarms) != 0 {
					t.Errorf("alarms: %+v", alarms)
				}
			})
		})
	}
}

func TestRouteThatRefusesTwoAlikePausesAloneAndResumesByItself(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.cloud.tell(func(d delivery) agent.Outcome {
			if d.kind == agent.KindCoupon {
				return status(404)
			}
			return ok
		})
	}, func(s *shop) {
		seqs := s.add(coupons(30)...)
		wait(time.Second)
		other := s.add(confirm("T"))[0]
		wait(time.Second)
		s.want(other, agent.Sent)
		if link := s.sender.Link(); !slices.Equal(link.Paused, []string{"coupon"}) || !link.Online {
			t.Errorf("link: %+v", link)
		}
		before := len(s.cloud.deliveries())
		wait(5 * time.Hour)
		if tries := len(s.cloud.deliveries()) - before; tries < 9 || tries > 11 {
			t.Errorf("%d tries in five hours, want one each half hour", tries)
		}
		if alarms := s.alarms.List(); len(alarms) != 1 || alarms[0].Code != agent.AlarmRoutePaused || alarms[0].Subject != "coupon" {
			t.Errorf("alarms: %+v", alarms)
		}
		s.cloud.tell(nil)
		wait(time.Hour)
		for _, seq := range seqs {
			s.want(seq, agent.Sent)
		}
		if alarms := s.alarms.List(); len(alarms) != 0 {
			t.Errorf("alarms: %+v", alarms)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, code := range []int{429, 503} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			inShop(t, func(c *sender.Config) { c.RetryMax = 10 * time.Second }, func(s *shop) {
				asked := status(code)
				asked.RetryAfter = 10 * time.Minute
				s.cloud.tell(always(asked))
			}, func(s *shop) {
				begin := time.Now()
				s.add(coupons(10)...)
				wait(9 * time.Minute)
				s.cloud.tell(nil)
				wait(20 * time.Minute)
				perJob := make(map[string]time.Time)
				for _, d := range s.cloud.deliveries() {
					if last, again := perJob[d.body]; again && d.at.Sub(last) < 5*time.Minute {
						t.Errorf("%s was tried again after %v", d.body, d.at.Sub(last))
					}
					perJob[d.body] = d.at
				}
				for seq := uint64(1); seq <= 10; seq++ {
					s.want(seq, agent.Sent)
				}
				if early := len(s.cloud.deliveries()); early > 24 {
					t.Errorf("%d requests for ten sales since %v", early, begin)
				}
			})
		})
	}
}

// alarmed tells whether the alarm is active.
func (s *shop) alarmed(code string) bool {
	return slices.ContainsFunc(s.alarms.List(), func(alarm agent.Alarm) bool { return alarm.Code == code })
}

// A cloud that asks for an hour, or a year, is asked by one job every 5 minutes; all is sent soon after it is back.
func TestAnEnormousRetryAfterHoldsNoSaleForLong(t *testing.T) {
	for _, asked := range []time.Duration{time.Hour, 365 * 24 * time.Hour} {
		inShop(t, nil, func(s *shop) {
			s.cloud.tell(always(agent.Outcome{Class: agent.ClassStatus, Status: 503, RetryAfter: asked, Reached: true}))
		}, func(s *shop) {
			seqs := s.add(coupons(20)...)
			wait(10 * time.Minute)
			before := len(s.cloud.deliveries())
			wait(time.Hour)
			if tries := len(s.cloud.deliveries()) - before; tries < 10 || tries > 13 {
				t.Errorf("%d tries in an hour, want one each 5 minutes", tries)
			}
			if s.sender.Link().Online || !s.alarmed(agent.AlarmBusy) {
				t.Error("nobody says that the cloud is away")
			}
			s.cloud.tell(nil)
			seqs = append(seqs, s.add(coupon("new"))...)
			wait(11 * time.Minute)
			for _, seq := range seqs {
				s.want(seq, agent.Sent)
			}
			if s.alarmed(agent.AlarmBusy) {
				t.Error("the cloud is back, and the alarm lasts")
			}
		})
	}
}

func TestJobThatWasToldToWaitWaitsWhileOthersGo(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.cloud.tell(func(d delivery) agent.Outcome {
			if d.body == "coupon told" {
				return agent.Outcome{Class: agent.ClassStatus, Status: 429, RetryAfter: 10 * time.Minute, Reached: true}
			}
			return ok
		})
	}, func(s *shop) {
		s.add(coupon("told"))
		wait(2 * time.Minute)
		other := s.add(coupon("other"))[0]
		wait(40 * time.Minute)
		s.want(other, agent.Sent)
		var last time.Time
		for _, d := range s.cloud.deliveries() {
			if d.body != "coupon told" {
				continue
			}
			if !last.IsZero() && d.at.Sub(last) < 5*time.Minute {
				t.Errorf("tried again after %v", d.at.Sub(last))
			}
			last = d.at
		}
	})
}

func TestBacklogOfAnOutageWaitsItsRandomTimeButForOneTrial(t *testing.T) {
	var waited []time.Duration
	for range 4 {
		inShop(t, func(c *sender.Config) { c.StartJitter = time.Minute }, func(s *shop) { s.cloud.tell(always(unreachable)) }, func(s *shop) {
			s.add(coupons(20)...)
			wait(10 * time.Minute)
			s.cloud.tell(nil)
			wait(2 * time.Minute)
			var passed []time.Time
			for _, d := range s.cloud.deliveries() {
				if job := s.job(d.seq()); job.Status.Answer != nil && d.at.Equal(job.Status.Answer.At) {
					passed = append(passed, d.at)
				}
			}
			if len(passed) != 20 {
				t.Fatalf("%d of 20 arrived", len(passed))
			}
			waited = append(waited, passed[1].Sub(passed[0]))
		})
	}
	if longest := slices.Max(waited); longest < time.Second {
		t.Errorf("the backlogs of four shops began after %v: a chain would storm a cloud that came back", waited)
	}
}

func TestPoisonedSaleNeverStopsTheShop(t *testing.T) {
	sales := agenttest.Amount(300, 60)
	for name, poison := range map[string]agent.Outcome{
		"timeout": timeout, "500": status(500), "cut": {Class: agent.ClassBroken, Reached: true},
		"HTML": {Class: agent.ClassForeign, Status: 200, Reached: true}, "429 for an hour": {Class: agent.ClassStatus, Status: 429, RetryAfter: time.Hour, Reached: true},
		"403": status(403), "422": status(422),
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(s *shop) {
				s.cloud.tell(func(d delivery) agent.Outcome {
					if d.body == "coupon C3" {
						return poison
					}
					return ok
				})
			}, func(s *shop) {
				seqs := s.add(coupons(sales)...)
				wait(3 * time.Minute)
				for i, seq := range seqs {
					if i != 3 {
						s.want(seq, agent.Sent)
					}
				}
				if job := s.job(seqs[3]); job.Status.State == agent.Sent {
					t.Error("the poisoned one counts as sent")
				}
			})
		})
	}
}

func TestBacklogWaitsItsRandomTimeAndAFreshSaleDoesNot(t *testing.T) {
	waited := make(map[time.Duration]bool)
	for range 5 {
		inShop(t, func(c *sender.Config) { c.StartJitter = time.Minute }, func(s *shop) { s.add(coupons(20)...) }, func(s *shop) {
			begin := time.Now()
			fresh := s.add(coupon("fresh"))[0]
			wait(time.Millisecond)
			s.want(fresh, agent.Sent)
			wait(time.Minute)
			for seq := uint64(1); seq <= 20; seq++ {
				s.want(seq, agent.Sent)
			}
			waited[s.cloud.deliveries()[1].at.Sub(begin).Round(time.Millisecond)] = true
		})
	}
	if len(waited) < 2 {
		t.Errorf("every agent of the chain waited the same: %v", waited)
	}
}

// TestJobWhoseTimeAWrongClockHasSetWaitsNoLongerThanTheLongestWait has a sale whose next attempt is in four years.
func TestJobWhoseTimeAWrongClockHasSetWaitsNoLongerThanTheLongestWait(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		seqs := s.add(coupons(300)...)
		for _, seq := range seqs {
			job := s.job(seq)
			job.Status.NotBefore = time.Now().Add(4 * 365 * 24 * time.Hour)
			if _, err := s.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}}); err != nil {
				t.Fatal(err)
			}
		}
	}, func(s *shop) {
		<-time.After(30 * time.Minute)
		if n := len(s.cloud.deliveries()); n != 0 {
			t.Errorf("%d went before their time", n)
		}
		<-time.After(time.Hour)
		if n := len(s.cloud.deliveries()); n != 300 {
			t.Errorf("%d of 300 have gone", n)
		}
	})
}
