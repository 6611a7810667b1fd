package cashorder_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
	"pdvagent/payments/cashorder/cashordersim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func open(t *testing.T, observe func(agent.Exchange)) (*cashorder.Client, *cashordersim.Sim) {
	t.Helper()
	sim, err := cashordersim.New(cashordersim.Config{HeaderName: "X-Key", HeaderValue: "chave"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	c, err := cashorder.New(cashorder.Config{BaseURL: server.URL + "/", HeaderName: "X-Key", HeaderValue: "chave", Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c, sim
}

func TestOptionsSayWhatTheyCostInAll(t *testing.T) {
	c, sim := open(t, nil)
	list, err := c.Options(t.Context(), 1701)
	if err != nil || len(list) != 7 || list[0].Brand != "MasterCard" || list[0].PaymentID != 2 {
		t.Fatalf("got %+v %v", list, err)
	}
	two := list[0].Installments[1]
	if two.Parcels != 2 || two.Value != 945 || two.Total != 1890 || two.Description != "2X sem juros" {
		t.Errorf("the label says without interest: %+v", two)
	}
	for _, body := range []string{
		`{}`, `[]`, `{"paymentOptions":[{"paymentId":2,"installmentOptions":[{"parcels":0,"value":1}]}]}`, `{"paymentOptions":[{"paymentId":2,"installmentOptions":[{"parcels":1,"value":17.01}]}]}`,
		`{"paymentOptions":[{"paymentId":2,"installmentOptions":[{"parcels":1,"value":1701,"value":1700}]}]}`,
	} {
		if err := sim.Add(simkit.Fault{Route: "options", Fault: "says", Body: body, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if list, err := c.Options(t.Context(), 1701); err == nil || payments.FailureOf(err).Class != payments.Lost {
			t.Errorf("%s: %+v %v", body, list, err)
		}
	}
	if err := sim.Add(simkit.Fault{Route: "options", Fault: "error200", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Options(t.Context(), 1701); payments.FailureOf(err).Class != payments.Declined {
		t.Errorf("an error inside 200: %v", err)
	}
}

// canary is a card that nobody has.
const canary = "4111111111111111"

// order is the contract's example (3.6).
const order = `{"order":{"id":70001,"createDate":"2026-08-21T12:00:00-03:00","shipping":{"costPrice":1000,"deliveryForecast":"2026-08-30T00:00:00-03:00",
  "receiver":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","birthDate":"1990-01-01T00:00:00-03:00","personType":1,"genderType":1,"phones":[{"DDD":"11","number":"900000000","type":3}]},
  "shippingAddress":{"address":"Rua Modelo","number":"1","complement":"","city":"Sao Paulo","district":"Centro","state":"SP","zipCode":"01001000","reference":""}},
  "participant":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","pesronType":1,"genderType":1,"phones":[]},
  "items":[{"sku":"SKU-1","name":"Produto Teste","quantity":2,"costPrice":1000}],"amount":2000},
 "payment":{"paymentId":3,"parcels":2,"ownerDocument":"12345678909","cardNumber":"` + canary + `","expirationMonth":"01","expirationYear":"2040","ownerName":"CLIENTE TESTE","securityCode":"987"}}`

// TestAFieldOfTheSuppliersThatCannotBeReadCostsThatField has options and errors in other spellings.
func TestAFieldOfTheSuppliersThatCannotBeReadCostsThatField(t *testing.T) {
	c, sim := open(t, nil)
	says := func(body string) {
		t.Helper()
		if err := sim.Add(simkit.Fault{Route: "*", Fault: "says", Body: body, Times: 1}); err != nil {
			t.Fatal(err)
		}
	}
	says(`{"paymentOptions":[{"paymentId":2,"installmentOptions":[{"description":7,"parcels":1.0E+0,"value":1.701E+3},{"parcels":2,"value":9.45},{"parcels":"x","value":1},{"parcels":3,"value":630}]}]}`)
	list, err := c.Options(t.Context(), 1701)
	if err != nil || len(list) != 1 || len(list[0].Installments) != 2 || list[0].Installments[0].Total != 1701 || list[0].Installments[1].Total != 1890 {
		t.Errorf("got %+v %v", list, err)
	}
	for body, want := range map[string]string{`{"error":"Pedido inválido"}`: "Pedido inválido", `{"error":{"code":7,"message":9}}`: "9", `{"error":{"code":[1],"message":{"a":1}}}`: ""} {
		says(body)
		if _, refused, err := c.Order(t.Context(), []byte(order)); err != nil || refused == nil || refused.Message != want {
			t.Errorf("%s: %+v %v", body, refused, err)
		}
	}
	says(`{"orderId":7.0001E+4,"orderVendorId":"V-1","error":null}`)
	if r, _, err := c.Order(t.Context(), []byte(order)); err != nil || r.OrderID != 70001 {
		t.Errorf("got %+v %v", r, err)
	}
}

func TestTheErrorObjectDecidesBeforeTheStatus(t *testing.T) {
	c, sim := open(t, nil)
	for name, step := range map[string]struct {
		fault simkit.Fault
		check func(*cashorder.Result, *cashorder.Refusal, error) bool
	}{
		"closed": {simkit.Fault{}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return err == nil && f == nil && r.OrderID == 70001 && strings.HasPrefix(r.OrderVendorID, "V-")
		}},
		"refused with 200": {simkit.Fault{Fault: "says", Body: `{"orderId":null,"orderVendorId":null,"error":{"code":1002,"message":"Ocorreu um erro ao consultar a base de CEP"}}`}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return err == nil && r == nil && f.Code == "1002" && strings.Contains(f.Message, "CEP")
		}},
		"refused with 500": {simkit.Fault{Fault: "status", Status: 500, Body: `{"error":{"code":"X1","message":"não"}}`}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return err == nil && r == nil && f.Code == "X1"
		}},
		"an error beside an order": {simkit.Fault{Fault: "says", Body: `{"orderId":70001,"orderVendorId":"V-1","error":{"code":1,"message":"x"}}`}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return r == nil && f != nil && err == nil
		}},
		"a card's number in its words": {simkit.Fault{Fault: "says", Body: `{"error":{"code":7,"message":"cartão 4111 1111 1111 1111 recusado"}}`}, func(_ *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return err == nil && f.Message == "cartão **** recusado"
		}},
		"500 without a word": {simkit.Fault{Fault: "status", Status: 500, Body: "{}"}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return r == nil && f == nil && payments.FailureOf(err).Class == payments.Lost
		}},
		"400 without a word": {simkit.Fault{Fault: "status", Status: 400, Body: "{}"}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return r == nil && f == nil && payments.FailureOf(err).Class == payments.Lost
		}},
		"our key": {simkit.Fault{Fault: "status", Status: 401, Body: "{}"}, func(_ *cashorder.Result, _ *cashorder.Refusal, err error) bool {
			return payments.FailureOf(err).Class == payments.Unauthorized
		}},
		"200 without a word": {simkit.Fault{Fault: "says", Body: `{"orderId":null,"orderVendorId":null,"error":null}`}, func(_ *cashorder.Result, _ *cashorder.Refusal, err error) bool {
			return payments.FailureOf(err).Class == payments.Lost
		}},
		"an order's number twice": {simkit.Fault{Fault: "says", Body: `{"orderId":70001,"orderVendorId":"V-1","orderVendorId":"V-2","error":null}`}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return r == nil && f == nil && payments.FailureOf(err).Misread
		}},
		"an error twice": {simkit.Fault{Fault: "says", Body: `{"orderId":70001,"orderVendorId":"V-1","error":{"code":1},"Error":null}`}, func(r *cashorder.Result, f *cashorder.Refusal, err error) bool {
			return r == nil && f == nil && payments.FailureOf(err).Misread
		}},
		"a member twice that nobody reads": {simkit.Fault{Fault: "says", Body: `{"orderId":70001,"orderVendorId":"V-1","error":null,"trace":1,"trace":2}`}, func(r *cashorder.Result, _ *cashorder.Refusal, err error) bool {
			return err == nil && r.OrderVendorID == "V-1"
		}},
		"a portal's page": {simkit.Fault{Fault: "html"}, func(_ *cashorder.Result, _ *cashorder.Refusal, err error) bool {
			return payments.FailureOf(err).Class == payments.Lost
		}},
		"lost": {simkit.Fault{Fault: "lost"}, func(_ *cashorder.Result, _ *cashorder.Refusal, err error) bool {
			return payments.FailureOf(err).Class == payments.Lost
		}},
	} {
		sim.Reset()
		if step.fault.Fault != "" {
			step.fault.Route, step.fault.Times = "order", 1
			if err := sim.Add(step.fault); err != nil {
				t.Fatal(err)
			}
		}
		r, f, err := c.Order(t.Context(), []byte(order))
		if !step.check(r, f, err) {
			t.Errorf("%s: %+v %+v %v", name, r, f, err)
		}
	}
}

