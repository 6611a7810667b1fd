package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/mercafacil/mercafacilsim"
)

// The tests of this file are named after the message rules of contracts/mercafacil.md 2.10 (M).

// answer posts a shopper's answer.
func (s *sale) answer(tag, input string) answer {
	s.t.Helper()
	if s.dialect == "v2.2" {
		return s.post("/v2.2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"tag":%q,"input_value":%q}`, s.id, tag, input))
	}
	typed := ""
	if input != "" {
		typed = fmt.Sprintf(`,"input_value":%q`, input)
	}
	return s.post("/v2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"document_no":%q,"message_tag":%q%s}`, s.id, s.client, tag, typed))
}

// greet starts a session and gives the answer too.
func (s *site) greet(dialect, document string) (*sale, answer) {
	s.t.Helper()
	got := s.post("/"+dialect+"/transaction/start", startBody(dialect, document))
	id, _ := got.field("transaction_id").(string)
	return &sale{s, dialect, document, id}, got
}

func (s *site) notice(document, name, kind string) {
	s.t.Helper()
	if err := s.clouds.Mercafacil.AddMember(fmt.Sprintf(`{"document_no":%q,"name":%q,"birth_date":"2011-10-01","notice":%q}`, document, name, kind)); err != nil {
		s.t.Fatal(err)
	}
}

func TestM01EveryKindOfMessageReachesTheTill(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.notice(maria, "Maria", "card")
		s.notice("12345678909", "Ana", "app")
		for document, want := range map[string]string{stranger: "pré-cadastro", maria: "cartão", "12345678909": "APP"} {
			if _, got := s.greet(dialect, document); !strings.Contains(fmt.Sprint(got.field("message.text")), want) {
				t.Errorf("%s: got %s", document, got.body)
			}
		}
	})
}

func TestM02M05M06TheStartOfV2BringsTheWholeScript(t *testing.T) {
	s := newSite(t).open()
	_, got := s.greet("v2", stranger)
	var script struct {
		Loyalty bool
		User    struct {
			Document string `json:"document_no"`
		}
		TransactionID string `json:"transaction_id"`
		RequestID     string `json:"requestId"`
		Datetime      string
		Message       struct {
			Text      string
			Responses []struct {
				Button, Tag string
				Text        *string `json:"text_next_window"`
				Input       *bool   `json:"input_next_window"`
			}
		}
	}
	got.decode(t, &script)
	if script.Loyalty || script.User.Document != stranger || script.TransactionID == "" || script.RequestID == "" || len(script.Datetime) != len("2021-02-24 12:36:37") {
		t.Errorf("got %+v", script)
	}
	yes, no := script.Message.Responses[0], script.Message.Responses[1]
	if yes.Tag != "aceitou-pre-cadastro" || *yes.Text != "Digite celular com DDD" || !*yes.Input || no.Tag != "nao-aceitou-pre-cadastro" || *no.Text != "" || *no.Input {
		t.Errorf("got %+v, %+v", yes, no)
	}
}

func TestM03M07TheAnswerGoesUpAsTheTillGaveIt(t *testing.T) {
	s := newSite(t).open()
	one, _ := s.greet("v2", stranger)
	if got := one.answer("aceitou-pre-cadastro", "41987762038"); got.status != http.StatusOK || got.header.Get("X-Agent-Delivery") != "live" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	want := fmt.Sprintf(`{"transaction_id":%q,"document_no":%q,"message_tag":"aceitou-pre-cadastro","input_value":"41987762038"}`, one.id, stranger)
	if body := s.lastBody("message"); body != want {
		t.Errorf("went up as %s", body)
	}
	if _, again := s.greet("v2", stranger); again.field("loyalty") != true {
		t.Errorf("the pre-registration had no effect: %s", again.body)
	}
}

func TestM04M08ARefusalIsSentTooAndTheSaleGoesOn(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.offer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		one, _ := s.greet(dialect, stranger)
		if got := one.answer("nao-aceitou-pre-cadastro", ""); got.status != http.StatusOK {
			t.Fatalf("got %d %s", got.status, got.body)
		}
		if body := s.lastBody("message"); !strings.Contains(body, `"nao-aceitou-pre-cadastro"`) || (dialect == "v2" && strings.Contains(body, "input_value")) {
			t.Errorf("went up as %s", body)
		}
		one.client = stranger
		if g := one.apply(units("A", 1, "10.00")).given(t); g.discount(t) != "1.00" {
			t.Errorf("got %+v", g)
		}
		if _, again := s.greet(dialect, stranger); again.field("loyalty") != false {
			t.Errorf("got %s", again.body)
		}
	})
}

