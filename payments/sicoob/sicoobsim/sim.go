// Package sicoobsim simulates Sicoob's Cobrança Bancária for tests, demos and a till's programmer at work: the token, version 3
// and version 2 of the boletos, and the files of those that were paid, as real ZIPs made of the boletos it holds. It is
// written from contracts/sicoob.md alone and shares no type with the client; what the contract assumes or leaves open is a
// setting ([Settings]). It does not know webhooks, Pix charges or protests. Everything stays in memory.
//
// Package sandbox and tests call it; it calls agent, agent/simkit, payments/boleto for barcodes and payments/pix for codes.
package sicoobsim

import (
	"cmp"
	"embed"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
	"pdvagent/payments/boleto"
)

//go:embed schema
var schemaFiles embed.FS

// Config is what the bank is made with.
type Config struct {
	ClientID string // empty: any that is not empty
	Client   int64  // numeroCliente, default 567890; any other is not the shop's
	Contract int64  // numeroContrato of version 2, default 700001
	First    int    // nosso número, without its digit, from which on the bank counts; default 101
	Now      func() time.Time
}

// Sim is the bank. It is safe for concurrent use.
type Sim struct {
	*simkit.Kit
	cfg      Config
	schemas  simkit.Schemas
	settings *simkit.Settings[Settings]

	mu        sync.Mutex
	boletos   []*Boleto
	movements []*Movement
	requests  []*request
	tokens    map[string]token
	calls     []time.Time // of the movement calls, within the last second
	next      int         // nosso número, without its digit
}

// Boleto is one that the bank has.
type Boleto struct {
	NossoNumero int    `json:"nosso_numero"` // with its digit
	SeuNumero   string `json:"seu_numero"`
	Document    string `json:"document"`
	Amount      int    `json:"amount"` // cents
	IssuedOn    string `json:"issued_on"`
	Due         string `json:"due"`
	Barcode     string `json:"barcode"`
	Situation   string `json:"situation"` // Em Aberto, Liquidado or Baixado
	Paid        int    `json:"paid"`      // how often
}

// Movement is money that came.
type Movement struct {
	NossoNumero int    `json:"nosso_numero"`
	Amount      int    `json:"amount"`      // cents; 0: what the boleto is for
	PaidOn      string `json:"paid_on"`     // YYYY-MM-DD, default today
	MovedOn     string `json:"moved_on"`    // day by which the files are made, default paid_on
	CreditOn    string `json:"credit_on"`   // empty: not in the record
	Means       int    `json:"means"`       // idTipoOpFinanceira, default 58; 212 Pix
	Client      int64  `json:"client"`      // default the shop's
	SeuNumero   string `json:"seu_numero"`  // default the boleto's
	Value       string `json:"value"`       // JSON, written instead of Amount as it is: 85.0000
	NoNumber    bool   `json:"no_number"`   // the record has no numeroTitulo
	Abroad      bool   `json:"abroad"`      // it is in the files of every window
	Sigla       string `json:"sigla"`       // default LIQUI
	NoBarcode   bool   `json:"no_barcode"`  // the record has no codigoBarras
	Twice       bool   `json:"twice"`       // the record stands in the file twice
	BoletoValue int    `json:"title_value"` // valorTitulo, cents; default the boleto's
}

// Settings are what the contract leaves open (section 9), and what goes wrong with a bank.
type Settings struct {
	TokenLife   int    `json:"token_life"`    // seconds, default 300
	ClientName  string `json:"client_header"` // client_id (default) or any: x-sicoob-clientid is taken, too
	Scopes      string `json:"scopes"`        // as the bank takes them: strict (default) or any
	ReadyAfter  int    `json:"ready_after"`   // seconds until a request is answered; negative: never
	Pending     string `json:"pending"`       // the answer while not ready: 5004 (default), text, 204, 404, empty
	Nothing     string `json:"nothing"`       // the answer without records: list (default), message, 204
	Created     int    `json:"created"`       // status of a request: 200 (default) or 201
	Total       string `json:"total"`         // quantidadeTotalRegistros: number (default), text (with points: "1.500.000") or missing
	PerFile     int    `json:"per_file"`      // records of a file, default 500000
	Entries     int    `json:"entries"`       // of each ZIP, default 1
	Encoding    string `json:"encoding"`      // of the base64: right (default), latin1, truncated
	Archive     string `json:"archive"`       // right (default), empty, garbage, bomb, slip, encrypted, cut
	Content     string `json:"content"`       // json (default), old, bom, cnab240, cnab400, text, half, lines
	WindowDays  int    `json:"window_days"`   // difference that a window may have, default 2
	PerSecond   int    `json:"per_second"`    // of the movement calls, default 10
	WindowError int    `json:"window_error"`  // status of a window that is too long: 406 (default) or 400
}

