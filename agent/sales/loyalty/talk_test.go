package loyalty_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
)

func TestALiveStartPassesByteForByte(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		const odd = " {\"x\":1.500, \"transaction_id\" : \"C-1\",\n\"user\":{\"name\":\"Jos\\u00e9\"},\"loyalty\":true } "
		s.cloud.says(agent.CallStart, odd)
		if got := s.hears("live", agent.CallStart, agent.V2, start); got != odd {
			t.Errorf("got %q", got)
		}
		if seen := s.cloud.heard(); len(seen) != 1 || seen[0].body != start {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestAStartThatComesTooLateIsAnsweredAtTheDeadlineAndTakenBack(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.slow(agent.CallStart, 3*time.Second)
		begun := time.Now()
		got := s.hears("contingency", agent.CallStart, agent.V2, start)
		if took := time.Since(begun); took != 2500*time.Millisecond {
			t.Errorf("the till waited %v", took)
		}
		wants(t, got, `"reason":"timeout"`, `"transaction_id":"U-1"`, `"loyalty":false`)
		s.wantVoided()
		<-time.After(time.Second)
		s.wantVoided("C-1")
		if got, _, err := s.service.Session("U-1"); err != nil || got.Live {
			t.Errorf("the session is %+v, %v", got, err)
		}
	})
}

func TestAContingencyStartKnowsTheMember(t *testing.T) {
	for dialect, body := range map[agent.Dialect]string{agent.V2: start, agent.V22: start22} {
		inShop(t, nil, func(t *testing.T, s *shop) {
			s.cloud.says(agent.CallStart, opens)
			s.hears("live", agent.CallStart, dialect, body)
			s.cloud.says(agent.CallStart, nil)
			got := s.hears("contingency", agent.CallStart, dialect, body)
			wants(t, got, `"loyalty":true`, `"name":"Maria"`, `"document_no":"`+agenttest.CPF+`"`, `"reason":"unreachable"`)
			if strings.Contains(got, "Aparecida") || strings.Contains(got, `"message"`) || (dialect == agent.V22) != strings.Contains(got, `"should_display_message":false`) {
				t.Errorf("got %s", got)
			}
			<-time.After(31 * 24 * time.Hour)
			wants(t, s.hears("contingency", agent.CallStart, dialect, body), `"loyalty":false`)
		})
	}
}

func TestAMemberWhoLeftTheClubIsForgotten(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, strings.Replace(opens, "true", "false", 1))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallStart, agent.V2, start), `"loyalty":false`)
	})
}

func TestForgetRemovesAMember(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.hears("live", agent.CallStart, agent.V2, start)
		synctest.Wait()
		for _, want := range []bool{true, false} {
			if got, err := s.service.Forget(t.Context(), " 529.982.247-25"); err != nil || got != want {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		}
		if _, err := s.service.Forget(t.Context(), agenttest.BadCPF); agent.CodeOf(err) != agent.CodeInvalid {
			t.Errorf("a document that is none: %v", err)
		}
		s.cloud.says(agent.CallStart, nil)
		wants(t, s.hears("contingency", agent.CallStart, agent.V2, start), `"loyalty":false`)
	})
}

// A cloud that repeats its question without end gets each of the shopper's answers once.
func TestAnAnswerIsGivenAgainOnlyOnce(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		s.cloud.says(agent.CallPreApply, question("Digite de novo", "sim"))
		s.cloud.says(agent.CallMessage, question("Digite de novo", "sim"))
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"sim","input_value":""}`)
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.heard()
		wants(t, s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 3)), "Digite de novo")
		if got := calls(s.cloud.heard()); got != "start pre-apply message" {
			t.Errorf("the cloud heard %s", got)
		}
	})
}

func TestTheShopperIsNotAskedTheSameQuestionTwice(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		ids := 0
		s.cloud.says(agent.CallStart, func(string) string { ids++; return fmt.Sprintf(`{"transaction_id":"C-%d"}`, ids) })
		s.cloud.says(agent.CallPreApply, question("Usar cashback?", "sim"))
		s.cloud.says(agent.CallMessage, none)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"sim","input_value":""}`)
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.heard()
		got := s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 3))
		wants(t, got, `"should_display_message":false`)
		seen := s.cloud.heard()
		if calls(seen) != "start pre-apply message" || seen[2].body != `{"transaction_id":"C-2","tag":"sim","input_value":""}` {
			t.Errorf("the cloud heard %v", seen)
		}
		s.wantVoided("C-1")

		s.cloud.says(agent.CallApply, tenPercent(3))
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		s.cloud.says(agent.CallPreApply, question("Outra pergunta?", "outra"))
		wants(t, s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 4)), "Outra pergunta?") // a new one is
	})
}

