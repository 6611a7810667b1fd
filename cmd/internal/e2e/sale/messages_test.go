package sale

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

func TestM01EveryKindOfMessageReachesTheTill(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMemberWithNotice(e2e.Maria, "Maria", "card")
		s.AddMemberWithNotice("12345678909", "Ana", "app")
		for document, want := range map[string]string{e2e.Stranger: "pré-cadastro", e2e.Maria: "cartão", "12345678909": "APP"} {
			if _, got := s.Identify(dialect, document); !strings.Contains(fmt.Sprint(got.Field("message.text")), want) {
				t.Errorf("%s: got %s", document, got.Body)
			}
		}
	})
}

func TestM02M05M06TheStartOfV2BringsTheWholeScript(t *testing.T) {
	s := e2e.NewSite(t).Start()
	_, got := s.Identify("v2", e2e.Stranger)
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
	got.Decode(t, &script)
	if script.Loyalty || script.User.Document != e2e.Stranger || script.TransactionID == "" || script.RequestID == "" || len(script.Datetime) != len("2021-02-24 12:36:37") {
		t.Errorf("got %+v", script)
	}
	yes, no := script.Message.Responses[0], script.Message.Responses[1]
	if yes.Tag != "aceitou-pre-cadastro" || *yes.Text != "Digite celular com DDD" || !*yes.Input || no.Tag != "nao-aceitou-pre-cadastro" || *no.Text != "" || *no.Input {
		t.Errorf("got %+v, %+v", yes, no)
	}
}

func TestM03M07TheAnswerGoesUpAsTheTillGaveIt(t *testing.T) {
	s := e2e.NewSite(t).Start()
	one, _ := s.Identify("v2", e2e.Stranger)
	if got := one.Reply("aceitou-pre-cadastro", "41987762038"); got.Status != http.StatusOK || got.Header.Get("X-Agent-Delivery") != "live" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	want := fmt.Sprintf(`{"transaction_id":%q,"document_no":%q,"message_tag":"aceitou-pre-cadastro","input_value":"41987762038"}`, one.ID, e2e.Stranger)
	if body := s.LastBody("message"); body != want {
		t.Errorf("went up as %s", body)
	}
	if _, again := s.Identify("v2", e2e.Stranger); again.Field("loyalty") != true {
		t.Errorf("the pre-registration had no effect: %s", again.Body)
	}
}

func TestM04M08ARefusalIsSentTooAndTheSaleGoesOn(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		one, _ := s.Identify(dialect, e2e.Stranger)
		if got := one.Reply("nao-aceitou-pre-cadastro", ""); got.Status != http.StatusOK {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
		if body := s.LastBody("message"); !strings.Contains(body, `"nao-aceitou-pre-cadastro"`) || (dialect == "v2" && strings.Contains(body, "input_value")) {
			t.Errorf("went up as %s", body)
		}
		one.Client = e2e.Stranger
		if g := one.Apply(e2e.Units("A", 1, "10.00")).Discounts(t); g.LineSum(t) != "1.00" {
			t.Errorf("got %+v", g)
		}
		if _, again := s.Identify(dialect, e2e.Stranger); again.Field("loyalty") != false {
			t.Errorf("got %s", again.Body)
		}
	})
}

func TestM04TheSecondScreenOfV22IsTheNextMessageOfTheLoop(t *testing.T) {
	s := e2e.NewSite(t).Start()
	one, _ := s.Identify("v2.2", e2e.Stranger)
	if got := one.Reply("aceitou-pre-cadastro", ""); !strings.Contains(fmt.Sprint(got.Field("message.text")), "Digite celular") || got.Field("should_display_message") != true {
		t.Fatalf("got %s", got.Body)
	}
	if got := one.Reply("celular", "99"); !strings.Contains(fmt.Sprint(got.Field("message.text")), "inválido") {
		t.Errorf("a wrong number: got %s", got.Body)
	}
	if got := one.Reply("celular", "41987762038"); got.Field("should_display_message") != false {
		t.Errorf("got %s", got.Body)
	}
	if got := one.Reply("celular", "41987762038"); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("after the end: got %d %s", got.Status, got.Body)
	}
	if _, again := s.Identify("v2.2", e2e.Stranger); again.Field("loyalty") != true {
		t.Errorf("got %s", again.Body)
	}
}

