package mask_test

import (
	"fmt"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
)

// everywhere is a body with a text in every field of every route of tills, support and clouds, as a value, a name, in lists,
// below and in an unknown field.
func everywhere(text string) string {
	quoted := string(rawjson.Quote(text))
	var out strings.Builder
	out.WriteString(`{` + quoted + `:` + quoted + `,"faults":[{"field":` + quoted + `,` + quoted + `:[` + quoted + `]}]`)
	for _, name := range agenttest.FieldNames() {
		fmt.Fprintf(&out, `,%q:%s,"in_%s":[{%q:[%s]}]`, name, quoted, name, name, quoted)
	}
	out.WriteString(`}`)
	return out.String()
}

// 2,000 spellings of persons' numbers and names, wherever a body has room for one (SEC-14).
func TestNoSpellingOfAPersonIsSeenInAnyField(t *testing.T) {
	for i, s := range agenttest.Spellings()[:agenttest.Amount(2000, 200)] {
		body := everywhere(s.Text)
		parsed := parse(t, body)
		shown := string(mask.Answer([]int{200, 422, 503}[i%3], []byte(body), parsed)) +
			"\n" + mask.Text(s.Text) + "\n" + mask.Text("cliente "+s.Text+" já existe") + "\n" + mask.ID(s.Text)
		if strings.Contains(agenttest.Fold(shown), s.Bare) {
			t.Errorf("%q is seen: %s", s.Text, where(shown, s))
		}
	}
}

// where gives the first piece of a text with a sighting.
func where(shown string, s agenttest.Spelling) string {
	for _, piece := range strings.FieldsFunc(shown, func(r rune) bool { return r == '{' || r == '\n' }) {
		if strings.Contains(agenttest.Fold(piece), s.Bare) {
			return piece
		}
	}
	return "across pieces"
}

// What support needs is seen: the agent's own ids, codes, states and reasons, and what a right sale has.
func TestWhatSupportNeedsIsSeen(t *testing.T) {
	for name, values := range map[string][]string{
		"coupon":         {"001-20260514-191246-0123-012-000045871", "K-7", "45871", "79a8bc0a-e8b8-41b2-ba86-91b9763f5d75", "PDV01-000123", "loja-2/cupom-15", "V1StGXR8_Z5jdHi6B-myT"},
		"transaction_id": {"79a8bc0a-e8b8-41b2-ba86-91b9763f5d75", "65f1a2b3c4d5e6f7a8b9c0d1", "ctg-000123"},
		"sku":            {"80215", "0000080215", "AB-12"},
		"ean":            {"7891000315507", "78912939", "4006381333931", "2000012003451"},
		"date":           {"2026-05-14", "14/05/2026", "20260514"},
		"time":           {"19:12:46", "19:12", "2026-05-14T19:12:46-03:00"},
		"total_value":    {"10.00", "1234,56", "-3.5", "1.234,56", "3.3333333333"},
		"status":         {"queued", "awaiting_payment", "422", "error"},
		"state":          {"pending", "sent", "dead", "held", "annulled", "discarded", "damaged", "paid_late"},
		"reason":         {"circuit_open", "route_passes", "key_missing", "nothing_sent", "no_session", "salvaged", "superseded"},
		"code":           {"unknown_transaction", "INVALID_DOCUMENT", "cloud_refused", "not_decimal"},
		"field":          {"items[0].total_value", "client_id", "/items/0/sku", "payments[1].instalments"},
		"payment_form":   {"cash", "cashback", "cartão de crédito", "PIX"},
		"message_tag":    {"sim", "aceitou-pre-cadastro"},
	} {
		for _, value := range values {
			body := `{"` + name + `":` + string(rawjson.Quote(value)) + `}`
			if got := string(mask.Body([]byte(body), parse(t, body))); got != body {
				t.Errorf("got %s, want %s", got, body)
			}
		}
	}
}