func TestOnlyOfferedTagsAreTaken(t *testing.T) {
	script := `{"transaction_id":"C-1","message":{"text":"?","responses":[{"button":"Sim","tag":"sim"},{"button":"Nao","tag":"nao"}]}}`
	inShop(t, nil, func(t *testing.T, s *shop) {
		say := func(tag string) string {
			return `{"transaction_id":"C-1","document_no":"` + agenttest.CPF + `","message_tag":"` + tag + `"}`
		}
		s.cloud.says(agent.CallMessage, `{}`)
		for _, silent := range []string{
			opens, `{"transaction_id":"C-1","message":null}`, `{"transaction_id":"C-1","message":{}}`,
			`{"transaction_id":"C-1","should_display_message":false,"message":{"text":"?","responses":[{"button":"Sim","tag":"sim"}]}}`,
			`{"transaction_id":"C-1","message":{"text":"APP","qr_code_next_window":{"url":"http://x/y.png"},"responses":[]}}`,
			`{"transaction_id":"C-1","message":{"text":"APP"}}`,
		} {
			s.cloud.says(agent.CallStart, silent)
			s.hears("live", agent.CallStart, agent.V2, start)
			if e := s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V2, say("sim")); e.Fields[0].Field != "message_tag" {
				t.Errorf("%s: got %+v", silent, e.Fields)
			}
		}
		s.cloud.says(agent.CallStart, script)
		s.hears("live", agent.CallStart, agent.V2, start)
		s.cloud.heard()
		s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V2, say("talvez"))
		s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V2, `{"transaction_id":"C-1","document_no":"1"}`)
		if seen := s.cloud.heard(); len(seen) != 0 {
			t.Errorf("the cloud heard %v", seen)
		}
		s.hears("live", agent.CallMessage, agent.V2, say("nao"))
		s.hears("replayed", agent.CallMessage, agent.V2, say("nao"))
		if seen := s.cloud.heard(); len(seen) != 1 || seen[0].body != say("nao") {
			t.Errorf("the cloud heard %v", seen)
		}
	})
}

func TestAMessageWithATextAndNoButtonsTakesAnyTag(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-1","should_display_message":true,"message":{"text":"CPF?","input":1}}`)
		s.cloud.says(agent.CallMessage, none)
		s.hears("live", agent.CallStart, agent.V22, start22)
		s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"","input_value":"529"}`)
		s.isRefused(agent.CodeInvalid, agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"","input_value":"529"}`) // it is over
	})
}

func TestAnAnswerTheCloudDidNotHearIsQueuedInV2Alone(t *testing.T) {
	script := `{"transaction_id":"C-1","should_display_message":true,"message":{"text":"?","responses":[{"button":"Sim","tag":"sim"}]}}`
	for name, c := range map[string]struct {
		dialect agent.Dialect
		answer  any
		queued  int
		want    agent.Delivery
	}{
		"v2, no connection": {agent.V2, nil, 1, "contingency"},
		"v2, 503":           {agent.V2, agent.Outcome{Class: agent.ClassStatus, Status: 503, Reached: true}, 1, "contingency"},
		"v2, refused":       {agent.V2, agent.Outcome{Class: agent.ClassStatus, Status: 400, Reached: true}, 0, "contingency"},
		"v2, no body":       {agent.V2, "", 0, "live"},
		"v2.2, away":        {agent.V22, nil, 0, "contingency"},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, nil, func(t *testing.T, s *shop) {
				s.cloud.says(agent.CallStart, script)
				body, tag := start, `"document_no":"1","message_tag":"sim"`
				if c.dialect == agent.V22 {
					body, tag = start22, `"tag":"sim","input_value":""`
				}
				s.hears("live", agent.CallStart, c.dialect, body)
				s.cloud.says(agent.CallMessage, c.answer)
				say := `{"transaction_id":"C-1",` + tag + `}`
				got := s.hears(c.want, agent.CallMessage, c.dialect, say)
				wants(t, got, `"transaction_id":"C-1"`)
				jobs := s.jobs(agent.KindMessage)
				if len(jobs) != c.queued {
					t.Fatalf("%d answers are queued, want %d", len(jobs), c.queued)
				}
				if c.queued == 1 {
					s.hears("replayed", agent.CallMessage, c.dialect, say)
					s.wantPrepared(jobs[0].ID(), say)
				}
			})
		})
	}
}

