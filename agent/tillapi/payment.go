package tillapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/checkout"
	"pdvagent/agent/web"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// Payments makes and shows them.
type Payments interface {
	Repeated(key string, fingerprint agent.Fingerprint) (*payments.Payment, error)
	Create(ctx context.Context, order checkout.Order) (p payments.Payment, replayed bool, err error)
	Watch(ctx context.Context, id string, patience time.Duration) (payments.Payment, error)
	Payment(id string) (payments.Payment, error)
	Cancel(ctx context.Context, id string) (payments.Payment, error)
	Resolve(ctx context.Context, id, by, reason string) (payments.Payment, error)
	List(f checkout.Filter) ([]payments.Payment, error)
}

const (
	maxAmount       = 99_999_999 // cents
	defaultExpiry   = 300        // seconds
	longestExpiry   = 86_400
	createPatience  = 10 * time.Second // that a till waits for its code
	longestPayments = 500
)

// paymentView is a payment as tills see it.
type paymentView struct {
	ID        string         `json:"id"`
	Kind      payments.Kind  `json:"kind"`
	Method    string         `json:"method"`
	Provider  string         `json:"provider"`
	Status    payments.State `json:"status"`
	Detail    string         `json:"detail,omitempty"` // for the cashier
	Amount    agent.Cents    `json:"amount"`
	Received  *agent.Cents   `json:"received,omitempty"`
	Reference string         `json:"reference,omitempty"`
	Pix       *pixView       `json:"pix"` // null: nothing is to be shown
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	ExpiresAt *time.Time     `json:"expires_at"`
	PaidAt    *time.Time     `json:"paid_at,omitempty"`

	Attention  bool                 `json:"attention"` // a person must decide
	Resolution *payments.Resolution `json:"resolution,omitempty"`
	Events     []payments.Event     `json:"events,omitempty"`
}

type pixView struct {
	BRCode string `json:"brcode"`
	QR     []byte `json:"qr_png,omitempty"` // base64
}

func viewPayment(p payments.Payment) paymentView {
	v := paymentView{
		ID: p.ID, Kind: p.Kind, Method: "pix", Provider: p.Provider, Status: p.State, Detail: p.Detail, Amount: p.Amount, Reference: p.Reference,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Attention: p.Attention, Resolution: p.Resolution,
	}
	if !p.ExpiresAt.IsZero() {
		v.ExpiresAt = &p.ExpiresAt
	}
	if !p.PaidAt.IsZero() {
		v.PaidAt, v.Received = &p.PaidAt, &p.Received
	}
	if shown := p.Shown(); shown != nil && p.State == payments.AwaitingPayment {
		v.Pix = &pixView{shown.BRCode, shown.QR}
		if v.Pix.QR == nil {
			v.Pix.QR, _ = pix.PNG(shown.BRCode, pix.DefaultScale) // without a picture there is still the code
		}
	}
	return v
}

const noPayments = "Pagamentos não estão configurados neste caixa (seção payments do arquivo de configuração)."

func errNotConfigured(words string) error {
	return agent.Errorf(agent.CodeNotConfigured, nil, "%s", words)
}

// fingerprint is what a till asked for, whatever the order of its fields.
func (f *form) fingerprint(route string) agent.Fingerprint {
	return sha256.Sum256(append([]byte(route+"\x00"), f.body.Canonical()...))
}

// pay makes a charge: 201 with its code.
func (a *API) pay(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	f, key, ok := openOrder(w, r)
	if !ok {
		return
	}
	order := checkout.Order{Key: key, Fingerprint: f.fingerprint("payments"), Kind: payments.KindPix, Patience: createPatience}
	if method := f.text("method", true, 20); method != "" && method != "pix" {
		f.fault("method", "unknown", "Use pix.")
	}
	if order.Provider = f.text("provider", true, 40); order.Provider != "" && order.Provider != "ideamaker" {
		f.fault("provider", "unknown", "Use ideamaker.")
	}
	order.Amount = agent.Cents(f.integer("amount", true, maxAmount, 0, ", em centavos"))
	order.Reference = f.text("reference", false, 100)
	order.ExpiresIn = int(f.integer("expires_in", false, longestExpiry, defaultExpiry, " segundos"))
	order.Customer = f.customer()
	if order.Text = f.text("description", false, 140); order.Text == "" {
		order.Text = "Pagamento no caixa"
	}
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	p, replayed, err := a.cfg.Payments.Create(r.Context(), order)
	a.created(w, r, p, replayed, err, viewPayment(p))
}

