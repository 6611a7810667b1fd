// Package sevenazsim simulates 7AZ's invoices for tests, demos and a till's programmer at work: the open invoices of a person,
// how one is paid, whether it was, its PDF and its e-mail. It is written from contracts/sevenaz.md alone and shares no type
// with the client; what the contract assumes or leaves open is a setting ([Settings]). It does not know negotiations, PicPay or
// cards, and sends no e-mail. Everything stays in memory.
//
// Package sandbox and tests call it; it calls agent, agent/simkit, and payments/pix and payments/boleto for its codes.
package sevenazsim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
	"pdvagent/payments/boleto"
	"pdvagent/payments/pix"
)

// Config is what the service is made with.
type Config struct {
	APIKey string // empty: any that is not empty
	Now    func() time.Time
}

// Sim is the service. It is safe for concurrent use.
type Sim struct {
	*simkit.Kit
	cfg      Config
	settings *simkit.Settings[Settings]

	mu       sync.Mutex
	invoices []*Invoice
	mails    []string
}

// Settings are what the contract leaves open (2.3, 2.4).
type Settings struct {
	Root       string `json:"root"`        // of the list: array (default), data, invoices, items, results or bare
	NumericIDs bool   `json:"numeric_ids"` // erpInvoiceId is a number
	PixStatus  string `json:"pix_status"`  // how a payment shows: booleans (default), code (92), word (PAGO), or odd: a code of no known meaning
	QR         string `json:"qr"`          // right (default), bad_crc
	PDF        string `json:"pdf"`         // right (default), html
}

func defaults() Settings {
	return Settings{Root: "array", PixStatus: "booleans", QR: "right", PDF: "right"}
}

// Invoice is one that the service has.
type Invoice struct {
	ID       string `json:"erpInvoiceId"`
	Document string `json:"document"` // CPF or CNPJ, letters too
	Contract string `json:"erpContractId"`
	DueDate  string `json:"dueDate"`     // YYYY-MM-DD
	Amount   int    `json:"amount"`      // cents
	Final    int    `json:"finalAmount"` // cents; 0: as Amount
	NoPix    bool   `json:"no_pix"`
	NoBoleto bool   `json:"no_boleto"`
	OwnQR    bool   `json:"own_qr"` // pixQrCodeBase64 comes with it
	Paid     int    `json:"paid"`   // how often
}

// New makes the service, with four invoices to begin with.
func New(cfg Config) *Sim {
	kit := simkit.New(simkit.Config{Routes: []string{"invoices", "payment-data", "pix-status", "pdf", "email"}, Refuse: refusal, Now: cfg.Now})
	s := &Sim{Kit: kit, cfg: cfg, settings: simkit.NewSettings(defaults, nil)}
	s.forget()
	return s
}

func refusal(status int, message string) simkit.Answer {
	return simkit.Answer{Status: status, Body: map[string]string{"error": message}}
}

// Reset forgets everything but the four invoices to begin with.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.settings.Restore()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

// forget makes the service's state as it is at first. The caller holds mu, or has the only reference.
func (s *Sim) forget() {
	s.mails = nil
	s.invoices = []*Invoice{
		{ID: "900001", Document: "12345678909", Contract: "147000", DueDate: "2026-09-10", Amount: 7500, Final: 7725},
		{ID: "900002", Document: "12345678909", Contract: "147000", DueDate: "2026-08-10", Amount: 130, NoPix: true},
		{ID: "900003", Document: "12ABC34501DE35", Contract: "147001", DueDate: "2026-10-10", Amount: 10000, OwnQR: true},
		{ID: "900004", Document: "52998224725", Contract: "147002", DueDate: "2026-10-15", Amount: 8990}, // of the club's first member
	}
}