func TestUnknownClosedAndMixedSessionsAreRefusedInWords(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, opens)
		for call, body := range map[agent.Call]string{
			agent.CallApply: cart("ghost", 1), agent.CallMessage: `{"transaction_id":"ghost","document_no":"1","message_tag":"x"}`,
		} {
			s.isRefused(agent.CodeUnknownSession, call, agent.V2, body)
		}
		s.isRefused(agent.CodeUnknownSession, agent.CallPreApply, agent.V22, cart("ghost", 1))
		s.hears("live", agent.CallStart, agent.V2, start)
		s.isRefused(agent.CodeDialectMixed, agent.CallPreApply, agent.V22, cart("C-1", 1))
		s.isRefused(agent.CodeDialectMixed, agent.CallApply, agent.V22, named("C-1"))
		if _, err := s.service.Accept(t.Context(), agent.Submission{Kind: agent.KindConfirm, Dialect: agent.V22, Body: []byte(named("C-1"))}); agent.CodeOf(err) != agent.CodeDialectMixed {
			t.Errorf("confirm in the other dialect: %v", err)
		}
		s.must(agent.KindConfirm, named("C-1"))
		s.isRefused(agent.CodeConflict, agent.CallApply, agent.V2, cart("C-1", 1))
		s.isRefused(agent.CodeConflict, agent.CallStart, agent.V2, `{"document_no":"","transaction_id":"C-1"}`)
		s.isRefused(agent.CodeInvalid, agent.CallApply, agent.V22, `{}`)
		s.isRefused(agent.CodeMalformed, agent.CallStart, agent.V2, `{`)
		s.isRefused(agent.CodeInvalid, agent.CallStart, agent.V2, `[]`)
	})
}

func TestARefusedStartIsTheTillsToRead(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, agent.Outcome{Class: agent.ClassStatus, Status: 422, Reached: true, Body: []byte(`{"message":"CPF bloqueado"}`)})
		e := s.isRefused(agent.CodeCloudRefused, agent.CallStart, agent.V2, start)
		if e.Status != 422 || !strings.Contains(e.Message, "CPF bloqueado") {
			t.Errorf("got %+v", e)
		}
	})
}

func TestAStartThatSaysMoreOfASessionKeepsItsID(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.hears("contingency", agent.CallStart, agent.V22, `{"transaction_context":{"document_no":"","phone":""},"transaction_id":""}`)
		s.cloud.says(agent.CallStart, opens)
		s.cloud.heard()
		later := strings.Replace(start22, `"transaction_id":""`, `"transaction_id":"U-1"`, 1)
		wants(t, s.hears("live", agent.CallStart, agent.V22, later), `"transaction_id":"U-1"`)
		if seen := s.cloud.heard(); len(seen) != 1 || seen[0].body != start22 {
			t.Errorf("the cloud heard %v", seen)
		}
		if got, known, _ := s.service.Session("U-1"); !known || !got.Live {
			t.Errorf("the session is %+v", got)
		}
	})
}

func TestADialogueWithoutAnEndIsRememberedInPart(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-1",`+question("De novo?", "sim")[1:])
		s.cloud.says(agent.CallMessage, question("De novo?", "sim"))
		s.hears("live", agent.CallStart, agent.V22, start22)
		size := func() int {
			data, _, err := s.store.Record(s.config.SessionBucket, "C-1")
			if err != nil {
				t.Fatal(err)
			}
			return len(data)
		}
		say := func() {
			s.hears("live", agent.CallMessage, agent.V22, `{"transaction_id":"C-1","tag":"sim","input_value":""}`)
		}
		for range 50 {
			say()
		}
		before := size()
		for range 20 {
			say()
		}
		if after := size(); after > before+100 {
			t.Errorf("the record grew from %d to %d bytes", before, after)
		}
	})
}

// The document is typed after the discounts were shown (v2.2): the discounts of the unknown shopper are not the member's.
func TestADocumentGivenAfterAnApplyAsksForDiscountsAnew(t *testing.T) {
	inShop(t, nil, func(t *testing.T, s *shop) {
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-1"}`)
		s.cloud.says(agent.CallPreApply, none)
		s.cloud.says(agent.CallApply, tenPercent(2))
		s.hears("live", agent.CallStart, agent.V22, strings.Replace(start22, agenttest.CPF, "", 1))
		s.hears("live", agent.CallPreApply, agent.V22, cart("C-1", 2))
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		later := strings.Replace(start22, `"transaction_id":""`, `"transaction_id":"C-1"`, 1)
		s.hears("live", agent.CallStart, agent.V22, later)
		s.cloud.says(agent.CallStart, `{"transaction_id":"C-2"}`)
		s.cloud.heard()
		s.hears("live", agent.CallApply, agent.V22, named("C-1"))
		if seen := s.cloud.heard(); calls(seen) != "start pre-apply apply" || seen[0].body != start22 {
			t.Errorf("the cloud heard %v", seen)
		}
		s.wantVoided("C-1")
	})
}