// customer reads who pays, where the till says it.
func (f *form) customer() payments.Customer {
	value, ok := f.get("customer")
	if !ok {
		return payments.Customer{}
	}
	inner := &form{body: value, prefix: "customer."}
	c := payments.Customer{Name: inner.text("name", false, 100), Document: inner.document("document", false, false)}
	f.faults = append(f.faults, inner.faults...)
	return c
}

// created answers a call that makes a payment.
func (a *API) created(w http.ResponseWriter, r *http.Request, p payments.Payment, replayed bool, err error, view any) {
	a.fullness(err)
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	if replayed {
		w.Header().Set(web.HeaderDelivery, "replayed")
	}
	w.Header().Set("Location", "/v1/payments/"+p.ID)
	web.JSON(w, http.StatusCreated, view)
}

// waitParameter reads ?wait= in seconds.
func waitParameter(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, oneFault("wait", "range", "Deve ser de 0 a 30 segundos.")
	}
	return min(time.Duration(n)*time.Second, maxWait), nil
}

// watch reads a payment of the path, and waits for its change where the till asked for that.
func (a *API) watch(r *http.Request) (payments.Payment, error) {
	if a.cfg.Payments == nil {
		return payments.Payment{}, errNotConfigured(noPayments)
	}
	patience, err := waitParameter(r)
	if err != nil {
		return payments.Payment{}, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-a.cfg.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return a.cfg.Payments.Watch(ctx, r.PathValue("id"), patience)
}

func (a *API) payment(w http.ResponseWriter, r *http.Request) {
	p, err := a.watch(r)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	v := viewPayment(p)
	v.Events = p.Events
	web.JSON(w, http.StatusOK, v)
}

// paymentQR draws the code of a payment that can be paid.
func (a *API) paymentQR(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	scale := pix.DefaultScale
	if text := r.URL.Query().Get("scale"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pix.MaxScale {
			problem(w, r, oneFault("scale", "range", "Deve ser de 1 a 20 pontos por módulo."), "")
			return
		}
		scale = n
	}
	p, err := a.cfg.Payments.Payment(r.PathValue("id"))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	shown := p.Shown()
	if shown == nil || p.State != payments.AwaitingPayment {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Este pagamento não tem código para mostrar (está como %s).", p.State), "")
		return
	}
	drawn, err := pix.PNG(shown.BRCode, scale)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(drawn) // the till is gone: nobody to tell
}

func (a *API) cancelPayment(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	p, err := a.cfg.Payments.Cancel(r.Context(), r.PathValue("id"))
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewPayment(p))
}

func (a *API) resolvePayment(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	reason := f.text("reason", true, 500)
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	p, err := a.cfg.Payments.Resolve(r.Context(), r.PathValue("id"), web.Caller(r), reason)
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewPayment(p))
}

// payments lists them, newest first: ?status=&since=&reference=&attention=1
func (a *API) payments(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	query := r.URL.Query()
	filter := checkout.Filter{State: payments.State(query.Get("status")), Reference: query.Get("reference"), Attention: query.Get("attention") == "1", Limit: longestPayments}
	check := &form{}
	if filter.State != "" && !slices.Contains(payments.States(), filter.State) {
		check.fault("status", "unknown", "Não é um estado de pagamento.")
	}
	filter.Since = check.since(query.Get("since"), a.cfg.Zone)
	if err := check.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	list, err := a.cfg.Payments.List(filter)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	views := make([]paymentView, 0, len(list))
	for _, p := range list {
		v := viewPayment(p)
		v.Pix = nil // the list is for people
		views = append(views, v)
	}
	web.JSON(w, http.StatusOK, map[string]any{"payments": views})
}

// vendorTrouble says a vendor's failure to the till.
func vendorTrouble(err error, vendor string) error {
	f := payments.FailureOf(err)
	words := f.Words(vendor)
	switch f.Class {
	case payments.NotFound:
		return agent.Errorf(agent.CodeNotFound, err, "%s", words)
	case payments.Declined, payments.Unauthorized:
		e := agent.Errorf(agent.CodeCloudRefused, err, "%s", words)
		if e.Status = http.StatusUnprocessableEntity; f.Class == payments.Unauthorized {
			e.Status = http.StatusBadGateway
		}
		return e
	}
	return agent.Errorf(agent.CodeCloudAway, err, "%s", words)
}

// troubleWith says to the till what a use case, its vendor or the store said.
func troubleWith(vendor string, err error) error {
	if _, ok := errors.AsType[*agent.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*payments.Failure](err); ok {
		return vendorTrouble(err, vendor)
	}
	return agent.ForTill(err)
}
