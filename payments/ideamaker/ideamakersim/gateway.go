package ideamakersim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
	"pdvagent/payments/pix"
)

// Gateway answers as the Idea Gateway.
func (s *Sim) Gateway() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pix", func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, "pix", func(body []byte) simkit.Answer {
			return s.admitted(r, func() simkit.Answer { return s.charge(body) })
		})
	})
	mux.HandleFunc("GET /pix/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, "status", func([]byte) simkit.Answer {
			return s.admitted(r, func() simkit.Answer { return s.status(r.PathValue("id")) })
		})
	})
	mux.HandleFunc("POST /webhook/idea/gateway", func(w http.ResponseWriter, r *http.Request) { // the sandbox's own trigger, without authorization
		s.Serve(w, r, "trigger", func(body []byte) simkit.Answer { return s.trigger(r.Context(), body) }) //nolint:contextcheck // it is the request's
	})
	mux.HandleFunc("/", notFound)
	return mux
}

func (s *Sim) admitted(r *http.Request, do func() simkit.Answer) simkit.Answer {
	if !s.basic(r) {
		return refusal(http.StatusUnauthorized, "Não autorizado.")
	}
	return do()
}

func (s *Sim) charge(body []byte) simkit.Answer {
	if err := s.schemas.Check("pix", body); err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	c := &Charge{}
	if err := json.Unmarshal(body, c); err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.charges, func(other *Charge) bool { return other.PaymentID == c.PaymentID }) {
		return refusal(http.StatusConflict, "paymentId já utilizado.") // [ASSUMPTION] 1.5
	}
	c.ID, c.CreatedAt = uuid.NewString(), s.Now()
	settings := s.settings.Get()
	c.QRCode = code(c, settings)
	s.charges = append(s.charges, c)
	return simkit.OK(map[string]any{"id": c.ID, "amount": c.Amount + settings.ChargeAmount, "qrCode": c.QRCode, "status": "pending"})
}

// code is a dynamic code with an amount, as the contract's example has it.
func code(c *Charge, settings Settings) string {
	amount := c.Amount
	switch settings.QR {
	case "none":
		return ""
	case "html":
		return "<html>erro</html>"
	case "other_amount":
		amount += 100
	}
	location := "qrcodes-pix.example.com/v2/" + strings.ReplaceAll(c.ID, "-", "")
	code := pix.BuildDynamic(pix.Dynamic{Location: location, Name: "LOJA MODELO", City: "SAO PAULO", Amount: agent.Cents(amount)})
	if settings.QR == "bad_crc" {
		return code[:len(code)-4] + pix.CRC(code)
	}
	return code
}

