package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/till/web"
	"pdvagent/payments/boleto"
)

// Boletos is the ledger of boletos.
type Boletos interface {
	Register(ctx context.Context, r settlement.Registration) (b settlement.Boleto, replayed bool, err error)
	Issue(ctx context.Context, o settlement.Order) (b settlement.Boleto, replayed bool, err error)
	Boleto(nosso int64) (settlement.Boleto, error)
	Ask(ctx context.Context, nosso int64) (settlement.Boleto, boleto.Situation, error)
	List(f settlement.Filter) ([]settlement.Boleto, error)
	Strangers(limit int) ([]settlement.Stranger, error)
	PDF(ctx context.Context, nosso int64) ([]byte, error)
	WriteOff(ctx context.Context, nosso int64) (settlement.Boleto, error)
	Resolve(ctx context.Context, nosso int64, by, reason string) (settlement.Boleto, error)
}

const (
	noBoletos      = "Os boletos do Sicoob não estão configurados neste caixa (payments.sicoob)."
	bankName       = "o Sicoob"
	longestBoletos = 1000
	maxBoleto      = 9_999_999_999 // cents: the largest amount of a barcode
)

// bankRefusal translates an error of the ledger, of the bank or of the store for the till.
func bankRefusal(err error) error { return refusalFrom(bankName, err) }

// makeBoleto issues a boleto, or records one that was issued elsewhere (register_only): 201.
func (a *API) makeBoleto(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	if a.cfg.Paying.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return
	}
	handle := a.issueBoleto
	if only, ok := f.get("register_only"); ok {
		if text := string(only.Raw()); text == "true" {
			handle = a.registerBoleto
		} else if text != "false" {
			problem(w, r, oneFault("register_only", "type", "Deve ser true ou false."), "")
			return
		}
	}
	b, replayed, err := handle(r, f)
	if err != nil {
		a.noteStoreFull(err)
		problem(w, r, bankRefusal(err), "")
		return
	}
	if replayed {
		w.Header().Set(web.HeaderDelivery, "replayed")
	}
	w.Header().Set("Location", "/v1/boletos/"+strconv.FormatInt(b.NossoNumero, 10))
	web.JSON(w, http.StatusCreated, viewBoleto(b))
}

// registerBoleto records a boleto that was issued elsewhere.
func (a *API) registerBoleto(r *http.Request, f *form) (settlement.Boleto, bool, error) {
	var reg settlement.Registration
	reg.NossoNumero, reg.Written = f.nossoNumero(true)
	reg.SeuNumero = f.text("seu_numero", false, 25)
	reg.Amount = agent.Cents(f.integer("amount", true, maxBoleto, 0, ", em centavos"))
	reg.Due, reg.IssuedOn = dateText(f.date("due_date", true)), dateText(f.date("issue_date", false))
	today := a.cfg.Agent.Now().In(a.cfg.Agent.Zone)
	barcode, line := f.slip("barcode", today, reg.Amount, reg.NossoNumero), f.slip("digitable_line", today, reg.Amount, reg.NossoNumero)
	if barcode.Barcode == "" {
		barcode = line
	} else if line.Barcode != "" && line.Barcode != barcode.Barcode {
		f.fault("digitable_line", "conflict", "Não é a linha deste código de barras.")
	}
	reg.Barcode, reg.Line = barcode.Barcode, barcode.Line
	if err := f.err(); err != nil {
		return settlement.Boleto{}, false, err
	}
	return a.cfg.Paying.Boletos.Register(r.Context(), reg)
}

// issueBoleto has the bank issue a boleto.
func (a *API) issueBoleto(r *http.Request, f *form) (settlement.Boleto, bool, error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return settlement.Boleto{}, false, err
	}
	if !a.cfg.Paying.IssuesBoletos {
		return settlement.Boleto{}, false, errNotConfigured("Para emitir boletos falta payments.sicoob.conta_corrente. Para registrar um emitido em outro lugar, use register_only.")
	}
	o := settlement.Order{Key: key, Fingerprint: f.fingerprint("boletos")}
	o.NossoNumero, _ = f.nossoNumero(false)
	o.SeuNumero = f.text("seu_numero", true, 18)
	o.Amount = agent.Cents(f.integer("amount", true, maxBoleto, 0, ", em centavos"))
	now := a.cfg.Agent.Now().In(a.cfg.Agent.Zone)
	o.IssuedOn = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	if o.Due = f.date("due_date", true); !o.Due.IsZero() && o.Due.Before(o.IssuedOn) {
		f.fault("due_date", "range", "Já passou. Para registrar um boleto emitido antes, use register_only.")
	}
	o.Payer = f.payer()
	if text := f.text("instruction", false, 40); text != "" {
		o.Instructions = []string{text}
	}
	if err := f.err(); err != nil {
		return settlement.Boleto{}, false, err
	}
	return a.cfg.Paying.Boletos.Issue(r.Context(), o)
}

