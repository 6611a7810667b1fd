package ideamakersim

import (
	"bytes"
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

	"pdvagent/payments/cloudsim"
	"pdvagent/payments/pix"
)

// Gateway answers as the Idea Gateway.
func (s *Sim) Gateway() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pix", func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, "pix", func(body []byte) cloudsim.Answer {
			return s.admitted(r, func() cloudsim.Answer { return s.charge(body) })
		})
	})
	mux.HandleFunc("GET /pix/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, "status", func([]byte) cloudsim.Answer {
			return s.admitted(r, func() cloudsim.Answer { return s.status(r.PathValue("id")) })
		})
	})
	mux.HandleFunc("POST /webhook/idea/gateway", func(w http.ResponseWriter, r *http.Request) { // the sandbox's own trigger, without authorization
		s.Serve(w, r, "trigger", s.trigger(r.Context()))
	})
	mux.HandleFunc("/", notThere)
	return mux
}

func (s *Sim) admitted(r *http.Request, do func() cloudsim.Answer) cloudsim.Answer {
	if !s.basic(r) {
		return no(http.StatusUnauthorized, "Não autorizado.")
	}
	return do()
}

func no(status int, says string) cloudsim.Answer {
	return cloudsim.Answer{Status: status, Body: refused(status, says)}
}

func (s *Sim) charge(body []byte) cloudsim.Answer {
	if err := s.schemas.Check("pix", body); err != nil {
		return no(http.StatusBadRequest, err.Error())
	}
	c := &Charge{}
	if err := json.Unmarshal(body, c); err != nil {
		return no(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.charges, func(other *Charge) bool { return other.PaymentID == c.PaymentID }) {
		return no(http.StatusConflict, "paymentId já utilizado.") // [ASSUMPTION] 1.5
	}
	c.ID, c.CreatedAt = uuid.NewString(), s.Now()
	c.QRCode = s.code(c)
	s.charges = append(s.charges, c)
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"id": c.ID, "amount": c.Amount + s.settings.ChargeAmount, "qrCode": c.QRCode, "status": "pending"}}
}

// code is a dynamic code with an amount, as the contract's example has it.
func (s *Sim) code(c *Charge) string {
	amount := c.Amount
	switch s.settings.QR {
	case "none":
		return ""
	case "html":
		return "<html>erro</html>"
	case "other_amount":
		amount += 100
	}
	field := func(id, value string) string { return fmt.Sprintf("%s%02d%s", id, len(value), value) }
	account := field("00", "br.gov.bcb.pix") + field("25", "qrcodes-pix.example.com/v2/"+strings.ReplaceAll(c.ID, "-", ""))
	text := field("00", "01") + field("01", "12") + field("26", account) + field("52", "0000") + field("53", "986") +
		field("54", fmt.Sprintf("%d.%02d", amount/100, amount%100)) + field("58", "BR") + field("59", "LOJA MODELO") + field("60", "SAO PAULO") + field("62", field("05", "***")) + "6304"
	sum := pix.CRC(text)
	if s.settings.QR == "bad_crc" {
		sum = pix.CRC(text + sum)
	}
	return text + sum
}

func (s *Sim) status(id string) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil || s.settings.KnowsNothing {
		return no(http.StatusNotFound, "Algo deu errado.")
	}
	answer := map[string]any{
		"id": c.ID, "amount": c.Amount, "status": "pending", "provider": "gerencianet", "customer": map[string]any{},
		"metadata":  map[string]any{"paymentId": c.PaymentID, "nsu": "", "qrCode": c.QRCode, "customCode": c.CustomCode},
		"createdAt": c.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if c.Times > 0 {
		answer["status"] = s.settings.PaidWord
		if s.settings.PaidAmount == "amount" {
			answer["amount"] = c.Paid
		} else {
			answer["amountPaid"], answer["paidAt"] = c.Paid, c.PaidAt.UTC().Format(time.RFC3339)
		}
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: answer}
}

// find gives a charge by its id, its paymentId or its customCode; "last" is the newest. It is called with the lock held.
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
	if p.Charge == "" {
		p.Charge = "last"
	}
	s.mu.Lock()
	c, err := s.find(p.Charge)
	if err != nil {
		s.mu.Unlock()
		return Charge{}, err
	}
	now := s.Now()
	if now.After(c.CreatedAt.Add(time.Duration(c.Expire)*time.Second)) && !p.Late {
		s.mu.Unlock()
		return Charge{}, errors.New("the charge has expired: banks refuse it (late: true pays all the same)")
	}
	if p.Amount == 0 {
		p.Amount = c.Amount
	}
	for range max(p.Times, 1) {
		c.Paid += p.Amount
		c.Times++
	}
	c.PaidAt = now
	paid := *c
	s.mu.Unlock()
	if !p.Silent {
		_ = s.Notify(ctx, paid.ID, max(p.Times, 1)) // a notice that is lost is the gateway's trouble, and the client's to bear
	}
	return paid, nil
}

