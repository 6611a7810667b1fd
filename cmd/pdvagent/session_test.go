package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/mercafacil/mercafacilsim"
)

// Shoppers of the tests: one in the club, one who is not.
const (
	maria    = "52998224725"
	stranger = "11144477735"
)

// line is one line of a basket.
type line struct{ sku, quantity, total string }

func units(sku string, n int, price string) line {
	value, err := agent.ParseMilli(price)
	if err != nil {
		panic(err)
	}
	return line{sku, fmt.Sprint(n), (agent.Milli(n) * value).String()}
}

// apart gives the same goods in one line per unit.
func apart(lines []line) []line {
	var separate []line
	for _, l := range lines {
		var n int
		if _, err := fmt.Sscan(l.quantity, &n); err != nil || strings.Contains(l.quantity, ".") {
			separate = append(separate, l)
			continue
		}
		total, _ := agent.ParseMilli(l.total)
		for range n {
			separate = append(separate, line{l.sku, "1", (total / agent.Milli(n)).String()})
		}
	}
	return separate
}

func items(lines ...line) string {
	var list []string
	for _, l := range lines {
		list = append(list, fmt.Sprintf(`{"sku":%q,"ean":"789%s","quantity":%s,"packing_quantity":1,"total_value":%s}`, l.sku, l.sku, l.quantity, l.total))
	}
	return `"items":[` + strings.Join(list, ",") + `]`
}

// sale is one shopper at the till, in one dialect.
type sale struct {
	*site
	dialect, client, id string
}

// begin starts a session; client "0" is a shopper who is not identified.
func (s *site) begin(dialect, client string) *sale {
	s.t.Helper()
	document := client
	if client == "0" {
		document = ""
	}
	got := s.post("/"+dialect+"/transaction/start", startBody(dialect, document))
	if got.status != http.StatusOK {
		s.t.Fatalf("start: %d %s", got.status, got.body)
	}
	id, _ := got.field("transaction_id").(string)
	return &sale{s, dialect, client, id}
}

func startBody(dialect, document string) string {
	if dialect == "v2.2" {
		return fmt.Sprintf(`{"transaction_context":{"document_no":%q,"phone":""},"transaction_id":""}`, document)
	}
	return fmt.Sprintf(`{"document_no":%q}`, document)
}

// apply asks for the discounts of a basket, by the routes of the dialect.
func (s *sale) apply(lines ...line) answer {
	s.t.Helper()
	if s.dialect == "v2" {
		return s.post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv",%s}`, s.id, s.client, items(lines...)))
	}
	if got := s.preApply(lines...); got.status != http.StatusOK {
		return got
	}
	return s.post("/v2.2/transaction/apply", idBody("transaction_id", s.id))
}

func (s *sale) preApply(lines ...line) answer {
	s.t.Helper()
	return s.post("/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, s.id, items(lines...)))
}

func (s *sale) end(how string) answer {
	s.t.Helper()
	return s.post("/"+s.dialect+"/transaction/"+how, idBody("transaction_id", s.id))
}

// given is what an apply's answer says, line by line and together.
type given struct {
	Items []struct {
		SKU      string `json:"sku"`
		Discount any    `json:"discount_value"`
	} `json:"items"`
	Absolute struct {
		Discount any `json:"discount_value"`
	} `json:"absolute"`
	Payment struct {
		Discount any `json:"discount_value"`
	} `json:"payment_discount"`
	Agent struct {
		Delivery, Reason string
		Lines            []struct {
			Index           int
			Discount, Total string
			Share           string `json:"absolute_share"`
		}
	}
}

func (a answer) given(t *testing.T) given {
	t.Helper()
	var g given
	a.decode(t, &g)
	return g
}

// discount adds up what the lines get.
func (g given) discount(t *testing.T) string {
	t.Helper()
	var sum agent.Milli
	for _, l := range g.Agent.Lines {
		value, err := agent.ParseMilli(l.Discount)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum.String()
}

func (g given) shares() []string {
	var shares []string
	for _, l := range g.Agent.Lines {
		shares = append(shares, l.Share)
	}
	return shares
}

func (s *site) offer(text string) {
	s.t.Helper()
	if err := s.clouds.Mercafacil.AddOffer(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) set(text string) {
	s.t.Helper()
	if err := s.clouds.Mercafacil.Set(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) fault(f mercafacilsim.Fault) {
	s.t.Helper()
	if err := s.clouds.Mercafacil.Add(f); err != nil {
		s.t.Fatal(err)
	}
}

// said gives what the cloud heard of each of its sessions, in their order.
func (s *site) said() []string {
	var list []string
	for _, one := range s.clouds.Mercafacil.SessionList() {
		list = append(list, strings.Join(one.Said, " "))
	}
	return list
}

// nothingOpen waits until the cloud has no session that nobody ended.
func (s *site) nothingOpen() {
	s.t.Helper()
	s.until("nothing is open in the cloud", func() bool {
		return !slices.ContainsFunc(s.clouds.Mercafacil.SessionList(), func(v mercafacilsim.SessionView) bool { return v.Stage == "open" })
	})
}

// receipt is a coupon for the session.
func (s *sale) receipt(coupon string) string {
	return fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"coupon":%q,"date":"2026-05-14","time":"19:12:46",`+
		`"items":[{"sku":"80215","ean":"78980215","product_name":"CAFE 500G","quantity":2,"packing_quantity":1,"unit_value":10.00,"total_value":20.00,"total_value_with_discount":20.00}],`+
		`"payments":[{"payment_form":"cash","amount":20.00,"instalments":1}],"total_value":20.00,"total_value_with_discount":20.00,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		s.id, s.client, coupon)
}

func (s *sale) sell(coupon string) {
	s.t.Helper()
	if got := s.end("confirm"); got.status != http.StatusAccepted {
		s.t.Fatalf("confirm: %d %s", got.status, got.body)
	}
	s.sellOnly(coupon)
}

func (s *sale) sellOnly(coupon string) {
	s.t.Helper()
	if got := s.post("/v2/coupons", s.receipt(coupon)); got.status != http.StatusAccepted {
		s.t.Fatalf("coupon: %d %s", got.status, got.body)
	}
}

// both runs a test in both dialects, each with its own shop.
func both(t *testing.T, test func(t *testing.T, dialect string)) {
	t.Helper()
	for _, dialect := range []string{"v2", "v2.2"} {
		t.Run(dialect, func(t *testing.T) { test(t, dialect) })
	}
}
