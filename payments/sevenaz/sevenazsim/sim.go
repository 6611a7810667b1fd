// Package sevenazsim plays 7AZ's invoices for tests, demos and a till's programmer at work. It is written from
// contracts/sevenaz.md alone and shares no type with the client; what the contract assumes or leaves open is a setting. It
// keeps everything in memory.
package sevenazsim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"pdvagent/payments/cloudsim"
	"pdvagent/payments/pix"
)

// Config is what the service is made with.
type Config struct {
	APIKey string // empty: any that is not empty
	Now    func() time.Time
}

// Sim is the service. It is safe for concurrent use.
type Sim struct {
	*cloudsim.Kit
	cfg Config

	mu       sync.Mutex
	settings Settings
	invoices []*Invoice
	mails    []string
}

// Settings are what the contract leaves open (2.3, 2.4).
type Settings struct {
	Root       string `json:"root"`        // of the list: array (default), data, invoices, items, results or bare
	NumericIDs bool   `json:"numeric_ids"` // erpInvoiceId is a number
	PixStatus  string `json:"pix_status"`  // how paid is told: booleans (default), code (92), word (PAGO), or odd: a code nobody knows
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

// New makes the service, with three invoices to begin with.
func New(cfg Config) *Sim {
	s := &Sim{Kit: cloudsim.New(cfg.Now, refused, "invoices", "payment-data", "pix-status", "pdf", "email"), cfg: cfg}
	s.forget()
	return s
}

func refused(_ int, says string) any { return map[string]string{"error": says} }

// Reset forgets everything but what it begins with.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

func (s *Sim) forget() {
	s.settings, s.mails = defaults(), nil
	s.invoices = []*Invoice{
		{ID: "900001", Document: "12345678909", Contract: "147000", DueDate: "2026-09-10", Amount: 7500, Final: 7725},
		{ID: "900002", Document: "12345678909", Contract: "147000", DueDate: "2026-08-10", Amount: 130, NoPix: true},
		{ID: "900003", Document: "12ABC34501DE35", Contract: "147001", DueDate: "2026-10-10", Amount: 10000, OwnQR: true},
	}
}

// AddInvoice gives the service an invoice.
func (s *Sim) AddInvoice(in Invoice) error {
	if in.ID == "" || in.Document == "" || in.Amount <= 0 {
		return errors.New("erpInvoiceId, document and an amount in cents are wanted")
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
	list := make([]Invoice, 0, len(s.invoices))
	for _, in := range s.invoices {
		list = append(list, *in)
	}
	return list
}

// Mails gives what was asked to be sent: contract or document.
func (s *Sim) Mails() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.mails...)
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
}

// find is called with the lock held.
func (s *Sim) find(id string) *Invoice {
	for _, in := range s.invoices {
		if in.ID == id {
			return in
		}
	}
	return nil
}

const prefix = "/v2/integrations/omnichannel/"

// ServeHTTP answers as the service would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	parts := strings.Split(path, "/")
	name, do := "", func() cloudsim.Answer { return no(http.StatusNotFound, "not found") }
	switch {
	case !ok:
	case len(parts) == 1 && parts[0] == "invoices":
		name, do = "invoices", func() cloudsim.Answer { return s.list(r.URL.Query().Get("txId")) }
	case len(parts) == 3 && parts[0] == "invoices" && (parts[2] == "payment-data" || parts[2] == "pix-status" || parts[2] == "pdf"):
		name, do = parts[2], func() cloudsim.Answer { return s.one(parts[1], parts[2]) }
	case len(parts) == 3 && parts[0] == "email-notifications" && (parts[1] == "bycontract" || parts[1] == "bycustomer"):
		name, do = "email", func() cloudsim.Answer { return s.mail(parts[1], parts[2]) }
	}
	if name == "" || r.Method != http.MethodGet {
		cloudsim.Write(w, no(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path))
		return
	}
	s.Serve(w, r, name, func([]byte) cloudsim.Answer {
		key := r.Header.Get("X-API-Key")
		if key == "" || (s.cfg.APIKey != "" && key != s.cfg.APIKey) {
			return no(http.StatusUnauthorized, "invalid api key")
		}
		return do()
	})
}

func no(status int, says string) cloudsim.Answer {
	return cloudsim.Answer{Status: status, Body: refused(status, says)}
}

func money(cents int) json.Number {
	return json.Number(fmt.Sprintf("%d.%02d", cents/100, cents%100))
}

