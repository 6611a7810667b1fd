package sender_test

import (
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/sales/sender"
)

func says(code int, body string) agent.Outcome {
	return agent.Outcome{Class: agent.ClassStatus, Status: code, Body: []byte(body), Reached: true}
}

func denied(body string) agent.Outcome {
	return agent.Outcome{Class: agent.ClassDenied, Status: 200, Body: []byte(body), Reached: true}
}

// triesOf gives when the bodies of a job went up, counted from the first.
func (s *shop) triesOf(body string) []time.Duration {
	var tries []time.Duration
	var first time.Time
	for _, d := range s.cloud.deliveries() {
		if d.body != body {
			continue
		}
		if first.IsZero() {
			first = d.at
		}
		tries = append(tries, d.at.Sub(first))
	}
	return tries
}

func TestCancellationsOfUnknownCouponsEndAfterAnHourAndNeverStopTheRoute(t *testing.T) {
	for name, unknown := range map[string]agent.Outcome{
		"by its words":      says(404, `{"message":"coupon not found"}`),
		"in Portuguese":     says(404, `{"mensagem":"Cupom não encontrado"}`),
		"in windows-1252":   says(404, "{\"mensagem\":\"n\xe3o encontrado\"}"),
		"behind a BOM":      says(404, "\xef\xbb\xbf"+`{"message":"not found"}`),
		"bare":              says(404, `{"statusCode":404,"message":"Not Found"}`),
		"by its id, plain":  says(404, `no record OLD-1`),
		"as a field":        says(404, `{"errors":[{"field":"coupon","message":"não existe"}]}`),
		"with its own path": says(404, `{"status":404,"error":"Not Found","message":"cupom inexistente","path":"/v2/coupons-cancellation"}`),
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(s *shop) {
				s.cloud.tell(func(d delivery) agent.Outcome {
					if d.body == "cancellation good" {
						return ok
					}
					return unknown
				})
			}, func(s *shop) {
				var old []uint64
				ids := []string{"OLD-1", "OLD-1", "OLD-1", "OLD-1", "OLD-1"}
				for _, id := range ids {
					old = append(old, s.add(cancellation(id))...)
				}
				wait(time.Second)
				good := s.add(cancellation("good"))[0]
				wait(time.Minute)
				s.want(good, agent.Sent)
				wait(58 * time.Minute)
				for _, seq := range old {
					s.want(seq, agent.Pending)
				}
				wait(10 * time.Minute)
				for _, seq := range old {
					job := s.want(seq, agent.Dead)
					if job.Status.Reason != agent.ReasonUnknown || job.Status.Attempts < 5 {
						t.Errorf("reason %q after %d attempts: %+v", job.Status.Reason, job.Status.Attempts, job.Status.Failure)
					}
				}
				if alarms := s.alarms.List(); len(alarms) != 0 {
					t.Errorf("alarms: %+v", alarms)
				}
			})
		})
	}
}

func TestMissingRouteIsNoJobsFault(t *testing.T) {
	for name, missing := range map[string]agent.Outcome{
		"no body":    says(404, ""),
		"HTML":       says(404, "<html><body>coupon OLD not found</body></html>"),
		"HTML, BOM":  says(404, "\xef\xbb\xbf<html><body>coupon OLD not found</body></html>"),
		"Express":    says(404, `{"statusCode":404,"message":"Cannot POST /v2/coupons-cancellation","error":"Not Found"}`),
		"a gateway":  says(404, `{"message":"no Route matched with those values"}`),
		"plain text": says(404, "404 page not found"),
		"the shop":   says(404, `{"message":"Loja não encontrada"}`),
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(s *shop) { s.cloud.tell(always(missing)) }, func(s *shop) {
				first := s.add(cancellation("OLD"), cancellation("NEW"))
				wait(2 * time.Hour)
				for _, seq := range first {
					s.want(seq, agent.Pending)
				}
				if link := s.sender.Link(); len(link.Paused) != 1 {
					t.Errorf("link: %+v", link)
				}
			})
		})
	}
}