func TestNobodyIsShownAnOrder(t *testing.T) {
	var seen []agent.Exchange
	c, sim := open(t, func(x agent.Exchange) { seen = append(seen, x) })
	if _, _, err := c.Order(t.Context(), []byte(order)); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || seen[0].Request != nil || seen[0].Response != nil || seen[0].Route != "/api/order" {
		t.Errorf("shown: %+v", seen)
	}
	for _, a := range sim.Received() {
		if strings.Contains(string(a.Body), canary) || strings.Contains(string(a.Body), `"987"`) {
			t.Errorf("the simulator shows a card: %s", a.Body)
		}
	}
}

func TestTheSupplierDoesWithARepeatAsItIsSet(t *testing.T) {
	c, sim := open(t, nil)
	for repeat, want := range map[string]int{"dedupe": 1, "duplicate": 2, "error": 1} {
		sim.Reset()
		sim.Set(func(s *cashordersim.Settings) { s.Repeat = repeat })
		first, _, _ := c.Order(t.Context(), []byte(order))
		second, refused, err := c.Order(t.Context(), []byte(order))
		if err != nil || len(sim.Orders()) != want || (repeat == "error") != (refused != nil) || repeat == "dedupe" && second.OrderVendorID != first.OrderVendorID || repeat == "duplicate" && second.OrderVendorID == first.OrderVendorID {
			t.Errorf("%s: %+v %+v %v, %d orders", repeat, second, refused, err, len(sim.Orders()))
		}
	}
}

