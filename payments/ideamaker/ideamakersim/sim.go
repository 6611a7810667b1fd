// Package ideamakersim plays Idea Maker's two services for tests, demos and a till's programmer at work: the gateway that
// charges by Pix, and the titles API. It is written from contracts/ideamaker.md alone and shares no type with the client;
// what the contract assumes is a setting. A charge is paid by /control: in time, late, twice, with another amount. It keeps
// everything in memory.
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

	"pdvagent/payments/cloudsim"
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
	*cloudsim.Kit
	cfg     Config
	schemas cloudsim.Schemas

	mu         sync.Mutex
	settings   Settings
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
	PaidAmount   string `json:"paid_amount"`   // of GET /pix/{id}: amountPaid (default) says what came; amount: the charge's own shows it
	PaidWord     string `json:"paid_word"`     // paid (default), confirmed, or one nobody knows
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
	At2       time.Time `json:"confirmed_at"`
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
	schemas, err := cloudsim.Compile(schemaFiles, "schema")
	if err != nil {
		return nil, err
	}
	s := &Sim{
		Kit: cloudsim.New(cfg.Now, refused, "cpf", "usuario", "cep", "promocao", "registra", "confirma", "cupons", "regulation", "pix", "status", "trigger"),
		cfg: cfg, schemas: schemas,
	}
	s.forget()
	return s, nil
}

// refused is the gateway's error body (contract 1.2).
func refused(_ int, says string) any { return map[string]string{"message": says} }

// mensagem is the titles API's, by analogy ([ASSUMPTION] 1.5).
func mensagem(status int, says string) cloudsim.Answer {
	return cloudsim.Answer{Status: status, Body: map[string]string{"mensagem": says}}
}

// Reset forgets everything but what it begins with.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

func (s *Sim) forget() {
	s.settings, s.sales, s.charges, s.order = defaults(), nil, nil, nil
	s.customers, s.promotions = map[string]bool{"12345678909": true}, make(map[string]json.RawMessage)
	s.promote("seguro", `{"tituloPromocao":"Seguro Premiado","banner":"https://example.com/banner.png","valorPromocao":"15.00","config":{"multiProduto":{"qtdMinimaCupons":1,"qtdMaximaCupons":10,"botoesQtd":[1,2,5]}},`+
		`"dataSorteioPrincipal":"05/12/2036 20:00:00","dataVigenciaFim":"04/12/2036 23:59:59","sorteios":[{"ordem":1,"descricao":"Uma moto","codigoTipoSorteio":"globosorte","urlImagem":"https://example.com/moto.png"}]}`)
}

func (s *Sim) promote(product, promotion string) {
	if s.promotions[product] == nil {
		s.order = append(s.order, product)
	}
	s.promotions[product] = json.RawMessage(promotion)
}

// Titles answers as the titles API.
func (s *Sim) Titles() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern, name string, do func(r *http.Request, body []byte) cloudsim.Answer) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.Serve(w, r, name, func(body []byte) cloudsim.Answer {
				id, key := r.Header.Get("CustomerId"), r.Header.Get("CustomerKey")
				if id == "" || key == "" || (s.cfg.CustomerID != "" && (id != s.cfg.CustomerID || key != s.cfg.CustomerKey)) {
					return mensagem(http.StatusUnauthorized, "Não autorizado.")
				}
				return do(r, body)
			})
		})
	}
	checked := func(schema string, do func(body []byte) cloudsim.Answer) func(*http.Request, []byte) cloudsim.Answer {
		return func(_ *http.Request, body []byte) cloudsim.Answer {
			if err := s.schemas.Check(schema, body); err != nil {
				return mensagem(http.StatusBadRequest, err.Error())
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
		s.Serve(w, r, "regulation", func([]byte) cloudsim.Answer {
			if r.Header.Get("CustomerKey") != "" {
				return mensagem(http.StatusBadRequest, "keys do not belong here")
			}
			return cloudsim.Answer{Status: http.StatusOK, Raw: []byte("%PDF-1.4\n% regulamento de exemplo\n%%EOF\n"), Type: "application/pdf"}
		})
	})
	mux.HandleFunc("/", notThere)
	return mux
}

func notThere(w http.ResponseWriter, r *http.Request) {
	cloudsim.Write(w, cloudsim.Answer{Status: http.StatusNotFound, Body: refused(0, "Cannot "+r.Method+" "+r.URL.Path)})
}

func (s *Sim) customer(r *http.Request, _ []byte) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.customers[r.PathValue("cpf")] {
		return mensagem(http.StatusNotFound, "Usuário não encontrado.")
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"compras": []any{}}}
}

