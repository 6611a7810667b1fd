package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Payments is a change of the configuration, old and new text, that turns on every payment vendor of the clouds at a URL
// without a slash at its end.
func Payments(clouds string) (old, text string) {
	const section = "payments: {ideamaker: {gateway_url: 'CLOUDS/gateway', gateway_key: key, titles_url: 'CLOUDS/ideamaker', customer_id: id, customer_key: key, " +
		"seller: {distribuidor: loja, pdv: caixa01}}, sevenaz: {base_url: 'CLOUDS/sevenaz', api_key: key}, sicoob: {base_url: 'CLOUDS/sicoob/cobranca-bancaria/v3', token_url: 'CLOUDS/sicoob/token', client_id: loja, " +
		"numero_cliente: 567890, conta_corrente: 102938}, cashorder: {base_url: 'CLOUDS/cashorder', accept_card_data: true}}\n\n"
	old = "store:\n  max_mb"
	return old, strings.ReplaceAll(section, "CLOUDS", clouds) + old
}

// Money is what the till and support read of a payment or a boleto.
type Money struct {
	ID       string
	Status   string
	Nosso    string `json:"nosso_numero"`
	Received int    // cents
	Channel  string
	Pix      struct{ BRCode string }
	Events   []struct{ Status string }
}

// States are those that a payment has been in, in order; known to support only.
func (m Money) States() []string {
	states := make([]string, 0, len(m.Events))
	for _, event := range m.Events {
		states = append(states, event.Status)
	}
	return slices.Compact(states)
}

// Charge asks for a Pix of so many cents.
func (t *Till) Charge(ctx context.Context, reference string, cents int) (Money, error) {
	return t.money(ctx, "cobrança por Pix", t.Token, "/v1/payments",
		fmt.Sprintf(`{"method":"pix","provider":"ideamaker","amount":%d,"reference":%q,"expires_in":300}`, cents, reference), "Idempotency-Key", reference)
}

// WaitPaid waits until a payment is paid and confirmed, as a till does, and gives it as support sees it.
func (t *Till) WaitPaid(ctx context.Context, id string) (Money, error) {
	start := time.Now()
	var paid Money
	err := until(ctx, "o Pix não ficou pago", func() bool {
		got, err := t.money(ctx, "", t.Token, "/v1/payments/"+id+"?wait=1", "")
		return err == nil && got.Status == "completed"
	})
	if err == nil {
		t.note("espera pelo Pix pago", time.Since(start), "200")
		paid, err = t.money(ctx, "", t.SupportToken, "/v1/payments/"+id, "")
	}
	return paid, err
}

// IssueBoleto asks for a boleto of so many cents that is due in ten days.
func (t *Till) IssueBoleto(ctx context.Context, number string, cents int) (Money, error) {
	return t.money(ctx, "emissão do boleto", t.Token, "/v1/boletos", fmt.Sprintf(`{"seu_numero":%q,"amount":%d,"due_date":%q,`+
		`"payer":{"document":%q,"name":"Maria Aparecida","address":"Rua A 1","district":"Centro","city":"Goiania","zip":"74000000","state":"GO"}}`,
		number, cents, time.Now().AddDate(0, 0, 10).Format(time.DateOnly), Member), "Idempotency-Key", number)
}

// Boleto asks how a boleto is.
func (t *Till) Boleto(ctx context.Context, nosso string) (Money, error) {
	return t.money(ctx, "", t.Token, "/v1/boletos/"+nosso, "")
}

// Settle runs the settlement of boletos, and gives the boleto when it is no more open.
func (t *Till) Settle(ctx context.Context, nosso string) (Money, error) {
	if _, err := t.money(ctx, "", t.SupportToken, "/v1/routines/sicoob-settlement/run", "{}"); err != nil {
		return Money{}, err
	}
	var settled Money
	err := until(ctx, "o boleto não teve baixa", func() bool {
		got, err := t.Boleto(ctx, nosso)
		settled = got
		return err == nil && got.Status != "open"
	})
	return settled, err
}

// money gets, or posts a body; a name notes the call.
func (t *Till) money(ctx context.Context, name, token, path, body string, header ...string) (Money, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	start := time.Now()
	status, text, _, err := do(ctx, t.live, method, t.Base+path, token, body, header...)
	if name != "" {
		t.note(name, time.Since(start), fmt.Sprint(status))
	}
	if err != nil {
		return Money{}, err
	}
	var got Money
	if status >= http.StatusMultipleChoices {
		return got, fmt.Errorf("%s: %d %s", path, status, text)
	}
	return got, json.Unmarshal(text, &got)
}
