package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// demoTill is a till program as simple as one can be: it posts, it looks at the status, it repeats when nobody answers.
type demoTill struct {
	base, token, support string
	http                 *http.Client
	live                 *http.Client // for calls that may take the whole live deadline
	sales                []tillSale

	mu    sync.Mutex
	calls []tillCall
}

type tillCall struct {
	name string
	took time.Duration
	note string
}

// tillPatience is how long this till waits for an answer before it repeats: a killed process does not always say goodbye.
const tillPatience = 2 * time.Second

// tillSale is what the till believes of one sale.
type tillSale struct{ coupon, said, want string }

func newDemoTill(base, token, support string) *demoTill {
	return &demoTill{
		base: base, token: token, support: support, http: &http.Client{Timeout: tillPatience}, live: &http.Client{Timeout: 2 * tillPatience},
	}
}

// saleBody is one receipt: a packet of coffee and weighed cheese.
func saleBody(coupon, session string) string {
	now := time.Now()
	return fmt.Sprintf(`{"transaction_id":%q,"client_id":"0","coupon":%q,"date":%q,"time":%q,`+
		`"items":[{"sku":"80215","ean":"7890000000017","product_name":"CAFE 500G","quantity":3,"packing_quantity":1,"unit_value":10.00,"total_value":30.00,"total_value_with_discount":30.00},`+
		`{"sku":"411","ean":"2000411000000","product_name":"QUEIJO KG","quantity":1.235,"packing_quantity":1,"unit_value":29.90,"total_value":36.93,"total_value_with_discount":36.93}],`+
		`"payments":[{"payment_form":"cash","amount":66.93,"instalments":1}],`+
		`"total_value":66.93,"total_value_with_discount":66.93,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		session, coupon, now.Format(time.DateOnly), now.Format(time.TimeOnly))
}

func couponOf(body []byte) string {
	var sale struct{ Coupon string }
	if json.Unmarshal(body, &sale) != nil {
		return ""
	}
	return sale.Coupon
}

// sell confirms the session and sends the receipt.
func (t *demoTill) sell(ctx context.Context, coupon string) error {
	session := "demo-" + coupon
	if err := t.post(ctx, "confirm "+coupon, "/v2/transaction/confirm", fmt.Sprintf(`{"transaction_id":%q}`, session)); err != nil {
		return err
	}
	if err := t.post(ctx, "venda "+coupon, "/v2/coupons", saleBody(coupon, session)); err != nil {
		return err
	}
	t.sales = append(t.sales, tillSale{coupon, "venda concluída", "vendido"})
	return nil
}

// cancel takes a sale back: one that the cloud has is cancelled there, one that it never saw stays unseen.
func (t *demoTill) cancel(ctx context.Context, coupon string) error {
	if err := t.post(ctx, "cancelamento "+coupon, "/v2/coupons-cancellation", fmt.Sprintf(`{"coupon":%q}`, coupon)); err != nil {
		return err
	}
	for i := range t.sales {
		if t.sales[i].coupon != coupon {
			continue
		}
		t.sales[i].said, t.sales[i].want = "cancelada depois de enviada", "cancelado"
		if coupon == "B-2" {
			t.sales[i].said, t.sales[i].want = "cancelada antes de ser enviada", "nada"
		}
	}
	return nil
}

// sellAcrossRestart sends sales in parallel while the agent dies under them: lightning strikes at the third answer.
// Those without an answer are sent again when it is back. Repeating is safe.
func (t *demoTill) sellAcrossRestart(ctx context.Context, coupons []string, strike, restart func() error) error {
	var group sync.WaitGroup
	var answered atomic.Int32
	struck := make([]error, 1)
	lost, bodies := make([]bool, len(coupons)), make([]string, len(coupons))
	for i, coupon := range coupons {
		bodies[i] = saleBody(coupon, "demo-"+coupon) // a repetition says the same, its hour too
		group.Go(func() {
			if lost[i] = t.post(ctx, "venda "+coupon, "/v2/coupons", bodies[i]) != nil; lost[i] {
				return
			}
			if answered.Add(1) == 3 {
				struck[0] = strike()
			}
		})
	}
	group.Wait()
	if err := errors.Join(struck[0], restart()); err != nil {
		return err
	}
	for i, coupon := range coupons {
		said := "venda concluída"
		if lost[i] {
			said = "sem resposta, repetida"
			if err := t.post(ctx, "venda "+coupon+" de novo", "/v2/coupons", bodies[i]); err != nil {
				return err
			}
		}
		t.sales = append(t.sales, tillSale{coupon, said, "vendido"})
	}
	return nil
}

func (t *demoTill) post(ctx context.Context, name, path, body string) error {
	start := time.Now()
	status, answer, header, err := t.do(ctx, t.http, http.MethodPost, path, t.token, body)
	if err != nil {
		t.note(name, time.Since(start), "sem resposta")
		return err
	}
	t.note(name, time.Since(start), fmt.Sprintf("%d %s", status, header.Get("X-Agent-Delivery")))
	if status != http.StatusAccepted {
		return fmt.Errorf("%s: %d %s", name, status, answer)
	}
	return nil
}

func (t *demoTill) note(name string, took time.Duration, note string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, tillCall{name, took, note})
}

func (t *demoTill) do(ctx context.Context, client *http.Client, method, path, token, body string) (int, []byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, method, t.base+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, nil, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, response.Header, err
}

// waitHealthy waits for the agent's first answer.
func (t *demoTill) waitHealthy(ctx context.Context) error {
	return t.until(ctx, "o agente não respondeu", func() bool {
		status, _, _, err := t.do(ctx, t.http, http.MethodGet, "/health", t.token, "")
		return err == nil && status == http.StatusOK
	})
}

// waitDrained waits until nothing is left to send.
func (t *demoTill) waitDrained(ctx context.Context) error {
	return t.until(ctx, "a fila não esvaziou", func() bool {
		status, answer, _, err := t.do(ctx, t.http, http.MethodGet, "/v1/status", t.support, "")
		var view struct {
			Queue struct{ Pending, Dead, Held int }
		}
		return err == nil && status == http.StatusOK && json.Unmarshal(answer, &view) == nil && view.Queue.Pending == 0
	})
}

func (t *demoTill) until(ctx context.Context, complaint string, done func() bool) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	patience := time.NewTimer(demoPatience)
	defer patience.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return errors.New(complaint)
		}
	}
	return nil
}