func (s *Sim) list(document string) cloudsim.Answer {
	if len(document) != 11 && len(document) != 14 {
		return no(http.StatusBadRequest, "txId")
	}
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
		if s.settings.NumericIDs {
			item["erpInvoiceId"] = json.Number(in.ID)
		}
		items = append(items, item)
	}
	switch s.settings.Root {
	case "data", "invoices", "items", "results":
		return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{s.settings.Root: items}}
	case "bare":
		if len(items) > 0 {
			return cloudsim.Answer{Status: http.StatusOK, Body: items[0]}
		}
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: items}
}

func (s *Sim) one(id, what string) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.find(id)
	if in == nil {
		return no(http.StatusNotFound, "invoice not found")
	}
	switch what {
	case "payment-data":
		return s.paymentData(in)
	case "pdf":
		if s.settings.PDF == "html" {
			return cloudsim.Answer{Status: http.StatusOK, Raw: []byte("<html>erro</html>"), Type: "application/pdf"}
		}
		return cloudsim.Answer{Status: http.StatusOK, Raw: []byte("%PDF-1.4\n% fatura de exemplo\n%%EOF\n"), Type: "application/pdf"}
	}
	answer := map[string]any{}
	switch paid := in.Paid > 0; s.settings.PixStatus {
	case "code":
		answer["status"] = map[bool]int{false: 0, true: 92}[paid]
	case "word":
		answer["status"] = map[bool]string{false: "PENDENTE", true: "PAGO"}[paid]
	case "odd":
		answer["status"] = 77
	default:
		answer["paid"], answer["paidByPix"] = paid, paid
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: answer}
}

func (s *Sim) paymentData(in *Invoice) cloudsim.Answer {
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
		code := s.code(in)
		answer["pixCode"] = code
		if drawn, err := pix.PNG(code, 4); err == nil && in.OwnQR {
			answer["pixQrCodeBase64"] = base64.StdEncoding.EncodeToString(drawn)
		}
	}
	if !in.NoBoleto {
		answer["billetDigitableLine"] = "75691.30029 01234.567004 00012.340017 1 12340000" + fmt.Sprintf("%06d", final)
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: answer}
}

// code is a dynamic code without an amount, as the contract's example has it.
func (s *Sim) code(in *Invoice) string {
	field := func(id, value string) string { return fmt.Sprintf("%s%02d%s", id, len(value), value) }
	account := field("00", "br.gov.bcb.pix") + field("25", "pix.example.com/cobv/"+fmt.Sprintf("%032s", in.ID))
	text := field("00", "01") + field("01", "12") + field("26", account) + field("52", "0000") + field("53", "986") + field("58", "BR") +
		field("59", "PROVEDOR TESTE") + field("60", "CURITIBA") + field("62", field("05", "***")) + "6304"
	if s.settings.QR == "bad_crc" {
		return text + pix.CRC(text+"x")
	}
	return text + pix.CRC(text)
}

func (s *Sim) mail(by, whom string) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.invoices {
		if (by == "bycontract" && in.Contract == whom) || (by == "bycustomer" && in.Document == whom) {
			s.mails = append(s.mails, whom)
			return cloudsim.Answer{Status: http.StatusNoContent}
		}
	}
	return no(http.StatusNotFound, "nothing to send")
}

// Control gives the routes by which a person or a test steers the service, beside those of [cloudsim.Kit.Control]:
//
//	POST /pay      {"invoice":"…"}
//	POST /invoices an [Invoice]; GET all
//	PUT  /settings some of [Settings]; GET them
//	GET  /mails
//	POST /reset    forget everything
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	s.Kit.Control(mux)
	cloudsim.Take(mux, "POST /pay", http.StatusOK, func(_ context.Context, in struct {
		Invoice string `json:"invoice"`
	},
	) (any, error) {
		return map[string]any{}, s.Pay(in.Invoice)
	})
	cloudsim.Take(mux, "POST /invoices", http.StatusCreated, func(_ context.Context, in Invoice) (any, error) { return in, s.AddInvoice(in) })
	cloudsim.Show(mux, "GET /invoices", func() any { return s.Invoices() })
	cloudsim.Show(mux, "GET /mails", func() any { return s.Mails() })
	cloudsim.Settings(mux, &s.mu, &s.settings)
	cloudsim.Take(mux, "POST /reset", http.StatusOK, func(context.Context, struct{}) (any, error) { s.Reset(); return map[string]any{}, nil })
	return mux
}