// AddInvoice gives the service an invoice.
func (s *Sim) AddInvoice(in Invoice) error {
	if _, err := time.Parse(time.DateOnly, in.DueDate); in.ID == "" || in.Document == "" || in.Amount <= 0 || in.Final < 0 || err != nil {
		return errors.New("erpInvoiceId, document, a dueDate YYYY-MM-DD and an amount in cents are wanted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoices = append(s.invoices, &in)
	return nil
}

// Pay has an invoice paid.
func (s *Sim) Pay(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.find(id)
	if in == nil {
		return errors.New("there is no such invoice")
	}
	in.Paid++
	return nil
}

// Invoices gives all of them.
func (s *Sim) Invoices() []Invoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.Values(s.invoices)
}

// Mails gives whom e-mails were asked for: contracts and documents.
func (s *Sim) Mails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.List(s.mails)
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) { s.settings.Set(change) }

// find gives an invoice, nil if there is none. The caller holds mu.
func (s *Sim) find(id string) *Invoice {
	at := slices.IndexFunc(s.invoices, func(in *Invoice) bool { return in.ID == id })
	if at < 0 {
		return nil
	}
	return s.invoices[at]
}

const prefix = "/v2/integrations/omnichannel/"

// ServeHTTP answers as the service would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	parts := strings.Split(path, "/")
	name, do := "", func() simkit.Answer { return refusal(http.StatusNotFound, "not found") }
	switch {
	case !ok:
	case len(parts) == 1 && parts[0] == "invoices":
		name, do = "invoices", func() simkit.Answer { return s.list(r.URL.Query().Get("txId")) }
	case len(parts) == 3 && parts[0] == "invoices" && (parts[2] == "payment-data" || parts[2] == "pix-status" || parts[2] == "pdf"):
		name, do = parts[2], func() simkit.Answer { return s.invoice(parts[1], parts[2]) }
	case len(parts) == 3 && parts[0] == "email-notifications" && (parts[1] == "bycontract" || parts[1] == "bycustomer"):
		name, do = "email", func() simkit.Answer { return s.mail(parts[1], parts[2]) }
	}
	if name == "" || r.Method != http.MethodGet {
		simkit.Write(w, refusal(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path))
		return
	}
	s.Serve(w, r, name, func([]byte) simkit.Answer {
		key := r.Header.Get("X-API-Key")
		if key == "" || (s.cfg.APIKey != "" && key != s.cfg.APIKey) {
			return refusal(http.StatusUnauthorized, "invalid api key")
		}
		return do()
	})
}

func money(cents int) json.Number { return json.Number(agent.Cents(cents).String()) }

func (s *Sim) list(document string) simkit.Answer {
	if len(document) != 11 && len(document) != 14 {
		return refusal(http.StatusBadRequest, "txId")
	}
	settings := s.settings.Get()
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for _, in := range s.invoices {
		if in.Document != document || in.Paid > 0 {
			continue
		}
		item := map[string]any{
			"erpInvoiceId": in.ID, "uniqueId": nil, "dueDate": in.DueDate + "T00:00:00", "amount": money(in.Amount), "status": 0, "erpContractId": in.Contract,
			"formatedAmount": "R$ " + strings.Replace(string(money(in.Amount)), ".", ",", 1), "competence": in.DueDate[:8] + "01T00:00:00", "reference": in.DueDate[5:7] + "/" + in.DueDate[:4], "charges": nil,
		}
		if settings.NumericIDs {
			item["erpInvoiceId"] = json.Number(in.ID)
		}
		items = append(items, item)
	}
	switch settings.Root {
	case "data", "invoices", "items", "results":
		return simkit.OK(map[string]any{settings.Root: items})
	case "bare":
		if len(items) > 0 {
			return simkit.OK(items[0])
		}
	}
	return simkit.OK(items)
}