func defaults() Settings {
	return Settings{
		TokenLife: 300, ClientName: "client_id", Scopes: "strict", ReadyAfter: 2, Pending: "5004", Nothing: "list", Created: http.StatusOK, Total: "number", PerFile: 500_000, Entries: 1,
		Encoding: "right", Archive: "right", Content: "json", WindowDays: 2, PerSecond: 10, WindowError: http.StatusNotAcceptable,
	}
}

// The shop's numbers of the contract's examples.
const (
	exampleClient   = 567890
	exampleContract = 700001
	ticketContract  = 707090 // which the shop's ticket writes; it names the same shop, in both versions
	cooperative     = 1234
	modality        = 1
	firstNosso      = 101
)

// New makes the bank, without any boleto.
func New(cfg Config) (*Sim, error) {
	cfg.Client, cfg.Contract, cfg.First = cmp.Or(cfg.Client, exampleClient), cmp.Or(cfg.Contract, exampleContract), cmp.Or(cfg.First, firstNosso)
	schemas, err := simkit.Compile(schemaFiles, "https://sicoob.invalid/")
	if err != nil {
		return nil, err
	}
	kit := simkit.New(simkit.Config{
		Routes: []string{"token", "issue", "lookup", "copy", "payer", "write-off", "request", "status", "download"}, Refuse: refusal, Now: cfg.Now,
	})
	s := &Sim{Kit: kit, cfg: cfg, schemas: schemas, settings: simkit.NewSettings(defaults, nil)}
	s.forget()
	return s, nil
}

// forget makes the bank's state as it is at first, but for the nosso número: one is never given twice. The caller holds mu, or has the only reference.
func (s *Sim) forget() {
	s.boletos, s.movements, s.requests, s.tokens, s.calls, s.next = nil, nil, nil, make(map[string]token), nil, max(s.next, s.cfg.First)
}

// Reset forgets everything.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.settings.Restore()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) { s.settings.Set(change) }

// Boletos gives all of them, in the order in which the bank got them.
func (s *Sim) Boletos() []Boleto {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.Values(s.boletos)
}

// today is the bank's day.
func (s *Sim) today() time.Time {
	now := s.Now().In(time.FixedZone("BRT", -3*3600))
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
}

// AddBoleto gives the bank a boleto that was issued otherwise: what is missing of it is made up.
func (s *Sim) AddBoleto(b Boleto) (Boleto, error) {
	today := s.today()
	if b.Due == "" {
		b.Due = today.AddDate(0, 0, 30).Format(time.DateOnly)
	}
	if b.IssuedOn == "" {
		b.IssuedOn = today.Format(time.DateOnly)
	}
	due, err := time.Parse(time.DateOnly, b.Due)
	if err != nil || b.Amount <= 0 {
		return b, errors.New("an amount in cents and a due date YYYY-MM-DD are wanted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(b, due)
}

// add keeps a boleto under the next free nosso número, unless it has one. The caller holds mu.
func (s *Sim) add(b Boleto, due time.Time) (Boleto, error) {
	for b.NossoNumero == 0 {
		made := s.next*10 + boleto.NossoDigit(cooperative, int(s.cfg.Client), s.next)
		if s.next++; s.find(made) == nil {
			b.NossoNumero = made
		}
	}
	if s.find(b.NossoNumero) != nil {
		return b, errNossoTaken
	}
	free := boleto.SicoobField{Portfolio: 1, Cooperative: cooperative, Modality: modality, Client: int(s.cfg.Client), NossoNumero: b.NossoNumero, Parcel: 1}.Free()
	code, err := boleto.Build(boleto.Sicoob, due, agent.Cents(b.Amount), free)
	if err != nil {
		return b, err
	}
	b.Barcode, b.Situation = code, cmp.Or(b.Situation, "Em Aberto")
	s.boletos = append(s.boletos, &b)
	return b, nil
}

var errNossoTaken = errors.New("nosso número já utilizado")

// find gives a boleto, nil if there is none. The caller holds mu.
func (s *Sim) find(nosso int) *Boleto {
	at := slices.IndexFunc(s.boletos, func(b *Boleto) bool { return b.NossoNumero == nosso })
	if at < 0 {
		return nil
	}
	return s.boletos[at]
}

// Pay has money come. A boleto that the bank does not have is paid, too: the record is in the files all the same.
func (s *Sim) Pay(m Movement) error {
	today := s.today().Format(time.DateOnly)
	m.PaidOn = cmp.Or(m.PaidOn, today)
	m.MovedOn = cmp.Or(m.MovedOn, m.PaidOn)
	m.Means, m.Client, m.Sigla = cmp.Or(m.Means, 58), cmp.Or(m.Client, s.cfg.Client), cmp.Or(m.Sigla, "LIQUI")
	for _, day := range []string{m.PaidOn, m.MovedOn, cmp.Or(m.CreditOn, today)} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return errors.New("days are YYYY-MM-DD")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.find(m.NossoNumero); b != nil {
		m.Amount, m.SeuNumero, m.BoletoValue = cmp.Or(m.Amount, b.Amount), cmp.Or(m.SeuNumero, b.SeuNumero), cmp.Or(m.BoletoValue, b.Amount)
		if m.Sigla == "LIQUI" {
			b.Paid++
			b.Situation = "Liquidado"
		}
	}
	if m.Amount <= 0 && m.Value == "" {
		return errors.New("an amount in cents is wanted where the bank does not have the boleto")
	}
	s.movements = append(s.movements, &m)
	return nil
}

// ServeHTTP answers as the bank would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS != nil && !s.certified(r) {
		simkit.Write(w, refusal(http.StatusForbidden, "Certificado digital ausente, vencido ou não autorizado."))
		return
	}
	if strings.HasSuffix(r.URL.Path, "/protocol/openid-connect/token") || r.URL.Path == "/token" {
		s.Serve(w, r, "token", func(body []byte) simkit.Answer { return s.token(r, body) })
		return
	}
	version, path := "", ""
	for _, v := range []string{"v3", "v2"} {
		if rest, ok := strings.CutPrefix(r.URL.Path, "/cobranca-bancaria/"+v+"/"); ok {
			version, path = v, rest
		}
	}
	name, scope, do := s.route(version, r.Method, path, r)
	if name == "" {
		simkit.Write(w, refusal(http.StatusNotFound, "Recurso não encontrado."))
		return
	}
	s.Serve(w, r, name, func(body []byte) simkit.Answer {
		if refused := s.admit(r, scope); refused != nil {
			return refused.answer()
		}
		return do(body)
	})
}

