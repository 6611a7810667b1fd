package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/till/web"
	"pdvagent/payments"
	"pdvagent/payments/pix"
)

// Payments makes and watches payments.
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
	createPatience  = 10 * time.Second // that a till waits for the code of a new payment
	longestPayments = 500
)

const noPayments = "Pagamentos não estão configurados neste caixa (seção payments do arquivo de configuração)."

// pay makes a payment: 201 with its code.
func (a *API) pay(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Payments == nil {
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
	p, replayed, err := a.cfg.Paying.Payments.Create(r.Context(), order)
	a.created(w, r, p, replayed, err, viewPayment(p))
}

// customer reads the optional payer.
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

// created answers a call that made a payment.
func (a *API) created(w http.ResponseWriter, r *http.Request, p payments.Payment, replayed bool, err error, view any) {
	a.noteStoreFull(err)
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

// watch reads the payment of the path, and waits for its next change if the till asks for that.
func (a *API) watch(r *http.Request) (payments.Payment, error) {
	if a.cfg.Paying.Payments == nil {
		return payments.Payment{}, errNotConfigured(noPayments)
	}
	patience, err := waitParameter(r)
	if err != nil {
		return payments.Payment{}, err
	}
	if patience > 0 && !web.MayWait(r) {
		patience = 0
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-a.cfg.Agent.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return a.cfg.Paying.Payments.Watch(ctx, r.PathValue("id"), patience)
}

// payment shows one; ?wait= seconds for a change.
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

// paymentQR draws the code of a payment that waits for its payer.
func (a *API) paymentQR(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Payments == nil {
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
	p, err := a.cfg.Paying.Payments.Payment(r.PathValue("id"))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	shown := p.Shown()
	if shown == nil || p.State != payments.AwaitingPayment {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Este pagamento não tem código para mostrar (a situação dele é %s).", p.State.Words()), "")
		return
	}
	drawn, err := pix.PNG(shown.BRCode, scale)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(drawn) // an error means that the till hung up
}

// cancelPayment ends the showing of a payment's code.
func (a *API) cancelPayment(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	p, err := a.cfg.Paying.Payments.Cancel(r.Context(), r.PathValue("id"))
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewPayment(p))
}

// resolvePayment records what a person decided about a payment that needs attention.
func (a *API) resolvePayment(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Payments == nil {
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
	p, err := a.cfg.Paying.Payments.Resolve(r.Context(), r.PathValue("id"), web.Caller(r), reason)
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewPayment(p))
}

// payments lists payments, newest first: ?status=&since=&reference=&attention=1
func (a *API) payments(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Payments == nil {
		problem(w, r, errNotConfigured(noPayments), "")
		return
	}
	query := r.URL.Query()
	filter := checkout.Filter{State: payments.State(query.Get("status")), Reference: query.Get("reference"), Attention: query.Get("attention") == "1", Limit: longestPayments}
	check := &form{}
	if filter.State != "" && !slices.Contains(payments.States(), filter.State) {
		check.fault("status", "unknown", "Não é um estado de pagamento.")
	}
	filter.Since = check.moment("since", query.Get("since"), a.cfg.Agent.Zone)
	if err := check.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	list, err := a.cfg.Paying.Payments.List(filter)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	views := make([]paymentView, 0, len(list))
	for _, p := range list {
		v := viewPayment(p)
		v.Pix = nil // a list shows no codes
		views = append(views, v)
	}
	web.JSON(w, http.StatusOK, map[string]any{"payments": views})
}