// pathNumber reads the nosso número of the path. False: the till has its answer.
func (a *API) pathNumber(w http.ResponseWriter, r *http.Request) (int64, bool) {
	if a.cfg.Paying.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return 0, false
	}
	n, ok := settlement.ParseNosso(r.PathValue("nosso_numero"))
	if !ok {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Não há boleto com este nosso número neste caixa."), "")
	}
	return n, ok
}

// boleto shows one. ?ask=1 asks the bank for its present status.
func (a *API) boleto(w http.ResponseWriter, r *http.Request) {
	nosso, ok := a.pathNumber(w, r)
	if !ok {
		return
	}
	var b settlement.Boleto
	var situation boleto.Situation
	var err error
	asked := r.URL.Query().Get("ask") == "1"
	if asked {
		b, situation, err = a.cfg.Paying.Boletos.Ask(r.Context(), nosso)
	} else {
		b, err = a.cfg.Paying.Boletos.Boleto(nosso)
	}
	if err != nil {
		problem(w, r, bankRefusal(err), "")
		return
	}
	v := viewBoleto(b)
	v.Receipts = b.Receipts
	if asked {
		if v.BankStatus = string(situation); situation == boleto.Unclear {
			v.BankStatus = "unknown"
		}
	}
	web.JSON(w, http.StatusOK, v)
}

// boletos lists boletos, those that changed last first: ?status=&since=&format=csv
func (a *API) boletos(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return
	}
	query := r.URL.Query()
	filter := settlement.Filter{Status: settlement.Status(query.Get("status")), Limit: longestBoletos}
	check := &form{}
	if filter.Status != "" && !slices.Contains(settlement.Statuses(), filter.Status) {
		check.fault("status", "unknown", "Use open, paid, written_off ou review.")
	}
	filter.Since = check.moment("since", query.Get("since"), a.cfg.Agent.Zone)
	csv := query.Get("format") == "csv"
	if csv {
		filter.Limit = 0 // a program reads all
	}
	if err := check.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	list, err := a.cfg.Paying.Boletos.List(filter)
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	if csv {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = w.Write([]byte(settlement.CSV(list))) // an error means that the caller hung up
		return
	}
	views := make([]boletoView, 0, len(list))
	for _, b := range list {
		views = append(views, viewBoleto(b))
	}
	web.JSON(w, http.StatusOK, map[string]any{"boletos": views})
}

// strangers lists the settlements that match no boleto.
func (a *API) strangers(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return
	}
	list, err := a.cfg.Paying.Boletos.Strangers(longestBoletos)
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	type view struct {
		NossoNumero string      `json:"nosso_numero,omitempty"`
		SeuNumero   string      `json:"seu_numero,omitempty"`
		Barcode     string      `json:"barcode,omitempty"`
		Amount      agent.Cents `json:"amount"`
		Received    agent.Cents `json:"received"`
		PaidOn      string      `json:"paid_on,omitempty"`
		Channel     string      `json:"channel"`
		Reason      string      `json:"reason"`
		Boletos     []int64     `json:"boletos,omitempty"`
		At          time.Time   `json:"at"`
	}
	views := make([]view, 0, len(list))
	for _, s := range list {
		v := view{
			SeuNumero: s.Return.SeuNumero, Barcode: s.Return.Barcode, Amount: s.Return.Amount, Received: s.Return.Received, PaidOn: dateText(s.Return.PaidOn),
			Channel: s.Return.Channel, Reason: s.Reason, Boletos: s.Boletos, At: s.At,
		}
		if s.Return.NossoNumero > 0 {
			v.NossoNumero = strconv.FormatInt(s.Return.NossoNumero, 10)
		}
		views = append(views, v)
	}
	web.JSON(w, http.StatusOK, map[string]any{"unmatched": views})
}

// boletoPDF passes on the bank's second copy.
func (a *API) boletoPDF(w http.ResponseWriter, r *http.Request) {
	nosso, ok := a.pathNumber(w, r)
	if !ok {
		return
	}
	pdf, err := a.cfg.Paying.Boletos.PDF(r.Context(), nosso)
	if err != nil {
		problem(w, r, bankRefusal(err), "")
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	_, _ = w.Write(pdf) // an error means that the till hung up
}

// writeOffBoleto has the bank cancel a boleto.
func (a *API) writeOffBoleto(w http.ResponseWriter, r *http.Request) {
	nosso, ok := a.pathNumber(w, r)
	if !ok {
		return
	}
	b, err := a.cfg.Paying.Boletos.WriteOff(r.Context(), nosso)
	if err != nil {
		problem(w, r, bankRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewBoleto(b))
}

// resolveBoleto records what a person decided about a boleto that needs attention.
func (a *API) resolveBoleto(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	nosso, ok := a.pathNumber(w, r)
	if !ok {
		return
	}
	reason := f.text("reason", true, 500)
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	b, err := a.cfg.Paying.Boletos.Resolve(r.Context(), nosso, web.Caller(r), reason)
	if err != nil {
		problem(w, r, bankRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewBoleto(b))
}