// route finds what a path of a version means. Paths of the other version, and those that circulate and are wrong, mean
// nothing (contract section 1).
func (s *Sim) route(version, method, path string, r *http.Request) (name, scope string, do func(body []byte) simkit.Answer) {
	parts := strings.Split(path, "/")
	query := r.URL.Query()
	paths := map[string]string{"request": "boletos/movimentacoes", "download": "boletos/movimentacoes/download"}
	if version == "v2" {
		paths = map[string]string{"request": "boletos/solicitacoes/movimentacao", "download": "boletos/movimentacao-download"}
	}
	switch {
	case version == "":
	case method == http.MethodPost && path == "boletos":
		return "issue", "inclu", func(body []byte) simkit.Answer { return s.issue(version, body) }
	case method == http.MethodGet && path == "boletos":
		return "lookup", "consulta", func([]byte) simkit.Answer { return s.lookup(version, query, false) }
	case method == http.MethodGet && path == "boletos/segunda-via":
		return "copy", "", func([]byte) simkit.Answer { return s.lookup(version, query, true) }
	case method == http.MethodPost && path == paths["request"]:
		return "request", "consulta", func(body []byte) simkit.Answer { return s.request(version, body) }
	case method == http.MethodGet && path == paths["request"]:
		return "status", "consulta", func([]byte) simkit.Answer { return s.status(version, query) }
	case method == http.MethodGet && path == paths["download"]:
		return "download", "consulta", func([]byte) simkit.Answer { return s.download(version, query) }
	case version == "v3" && method == http.MethodGet && len(parts) == 3 && parts[0] == "pagadores" && parts[2] == "boletos":
		return "payer", "consulta", func([]byte) simkit.Answer { return s.payer(version, parts[1], query) }
	case version == "v2" && method == http.MethodGet && len(parts) == 3 && parts[0] == "boletos" && parts[1] == "pagadores":
		return "payer", "", func([]byte) simkit.Answer { return s.payer(version, parts[2], query) }
	case version == "v3" && method == http.MethodPost && len(parts) == 3 && parts[0] == "boletos" && parts[2] == "baixar":
		return "write-off", "altera", func(body []byte) simkit.Answer { return s.writeOff(parts[1], body) }
	case version == "v2" && method == http.MethodPatch && path == "boletos/baixa":
		return "write-off", "", func(body []byte) simkit.Answer { return s.writeOffs(body) }
	}
	return "", "", nil
}
