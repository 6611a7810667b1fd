package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// Documents of the shoppers of the tests: one who is in the club where a test puts her there, one who never is.
const (
	Maria    = "52998224725"
	Stranger = "11144477735"
)

// Line is one line of a basket.
type Line struct{ SKU, Quantity, Total string }

// Units is a line of n units at a price.
func Units(sku string, n int, price string) Line {
	value, _, err := reading.Milli(price)
	if err != nil {
		panic(err)
	}
	return Line{sku, fmt.Sprint(n), (agent.Milli(n) * value).String()}
}

// Items is the member items of a basket's body.
func Items(lines ...Line) string {
	var list []string
	for _, l := range lines {
		list = append(list, fmt.Sprintf(`{"sku":%q,"ean":"789%s","quantity":%s,"packing_quantity":1,"total_value":%s}`, l.SKU, l.SKU, l.Quantity, l.Total))
	}
	return `"items":[` + strings.Join(list, ",") + `]`
}

// Sale is one shopper at the till, in one dialect.
type Sale struct {
	*Site
	Dialect string // v2 or v2.2
	Client  string // document, or 0
	ID      string // of the session, as the till knows it
}

// Begin starts a session, which must succeed; client "0" is a shopper who is not identified.
func (s *Site) Begin(dialect, client string) *Sale {
	s.Helper()
	document := client
	if client == "0" {
		document = ""
	}
	got := s.Post("/"+dialect+"/transaction/start", StartBody(dialect, document))
	if got.Status != http.StatusOK {
		s.Fatalf("start: %d %s", got.Status, got.Body)
	}
	id, _ := got.Field("transaction_id").(string)
	return &Sale{s, dialect, client, id}
}

// StartBody is the body of a start in a dialect.
func StartBody(dialect, document string) string {
	if dialect == "v2.2" {
		return fmt.Sprintf(`{"transaction_context":{"document_no":%q,"phone":""},"transaction_id":""}`, document)
	}
	return fmt.Sprintf(`{"document_no":%q}`, document)
}

// Apply asks for the discounts of a basket, by the routes of the dialect.
func (s *Sale) Apply(lines ...Line) Answer {
	s.Helper()
	if s.Dialect == "v2" {
		return s.Post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"origin":"pdv",%s}`, s.ID, s.Client, Items(lines...)))
	}
	if got := s.PreApply(lines...); got.Status != http.StatusOK {
		return got
	}
	return s.Post("/v2.2/transaction/apply", IDBody("transaction_id", s.ID))
}

// PreApply sends a basket in the dialect v2.2.
func (s *Sale) PreApply(lines ...Line) Answer {
	s.Helper()
	return s.Post("/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, s.ID, Items(lines...)))
}

// End ends the session; how is confirm or cancel.
func (s *Sale) End(how string) Answer {
	s.Helper()
	return s.Post("/"+s.Dialect+"/transaction/"+how, IDBody("transaction_id", s.ID))
}

// Discounts are those of an apply's answer: by line, of the whole sale, and as a payment.
type Discounts struct {
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

// Discounts reads an apply's answer.
func (a Answer) Discounts(t testing.TB) Discounts {
	t.Helper()
	var d Discounts
	a.Decode(t, &d)
	return d
}

// LineSum adds up the discounts of the lines.
func (d Discounts) LineSum(t testing.TB) string {
	t.Helper()
	var sum agent.Milli
	for _, l := range d.Agent.Lines {
		value, _, err := reading.Milli(l.Discount)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
	}
	return sum.String()
}

// Receipt is the body of a receipt of this session.
func (s *Sale) Receipt(coupon string) string {
	return fmt.Sprintf(`{"transaction_id":%q,"client_id":%q,"coupon":%q,"date":%q,"time":"19:12:46",`+
		`"items":[{"sku":"80215","ean":"78980215","product_name":"CAFE 500G","quantity":2,"packing_quantity":1,"unit_value":10.00,"total_value":20.00,"total_value_with_discount":20.00}],`+
		`"payments":[{"payment_form":"cash","amount":20.00,"instalments":1}],"total_value":20.00,"total_value_with_discount":20.00,"origin":"pdv","pdv_code":"012","operator_id":"0123"}`,
		s.ID, s.Client, coupon, time.Now().Format(time.DateOnly))
}

// Sell confirms the session and sends its receipt; the agent must accept both.
func (s *Sale) Sell(coupon string) {
	s.Helper()
	if got := s.End("confirm"); got.Status != http.StatusAccepted {
		s.Fatalf("confirm: %d %s", got.Status, got.Body)
	}
	s.SendReceipt(coupon)
}

// SendReceipt sends the receipt without a confirm.
func (s *Sale) SendReceipt(coupon string) {
	s.Helper()
	if got := s.Post("/v2/coupons", s.Receipt(coupon)); got.Status != http.StatusAccepted {
		s.Fatalf("coupon: %d %s", got.Status, got.Body)
	}
}

// BothDialects runs a test in each dialect.
func BothDialects(t *testing.T, test func(t *testing.T, dialect string)) {
	t.Helper()
	for _, dialect := range []string{"v2", "v2.2"} {
		t.Run(dialect, func(t *testing.T) { test(t, dialect) })
	}
}

// Reply sends a shopper's reply to a message of the cloud.
func (s *Sale) Reply(tag, input string) Answer {
	s.Helper()
	if s.Dialect == "v2.2" {
		return s.Post("/v2.2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"tag":%q,"input_value":%q}`, s.ID, tag, input))
	}
	typed := ""
	if input != "" {
		typed = fmt.Sprintf(`,"input_value":%q`, input)
	}
	return s.Post("/v2/transaction/message", fmt.Sprintf(`{"transaction_id":%q,"document_no":%q,"message_tag":%q%s}`, s.ID, s.Client, tag, typed))
}

// Identify starts a session and gives the answer, too; it may be a refusal.
func (s *Site) Identify(dialect, document string) (*Sale, Answer) {
	s.Helper()
	got := s.Post("/"+dialect+"/transaction/start", StartBody(dialect, document))
	id, _ := got.Field("transaction_id").(string)
	return &Sale{s, dialect, document, id}, got
}