func (s *Sim) status(id string) simkit.Answer {
	settings := s.settings.Get()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil || settings.KnowsNothing {
		return refusal(http.StatusNotFound, "Algo deu errado.")
	}
	answer := map[string]any{
		"id": c.ID, "amount": c.Amount, "status": "pending", "provider": "gerencianet", "customer": map[string]any{},
		"metadata":  map[string]any{"paymentId": c.PaymentID, "nsu": "", "qrCode": c.QRCode, "customCode": c.CustomCode},
		"createdAt": c.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if c.Times > 0 {
		answer["status"] = settings.PaidWord
		if settings.PaidAmount == "amount" {
			answer["amount"] = c.Paid
		} else {
			answer["amountPaid"], answer["paidAt"] = c.Paid, c.PaidAt.UTC().Format(time.RFC3339)
		}
	}
	return simkit.OK(answer)
}

// find gives a charge by its id, its paymentId or its customCode; "last" is the newest. The caller holds mu.
func (s *Sim) find(id string) (*Charge, error) {
	if id == "last" && len(s.charges) > 0 {
		return s.charges[len(s.charges)-1], nil
	}
	for _, c := range slices.Backward(s.charges) {
		if id != "" && (c.ID == id || c.PaymentID == id || c.CustomCode == id) {
			return c, nil
		}
	}
	return nil, errNoCharge
}

// Payment is how somebody pays: by /control.
type Payment struct {
	Charge string `json:"charge"` // id, paymentId, customCode (a protocolo), or last (default)
	Amount int    `json:"amount"` // cents; 0: what was asked for
	Times  int    `json:"times"`  // how often; default once
	Late   bool   `json:"late"`   // also after its expiry, as some banks do
	Silent bool   `json:"silent"` // no notice goes out
}

// Pay pays a charge, and sends its notice.
func (s *Sim) Pay(ctx context.Context, p Payment) (Charge, error) {
	p.Charge, p.Times = cmp.Or(p.Charge, "last"), max(p.Times, 1)
	paid, err := s.settle(p)
	if err == nil && !p.Silent {
		_ = s.Notify(ctx, paid.ID, p.Times) // a gateway's notice may be lost
	}
	return paid, err
}

// settle has the money of a payment come.
func (s *Sim) settle(p Payment) (Charge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(p.Charge)
	if err != nil {
		return Charge{}, err
	}
	now := s.Now()
	if now.After(c.CreatedAt.Add(time.Duration(c.Expire)*time.Second)) && !p.Late {
		return Charge{}, errors.New("the charge has expired: banks refuse it (late: true pays all the same)")
	}
	c.Paid += p.Times * cmp.Or(p.Amount, c.Amount)
	c.Times += p.Times
	c.PaidAt = now
	return *c, nil
}

// Notify sends the notice of a charge, times in all; without a webhook it sends none.
func (s *Sim) Notify(ctx context.Context, id string, times int) error {
	settings := s.settings.Get()
	event, err := s.event(id)
	if err != nil || settings.Webhook == "" {
		return err
	}
	body, err := json.Marshal(enveloped(event, settings))
	if err != nil {
		return err
	}
	for range times {
		if err := send(ctx, settings.Webhook, body); err != nil {
			return err
		}
	}
	return nil
}

// event is what a notice says of a charge.
func (s *Sim) event(id string) (map[string]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil {
		return nil, err
	}
	state := "pending"
	if c.Times > 0 {
		state = "paid"
	}
	return map[string]any{"type": "pix", "createdAt": s.Now().UTC().Format(time.RFC3339Nano), "data": map[string]any{"pix": map[string]any{
		"amount": c.Amount, "amountPaid": c.Paid, "customCode": c.CustomCode, "id": c.ID, "paidAt": c.PaidAt.UTC().Format(time.RFC3339Nano),
		"paymentId": c.PaymentID, "qrCode": c.QRCode, "status": state,
	}}}, nil
}

// enveloped puts an event into one of the envelopes of ideamaker.md 1.4.
func enveloped(event map[string]any, settings Settings) any {
	delivery := map[string]any{"data": map[string]any{"clientId": 10, "payload": map[string]any{"event": event}, "webhook": settings.Webhook}}
	switch settings.Envelope {
	case "event":
		return map[string]any{"event": event}
	case "data":
		return delivery
	case "jsonPayload":
		return map[string]any{"jsonPayload": delivery}
	}
	return event
}

func send(ctx context.Context, to string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body) // only its status counts
	if err := response.Body.Close(); err != nil || response.StatusCode >= 300 {
		return fmt.Errorf("the webhook answered %d", response.StatusCode)
	}
	return nil
}

// trigger is the sandbox's own way to have a charge paid (ideamaker.md 1.2).
func (s *Sim) trigger(ctx context.Context, body []byte) simkit.Answer {
	var in struct {
		Event struct {
			Data struct {
				Pix struct {
					ID         string
					AmountPaid int
				}
			}
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	if _, err := s.Pay(ctx, Payment{Charge: in.Event.Data.Pix.ID, Amount: in.Event.Data.Pix.AmountPaid}); err != nil {
		return refusal(http.StatusBadRequest, err.Error())
	}
	return simkit.OK(map[string]any{"ok": true})
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) { s.settings.Set(change) }

// Charges gives every charge, oldest first.
func (s *Sim) Charges() []Charge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.Values(s.charges)
}

// Sales gives every registration, oldest first.
func (s *Sim) Sales() []Sale {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.Values(s.sales)
}
