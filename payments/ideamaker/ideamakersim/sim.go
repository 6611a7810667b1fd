// Package ideamakersim simulates Idea Maker's two services for tests, demos and a till's programmer at work: the gateway that
// charges by Pix, and the titles API. It is written from contracts/ideamaker.md alone and shares no type with the client;
// what the contract assumes is a setting ([Settings]). A charge is paid by /control: in time, late, twice, with another amount.
// It does not draw titles, and does not expire charges by itself. Everything stays in memory.
//
// Package sandbox and tests call it; it calls agent, agent/simkit, payments/pix for its codes, and the webhook of its settings.
package ideamakersim

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent/simkit"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// Config is what the services are made with.
type Config struct {
	CustomerID, CustomerKey string // of the titles API; empty: any that are not empty
	GatewayKey              string // empty: any
	Now                     func() time.Time
	Base                    func() string // where this cloud can be reached, for the links it gives; nil: none
}

// Sim is both services. It is safe for concurrent use.
type Sim struct {
	*simkit.Kit
	cfg      Config
	schemas  simkit.Schemas
	settings *simkit.Settings[Settings]

	mu         sync.Mutex
	customers  map[string]bool
	promotions map[string]json.RawMessage
	order      []string // of the promotions
	sales      []*Sale
	charges    []*Charge
}

// Settings are what the contract leaves open or assumes.
type Settings struct {
	Envelope     string `json:"envelope"`      // of a notice: data, event (default), bare or jsonPayload
	Webhook      string `json:"webhook"`       // where notices go; empty: nowhere
	PaidAmount   string `json:"paid_amount"`   // of GET /pix/{id}: amountPaid (default) has what came; or amount has it
	PaidWord     string `json:"paid_word"`     // paid (default), confirmed, or one of no known meaning
	ChargeAmount int    `json:"charge_amount"` // added to the amount of every answer to POST /pix, cents
	QR           string `json:"qr"`            // right (default), bad_crc, other_amount, none or html
	Products     string `json:"products"`      // bare (default), wrapped or objects
	Confirm      string `json:"confirm"`       // titles (default) or empty: what confirmaAtendimento answers
	NumericIDs   bool   `json:"numeric_ids"`   // protocolo is a number
	KnowsNothing bool   `json:"knows_nothing"` // GET /pix/{id} answers 404
}

func defaults() Settings {
	return Settings{Envelope: "event", PaidAmount: "amountPaid", PaidWord: "paid", QR: "right", Products: "bare", Confirm: "titles"}
}

// Sale is a registration, and the titles it became.
type Sale struct {
	Protocol  string    `json:"protocolo"`
	Key       string    `json:"chaveClienteExterno"`
	Product   string    `json:"codProduto"`
	Quantity  int       `json:"quantidade"`
	CPF       string    `json:"cpf"`
	At        time.Time `json:"at"`
	Confirmed int       `json:"confirmed"` // how often
	Auth      string    `json:"autenticacao,omitempty"`
	AuthAt    time.Time `json:"confirmed_at"` // of the first confirmation
}

// Charge is one of the gateway.
type Charge struct {
	ID         string    `json:"id"`
	PaymentID  string    `json:"paymentId"`
	Amount     int       `json:"amount"` // cents
	Expire     int       `json:"expire"` // seconds
	CustomCode string    `json:"customCode"`
	QRCode     string    `json:"qrCode"`
	CreatedAt  time.Time `json:"createdAt"`
	Paid       int       `json:"amountPaid"` // the sum of what came
	Times      int       `json:"paid_times"`
	PaidAt     time.Time `json:"paidAt"`
}

// New makes both services, with a promotion and a customer to begin with.
func New(cfg Config) (*Sim, error) {
	schemas, err := simkit.Compile(schemaFiles, "https://ideamaker.invalid/")
	if err != nil {
		return nil, err
	}
	kit := simkit.New(simkit.Config{
		Routes: []string{"cpf", "usuario", "cep", "promocao", "registra", "confirma", "cupons", "regulation", "pix", "status", "trigger"},
		Refuse: refusal, Now: cfg.Now,
	})
	s := &Sim{Kit: kit, cfg: cfg, schemas: schemas, settings: simkit.NewSettings(defaults, nil)}
	s.forget()
	return s, nil
}

// refusal is the gateway's error (ideamaker.md 1.2).
func refusal(status int, message string) simkit.Answer {
	return simkit.Answer{Status: status, Body: map[string]string{"message": message}}
}

