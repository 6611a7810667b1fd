package mercafacil_test

import (
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

func value(t testing.TB, text string) rawjson.Value {
	t.Helper()
	v, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// mercafacil.md 3.0: what is a message, and what is none.
func TestPromptsAreShownAsTheContractSays(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: false, `{"message":null}`: false, `{"message":{}}`: false, `{"message":"ok"}`: false, `{"should_display_message":true}`: false,
		`{"message":{"text":"a"}}`: true, `{"should_display_message":true,"message":{"text":"a"}}`: true,
		`{"should_display_message":false,"message":{"text":"a"}}`: false, `{"should_display_message":null,"message":{"text":"a"}}`: false,
		`{"should_display_message":1,"message":{"text":"a"}}`: true, `{"should_display_message":"true","message":{"text":"a"}}`: true,
		`{"should_display_message":0,"message":{"text":"a"}}`: false, `{"should_display_message":"false","message":{"text":"a"}}`: false,
		`{"should_display_message":"","message":{"text":"a"}}`: false, `{"message":[]}`: false,
	} {
		if got := mercafacil.ReadPrompt(value(t, text)); got.Shown != want {
			t.Errorf("%s: shown %v, want %v", text, got.Shown, want)
		}
	}
}

func TestPromptsTakeTheirButtonsOrAnyTextWithoutButtons(t *testing.T) {
	for text, takes := range map[string]map[string]bool{
		`{"message":{"responses":[{"button":"Sim","tag":"s"},{"button":"Nao","tag":"n"}]}}`: {"s": true, "n": true, "x": false, "": false},
		`{"message":{"input":"texto","responses":null}}`:                                    {"": true, "x": true},
		`{"message":{"input":0,"text":"a"}}`:                                                {"": false},
		`{"message":{"input":false,"text":"a"}}`:                                            {"": false},
		`{"message":{"text":"a","responses":[]}}`:                                           {"": false},
		`{"message":{"responses":[{"button":"Sim","tag":7}]}}`:                              {"7": true},
	} {
		prompt := mercafacil.ReadPrompt(value(t, text))
		for tag, want := range takes {
			if prompt.Takes(tag) != want {
				t.Errorf("%s: takes %q: %v, want %v", text, tag, !want, want)
			}
		}
	}
}

func TestAnOpeningIsReadInEitherDialect(t *testing.T) {
	for _, c := range []struct {
		text string
		want mercafacil.Opening
	}{
		{`{"document_no":"529.982.247-25"}`, mercafacil.Opening{Document: "52998224725"}},
		{`{"document_no":52998224725,"transaction_id":null}`, mercafacil.Opening{Document: "52998224725"}},
		{`{"document_no":null}`, mercafacil.Opening{}},
		{`{"document_no":"0"}`, mercafacil.Opening{Document: "0"}},
		{`{"transaction_context":{"document_no":"11.222.333/0001-81","phone":""},"transaction_id":"T"}`, mercafacil.Opening{Session: "T", Document: "11222333000181"}},
		{`{"transaction_context":{},"transaction_id":""}`, mercafacil.Opening{}},
		{string(mercafacil.OpeningBody(agent.V2, "52998224725")), mercafacil.Opening{Document: "52998224725"}},
		{string(mercafacil.OpeningBody(agent.V22, "52998224725")), mercafacil.Opening{Document: "52998224725"}},
	} {
		if got, form := mercafacil.ReadOpening(value(t, c.text)); got != c.want || len(form.Faults) > 0 {
			t.Errorf("%s: got %+v, %v", c.text, got, form)
		}
	}
	for _, text := range []string{`[]`, `{"document_no":{}}`, `{"document_no":"123"}`, `{"document_no":"52998224726"}`, `{"document_no":5299822472}`, `{"transaction_context":{"document_no":"1"}}`, `{"transaction_id":"` + strings.Repeat("x", 101) + `"}`} {
		if _, form := mercafacil.ReadOpening(value(t, text)); len(form.Faults) == 0 {
			t.Errorf("%.40s is taken", text)
		}
	}
}

func TestTheNameIsReadWhereverItStands(t *testing.T) {
	for text, want := range map[string]string{
		`{"name":"Ana"}`: "Ana", `{"user":{"name":"Ana"}}`: "Ana", `{"user":null}`: "", `{"name":null,"user":{"name":"Bia"}}`: "Bia",
	} {
		if got := mercafacil.ReadOpened(value(t, text)); got.Name != want {
			t.Errorf("%s: got %q", text, got.Name)
		}
	}
}

func TestOffersAreReadAsNumbersTextsNullsAndEitherSpelling(t *testing.T) {
	for text, want := range map[string]agent.OfferedLine{
		`{"sku":1,"ean":"01","quantity":"1.235","total_value_without_discount":"36.930","discount_value":3.693,"total_value_with_discount":33.237}`: {SKU: "1", EAN: "01", Quantity: 1235, Without: 36930, Discount: 3693, With: 33237},
		`{"quantity":1,"total_value_without_discount":10,"discount_value":null,"total_value_with_discounts":10.000000}`:                             {Quantity: 1000, Without: 10000, With: 10000},
		`{"quantity":1,"total_value_without_discount":10,"discount_value":4}`:                                                                       {Quantity: 1000, Without: 10000, Discount: 4000, With: 6000},
		`{"quantity":1E+0,"total_value_without_discount":1.1499999999999999,"discount_value":0.0805,"total_value_with_discount":1.0695}`:            {Quantity: 1000, Without: 1150, Discount: 81, With: 1070, Rounded: true, InCents: 80},
		`{"quantity":1,"packing_quantity":12,"total_value_without_discount":10}`:                                                                    {Packing: 12000, Quantity: 1000, Without: 10000, With: 10000},
	} {
		got, err := mercafacil.ReadOffered(value(t, `{"items":[`+text+`],"absolute":{"discount_value":"5.00"},"payment_discount":{"discount_value":null}}`))
		if err != nil || got.Lines[0] != want || got.Absolute != 5000 || got.Payment != 0 {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, none := range []string{`null`, `[]`, `0`, `0.0`, `""`, `false`, `{}`, `{"discount_value":""}`, `{"discount_value":false}`} {
		text := `{"items":[{"quantity":1,"total_value_without_discount":10,"discount_value":"","total_value_with_discount":10}],"absolute":` + none + `,"payment_discount":` + none + `}`
		if got, err := mercafacil.ReadOffered(value(t, text)); err != nil || got.Absolute != 0 || got.Payment != 0 || got.Lines[0].Discount != 0 {
			t.Errorf("%s: got %+v, %v", none, got, err)
		}
	}
	for _, text := range []string{
		`{}`, `{"items":{}}`, `{"items":[7]}`, `{"items":[{"quantity":1}]}`, `{"items":[{"quantity":true,"total_value_without_discount":1}]}`,
		`{"items":[{"quantity":1,"total_value_without_discount":1e30}]}`, `{"items":[{"quantity":1,"total_value_without_discount":"1,5"}]}`,
		`{"items":[],"absolute":5}`, `{"items":[],"payment_discount":{"discount_value":"NaN"}}`,
	} {
		if got, err := mercafacil.ReadOffered(value(t, text)); err == nil {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

func TestOnlyTheIDOfTheSessionIsSwapped(t *testing.T) {
	const text = ` {"transaction_id":"C", "coupon":"C","deep":[{"transaction_id" : "C"},{"transaction_id":"D"}],"C":"C","n":1.50}`
	const want = ` {"transaction_id":"T", "coupon":"C","deep":[{"transaction_id" : "T"},{"transaction_id":"D"}],"C":"C","n":1.50}`
	if got := string(mercafacil.SwapID([]byte(text), value(t, text), "C", "T")); got != want {
		t.Errorf("got %s", got)
	}
	const number = `{"transaction_id":42}`
	if got := string(mercafacil.SwapID([]byte(number), value(t, number), "42", "T")); got != `{"transaction_id":"T"}` {
		t.Errorf("got %s", got)
	}
}

func TestAStandInForAnApplySpellsTheTillsNumbers(t *testing.T) {
	body := value(t, `{"items":[{"sku":7,"ean":"07","quantity":"1.235","total_value":36.930},{"sku":"8","ean":"8","quantity":1,"total_value":"10","total_value_with_discount":8}]}`)
	cart, form := mercafacil.ReadCart(body)
	if len(form.Faults) > 0 {
		t.Fatal(form)
	}
	got, err := mercafacil.StandInApply("T", body, cart.Lines, mercafacil.Note{Delivery: agent.DeliveryContingency, Reason: agent.AbsenceTimeout})
	const want = `{"transaction_id":"T","items":[` +
		`{"sku":7,"ean":"07","quantity":"1.235","total_value_without_discount":36.930,"discount_value":0.00,"total_value_with_discount":36.930},` +
		`{"sku":"8","ean":"8","quantity":1,"total_value_without_discount":8.00,"discount_value":0.00,"total_value_with_discount":8.00}],` +
		`"absolute":{"discount_value":0.00},"payment_discount":{"discount_value":0.00},"agent":{"delivery":"contingency","reason":"timeout","lines":[` +
		`{"index":0,"discount":"0.00","absolute_share":"0.00","total":"36.93"},{"index":1,"discount":"0.00","absolute_share":"0.00","total":"8.00"}]}}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// Whatever the cloud sends, it is read or refused, and what the agent makes of it is JSON.
func FuzzReadAnswers(f *testing.F) {
	agenttest.Seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := rawjson.Parse(text)
		if err != nil {
			return
		}
		opened := mercafacil.ReadOpened(v)
		_, _ = mercafacil.ReadOpening(v)
		_, _ = mercafacil.ReadSaid(v, agent.V22)
		_, _ = mercafacil.ReadOffered(v)
		swapped := mercafacil.SwapID(text, v, opened.Session, "other")
		again, err := rawjson.Parse(swapped)
		if err != nil {
			t.Fatalf("%s became %s: %v", text, swapped, err)
		}
		if again.Kind == rawjson.Object {
			noted, err := mercafacil.WithNote(swapped, again, mercafacil.Note{Delivery: agent.DeliveryLive})
			if err == nil {
				_, err = rawjson.Parse(noted)
			}
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		cart, form := mercafacil.ReadCart(v)
		if len(form.Faults) > 0 {
			return
		}
		if _, err := rawjson.Parse(form.Wire()); err != nil {
			t.Fatalf("%s goes up as %s: %v", text, form.Wire(), err)
		}
		body, err := mercafacil.StandInApply("T", v, cart.Lines, mercafacil.Note{})
		if err == nil {
			_, err = rawjson.Parse(body)
		}
		if err != nil {
			t.Fatalf("%s: stand-in %s: %v", text, body, err)
		}
		if _, err := mercafacil.StandInStart(agent.V2, "T", opened.Name, "R", mercafacil.Member{}, time.Time{}, mercafacil.Note{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMembershipIsReadInEveryTypeThatSaysYesOrNo(t *testing.T) {
	for text, want := range map[string]string{
		`true`: "yes", `1`: "yes", `"true"`: "yes", `"S"`: "yes", `1.0`: "yes", `false`: "no", `0`: "no", `"False"`: "no", `"não"`: "no",
		`null`: "unknown", `""`: "unknown", `[]`: "unknown", `"talvez"`: "unknown",
	} {
		got := "unknown"
		if member := mercafacil.ReadOpened(value(t, `{"transaction_id":"T","loyalty":`+text+`}`)).Loyalty; member != nil {
			got = map[bool]string{true: "yes", false: "no"}[*member]
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
