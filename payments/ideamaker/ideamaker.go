// Package ideamaker speaks with Idea Maker (contracts/ideamaker.md): its gateway charges by Pix, its titles API sells
// capitalization titles, which are registered before they are charged and confirmed once they are paid. It decides nothing
// about when a call is made or repeated: agent/paying/checkout does. Every route, header and field is of ideamaker.md 1.2 and
// 1.3; what is assumed there is marked here.
package ideamaker

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
)

// Name is the vendor for people.
const Name = "Idea Maker"

// deadline is of one call: somebody stands at the till.
const deadline = 8 * time.Second

// Config says where the two services are and how they know the shop.
type Config struct {
	TitlesURL   string // ends before /servicos; empty: no titles
	CustomerID  string // header CustomerId
	CustomerKey string // header CustomerKey
	APIKey      string // header x-api-key, of older accounts; empty: not sent
	GatewayURL  string
	GatewayKey  string // password of the Basic authorization; the user is empty
	Distributor string // vendedor.distribuidor
	Till        string // vendedor.pdv

	Observe func(agent.Exchange)
	Dial    upstream.Dial
}

// Client speaks with both services. It is safe for concurrent use.
type Client struct {
	cfg     Config
	titles  *upstream.Client // nil without titles
	gateway *upstream.Client
}

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	if cfg.GatewayURL == "" || cfg.GatewayKey == "" {
		return nil, errors.New("ideamaker.Config wants GatewayURL and GatewayKey")
	}
	gateway, err := upstream.New(upstream.Config{
		BaseURL: cfg.GatewayURL, Deadline: deadline, Observe: cfg.Observe, Dial: cfg.Dial,
		Header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(":"+cfg.GatewayKey))}},
	})
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, gateway: gateway}
	if cfg.TitlesURL == "" {
		return c, nil
	}
	header := http.Header{"Customerid": {cfg.CustomerID}, "Customerkey": {cfg.CustomerKey}}
	if cfg.APIKey != "" {
		header.Set("x-api-key", cfg.APIKey)
	}
	c.titles, err = upstream.New(upstream.Config{BaseURL: cfg.TitlesURL, Deadline: deadline, Observe: cfg.Observe, Dial: cfg.Dial, Header: header})
	return c, err
}

// Close lets go of idle connections.
func (c *Client) Close() {
	c.gateway.Close()
	if c.titles != nil {
		c.titles.Close()
	}
}

// read takes an answer that must be a JSON object, without a member that is read twice. An error inside a 2xx is a refusal.
func read(o agent.Outcome, into any) error {
	if err := payments.Check(o); err != nil {
		return err
	}
	text := bytes.TrimSpace(o.Body)
	if len(text) == 0 || text[0] != '{' {
		return payments.Misread("the answer is no JSON object")
	}
	if err := payments.Unequivocal(text, into); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(into)
	if _, field := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !field { // a field of another type is as good as missing
		return payments.Misread("the answer cannot be read")
	}
	return nil
}

// wire is a value that is a string or a number, as it is spelled.
type wire string

func (w *wire) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*w = wire(text)
		return nil
	}
	if string(raw) != "null" {
		*w = wire(raw)
	}
	return nil
}

// cents reads an integer amount.
func (w wire) cents() (agent.Cents, bool) { return payments.Cents(string(w)) }

// reais reads a decimal amount: at most two decimals, point or comma.
func (w wire) reais() (agent.Cents, bool) {
	return payments.Reais(strings.Replace(string(w), ",", ".", 1))
}

// refusal is what both services say when they do not: two shapes (ideamaker.md 1.2, 1.5).
type refusal struct {
	Message  wire `json:"message"`
	Mensagem wire `json:"mensagem"`
	Error    wire `json:"error"`
}

func (r refusal) any() bool { return r.Message != "" || r.Mensagem != "" || r.Error != "" }

func get(path, route string) upstream.Request {
	return upstream.Request{Method: http.MethodGet, Path: path, Route: route}
}

func post(path string, body any) (upstream.Request, error) {
	raw, err := json.Marshal(body)
	return upstream.Request{Method: http.MethodPost, Path: path, Route: "/" + path, Body: raw}, err
}

func escaped(text string) string { return url.PathEscape(text) }
