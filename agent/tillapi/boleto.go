package tillapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/settlement"
	"pdvagent/agent/web"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
	"pdvagent/payments/pix"
)

// Boletos is the ledger.
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
	maxBoleto      = 9_999_999_999 // cents: what a barcode can say
)

// boletoView is a boleto as tills see it.
type boletoView struct {
	NossoNumero string            `json:"nosso_numero"`
	SeuNumero   string            `json:"seu_numero,omitempty"`
	Status      settlement.Status `json:"status"`
	Detail      string            `json:"detail,omitempty"`
	Amount      agent.Cents       `json:"amount"`
	Due         string            `json:"due_date"`
	IssuedOn    string            `json:"issue_date,omitempty"`
	Barcode     string            `json:"barcode,omitempty"`
	Line        string            `json:"digitable_line,omitempty"`
	BRCode      string            `json:"brcode,omitempty"`
	Registered  bool              `json:"register_only"`

	Expected   agent.Cents  `json:"expected"`
	Received   *agent.Cents `json:"received"`
	Difference *agent.Cents `json:"difference"`
	Divergent  bool         `json:"divergent"` // another amount came than was expected
	PaidOn     *string      `json:"paid_on"`
	CreditOn   *string      `json:"credit_on"`
	Channel    *string      `json:"channel"`

	Receipts   []settlement.Receipt `json:"receipts,omitempty"`
	BankStatus string               `json:"bank_status,omitempty"` // what the bank says now, where it was asked
	Attention  bool                 `json:"attention"`
	Resolution *payments.Resolution `json:"resolution,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

func viewBoleto(b settlement.Boleto) boletoView {
	v := boletoView{
		NossoNumero: b.Number(), SeuNumero: b.SeuNumero, Status: b.Status, Detail: b.Detail, Amount: b.Amount, Due: b.Due, IssuedOn: b.IssuedOn, Barcode: b.Barcode, Line: b.Line,
		BRCode: b.BRCode, Registered: b.Registered, Expected: b.Amount, Attention: b.Attention, Resolution: b.Resolution, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
	if pix.Check(v.BRCode, b.Amount) != nil {
		v.BRCode = "" // not one that may be shown; the line pays it all the same
	}
	if last := b.Last(); last != nil {
		received, difference := b.Received(), b.Difference()
		v.Received, v.Difference, v.Divergent = &received, &difference, difference != 0
		v.Channel = &last.Channel
		if last.PaidOn != "" {
			v.PaidOn = &last.PaidOn
		}
		if last.CreditOn != "" {
			v.CreditOn = &last.CreditOn
		}
	}
	return v
}

// bankTrouble says to the till what the ledger or the bank said.
func bankTrouble(err error) error { return troubleWith(bankName, err) }

// makeBoleto issues a boleto, or records one that was issued elsewhere (register_only): 201.
func (a *API) makeBoleto(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	if a.cfg.Boletos == nil {
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
		a.fullness(err)
		problem(w, r, bankTrouble(err), "")
		return
	}
	if replayed {
		w.Header().Set(web.HeaderDelivery, "replayed")
	}
	w.Header().Set("Location", "/v1/boletos/"+strconv.FormatInt(b.NossoNumero, 10))
	web.JSON(w, http.StatusCreated, viewBoleto(b))
}

// nossoNumero reads the bank's number, as text or as a number.
func (f *form) nossoNumero(required bool) (n int64, written string) {
	value, ok := f.get("nosso_numero")
	if !ok {
		if required {
			f.fault("nosso_numero", "required", "Falta.")
		}
		return 0, ""
	}
	text, _ := value.Text()
	if n, ok = settlement.ParseNosso(text); !ok {
		f.fault("nosso_numero", "invalid", "Deve ser o número do boleto no banco, com o dígito.")
		return 0, ""
	}
	return n, text
}

// date reads a day.
func (f *form) date(name string, required bool) time.Time {
	text := f.text(name, required, 10)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil || at.Year() < 2000 || at.Year() > 2100 {
		f.fault(name, "invalid", "Use uma data: 2026-11-30.")
	}
	return at
}

func dateText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.DateOnly)
}

// slip reads a barcode or a line that must agree with the rest of the boleto.
func (f *form) slip(name string, today time.Time, amount agent.Cents, nosso int64) boleto.Slip {
	text := f.text(name, false, 80)
	if text == "" {
		return boleto.Slip{}
	}
	slip, err := boleto.Parse(text, today)
	if wrong, ok := errors.AsType[*boleto.Error](err); ok {
		f.fault(name, "invalid", wordsOf(wrong))
		return boleto.Slip{}
	}
	field, sicoob := boleto.ReadSicoob(slip.Barcode)
	switch {
	case slip.Kind != boleto.KindBoleto:
		f.fault(name, "invalid", "É de uma conta ou tributo, não de um boleto.")
	case !slip.NoValue && amount > 0 && slip.Amount != amount:
		f.fault(name, "conflict", "Diz outro valor: "+slip.Amount.Reais()+".")
	case sicoob && nosso > 0 && int64(field.NossoNumero) != nosso:
		f.fault(name, "conflict", "É do nosso número "+strconv.Itoa(field.NossoNumero)+".")
	}
	return slip
}

func wordsOf(e *boleto.Error) string {
	block := strings.ToUpper(e.Block[:1]) + e.Block[1:]
	if e.Block == "line" || e.Block == "barcode" {
		return e.Detail
	}
	return block + ": " + e.Detail
}

func (a *API) registerBoleto(r *http.Request, f *form) (settlement.Boleto, bool, error) {
	var reg settlement.Registration
	reg.NossoNumero, reg.Written = f.nossoNumero(true)
	reg.SeuNumero = f.text("seu_numero", false, 25)
	reg.Amount = agent.Cents(f.integer("amount", true, maxBoleto, 0, ", em centavos"))
	reg.Due, reg.IssuedOn = dateText(f.date("due_date", true)), dateText(f.date("issue_date", false))
	today := a.cfg.Now().In(a.cfg.Zone)
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
	return a.cfg.Boletos.Register(r.Context(), reg)
}

func (a *API) issueBoleto(r *http.Request, f *form) (settlement.Boleto, bool, error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return settlement.Boleto{}, false, err
	}
	if !a.cfg.IssuesBoletos {
		return settlement.Boleto{}, false, errNotConfigured("Para emitir boletos falta payments.sicoob.conta_corrente. Para registrar um emitido em outro lugar, use register_only.")
	}
	o := settlement.Order{Key: key, Fingerprint: f.fingerprint("boletos")}
	o.NossoNumero, _ = f.nossoNumero(false)
	o.SeuNumero = f.text("seu_numero", true, 18)
	o.Amount = agent.Cents(f.integer("amount", true, maxBoleto, 0, ", em centavos"))
	now := a.cfg.Now().In(a.cfg.Zone)
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
	return a.cfg.Boletos.Issue(r.Context(), o)
}

// payer reads who owes, as the bank wants to know them (contracts/sicoob.md 7.1).
func (f *form) payer() boleto.Payer {
	value, ok := f.get("payer")
	if !ok {
		f.fault("payer", "required", "Falta quem paga.")
		return boleto.Payer{}
	}
	inner := &form{body: value, prefix: "payer."}
	p := boleto.Payer{
		Document: inner.document("document", true, false), Name: inner.text("name", true, 50), Address: inner.text("address", true, 40), District: inner.text("district", true, 30),
		City: inner.text("city", true, 40), ZIP: strings.NewReplacer("-", "", ".", "", " ", "").Replace(inner.text("zip", true, 10)), State: strings.ToUpper(inner.text("state", true, 2)),
	}
	if len(inner.faults) == 0 && (len(p.ZIP) != 8 || strings.Trim(p.ZIP, "0123456789") != "") {
		inner.fault("zip", "invalid", "O CEP tem 8 números.")
	}
	if len(inner.faults) == 0 && len(p.State) != 2 {
		inner.fault("state", "invalid", "Use a sigla do estado: GO.")
	}
	f.faults = append(f.faults, inner.faults...)
	return p
}

// nossoOf reads the number of the path; false when the till was answered already.
func (a *API) nossoOf(w http.ResponseWriter, r *http.Request) (int64, bool) {
	if a.cfg.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return 0, false
	}
	n, ok := settlement.ParseNosso(r.PathValue("nosso_numero"))
	if !ok {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Não há boleto com este nosso número neste caixa."), "")
	}
	return n, ok
}

// boleto gives one; ?ask=1 has the bank say how it stands now.
func (a *API) boleto(w http.ResponseWriter, r *http.Request) {
	nosso, ok := a.nossoOf(w, r)
	if !ok {
		return
	}
	var b settlement.Boleto
	var said boleto.Situation
	var err error
	asked := r.URL.Query().Get("ask") == "1"
	if asked {
		b, said, err = a.cfg.Boletos.Ask(r.Context(), nosso)
	} else {
		b, err = a.cfg.Boletos.Boleto(nosso)
	}
	if err != nil {
		problem(w, r, bankTrouble(err), "")
		return
	}
	v := viewBoleto(b)
	v.Receipts = b.Receipts
	if asked {
		if v.BankStatus = string(said); said == boleto.Unclear {
			v.BankStatus = "unknown"
		}
	}
	web.JSON(w, http.StatusOK, v)
}

// boletos lists them, those that changed last first: ?status=&since=&format=csv
func (a *API) boletos(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return
	}
	query := r.URL.Query()
	filter := settlement.Filter{Status: settlement.Status(query.Get("status")), Limit: longestBoletos}
	check := &form{}
	if filter.Status != "" && !slices.Contains(settlement.Statuses(), filter.Status) {
		check.fault("status", "unknown", "Use open, paid, written_off ou review.")
	}
	filter.Since = check.since(query.Get("since"), a.cfg.Zone)
	csv := query.Get("format") == "csv"
	if csv {
		filter.Limit = 0 // for a machine
	}
	if err := check.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	list, err := a.cfg.Boletos.List(filter)
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	if csv {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		_, _ = w.Write([]byte(settlement.CSV(list))) // the reader is gone: nobody to tell
		return
	}
	views := make([]boletoView, 0, len(list))
	for _, b := range list {
		views = append(views, viewBoleto(b))
	}
	web.JSON(w, http.StatusOK, map[string]any{"boletos": views})
}

// since reads a day, or a moment; zero without one.
func (f *form) since(text string, zone *time.Location) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.ParseInLocation(time.DateOnly, text, zone)
	}
	if err != nil {
		f.fault("since", "invalid", "Use uma data (2026-05-14) ou data e hora (2026-05-14T10:00:00-03:00).")
	}
	return at
}

// strangers lists the settlements that no boleto is marked paid by.
func (a *API) strangers(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Boletos == nil {
		problem(w, r, errNotConfigured(noBoletos), "")
		return
	}
	list, err := a.cfg.Boletos.Strangers(longestBoletos)
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

func (a *API) boletoPDF(w http.ResponseWriter, r *http.Request) {
	nosso, ok := a.nossoOf(w, r)
	if !ok {
		return
	}
	pdf, err := a.cfg.Boletos.PDF(r.Context(), nosso)
	if err != nil {
		problem(w, r, bankTrouble(err), "")
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	_, _ = w.Write(pdf) // the till is gone: nobody to tell
}

func (a *API) writeOffBoleto(w http.ResponseWriter, r *http.Request) {
	nosso, ok := a.nossoOf(w, r)
	if !ok {
		return
	}
	b, err := a.cfg.Boletos.WriteOff(r.Context(), nosso)
	if err != nil {
		problem(w, r, bankTrouble(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewBoleto(b))
}

func (a *API) resolveBoleto(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	nosso, ok := a.nossoOf(w, r)
	if !ok {
		return
	}
	reason := f.text("reason", true, 500)
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	b, err := a.cfg.Boletos.Resolve(r.Context(), nosso, web.Caller(r), reason)
	if err != nil {
		problem(w, r, bankTrouble(err), "")
		return
	}
	web.JSON(w, http.StatusOK, viewBoleto(b))
}

// decodeBoleto reads a line or a barcode of either kind, and says in words where it is wrong.
func (a *API) decodeBoleto(w http.ResponseWriter, r *http.Request) {
	f, ok := openForm(w, r)
	if !ok {
		return
	}
	text := f.text("line", true, 200)
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	slip, err := boleto.Parse(text, a.cfg.Now().In(a.cfg.Zone))
	if wrong, ok := errors.AsType[*boleto.Error](err); ok {
		problem(w, r, oneFault("line", "invalid", wordsOf(wrong)), "")
		return
	}
	v := map[string]any{"kind": slip.Kind, "barcode": slip.Barcode, "digitable_line": slip.Line, "printed": slip.Printed(), "amount": slip.Amount, "due_date": nil}
	if slip.NoValue {
		v["amount"] = nil
	}
	if slip.Kind == boleto.KindCollection {
		v["segment"], v["company"] = slip.Segment, slip.Company
	} else {
		v["bank"], v["due_factor"] = slip.Bank, slip.Factor
		if !slip.Due.IsZero() {
			v["due_date"] = slip.Due.Format(time.DateOnly)
		}
		if field, ok := boleto.ReadSicoob(slip.Barcode); ok {
			v["sicoob"] = map[string]any{"cooperative": field.Cooperative, "client": field.Client, "modality": field.Modality, "nosso_numero": strconv.Itoa(field.NossoNumero), "parcel": field.Parcel}
		}
	}
	web.JSON(w, http.StatusOK, v)
}