// invoice answers what of one invoice: payment-data, pdf or pix-status.
func (s *Sim) invoice(id, what string) simkit.Answer {
	settings := s.settings.Get()
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.find(id)
	switch {
	case in == nil:
		return refusal(http.StatusNotFound, "invoice not found")
	case what == "payment-data":
		return paymentData(in, settings)
	case what == "pdf" && settings.PDF == "html":
		return simkit.File("application/pdf", []byte("<html>erro</html>"))
	case what == "pdf":
		return simkit.File("application/pdf", []byte("%PDF-1.4\n% fatura de exemplo\n%%EOF\n"))
	}
	answer := map[string]any{}
	switch paid := in.Paid > 0; settings.PixStatus {
	case "code":
		answer["status"] = map[bool]int{false: 0, true: 92}[paid]
	case "word":
		answer["status"] = map[bool]string{false: "PENDENTE", true: "PAGO"}[paid]
	case "odd":
		answer["status"] = 77
	default:
		answer["paid"], answer["paidByPix"] = paid, paid
	}
	return simkit.OK(answer)
}

func paymentData(in *Invoice, settings Settings) simkit.Answer {
	final := in.Final
	if final == 0 {
		final = in.Amount
	}
	answer := map[string]any{
		"id": in.ID, "dueDate": in.DueDate + "T00:00:00", "amount": money(in.Amount), "finalAmount": money(final), "fineAmount": money(0), "interestAmount": money(max(final-in.Amount, 0)),
		"discountAmount": 0, "pixCode": nil, "pixQrCodeBase64": nil, "picPayCode": nil, "picPayQrCodeBase64": nil, "billetDigitableLine": nil, "billetBarcodeBase64": nil,
		"canSetRecurrence": false, "canPayInvoiceByCreditCard": false, "maximumCreditCardInstallments": 1, "customerName": nil, "billetOurNumber": nil, "invoicePDFURL": nil, "negotiationLink": nil,
	}
	if !in.NoPix {
		code := code(in, settings)
		answer["pixCode"] = code
		if drawn, err := pix.PNG(code, 4); err == nil && in.OwnQR {
			answer["pixQrCodeBase64"] = base64.StdEncoding.EncodeToString(drawn)
		}
	}
	if !in.NoBoleto {
		answer["billetDigitableLine"] = line(in.DueDate, final)
	}
	return simkit.OK(answer)
}

// line is the digitable line of an invoice's boleto, as it stands on paper.
func line(dueDate string, amount int) string {
	due, err := time.Parse(time.DateOnly, dueDate)
	barcode, buildErr := boleto.Build(boleto.Sicoob, due, agent.Cents(amount), "1300201234567000001234001")
	slip, parseErr := boleto.Parse(barcode, due)
	if errors.Join(err, buildErr, parseErr) != nil {
		return ""
	}
	return slip.Printed()
}

// code is a dynamic code without an amount, as the contract's example has it.
func code(in *Invoice, settings Settings) string {
	code := pix.BuildDynamic(pix.Dynamic{Location: fmt.Sprintf("pix.example.com/cobv/%032s", in.ID), Name: "PROVEDOR TESTE", City: "CURITIBA"})
	if settings.QR == "bad_crc" {
		return code[:len(code)-4] + pix.CRC(code)
	}
	return code
}

func (s *Sim) mail(by, whom string) simkit.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.invoices {
		if (by == "bycontract" && in.Contract == whom) || (by == "bycustomer" && in.Document == whom) {
			s.mails = append(s.mails, whom)
			return simkit.NoContent()
		}
	}
	return refusal(http.StatusNotFound, "nothing to send")
}

// Control gives the routes by which a person or a test steers the service, beside those of [simkit.Kit.Control]:
//
//	POST /pay      {"invoice":"…"}
//	POST /invoices an [Invoice]; GET all
//	GET  /mails
func (s *Sim) Control() http.Handler {
	c := s.Kit.Control(s.settings, s.Reset)
	simkit.Take(c, "POST /pay", http.StatusOK, func(_ context.Context, in struct {
		Invoice string `json:"invoice"`
	},
	) (any, error) {
		return map[string]any{}, s.Pay(in.Invoice)
	})
	simkit.Take(c, "POST /invoices", http.StatusCreated, func(_ context.Context, in Invoice) (any, error) { return in, s.AddInvoice(in) })
	c.Show("GET /invoices", func() any { return s.Invoices() })
	c.Show("GET /mails", func() any { return s.Mails() })
	return c
}