func TestTheSupplierIsStrict(t *testing.T) {
	c, sim := open(t, nil)
	for old, spoilt := range map[string]string{
		`"amount":2000`: `"amount":"2000"`, `"amount":2000}`: `"amount":20.00}`, `"parcels":2`: `"parcels":13`, `"paymentId":3`: `"paymentId":9`, `"2026-08-30T00:00:00-03:00"`: `"2026-08-30TT00:00:00-03:00"`,
		`"pesronType"`: `"personType"`, `"items":[{`: `"things":[{`, `"sku":"SKU-1",`: ``, `"expirationMonth":"01"`: `"expirationMonth":1`,
	} {
		r, refused, err := c.Order(t.Context(), []byte(strings.Replace(order, old, spoilt, 1)))
		if r != nil || refused == nil && err == nil {
			t.Errorf("%s was taken: %+v", spoilt, r)
		}
	}
	if len(sim.Orders()) != 0 {
		t.Errorf("%d orders", len(sim.Orders()))
	}
}

// withDigit gives a card number of these digits with its check digit.
func withDigit(digits string) string {
	sum := 0
	for i, c := range []byte(digits) {
		d := int(c - '0')
		if (len(digits)-i)%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

func TestCardsThatCannotBeRightAreNamedWithoutTheirDigits(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	right := cashorder.Card{PaymentID: cashorder.Visa, Number: canary, Month: "01", Year: "2030", SecurityCode: "123"}
	for _, c := range []struct {
		change func(*cashorder.Card)
		field  string
	}{
		{func(*cashorder.Card) {}, ""},
		{func(c *cashorder.Card) { c.Month, c.Year = "11", "2026" }, ""},
		{func(c *cashorder.Card) { c.Number = "4111111111111112" }, "cardNumber"},
		{func(c *cashorder.Card) { c.Number = "4111 1111 1111 1111" }, "cardNumber"},
		{func(c *cashorder.Card) { c.Number = "" }, "cardNumber"},
		{func(c *cashorder.Card) { c.PaymentID = cashorder.MasterCard }, "paymentId"},
		{func(c *cashorder.Card) { c.Month = "13" }, "expirationMonth"},
		{func(c *cashorder.Card) { c.Month = "1" }, "expirationMonth"},
		{func(c *cashorder.Card) { c.Month, c.Year = "10", "2026" }, "expirationMonth"},
		{func(c *cashorder.Card) { c.Year = "30" }, "expirationYear"},
		{func(c *cashorder.Card) { c.Year = "2099" }, "expirationYear"},
		{func(c *cashorder.Card) { c.SecurityCode = "12" }, "securityCode"},
		{func(c *cashorder.Card) { c.SecurityCode = "1234" }, "securityCode"},
		{func(c *cashorder.Card) { c.SecurityCode = "12a" }, "securityCode"},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.MasterCard, "5555555555554444" }, ""},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.MasterCard, "2223003122003222" }, ""},
		{func(c *cashorder.Card) {
			c.PaymentID, c.Number, c.SecurityCode = cashorder.Amex, "378282246310005", "1234"
		}, ""},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.Diners, "30569309025904" }, ""},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.Elo, "6362970000457013" }, ""},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.Hipercard, "6062825624254001" }, ""},
		{func(c *cashorder.Card) { c.Number = "6362970000457013" }, "paymentId"},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.Elo, withDigit("506779000000001") }, ""}, // of nobody's range: as the payment says
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.MasterCard, withDigit("501800000000001") }, ""},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.Aura, withDigit("500000000000001") }, ""},
		{func(c *cashorder.Card) { c.PaymentID, c.Number = cashorder.Elo, withDigit("507860000000001") }, "paymentId"},
	} {
		card := right
		c.change(&card)
		field, detail := card.Check(now)
		if field != c.field || (field != "") == (detail == "") || strings.ContainsAny(strings.NewReplacer("12 a 19", "", "01 a 12", "", "tem 3", "", "tem 4", "").Replace(detail), "0123456789") {
			t.Errorf("%+v: %s %q", card, field, detail)
		}
	}
}