// Notify sends the notice of a charge, as often as said. It goes nowhere without a webhook.
func (s *Sim) Notify(ctx context.Context, id string, times int) error {
	s.mu.Lock()
	c, err := s.find(id)
	if err != nil || s.settings.Webhook == "" {
		s.mu.Unlock()
		return err
	}
	state := "pending"
	if c.Times > 0 {
		state = "paid"
	}
	event := map[string]any{"type": "pix", "createdAt": s.Now().UTC().Format(time.RFC3339Nano), "data": map[string]any{"pix": map[string]any{
		"amount": c.Amount, "amountPaid": c.Paid, "customCode": c.CustomCode, "id": c.ID, "paidAt": c.PaidAt.UTC().Format(time.RFC3339Nano),
		"paymentId": c.PaymentID, "qrCode": c.QRCode, "status": state,
	}}}
	to, envelope := s.settings.Webhook, s.settings.Envelope
	s.mu.Unlock()
	var notice any = event
	delivery := map[string]any{"data": map[string]any{"clientId": 10, "payload": map[string]any{"event": event}, "webhook": to}}
	switch envelope {
	case "event":
		notice = map[string]any{"event": event}
	case "data":
		notice = delivery
	case "jsonPayload":
		notice = map[string]any{"jsonPayload": delivery}
	}
	body, err := json.Marshal(notice)
	if err != nil {
		return err
	}
	for range times {
		if err := send(ctx, to, body); err != nil {
			return err
		}
	}
	return nil
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

// trigger is the sandbox's own way to have a charge paid (contract 1.2, last but one).
func (s *Sim) trigger(ctx context.Context) func(body []byte) cloudsim.Answer {
	return func(body []byte) cloudsim.Answer { return s.triggered(ctx, body) }
}

func (s *Sim) triggered(ctx context.Context, body []byte) cloudsim.Answer {
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
		return no(http.StatusBadRequest, err.Error())
	}
	if _, err := s.Pay(ctx, Payment{Charge: in.Event.Data.Pix.ID, Amount: in.Event.Data.Pix.AmountPaid}); err != nil {
		return no(http.StatusBadRequest, err.Error())
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"ok": true}}
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
}

// Charges gives every charge.
func (s *Sim) Charges() []Charge {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Charge, 0, len(s.charges))
	for _, c := range s.charges {
		list = append(list, *c)
	}
	return list
}

// Sales gives every registration.
func (s *Sim) Sales() []Sale {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Sale, 0, len(s.sales))
	for _, sale := range s.sales {
		list = append(list, *sale)
	}
	return list
}

// Promote adds a promotion, or changes one.
func (s *Sim) Promote(product, promotion string) error {
	if !json.Valid([]byte(promotion)) || product == "" {
		return errors.New("product and promotion, a JSON object, are wanted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promote(product, promotion)
	return nil
}

// Control gives the routes by which a person or a test steers both services, beside those of [cloudsim.Kit.Control]:
//
//	POST /pay        a [Payment]: somebody pays a charge
//	POST /notify     {"charge":"…","times":n}: its notice goes out, again or too early
//	PUT  /settings   some of [Settings]; GET them
//	POST /promotions {"product":"…","promotion":{…}} as the vendor tells it
//	POST /customers  {"cpf":"…"}
//	GET  /charges /sales
//	POST /reset      forget everything
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	s.Kit.Control(mux)
	cloudsim.Take(mux, "POST /pay", http.StatusOK, func(ctx context.Context, p Payment) (any, error) { return s.Pay(ctx, p) })
	cloudsim.Take(mux, "POST /notify", http.StatusOK, func(ctx context.Context, in struct {
		Charge string `json:"charge"`
		Times  int    `json:"times"`
	},
	) (any, error) {
		return map[string]any{}, s.Notify(ctx, in.Charge, max(in.Times, 1))
	})
	cloudsim.Settings(mux, &s.mu, &s.settings)
	cloudsim.Take(mux, "POST /promotions", http.StatusCreated, func(_ context.Context, in struct {
		Product   string          `json:"product"`
		Promotion json.RawMessage `json:"promotion"`
	},
	) (any, error) {
		return map[string]any{}, s.Promote(in.Product, string(in.Promotion))
	})
	cloudsim.Take(mux, "POST /customers", http.StatusCreated, func(_ context.Context, in struct {
		CPF string `json:"cpf"`
	},
	) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.customers[in.CPF] = true
		return map[string]any{}, nil
	})
	cloudsim.Show(mux, "GET /charges", func() any { return s.Charges() })
	cloudsim.Show(mux, "GET /sales", func() any { return s.Sales() })
	cloudsim.Take(mux, "POST /reset", http.StatusOK, func(context.Context, struct{}) (any, error) { s.Reset(); return map[string]any{}, nil })
	return mux
}
