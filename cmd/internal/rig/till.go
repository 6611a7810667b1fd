// Package rig is what the demo, the benchmarks and the tests of the whole agent share: the simulated clouds, the configuration
// of an agent, an agent in a process of its own, and a till program that calls it. It decides nothing and measures nothing.
package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pdvagent/agent/till/web"
)

const (
	waitLimit     = 10 * time.Second // of every wait for the agent
	answerTimeout = 2 * time.Second  // after which the till repeats a call: a killed process does not always close its connections
)

// Till is the simplest till program there can be: it posts, it reads the status, it repeats a call without an answer.
type Till struct {
	Base         string // URL of the agent, without a slash at the end
	Token        string
	SupportToken string // for the status
	Sales        []Sale // what the till believes of the sales it made

	http *http.Client
	live *http.Client // for calls that may take the whole live deadline

	mu    sync.Mutex
	calls []Call
}

// Call is one answered or unanswered call of a till.
type Call struct {
	Name    string // its kind, a colon, and which it is
	Took    time.Duration
	Outcome string // Portuguese
}

// Sale is what the till believes of one sale.
type Sale struct {
	Coupon  string
	Seen    string // how it ended for the till; Portuguese
	InCloud string // what the cloud must have of it: vendido, cancelado or nada
}

// NewTill makes a till for the agent at base.
func NewTill(base, token, supportToken string) *Till {
	return &Till{
		Base: base, Token: token, SupportToken: supportToken,
		http: &http.Client{Timeout: answerTimeout}, live: &http.Client{Timeout: 2 * answerTimeout},
	}
}

// Calls are the calls so far.
func (t *Till) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.calls)
}

