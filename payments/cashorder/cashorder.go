// Package cashorder speaks with a supplier of the "Pedido com Cash" kind (contracts/cashorder.md): its payment options, and
// the closing of an order by card. It plays the marketplace; the supplier answers. Card numbers and security codes pass
// through it on their way and stay nowhere: no exchange of an order is shown to anybody, and no error has any of it. When an
// order is closed, and that it never is twice, agent/paying/cardorder sees to.
package cashorder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
)

// Name is the supplier for people; it comes with its article.
const Name = "o fornecedor do pedido"

// Config says where the supplier is and what it wants to see.
type Config struct {
	BaseURL     string // ends before /api
	HeaderName  string // empty: none is wanted
	HeaderValue string

	Observe func(agent.Exchange)
	Dial    upstream.Dial
}

// Client speaks with the supplier. It is safe for concurrent use.
type Client struct{ cloud *upstream.Client }

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		return nil, errors.New("cashorder.Config wants BaseURL")
	}
	header := make(http.Header)
	if cfg.HeaderName != "" {
		header.Set(cfg.HeaderName, cfg.HeaderValue)
	}
	cloud, err := upstream.New(upstream.Config{
		BaseURL: strings.TrimRight(cfg.BaseURL, "/") + "/api", Deadline: 20 * time.Second, Header: header, Observe: cfg.Observe, Dial: cfg.Dial,
	})
	return &Client{cloud}, err
}

// Close lets go of idle connections.
func (c *Client) Close() { c.cloud.Close() }

// Installment is one way to pay with a card. The label is the supplier's and not to be trusted: what it costs in all is
// Total (cashorder.md 3.4).
type Installment struct {
	Description string      `json:"description"`
	Parcels     int         `json:"parcels"`
	Value       agent.Cents `json:"value"` // of each parcel
	Total       agent.Cents `json:"total"`
}

// Option is what a brand of cards allows.
type Option struct {
	PaymentID    int           `json:"paymentId"`
	Brand        string        `json:"brand,omitempty"` // empty: one that nobody knows
	Installments []Installment `json:"installmentOptions"`
}

const (
	maxParcels = 99
	maxValue   = 99_999_999 // cents
)

// Options asks how an amount can be paid.
func (c *Client) Options(ctx context.Context, value agent.Cents) ([]Option, error) {
	outcome := c.cloud.Do(ctx, upstream.Request{
		Method: http.MethodGet, Path: "paymentoptions", Route: "/api/paymentoptions", Query: url.Values{"value": {strconv.FormatInt(int64(value), 10)}},
	})
	var in struct {
		Error   *failure `json:"error"`
		Options *[]struct {
			PaymentID    whole `json:"paymentId"`
			Installments []struct {
				Description words `json:"description"`
				Parcels     whole `json:"parcels"`
				Value       whole `json:"value"`
			} `json:"installmentOptions"`
		} `json:"paymentOptions"`
	}
	err := json.Unmarshal(outcome.Body, &in)
	if err == nil && in.Error != nil {
		return nil, in.Error.refusal()
	}
	if err := payments.Check(outcome); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, lost("payment options are no object")
	}
	if err := payments.Unequivocal(outcome.Body, &in); err != nil {
		return nil, err
	}
	if in.Options == nil {
		return nil, lost("no paymentOptions")
	}
	list := make([]Option, 0, len(*in.Options))
	read, unread := 0, 0
	for _, o := range *in.Options {
		option := Option{PaymentID: int(o.PaymentID), Brand: Brand(int(o.PaymentID)), Installments: []Installment{}}
		for _, i := range o.Installments {
			if i.Parcels < 1 || i.Parcels > maxParcels || i.Value < 1 || i.Value > maxValue {
				unread++ // the others can be chosen all the same
				continue
			}
			read++
			option.Installments = append(option.Installments, Installment{Description: plain(string(i.Description)), Parcels: int(i.Parcels), Value: agent.Cents(i.Value), Total: agent.Cents(i.Parcels * i.Value)})
		}
		list = append(list, option)
	}
	if read == 0 && unread > 0 {
		return nil, lost("no parcel can be read")
	}
	return list, nil
}

// whole is an integer, also as 1.5E+3; 0 for anything else.
type whole int64