func (s *Sim) products(r *http.Request, _ []byte) cloudsim.Answer {
	if cep := r.PathValue("cep"); len(cep) != 8 || strings.Trim(cep, "0123456789") != "" {
		return mensagem(http.StatusBadRequest, "CEP inválido.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.settings.Products {
	case "wrapped":
		return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"produtos": s.order}}
	case "objects":
		list := []any{}
		for _, product := range s.order {
			list = append(list, map[string]any{"codProduto": product})
		}
		return cloudsim.Answer{Status: http.StatusOK, Body: list}
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: append([]string{}, s.order...)}
}

func (s *Sim) promotion(r *http.Request, _ []byte) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw := s.promotions[r.PathValue("product")]
	if raw == nil {
		return mensagem(http.StatusNotFound, "Promoção não encontrada.")
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return mensagem(http.StatusInternalServerError, err.Error())
	}
	if _, given := fields["urlRegulamento"]; !given && s.cfg.Base != nil {
		fields["urlRegulamento"] = s.cfg.Base() + "/regulamento/" + r.PathValue("product") + ".pdf"
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: fields}
}

func (s *Sim) register(body []byte) cloudsim.Answer {
	var in struct {
		CodProduto, ChaveClienteExterno string
		Quantidade                      int
		Pessoa                          struct{ CPF string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return mensagem(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.promotions[in.CodProduto] == nil {
		return mensagem(http.StatusNotFound, "Produto não encontrado.")
	}
	if slices.ContainsFunc(s.sales, func(sale *Sale) bool { return sale.Key == in.ChaveClienteExterno }) {
		return mensagem(http.StatusConflict, "chaveClienteExterno já utilizada.")
	}
	now := s.Now()
	sale := &Sale{Protocol: fmt.Sprintf("P%s%07d", now.Format("2006"), len(s.sales)+1), Key: in.ChaveClienteExterno, Product: in.CodProduto, Quantity: in.Quantidade, CPF: in.Pessoa.CPF, At: now}
	if s.settings.NumericIDs {
		sale.Protocol = strings.TrimPrefix(sale.Protocol, "P")
	}
	s.sales = append(s.sales, sale)
	if s.settings.NumericIDs {
		return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"protocolo": json.Number(sale.Protocol)}}
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"protocolo": sale.Protocol}}
}

func (s *Sim) confirm(body []byte) cloudsim.Answer {
	var in struct{ Protocolo string }
	if err := json.Unmarshal(body, &in); err != nil {
		return mensagem(http.StatusBadRequest, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.sales, func(sale *Sale) bool { return sale.Protocol == in.Protocolo })
	if at < 0 {
		return mensagem(http.StatusNotFound, "Protocolo não encontrado.")
	}
	sale := s.sales[at]
	paid := slices.ContainsFunc(s.charges, func(c *Charge) bool { return c.CustomCode == sale.Protocol && c.Times > 0 })
	if !paid {
		return mensagem(http.StatusConflict, "Pagamento não localizado.")
	}
	if sale.Confirmed++; sale.Auth == "" {
		sale.Auth, sale.At2 = strings.ToUpper(uuid.NewString()[:8]), s.Now()
	}
	if s.settings.Confirm == "empty" {
		return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{}}
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"titulos": []any{sale.coupon()}, "textoLegal": "Título de capitalização de exemplo. Processo de teste."}}
}

// coupon is a sale as the vendor lists it (contract 1.3).
func (s *Sale) coupon() map[string]any {
	numbers := []any{}
	for n := range s.Quantity {
		numbers = append(numbers, map[string]any{"numero": fmt.Sprintf("%s%02d", s.Auth, n+1), "dezenas": []string{"01", "12", "23", "34", "45"}})
	}
	return map[string]any{
		"dataCupom": s.At2.Format("02/01/2006 15:04"), "promocao": map[string]any{"idPromocao": 1, "titulo": s.Product, "finalizada": false},
		"numeroSorte": numbers, "autenticacao": s.Auth,
	}
}

func (s *Sim) coupons(body []byte) cloudsim.Answer {
	var in struct {
		CPF      string
		Produtos []string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return mensagem(http.StatusBadRequest, err.Error())
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
		return mensagem(http.StatusOK, "Não foram encontrados cupons para este CPF.")
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: found}
}

// Basic checks the gateway's authorization: an empty user and the key.
func (s *Sim) basic(r *http.Request) bool {
	coded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	plain, err := base64.StdEncoding.DecodeString(coded)
	key, there := strings.CutPrefix(string(plain), ":")
	return ok && err == nil && there && key != "" && (s.cfg.GatewayKey == "" || key == s.cfg.GatewayKey)
}

var errNoCharge = errors.New("there is no such charge")
