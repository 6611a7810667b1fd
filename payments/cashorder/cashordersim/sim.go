// Package cashordersim simulates a supplier of "Pedido com Cash" for tests and a till's programmer at work: payment options and
// orders by card, strict about the shape of an order. It is written from contracts/cashorder.md alone and shares no type with
// the client; what the contract assumes or leaves open is a setting ([Settings]). It does not know tracking, nor points. Orders
// stay in memory, and of a card only its last four digits.
//
// Package sandbox and tests call it; it calls agent/simkit.
package cashordersim

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pdvagent/agent/simkit"
)

//go:embed schema
var schemaFiles embed.FS

// Config is what the supplier is made with.
type Config struct {
	HeaderName  string // a header that it wants to see; empty: none
	HeaderValue string
	Now         func() time.Time
}

// Settings are what the contract leaves open (3.4, 3.5).
type Settings struct {
	Repeat      string `json:"repeat"`       // the same order.id again: dedupe (default), duplicate or error
	ErrorStatus int    `json:"error_status"` // HTTP status of a refusal, default 200
	NumericIDs  bool   `json:"numeric_ids"`  // orderVendorId is a number
}

func defaults() Settings { return Settings{Repeat: "dedupe", ErrorStatus: http.StatusOK} }

// Order is one that the supplier took.
type Order struct {
	ID       int64  `json:"order_id"`
	VendorID string `json:"order_vendor_id"`
	Amount   int    `json:"amount"`
	Brand    int    `json:"payment_id"`
	Parcels  int    `json:"parcels"`
	LastFour string `json:"last_four"`
}

// Sim is the supplier. It is safe for concurrent use.
type Sim struct {
	*simkit.Kit
	cfg      Config
	schemas  simkit.Schemas
	settings *simkit.Settings[Settings]

	mu     sync.Mutex
	orders []Order
}

// New makes the supplier, without orders.
func New(cfg Config) (*Sim, error) {
	schemas, err := simkit.Compile(schemaFiles, "https://cashorder.invalid/")
	if err != nil {
		return nil, err
	}
	kit := simkit.New(simkit.Config{Routes: []string{"options", "order"}, Refuse: refusal, Now: cfg.Now, Hide: hideCard})
	return &Sim{Kit: kit, cfg: cfg, schemas: schemas, settings: simkit.NewSettings(defaults, nil)}, nil
}

var cardData = regexp.MustCompile(`("(?:cardNumber|securityCode)"\s*:\s*)"[^"]*"`)

// hideCard takes a card out of what is logged of a request.
func hideCard(body []byte) []byte { return cardData.ReplaceAll(body, []byte(`$1"****"`)) }

// errorBody is an answer without an order.
func errorBody(code int, message string) any {
	return map[string]any{"orderId": nil, "orderVendorId": nil, "error": map[string]any{"code": code, "message": message}}
}

// refusal is an error of no order's making: a fault's, or of the query.
func refusal(status int, message string) simkit.Answer {
	return simkit.Answer{Status: status, Body: errorBody(1000, message)}
}

// Reset forgets everything.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.settings.Restore()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = nil
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) { s.settings.Set(change) }

// Orders gives all of them, oldest first.
func (s *Sim) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return simkit.List(s.orders)
}

// ServeHTTP answers as the supplier would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, do := "", func([]byte) simkit.Answer { return simkit.Answer{} }
	switch r.Method + " " + r.URL.Path {
	case "GET /api/paymentoptions":
		name, do = "options", func([]byte) simkit.Answer { return options(r.URL.Query().Get("value")) }
	case "POST /api/order":
		name, do = "order", s.order
	default:
		simkit.Write(w, simkit.Answer{Status: http.StatusNotFound, Body: map[string]string{"message": "Not Found"}})
		return
	}
	s.Serve(w, r, name, func(body []byte) simkit.Answer {
		if s.cfg.HeaderName != "" && r.Header.Get(s.cfg.HeaderName) != s.cfg.HeaderValue {
			return simkit.Answer{Status: http.StatusUnauthorized, Body: map[string]string{"message": "Unauthorized"}}
		}
		return do(body)
	})
}