func TestDatesAreReadLenientlyAndWrittenStrictly(t *testing.T) {
	zone := time.FixedZone("BRT", -3*3600)
	for text, want := range map[string]string{
		"2017-02-02T00:00:00.0000000T-02:00": "2017-02-02T00:00:00-02:00", "2017-01-20T18:42:50.2113215-02:00": "2017-01-20T18:42:50.2113215-02:00", "2026-08-21T12:00:00.120Z": "2026-08-21T12:00:00.120Z", "2026-08-21T12:00:00-03:00": "2026-08-21T12:00:00-03:00",
		"2026-08-21T12:00:00Z": "2026-08-21T12:00:00Z", "2026-08-21T12:00:00": "2026-08-21T12:00:00-03:00", "2026-08-21 12:00:00": "2026-08-21T12:00:00-03:00", "2026-08-21 12:00:00.5 ": "", "2026-08-21": "2026-08-21T00:00:00-03:00", "2026-08-21T12:00:00-0300": "2026-08-21T12:00:00-03:00",
		"21/08/2026": "", "": "", "2026-13-01": "", "2026-08-21T25:00:00Z": "", "2026-08-21TT12:00:00Z": "",
	} {
		if got, ok := cashorder.Date(text, zone); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v", text, got, ok)
		}
	}
}