func TestRefusalInsideASuccessIsTriedForAnHourThenDead(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		s.cloud.tell(func(d delivery) agent.Outcome {
			if d.body == "coupon bad" {
				return denied(`{"success":false}`)
			}
			return ok
		})
	}, func(s *shop) {
		bad := s.add(coupon("bad"))[0]
		good := s.add(coupons(5)...)
		wait(time.Minute)
		for _, seq := range good {
			s.want(seq, agent.Sent)
		}
		wait(50 * time.Minute)
		s.want(bad, agent.Pending)
		wait(20 * time.Minute)
		if job := s.want(bad, agent.Dead); job.Status.Reason != agent.ReasonDenied {
			t.Errorf("reason %q", job.Status.Reason)
		}
		if tries := s.triesOf("coupon bad"); len(tries) != 6 || tries[5] < time.Hour {
			t.Errorf("tries: %v", tries)
		}
		if link := s.sender.Link(); !link.Online || len(link.Paused) != 0 {
			t.Errorf("link: %+v", link)
		}
	})
}

func TestDoubtsOutliveARestartAndATimeoutBetweenThem(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(denied(`{"ok":false}`))) }, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(6 * time.Minute)
		s.cloud.tell(always(timeout))
		wait(10 * time.Minute)
		s.cloud.tell(always(denied(`{"ok":false}`)))
		wait(2 * time.Hour)
		if job := s.want(seq, agent.Dead); job.Status.Failure.Doubts != 6 {
			t.Errorf("%+v", job.Status.Failure)
		}
	})
}

func TestDuplicateInWordsIsJudgedAsAConflict(t *testing.T) {
	same := []string{
		`{"message":"Cupom já cadastrado"}`,
		`{"message":"coupon must be unique"}`,
		`{"statusCode":422,"message":["coupon must be unique"],"error":"Unprocessable Entity"}`,
		`{"errors":{"coupon":["has already been taken"]}}`,
		`{"errors":[{"message":"must be unique","type":"unique violation","path":"coupon","value":"S-1001"}]}`,
		`{"error":"Duplicate entry 'S-1001' for key 'coupons.PRIMARY'"}`,
		`{"detail":"Key (coupon)=(S-1001) already exists."}`,
		`{"message":"S-1001 já existe"}`,
		`cupom S-1001 ja cadastrado`,
	}
	other := []string{
		`{"message":"client_id must be unique"}`,
		`{"message":"CPF já cadastrado em outro cupom"}`,
		`{"errors":{"document_no":["has already been taken"]}}`,
		`{"message":["coupon must be unique","client_id must be valid"]}`,
		`{"message":"transaction_id must be unique"}`,
		`{"message":"coupon is invalid"}`,
		`{"message":"must be unique"}`,
		``,
	}
	for _, code := range []int{400, 422} {
		for _, body := range same {
			duplicate(t, says(code, body), nil, agent.Sent)
			duplicate(t, says(code, body), func(c *sender.Config) { c.Conflict = sender.ConflictDead }, agent.Dead)
		}
		for _, body := range other {
			duplicate(t, says(code, body), nil, agent.Dead)
		}
	}
	duplicate(t, denied(`{"success":false,"message":"Cupom já cadastrado"}`), nil, agent.Sent)
}

// duplicate has a coupon whose first attempt had no answer, and whose second gets this one.
func duplicate(t *testing.T, answer agent.Outcome, change func(*sender.Config), want agent.State) {
	t.Helper()
	inShop(t, change, func(s *shop) {
		tries := 0
		s.cloud.tell(func(delivery) agent.Outcome {
			if tries++; tries == 1 {
				return timeout
			}
			return answer
		})
	}, func(s *shop) {
		seq := s.add(coupon("S-1001"))[0]
		wait(time.Minute)
		if got := s.job(seq).Status.State; got != want {
			t.Errorf("%s: %s, want %s", answer.Body, got, want)
		}
	})
}

func TestDuplicateWithoutAnUnansweredAttemptIsDead(t *testing.T) {
	inShop(t, nil, func(s *shop) { s.cloud.tell(always(says(422, `{"message":"coupon must be unique"}`))) }, func(s *shop) {
		seq := s.add(coupon("A"))[0]
		wait(time.Minute)
		s.want(seq, agent.Dead)
	})
}