// UnmarshalJSON takes no point without an exponent: cents are never written so, reais are.
func (w *whole) UnmarshalJSON(raw []byte) error {
	*w = 0
	if n, ok := payments.Cents(string(raw)); ok && (!bytes.ContainsRune(raw, '.') || bytes.ContainsAny(raw, "eE")) {
		*w = whole(n)
	}
	return nil
}

// words is a text of the supplier's; anything else than a text or a number is empty.
type words string

// UnmarshalJSON takes both.
func (w *words) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil && raw[0] != '{' && raw[0] != '[' {
		text = string(raw)
	}
	*w = words(text)
	return nil
}

// failure is the supplier's error object. It decides, whatever the HTTP status says (cashorder.md 3.3).
type failure struct {
	Code    json.RawMessage `json:"code"`
	Message words           `json:"message"`
}

// UnmarshalJSON takes an error that is only a text, too.
func (f *failure) UnmarshalJSON(raw []byte) error {
	type object failure
	if raw[0] == '"' {
		return f.Message.UnmarshalJSON(raw)
	}
	return json.Unmarshal(raw, (*object)(f))
}

func (f *failure) refusal() error {
	return &payments.Failure{Class: payments.Declined, Detail: "error code " + f.code(), Says: plain(string(f.Message))}
}

// code is the error's number, or text.
func (f *failure) code() string { return plain(strings.Trim(string(f.Code), `"`)) }

// cardLike is what may be a card's number, however it is written.
var cardLike = regexp.MustCompile(`[0-9](?:[ .-]?[0-9]){10,18}`)

// plain bounds a text of the supplier's, in characters, and takes out what may be a card's number: some echo what they
// were sent.
func plain(text string) string {
	const most = 200
	runes := []rune(cardLike.ReplaceAllString(strings.Join(strings.Fields(text), " "), "****"))
	return string(runes[:min(len(runes), most)])
}

func lost(shape string) error {
	return payments.Misread("unexpected answer: " + shape)
}

// Result is a closed order, as the supplier said it.
type Result struct {
	OrderID       int64  `json:"orderId"`
	OrderVendorID string `json:"orderVendorId"`
}

// Refusal is an order that the supplier did not take.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Order closes an order. Exactly one of the three says something: what it became, why it was refused, or a failure. A
// failure of class Away was not sent; after any other nobody knows, and it must not be sent again.
func (c *Client) Order(ctx context.Context, body []byte) (*Result, *Refusal, error) {
	outcome := c.cloud.Do(ctx, upstream.Request{Method: http.MethodPost, Path: "order", Route: "/api/order", Body: body, Secret: true})
	if outcome.Class != agent.ClassOK && outcome.Class != agent.ClassStatus {
		return nil, nil, payments.Check(outcome)
	}
	var in struct {
		OrderID       json.RawMessage `json:"orderId"`
		OrderVendorID json.RawMessage `json:"orderVendorId"`
		Error         *failure        `json:"error"`
	}
	readable := json.Unmarshal(outcome.Body, &in) == nil && payments.Unequivocal(outcome.Body, &in) == nil
	switch {
	case readable && in.Error != nil:
		return nil, &Refusal{in.Error.code(), plain(string(in.Error.Message))}, nil
	case outcome.Class == agent.ClassStatus && (outcome.Status == http.StatusUnauthorized || outcome.Status == http.StatusForbidden):
		return nil, nil, &payments.Failure{Class: payments.Unauthorized, Detail: "HTTP " + strconv.Itoa(outcome.Status)}
	case outcome.Class == agent.ClassStatus:
		return nil, nil, &payments.Failure{Class: payments.Lost, Detail: "HTTP " + strconv.Itoa(outcome.Status)}
	case !readable:
		return nil, nil, lost("no JSON object, or one with a member twice")
	}
	id, whole := payments.Cents(strings.Trim(string(in.OrderID), `"`)) // a whole number is spelled like cents
	vendor := plain(strings.Trim(string(in.OrderVendorID), `"`))
	if !whole || vendor == "" || vendor == "null" {
		return nil, nil, lost("neither an order nor an error")
	}
	return &Result{int64(id), vendor}, nil, nil
}