func TestM09M10ThePreApprovedCardShowsItsQRCodeAndIsAnsweredWithoutAText(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMemberWithNotice(e2e.Maria, "Maria Teste", "card")
		one, got := s.Identify(dialect, e2e.Maria)
		if got.Field("user.name") != "Maria Teste" || got.Field("user.birth_date") != "2011-10-01" || !strings.Contains(got.Body, `"qr_code_next_window":{"url":"http://qrcodes.com/qrcode2.png"}`) {
			t.Errorf("got %s", got.Body)
		}
		if got := one.Reply("aceitou", ""); got.Status != http.StatusOK || !strings.Contains(s.LastBody("message"), `"aceitou"`) {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	})
}

func TestM11NothingIsSentForANoticeThatWantsNoAnswer(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		for _, without := range []string{"false", "true"} {
			s := e2e.NewSite(t).Start()
			s.SetCloud(`{"without_responses":` + without + `}`)
			s.AddMemberWithNotice(e2e.Maria, "Maria", "app")
			one, got := s.Identify(dialect, e2e.Maria)
			if !strings.Contains(got.Body, "qr_code_next_window") || strings.Contains(got.Body, `"responses":[]`) == (without == "true") {
				t.Errorf("got %s", got.Body)
			}
			if got := one.Reply("ok", ""); got.Status != http.StatusUnprocessableEntity || got.Field("code") != "invalid" {
				t.Errorf("an answer nobody asked for: got %d %s", got.Status, got.Body)
			}
			if heard := s.Arrivals("message"); len(heard) != 0 {
				t.Errorf("the cloud heard %+v", heard)
			}
			if got := one.Apply(e2e.Units("A", 1, "10.00")); got.Status != http.StatusOK {
				t.Errorf("the sale: %d %s", got.Status, got.Body)
			}
		}
	})
}

// The manual's samples as they stand there: what they mean is plain, and the identification counts.
func TestM12TheManualsOwnSamplesAreRead(t *testing.T) {
	for name, sample := range map[string]string{
		"trailing comma": `{"loyalty":false,"transaction_id":"79a8bc0a","message":{"text":"?","responses":[{"button":"Sim","tag":"sim",}]}}`,
		"comment":        `{"loyalty":false,"transaction_id":"79a8bc0a", // sem próxima janela` + "\n" + `"message":{}}`,
		"missing comma":  `{"loyalty":false "transaction_id":"79a8bc0a"}`,
		"duplicate keys": `{"loyalty":true,"transaction_id":"79a8bc0a","message":{"text":"?","responses":[{"button":"Sim","tag":"a","button":"Nao","tag":"b"}]}}`,
		"mark":           "\xef\xbb\xbf" + `{"loyalty":false,"transaction_id":"79a8bc0a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := e2e.NewSite(t).Start()
			s.AddFault(simkit.Fault{Route: "start", Fault: "says", Body: sample, Times: 1})
			one, got := s.Identify("v2", e2e.Maria)
			if got.Status != http.StatusOK || one.ID != "79a8bc0a" || got.Header.Get("X-Agent-Delivery") != "live" || !json.Valid([]byte(got.Body)) {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
			if shown := got.Field("message.text"); (shown == "?") != (name == "trailing comma") {
				t.Errorf("the message: %v", shown)
			}
		})
	}
}

func TestAnAnswerThatIsNoJSONIsNoAnswer(t *testing.T) {
	for name, sample := range map[string]string{
		"two strings":     `{"loyalty":false,"transaction_id":"79a8bc0a" "x"}`,
		"cut":             `{"loyalty":false,"transaction_id":"79a8bc0a"`,
		"two sessions":    `{"loyalty":true,"transaction_id":"79a8bc0a","transaction_id":"79a8bc0b"}`,
		"no session":      `{"loyalty":true}`,
		"session is null": `{"loyalty":true,"transaction_id":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := e2e.NewSite(t).Start()
			s.AddFault(simkit.Fault{Route: "start", Fault: "says", Body: sample, Times: 1})
			one, got := s.Identify("v2", e2e.Maria)
			if got.Status != http.StatusOK || got.Field("agent.reason") != "cloud_error" || one.ID == "" || one.ID == "79a8bc0a" {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
			if got := one.Apply(e2e.Units("A", 1, "10.00")); got.Discounts(t).Agent.Delivery != "live" {
				t.Errorf("the sale: %s", got.Body)
			}
		})
	}
}