// parcels are those of the contract's example: what each costs of 1701 is 1701, 945 and 630, whatever the label says.
func parcels(value int) []map[string]any {
	interest := (value*1890 + 1700) / 1701
	return []map[string]any{
		{"description": "À vista", "parcels": 1, "value": value}, {"description": "2X sem juros", "parcels": 2, "value": (interest + 1) / 2}, {"description": "3X sem juros", "parcels": 3, "value": (interest + 2) / 3},
	}
}

const (
	firstBrand = 2
	lastBrand  = 8

	sampleBrand  = 1    // of the order that the supplier's document prints (cashorder.md 3.4); no option has it
	mostParcels  = 12   // of an order
	vendorPrefix = "V-" // of an order's number that is a text
)

func options(text string) simkit.Answer {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		return refusal(http.StatusBadRequest, "value must be an integer in cents")
	}
	list := []any{}
	for brand := firstBrand; brand <= lastBrand; brand++ {
		list = append(list, map[string]any{"paymentId": brand, "installmentOptions": parcels(value)})
	}
	return simkit.OK(map[string]any{"paymentOptions": list})
}

// orderWire is what the supplier reads of an order.
type orderWire struct {
	Order struct {
		ID       int64
		Amount   int
		Shipping struct {
			ShippingAddress struct{ ZipCode string }
		}
	}
	Payment struct {
		PaymentID, Parcels int
		CardNumber         string
	}
}

// lastFour are the digits of the card that may be kept. The schema wants 12 at least.
func (o orderWire) lastFour() string { return o.Payment.CardNumber[len(o.Payment.CardNumber)-4:] }

func (s *Sim) order(body []byte) simkit.Answer {
	settings := s.settings.Get()
	refuse := func(code int, message string) simkit.Answer {
		return simkit.Answer{Status: settings.ErrorStatus, Body: errorBody(code, message)}
	}
	if err := s.schemas.Check("order", body); err != nil {
		return refuse(1001, "Pedido inválido: "+err.Error())
	}
	var in orderWire
	if json.Unmarshal(body, &in) != nil {
		return refuse(1001, "Pedido inválido.")
	}
	switch p := in.Payment; {
	case in.Order.Shipping.ShippingAddress.ZipCode == "00000000":
		return refuse(1002, "Ocorreu um erro ao consultar a base de CEP")
	case p.PaymentID < sampleBrand || p.PaymentID > lastBrand || p.Parcels > mostParcels:
		return refuse(1003, "Opção de pagamento inválida.")
	case in.lastFour() == "0002":
		return refuse(1004, "Pagamento não autorizado pela operadora do cartão.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := slices.IndexFunc(s.orders, func(o Order) bool { return o.ID == in.Order.ID })
	switch {
	case known >= 0 && settings.Repeat == "error":
		return refuse(1005, "Pedido já existe.")
	case known >= 0 && settings.Repeat != "duplicate":
		return accepted(s.orders[known], settings)
	}
	order := Order{ID: in.Order.ID, VendorID: fmt.Sprintf(vendorPrefix+"%d", 900+len(s.orders)), Amount: in.Order.Amount, Brand: in.Payment.PaymentID, Parcels: in.Payment.Parcels, LastFour: in.lastFour()}
	if settings.NumericIDs {
		order.VendorID = strconv.Itoa(321654 + len(s.orders))
	}
	s.orders = append(s.orders, order)
	return accepted(order, settings)
}

// accepted answers with an order.
func accepted(o Order, settings Settings) simkit.Answer {
	var vendor any = o.VendorID
	if number := strings.TrimPrefix(o.VendorID, vendorPrefix); settings.NumericIDs {
		vendor = json.Number(number)
	}
	return simkit.OK(map[string]any{"orderId": o.ID, "orderVendorId": vendor, "error": nil})
}

// Control gives the routes by which a person or a test steers the supplier, beside those of [simkit.Kit.Control]:
//
//	GET  /orders   all of them
//
// A card whose number ends with 0002 is refused; so is an address with the CEP 00000000.
func (s *Sim) Control() http.Handler {
	c := s.Kit.Control(s.settings, s.Reset)
	c.Show("GET /orders", func() any { return s.Orders() })
	return c
}