// SaleBody is the receipt of a packet of coffee and weighed cheese; without a session it names none.
func SaleBody(coupon, session string) string {
	now, transaction := time.Now(), ""
	if session != "" {
		transaction = fmt.Sprintf(`"transaction_id":%q,`, session)
	}
	return fmt.Sprintf(`{%s"client_id":"0","coupon":%q,"date":%q,"time":%q,`+
		`"items":[{"sku":"80215","ean":"7890000000017","product_name":"CAFE 500G","quantity":3,"packing_quantity":1,"unit_value":10.00,"total_value":30.00,"total_value_with_discount":30.00},`+
		`{"sku":"411","ean":"2000411000000","product_name":"QUEIJO KG","quantity":1.235,"packing_quantity":1,"unit_value":29.90,"total_value":36.93,"total_value_with_discount":36.93}],`+
		`"payments":[{"payment_form":"cash","amount":66.93,"instalments":1}],`+
		`"total_value":66.93,"total_value_with_discount":66.93,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		transaction, coupon, now.Format(time.DateOnly), now.Format(time.TimeOnly))
}

// CouponOf reads the coupon's id from a receipt; empty where there is none.
func CouponOf(body []byte) string {
	var sale struct{ Coupon string }
	if json.Unmarshal(body, &sale) != nil {
		return ""
	}
	return sale.Coupon
}

// Sell confirms a session and sends its receipt, paid in cash.
func (t *Till) Sell(ctx context.Context, coupon string) error { return t.SellBy(ctx, coupon, "cash") }

// SellBy is [Till.Sell] with another form of payment.
func (t *Till) SellBy(ctx context.Context, coupon, form string) error {
	session := "demo-" + coupon
	if err := t.Confirm(ctx, coupon, session); err != nil {
		return err
	}
	if err := t.Post(ctx, "venda: "+coupon, "/v2/coupons", strings.Replace(SaleBody(coupon, session), `"cash"`, strconv.Quote(form), 1)); err != nil {
		return err
	}
	t.Sales = append(t.Sales, Sale{coupon, "venda concluída", "vendido"})
	return nil
}

// Cancel cancels a sale. One that was sent before is cancelled in the cloud, one that was not never arrives there.
func (t *Till) Cancel(ctx context.Context, coupon string, sent bool) error {
	if err := t.Post(ctx, "cancelamento: "+coupon, "/v2/coupons-cancellation", fmt.Sprintf(`{"coupon":%q}`, coupon)); err != nil {
		return err
	}
	if i := slices.IndexFunc(t.Sales, func(s Sale) bool { return s.Coupon == coupon }); i >= 0 {
		t.Sales[i].Seen, t.Sales[i].InCloud = "cancelada depois de enviada", "cancelado"
		if !sent {
			t.Sales[i].Seen, t.Sales[i].InCloud = "cancelada antes de ser enviada", "nada"
		}
	}
	return nil
}

// SellAcrossRestart sends sales in parallel while the agent dies: kill is called at the third answer, restart when every call
// has ended. The sales without an answer are then sent again.
func (t *Till) SellAcrossRestart(ctx context.Context, coupons []string, kill, restart func() error) error {
	var group sync.WaitGroup
	var answered atomic.Int32
	killErr := make([]error, 1)
	lost, bodies := make([]bool, len(coupons)), make([]string, len(coupons))
	for i, coupon := range coupons {
		bodies[i] = SaleBody(coupon, "demo-"+coupon) // a repetition has the same bytes
		group.Go(func() {
			if lost[i] = t.Post(ctx, "venda: "+coupon, "/v2/coupons", bodies[i]) != nil; lost[i] {
				return
			}
			if answered.Add(1) == 3 {
				killErr[0] = kill()
			}
		})
	}
	group.Wait()
	if err := errors.Join(killErr[0], restart()); err != nil {
		return err
	}
	for i, coupon := range coupons {
		seen := "venda concluída"
		if lost[i] {
			seen = "sem resposta, repetida"
			if err := t.Post(ctx, "venda: "+coupon+" de novo", "/v2/coupons", bodies[i]); err != nil {
				return err
			}
		}
		t.Sales = append(t.Sales, Sale{coupon, seen, "vendido"})
	}
	return nil
}

// Post sends what must be queued: any answer but 202 is an error.
func (t *Till) Post(ctx context.Context, name, path, body string) error {
	start := time.Now()
	status, answer, header, err := do(ctx, t.http, http.MethodPost, t.Base+path, t.Token, body)
	if err != nil {
		t.note(name, time.Since(start), "sem resposta")
		return err
	}
	t.note(name, time.Since(start), fmt.Sprintf("%d %s", status, header.Get(web.HeaderDelivery)))
	if status != http.StatusAccepted {
		return fmt.Errorf("%s: %d %s", name, status, answer)
	}
	return nil
}

// Healthy reports whether the agent answers.
func (t *Till) Healthy(ctx context.Context) bool {
	status, _, _, err := do(ctx, t.http, http.MethodGet, t.Base+"/health", t.Token, "")
	return err == nil && status == http.StatusOK
}

// JobOf gives the number of a sale's first job in the queue, as support sees it.
func (t *Till) JobOf(ctx context.Context, sale string) (string, error) {
	status, answer, _, err := do(ctx, t.http, http.MethodGet, t.Base+"/v1/sales/"+sale, t.SupportToken, "")
	var view struct{ Jobs []struct{ ID json.Number } }
	if err == nil {
		err = json.Unmarshal(answer, &view)
	}
	if err == nil && len(view.Jobs) == 0 {
		err = fmt.Errorf("%s: %d %s", sale, status, answer)
	}
	if err != nil {
		return "", err
	}
	return view.Jobs[0].ID.String(), nil
}

// Queue are counters of the agent's status.
type Queue struct{ Pending, Sent, Dead, Held int }

// Queue asks for the counters, as support does.
func (t *Till) Queue(ctx context.Context) (Queue, error) {
	status, answer, _, err := do(ctx, t.http, http.MethodGet, t.Base+"/v1/status", t.SupportToken, "")
	var view struct{ Queue Queue }
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status: %d %s", status, answer)
	}
	if err == nil {
		err = json.Unmarshal(answer, &view)
	}
	return view.Queue, err
}

// Metrics gives what the agent shows to Prometheus, as support reads it.
func (t *Till) Metrics(ctx context.Context) ([]byte, error) {
	status, answer, _, err := do(ctx, t.http, http.MethodGet, t.Base+"/metrics", t.SupportToken, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("metrics: %d %s", status, answer)
	}
	return answer, err
}

// WaitHealthy waits until the agent answers.
func (t *Till) WaitHealthy(ctx context.Context) error {
	return until(ctx, "o agente não respondeu", func() bool { return t.Healthy(ctx) })
}

// WaitDrained waits until nothing is left to send.
func (t *Till) WaitDrained(ctx context.Context) error {
	return until(ctx, "a fila não esvaziou", func() bool {
		queue, err := t.Queue(ctx)
		return err == nil && queue.Pending == 0
	})
}

// WaitOnline waits until the agent says that the loyalty cloud answers.
func (t *Till) WaitOnline(ctx context.Context) error {
	return until(ctx, "o agente não voltou a falar com a nuvem", func() bool {
		_, answer, _, err := do(ctx, t.http, http.MethodGet, t.Base+"/v1/status", t.SupportToken, "")
		var view struct{ Online bool }
		return err == nil && json.Unmarshal(answer, &view) == nil && view.Online
	})
}

func (t *Till) note(name string, took time.Duration, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, Call{name, took, outcome})
}

// do calls the agent; header has names and values in turn.
func do(ctx context.Context, client *http.Client, method, url, token, body string, header ...string) (int, []byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewBufferString(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, response.Header, err
}

func until(ctx context.Context, complaint string, done func() bool) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.NewTimer(waitLimit)
	defer timeout.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return errors.New(complaint)
		}
	}
	return nil
}