func TestM04TheSecondScreenOfV22IsTheNextMessageOfTheLoop(t *testing.T) {
	s := newSite(t).open()
	one, _ := s.greet("v2.2", stranger)
	if got := one.answer("aceitou-pre-cadastro", ""); !strings.Contains(fmt.Sprint(got.field("message.text")), "Digite celular") || got.field("should_display_message") != true {
		t.Fatalf("got %s", got.body)
	}
	if got := one.answer("celular", "99"); !strings.Contains(fmt.Sprint(got.field("message.text")), "inválido") {
		t.Errorf("a wrong number: got %s", got.body)
	}
	if got := one.answer("celular", "41987762038"); got.field("should_display_message") != false {
		t.Errorf("got %s", got.body)
	}
	if got := one.answer("celular", "41987762038"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("after the end: got %d %s", got.status, got.body)
	}
	if _, again := s.greet("v2.2", stranger); again.field("loyalty") != true {
		t.Errorf("got %s", again.body)
	}
}

func TestM09M10ThePreApprovedCardShowsItsQRCodeAndIsAnsweredWithoutAText(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.notice(maria, "Maria Teste", "card")
		one, got := s.greet(dialect, maria)
		if got.field("user.name") != "Maria Teste" || got.field("user.birth_date") != "2011-10-01" || !strings.Contains(got.body, `"qr_code_next_window":{"url":"http://qrcodes.com/qrcode2.png"}`) {
			t.Errorf("got %s", got.body)
		}
		if got := one.answer("aceitou", ""); got.status != http.StatusOK || !strings.Contains(s.lastBody("message"), `"aceitou"`) {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
}

func TestM11NothingIsSentForANoticeThatWantsNoAnswer(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		for _, without := range []string{"false", "true"} {
			s := newSite(t).open()
			s.set(`{"without_responses":` + without + `}`)
			s.notice(maria, "Maria", "app")
			one, got := s.greet(dialect, maria)
			if !strings.Contains(got.body, "qr_code_next_window") || strings.Contains(got.body, `"responses":[]`) == (without == "true") {
				t.Errorf("got %s", got.body)
			}
			if got := one.answer("ok", ""); got.status != http.StatusUnprocessableEntity || got.field("code") != "invalid" {
				t.Errorf("an answer nobody asked for: got %d %s", got.status, got.body)
			}
			if heard := s.arrivals("message"); len(heard) != 0 {
				t.Errorf("the cloud heard %+v", heard)
			}
			if got := one.apply(units("A", 1, "10.00")); got.status != http.StatusOK {
				t.Errorf("the sale: %d %s", got.status, got.body)
			}
		}
	})
}

// The manual's samples as they stand there.
func TestM12AnAnswerThatIsNoJSONIsNoAnswer(t *testing.T) {
	for name, sample := range map[string]string{
		"trailing comma":  `{"loyalty":false,"transaction_id":"79a8bc0a","message":{"text":"?","responses":[{"button":"Sim","tag":"sim",}]}}`,
		"comment":         `{"loyalty":false,"transaction_id":"79a8bc0a", // sem próxima janela` + "\n" + `"message":{}}`,
		"missing comma":   `{"loyalty":false "transaction_id":"79a8bc0a"}`,
		"duplicate keys":  `{"loyalty":true,"transaction_id":"79a8bc0a","message":{"text":"?","responses":[{"button":"Sim","tag":"a","button":"Nao","tag":"b"}]}}`,
		"no session":      `{"loyalty":true}`,
		"session is null": `{"loyalty":true,"transaction_id":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t).open()
			s.fault(mercafacilsim.Fault{Route: "start", Fault: "says", Body: sample, Times: 1})
			one, got := s.greet("v2", maria)
			if got.status != http.StatusOK || got.field("agent.reason") != "cloud_error" || one.id == "" || one.id == "79a8bc0a" {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if got := one.apply(units("A", 1, "10.00")); got.given(t).Agent.Delivery != "live" {
				t.Errorf("the sale: %s", got.body)
			}
		})
	}
}