// titlesRefusal is the titles API's error, by analogy ([ASSUMPTION] 1.5).
func titlesRefusal(status int, message string) simkit.Answer {
	return simkit.Answer{Status: status, Body: map[string]string{"mensagem": message}}
}

// Reset forgets everything but the promotion and the customer to begin with.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.settings.Restore()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

// forget makes the services' state as it is at first. The caller holds mu, or has the only reference.
func (s *Sim) forget() {
	s.sales, s.charges, s.order = nil, nil, nil
	s.customers, s.promotions = map[string]bool{"12345678909": true}, make(map[string]json.RawMessage)
	s.promote("seguro", `{"tituloPromocao":"Seguro Premiado","banner":"https://example.com/banner.png","valorPromocao":"15.00","config":{"multiProduto":{"qtdMinimaCupons":1,"qtdMaximaCupons":10,"botoesQtd":[1,2,5]}},`+
		`"dataSorteioPrincipal":"05/12/2036 20:00:00","dataVigenciaFim":"04/12/2036 23:59:59","sorteios":[{"ordem":1,"descricao":"Uma moto","codigoTipoSorteio":"globosorte","urlImagem":"https://example.com/moto.png"}]}`)
}

// promote adds a promotion, or changes one. The caller holds mu, or has the only reference.
func (s *Sim) promote(product, promotion string) {
	if s.promotions[product] == nil {
		s.order = append(s.order, product)
	}
	s.promotions[product] = json.RawMessage(promotion)
}

// Titles answers as the titles API.
func (s *Sim) Titles() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern, name string, do func(r *http.Request, body []byte) simkit.Answer) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.Serve(w, r, name, func(body []byte) simkit.Answer {
				id, key := r.Header.Get("CustomerId"), r.Header.Get("CustomerKey")
				if id == "" || key == "" || (s.cfg.CustomerID != "" && (id != s.cfg.CustomerID || key != s.cfg.CustomerKey)) {
					return titlesRefusal(http.StatusUnauthorized, "Não autorizado.")
				}
				return do(r, body)
			})
		})
	}
	checked := func(schema string, do func(body []byte) simkit.Answer) func(*http.Request, []byte) simkit.Answer {
		return func(_ *http.Request, body []byte) simkit.Answer {
			if err := s.schemas.Check(schema, body); err != nil {
				return titlesRefusal(http.StatusBadRequest, err.Error())
			}
			return do(body)
		}
	}
	route("GET /servicos/consulta/cpf/{cpf}", "cpf", s.customer)
	route("GET /servicos/consulta/usuario/{cpf}", "usuario", s.customer)
	route("GET /servicos/consulta/produto/cep/{cep}", "cep", s.products)
	route("GET /servicos/consulta/promocao/{product}", "promocao", s.promotion)
	route("POST /servicos/vendas/titulos/registraAtendimento", "registra", checked("registra", s.register))
	route("POST /servicos/vendas/titulos/confirmaAtendimento", "confirma", checked("confirma", s.confirm))
	route("POST /servicos/consulta/cupons/{page}/{limit}", "cupons", checked("cupons", s.coupons))
	mux.HandleFunc("GET /regulamento/{file}", func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, "regulation", func([]byte) simkit.Answer {
			if r.Header.Get("CustomerKey") != "" {
				return titlesRefusal(http.StatusBadRequest, "keys do not belong here")
			}
			return simkit.File("application/pdf", []byte("%PDF-1.4\n% regulamento de exemplo\n%%EOF\n"))
		})
	})
	mux.HandleFunc("/", notFound)
	return mux
}

func notFound(w http.ResponseWriter, r *http.Request) {
	simkit.Write(w, refusal(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path))
}

func (s *Sim) customer(r *http.Request, _ []byte) simkit.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.customers[r.PathValue("cpf")] {
		return titlesRefusal(http.StatusNotFound, "Usuário não encontrado.")
	}
	return simkit.OK(map[string]any{"compras": []any{}})
}

func (s *Sim) products(r *http.Request, _ []byte) simkit.Answer {
	if cep := r.PathValue("cep"); len(cep) != 8 || strings.Trim(cep, "0123456789") != "" {
		return titlesRefusal(http.StatusBadRequest, "CEP inválido.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.settings.Get().Products {
	case "wrapped":
		return simkit.OK(map[string]any{"produtos": simkit.List(s.order)})
	case "objects":
		list := []any{}
		for _, product := range s.order {
			list = append(list, map[string]any{"codProduto": product})
		}
		return simkit.OK(list)
	}
	return simkit.OK(simkit.List(s.order))
}

func (s *Sim) promotion(r *http.Request, _ []byte) simkit.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw := s.promotions[r.PathValue("product")]
	if raw == nil {
		return titlesRefusal(http.StatusNotFound, "Promoção não encontrada.")
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return titlesRefusal(http.StatusInternalServerError, err.Error())
	}
	if _, given := fields["urlRegulamento"]; !given && s.cfg.Base != nil {
		fields["urlRegulamento"] = s.cfg.Base() + "/regulamento/" + r.PathValue("product") + ".pdf"
	}
	return simkit.OK(fields)
}

