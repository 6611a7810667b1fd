// Package cashordersim plays a supplier of "Pedido com Cash" for tests and a till's programmer at work. It is written from
// contracts/cashorder.md alone and shares no type with the client; what the contract assumes or leaves open is a setting. It
// keeps orders in memory, and of a card only its last four digits.
package cashordersim

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"pdvagent/payments/cloudsim"
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
	*cloudsim.Kit
	cfg     Config
	schemas cloudsim.Schemas

	mu       sync.Mutex
	settings Settings
	orders   []Order
}

// New makes the supplier.
func New(cfg Config) (*Sim, error) {
	schemas, err := cloudsim.Compile(schemaFiles, "schema")
	if err != nil {
		return nil, err
	}
	s := &Sim{Kit: cloudsim.New(cfg.Now, refused, "options", "order"), cfg: cfg, schemas: schemas, settings: defaults()}
	s.Hide = hideCard
	return s, nil
}

var cardData = regexp.MustCompile(`("(?:cardNumber|securityCode)"\s*:\s*)"[^"]*"`)

// hideCard takes a card out of what is shown of a request.
func hideCard(body []byte) []byte { return cardData.ReplaceAll(body, []byte(`$1"****"`)) }

func refused(_ int, says string) any {
	return map[string]any{"orderId": nil, "orderVendorId": nil, "error": map[string]any{"code": 1000, "message": says}}
}

// Reset forgets everything.
func (s *Sim) Reset() {
	s.Kit.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings, s.orders = defaults(), nil
}

// Set changes settings.
func (s *Sim) Set(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
}

// Orders gives all of them.
func (s *Sim) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Order{}, s.orders...)
}

// ServeHTTP answers as the supplier would.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, do := "", func([]byte) cloudsim.Answer { return cloudsim.Answer{} }
	switch r.Method + " " + r.URL.Path {
	case "GET /api/paymentoptions":
		name, do = "options", func([]byte) cloudsim.Answer { return options(r.URL.Query().Get("value")) }
	case "POST /api/order":
		name, do = "order", s.order
	default:
		cloudsim.Write(w, cloudsim.Answer{Status: http.StatusNotFound, Body: map[string]string{"message": "Not Found"}})
		return
	}
	s.Serve(w, r, name, func(body []byte) cloudsim.Answer {
		if s.cfg.HeaderName != "" && r.Header.Get(s.cfg.HeaderName) != s.cfg.HeaderValue {
			return cloudsim.Answer{Status: http.StatusUnauthorized, Body: map[string]string{"message": "Unauthorized"}}
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
)

func options(text string) cloudsim.Answer {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		return cloudsim.Answer{Status: http.StatusBadRequest, Body: refused(0, "value must be an integer in cents")}
	}
	list := []any{}
	for brand := firstBrand; brand <= lastBrand; brand++ {
		list = append(list, map[string]any{"paymentId": brand, "installmentOptions": parcels(value)})
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"paymentOptions": list}}
}

// refuse answers with the error object. Called with the lock held.
func (s *Sim) refuse(code int, says string) cloudsim.Answer {
	body := map[string]any{"orderId": nil, "orderVendorId": nil, "error": map[string]any{"code": code, "message": says}}
	return cloudsim.Answer{Status: s.settings.ErrorStatus, Body: body}
}

func (s *Sim) order(body []byte) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.schemas.Check("order", body); err != nil {
		return s.refuse(1001, "Pedido inválido: "+err.Error())
	}
	var in struct {
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
	if json.Unmarshal(body, &in) != nil {
		return s.refuse(1001, "Pedido inválido.")
	}
	p := in.Payment
	switch {
	case in.Order.Shipping.ShippingAddress.ZipCode == "00000000":
		return s.refuse(1002, "Ocorreu um erro ao consultar a base de CEP")
	case p.PaymentID < firstBrand || p.PaymentID > lastBrand || p.Parcels > len(parcels(1)):
		return s.refuse(1003, "Opção de pagamento inválida.")
	case p.CardNumber[len(p.CardNumber)-4:] == "0002":
		return s.refuse(1004, "Pagamento não autorizado pela operadora do cartão.")
	}
	for _, known := range s.orders {
		if known.ID != in.Order.ID || s.settings.Repeat == "duplicate" {
			continue
		}
		if s.settings.Repeat == "error" {
			return s.refuse(1005, "Pedido já existe.")
		}
		return s.taken(known)
	}
	order := Order{ID: in.Order.ID, VendorID: fmt.Sprintf("V-%d", 900+len(s.orders)), Amount: in.Order.Amount, Brand: p.PaymentID, Parcels: p.Parcels, LastFour: p.CardNumber[len(p.CardNumber)-4:]}
	if s.settings.NumericIDs {
		order.VendorID = strconv.Itoa(321654 + len(s.orders))
	}
	s.orders = append(s.orders, order)
	return s.taken(order)
}

// taken answers with the order. Called with the lock held.
func (s *Sim) taken(o Order) cloudsim.Answer {
	var vendor any = o.VendorID
	if s.settings.NumericIDs {
		vendor = json.Number(cmp.Or(o.VendorID, "0"))
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"orderId": o.ID, "orderVendorId": vendor, "error": nil}}
}

// Control gives the routes by which a person or a test steers the supplier, beside those of [cloudsim.Kit.Control]:
//
//	PUT  /settings some of [Settings]; GET them
//	GET  /orders   all of them
//	POST /reset    forget everything
//
// A card whose number ends with 0002 is refused; so is an address with the CEP 00000000.
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	s.Kit.Control(mux)
	cloudsim.Show(mux, "GET /orders", func() any { return s.Orders() })
	cloudsim.Settings(mux, &s.mu, &s.settings)
	cloudsim.Take(mux, "POST /reset", http.StatusOK, func(context.Context, struct{}) (any, error) { s.Reset(); return map[string]any{}, nil })
	return mux
}