func (s *Sim) register(body []byte) simkit.Answer {
	var in struct {
		CodProduto, ChaveClienteExterno string
		Quantidade                      int
		Pessoa                          struct{ CPF string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return titlesRefusal(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.promotions[in.CodProduto] == nil {
		return titlesRefusal(http.StatusNotFound, "Produto não encontrado.")
	}
	if slices.ContainsFunc(s.sales, func(sale *Sale) bool { return sale.Key == in.ChaveClienteExterno }) {
		return titlesRefusal(http.StatusConflict, "chaveClienteExterno já utilizada.")
	}
	now, numeric := s.Now(), s.settings.Get().NumericIDs
	sale := &Sale{Protocol: fmt.Sprintf("P%s%07d", now.Format("2006"), len(s.sales)+1), Key: in.ChaveClienteExterno, Product: in.CodProduto, Quantity: in.Quantidade, CPF: in.Pessoa.CPF, At: now}
	if numeric {
		sale.Protocol = strings.TrimPrefix(sale.Protocol, "P")
	}
	s.sales = append(s.sales, sale)
	if numeric {
		return simkit.OK(map[string]any{"protocolo": json.Number(sale.Protocol)})
	}
	return simkit.OK(map[string]any{"protocolo": sale.Protocol})
}

func (s *Sim) confirm(body []byte) simkit.Answer {
	var in struct{ Protocolo string }
	if err := json.Unmarshal(body, &in); err != nil {
		return titlesRefusal(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.sales, func(sale *Sale) bool { return sale.Protocol == in.Protocolo })
	if at < 0 {
		return titlesRefusal(http.StatusNotFound, "Protocolo não encontrado.")
	}
	sale := s.sales[at]
	paid := slices.ContainsFunc(s.charges, func(c *Charge) bool { return c.CustomCode == sale.Protocol && c.Times > 0 })
	if !paid {
		return titlesRefusal(http.StatusConflict, "Pagamento não localizado.")
	}
	if sale.Confirmed++; sale.Auth == "" {
		sale.Auth, sale.AuthAt = strings.ToUpper(uuid.NewString()[:8]), s.Now()
	}
	if s.settings.Get().Confirm == "empty" {
		return simkit.OK(map[string]any{})
	}
	return simkit.OK(map[string]any{"titulos": []any{sale.coupon()}, "textoLegal": "Título de capitalização de exemplo. Processo de teste."})
}

// coupon is a sale as the vendor lists it (ideamaker.md 1.3).
func (s *Sale) coupon() map[string]any {
	numbers := []any{}
	for n := range s.Quantity {
		numbers = append(numbers, map[string]any{"numero": fmt.Sprintf("%s%02d", s.Auth, n+1), "dezenas": []string{"01", "12", "23", "34", "45"}})
	}
	return map[string]any{
		"dataCupom": s.AuthAt.Format("02/01/2006 15:04"), "promocao": map[string]any{"idPromocao": 1, "titulo": s.Product, "finalizada": false},
		"numeroSorte": numbers, "autenticacao": s.Auth,
	}
}

func (s *Sim) coupons(body []byte) simkit.Answer {
	var in struct {
		CPF      string
		Produtos []string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return titlesRefusal(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string][]any)
	for _, sale := range s.sales {
		if sale.Confirmed > 0 && sale.CPF == in.CPF && slices.Contains(in.Produtos, sale.Product) {
			found[sale.Product] = append(found[sale.Product], sale.coupon())
		}
	}
	if len(found) == 0 {
		return titlesRefusal(http.StatusOK, "Não foram encontrados cupons para este CPF.")
	}
	return simkit.OK(found)
}

// basic checks the gateway's authorization: an empty user and the key.
func (s *Sim) basic(r *http.Request) bool {
	encoded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	plain, err := base64.StdEncoding.DecodeString(encoded)
	key, noUser := strings.CutPrefix(string(plain), ":")
	return ok && err == nil && noUser && key != "" && (s.cfg.GatewayKey == "" || key == s.cfg.GatewayKey)
}

var errNoCharge = errors.New("there is no such charge")
