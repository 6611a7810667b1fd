package cashordersim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/payments/cashorder/cashordersim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// card is one that nobody has, code its security code.
const (
	card = "4111111111111111"
	code = "987"
)

// order is the contract's example (3.6).
const order = `{"order":{"id":70001,"createDate":"2026-08-21T12:00:00-03:00","shipping":{"costPrice":1000,"deliveryForecast":"2026-08-30T00:00:00-03:00",` +
	`"receiver":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","birthDate":"1990-01-01T00:00:00-03:00","personType":1,"genderType":1,"phones":[{"DDD":"11","number":"900000000","type":3}]},` +
	`"shippingAddress":{"address":"Rua Modelo","number":"1","complement":"","city":"Sao Paulo","district":"Centro","state":"SP","zipCode":"01001000","reference":""}},` +
	`"participant":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","pesronType":1,"genderType":1,"phones":[]},` +
	`"items":[{"sku":"SKU-1","name":"Produto Teste","quantity":2,"costPrice":1000}],"amount":2000},` +
	`"payment":{"paymentId":3,"parcels":2,"ownerDocument":"12345678909","cardNumber":"` + card + `","expirationMonth":"01","expirationYear":"2040","ownerName":"CLIENTE TESTE","securityCode":"` + code + `"}}`

// with is the example with one text in place of another.
func with(t *testing.T, old, instead string) string {
	t.Helper()
	if strings.Count(order, old) == 0 {
		t.Fatalf("the example does not have %s", old)
	}
	return strings.Replace(order, old, instead, 1)
}

func open(t *testing.T, cfg cashordersim.Config) (*cashordersim.Sim, *agenttest.Caller) {
	t.Helper()
	sim, err := cashordersim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle("/control/", http.StripPrefix("/control", sim.Control()))
	return sim, agenttest.NewCaller(t, mux)
}

// answer is the supplier's to an order.
type answer struct {
	OrderID  *int64          `json:"orderId"`
	VendorID json.RawMessage `json:"orderVendorId"`
	Error    *struct {
		Code    int
		Message string
	}
}

func read(t *testing.T, r agenttest.Response) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(r.Body), &a); err != nil {
		t.Fatalf("%d %q: %v", r.Status, r.Body, err)
	}
	return a
}

func TestOptionsAreTheContracts(t *testing.T) {
	_, caller := open(t, cashordersim.Config{})
	got := caller.Send(http.MethodGet, "/api/paymentoptions?value=1701", "")
	var options struct {
		PaymentOptions []struct {
			PaymentID          int
			InstallmentOptions []struct {
				Description    string
				Parcels, Value int
			}
		}
	}
	if err := json.Unmarshal([]byte(got.Body), &options); err != nil || len(options.PaymentOptions) != 7 {
		t.Fatalf("got %d %s %v", got.Status, got.Body, err)
	}
	for i, brand := range options.PaymentOptions {
		if text := fmt.Sprint(brand.InstallmentOptions); brand.PaymentID != i+2 || text != "[{À vista 1 1701} {2X sem juros 2 945} {3X sem juros 3 630}]" {
			t.Errorf("brand %d: %s", brand.PaymentID, text)
		}
	}
	for _, value := range []string{"", "0", "-1", "17.01", "x"} {
		if got := caller.Send(http.MethodGet, "/api/paymentoptions?value="+value, ""); got.Status != 400 || read(t, got).Error == nil {
			t.Errorf("value %q: got %d %s", value, got.Status, got.Body)
		}
	}
}

func TestAnOrderOfAnotherShapeIsRefused(t *testing.T) {
	sim, caller := open(t, cashordersim.Config{})
	for _, c := range []struct {
		body  string
		code  int
		field string
	}{
		{`{`, 1001, "JSON"},
		{`[]`, 1001, `field "": type`},
		{with(t, `"id":70001`, `"id":"70001"`), 1001, "order/id"},
		{with(t, `"id":70001`, `"id":0`), 1001, "order/id"},
		{with(t, `"amount":2000`, `"amount":20.5`), 1001, "order/amount"},
		{with(t, `"amount":2000`, `"total":2000`), 1001, `field "order": required`},
		{with(t, `2026-08-21T12:00:00-03:00`, `21/08/2026`), 1001, "order/createDate"},
		{with(t, `2026-08-30T00:00:00-03:00`, `2017-02-02TT00:00:00-02:00`), 1001, "order/shipping/deliveryForecast"},
		{with(t, `"cpfCnpj":"12345678909"`, `"cpfCnpj":"123.456.789-09"`), 1001, "order/shipping/receiver/cpfCnpj"},
		{with(t, `"pesronType":1`, `"personType":1`), 1001, `field "order/participant": required`},
		{with(t, `"items":[{"sku":"SKU-1","name":"Produto Teste","quantity":2,"costPrice":1000}]`, `"items":[]`), 1001, "order/items"},
		{with(t, `"quantity":2`, `"quantity":0`), 1001, "order/items/0/quantity"},
		{with(t, `"costPrice":1000}]`, `"costPrice":"1000"}]`), 1001, "order/items/0/costPrice"},
		{with(t, `"cardNumber":"`+card+`"`, `"cardNumber":"4111"`), 1001, "payment/cardNumber"},
		{with(t, `"securityCode":"`+code+`"`, `"securityCode":987`), 1001, "payment/securityCode"},
		{with(t, `"expirationMonth":"01"`, `"expirationMonth":"13"`), 1001, "payment/expirationMonth"},
		{with(t, `"ownerDocument":"12345678909"`, `"ownerDocument":"123456789012"`), 1001, "payment/ownerDocument"},
		{with(t, `"zipCode":"01001000"`, `"zipCode":"00000000"`), 1002, "CEP"},
		{with(t, `"paymentId":3`, `"paymentId":9`), 1003, "pagamento"},
		{with(t, `"parcels":2`, `"parcels":13`), 1003, "pagamento"},
		{with(t, card, "4111111111110002"), 1004, "não autorizado"},
	} {
		got := caller.Send(http.MethodPost, "/api/order", c.body)
		a := read(t, got)
		if got.Status != 200 || a.Error == nil || a.Error.Code != c.code || !strings.Contains(a.Error.Message, c.field) || a.OrderID != nil || string(a.VendorID) != "null" {
			t.Errorf("%s: got %d %s, want %d with %s", c.body, got.Status, got.Body, c.code, c.field)
		}
	}
	if orders := sim.Orders(); len(orders) != 0 {
		t.Errorf("it took %+v", orders)
	}
}

func TestOrdersAreUniqueAsTheSettingsSay(t *testing.T) {
	for repeat, c := range map[string]struct {
		second string // its number, or the error's code
		orders int
	}{"dedupe": {`"V-900"`, 1}, "duplicate": {`"V-901"`, 2}, "error": {"1005", 1}} {
		sim, caller := open(t, cashordersim.Config{})
		caller.Send(http.MethodPut, "/control/settings", `{"repeat":"`+repeat+`"}`)
		if a := read(t, caller.Send(http.MethodPost, "/api/order", order)); a.Error != nil || *a.OrderID != 70001 || string(a.VendorID) != `"V-900"` {
			t.Errorf("%s: the first: %+v", repeat, a)
		}
		a := read(t, caller.Send(http.MethodPost, "/api/order", order))
		got := string(a.VendorID)
		if a.Error != nil {
			got = fmt.Sprint(a.Error.Code)
		}
		if got != c.second || len(sim.Orders()) != c.orders {
			t.Errorf("%s: got %s and %d orders, want %s and %d", repeat, got, len(sim.Orders()), c.second, c.orders)
		}
		caller.Send(http.MethodPost, "/api/order", with(t, "70001", "70002"))
		if len(sim.Orders()) != c.orders+1 {
			t.Errorf("%s: another order: %d", repeat, len(sim.Orders()))
		}
	}
}

func TestSettingsPlayWhatTheContractLeavesOpen(t *testing.T) {
	sim, caller := open(t, cashordersim.Config{})
	sim.Set(func(s *cashordersim.Settings) { s.ErrorStatus, s.NumericIDs = 409, true })
	if got := caller.Send(http.MethodPost, "/api/order", `{}`); got.Status != 409 || read(t, got).Error == nil {
		t.Errorf("a refusal: got %d %s", got.Status, got.Body)
	}
	if a := read(t, caller.Send(http.MethodPost, "/api/order", order)); string(a.VendorID) != "321654" {
		t.Errorf("a numeric id: %s", a.VendorID)
	}
	sim.Reset()
	if got := caller.Send(http.MethodPost, "/api/order", `{}`); got.Status != 200 || len(sim.Orders()) != 0 {
		t.Errorf("after a reset: got %d, %d orders", got.Status, len(sim.Orders()))
	}
}

func TestTheSupplierMayWantAHeader(t *testing.T) {
	sim, caller := open(t, cashordersim.Config{HeaderName: "X-Key", HeaderValue: "chave"})
	for _, path := range []string{"/api/order", "/api/paymentoptions?value=1"} {
		method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[path == "/api/order"]
		for key, status := range map[string]int{"": 401, "other": 401, "chave": 200} {
			if got := caller.Send(method, path, order, "X-Key", key); got.Status != status {
				t.Errorf("%s with key %q: got %d", path, key, got.Status)
			}
		}
	}
	if len(sim.Orders()) != 1 {
		t.Errorf("%d orders", len(sim.Orders()))
	}
	for _, path := range []string{"/api/orders", "/tracking", "/"} {
		if got := caller.Send(http.MethodPost, path, order, "X-Key", "chave"); got.Status != 404 {
			t.Errorf("%s: got %d", path, got.Status)
		}
	}
}

// No card is shown, whatever became of its order.
func TestACardIsShownNowhere(t *testing.T) {
	sim, caller := open(t, cashordersim.Config{})
	for _, f := range []simkit.Fault{{Fault: simkit.Status, Status: 500, Times: 1}, {Fault: simkit.Lost, Times: 1}} {
		f.Route = "order"
		if err := sim.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	spaced := with(t, `"cardNumber":"`, `"cardNumber" : "`)
	for _, body := range []string{order, order, spaced, with(t, `"parcels":2`, `"parcels":"2"`), strings.TrimSuffix(order, "}")} {
		caller.Send(http.MethodPost, "/api/order", body)
	}
	if n := len(sim.Received()); n != 5 {
		t.Fatalf("%d requests were logged", n)
	}
	for _, path := range []string{"received", "orders", "faults"} {
		if got := caller.Send(http.MethodGet, "/control/"+path, ""); got.Status != 200 || strings.Contains(got.Body, card) || strings.Contains(got.Body, `"`+code+`"`) {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
	}
	if orders := sim.Orders(); len(orders) != 1 || orders[0].LastFour != "1111" || orders[0].Amount != 2000 || orders[0].Brand != 3 || orders[0].Parcels != 2 {
		t.Errorf("got %+v, want the order of the lost answer", orders)
	}
}

// sample is the order that the supplier's document prints, with its second T, its brand 1 and its ten parcels.
const sample = `{"order":{"id":12021,"createDate":"2017-01-20T18:42:50.2113215-02:00","shipping":{"costPrice":1000,"deliveryForecast":"2017-02-02T00:00:00.0000000T-02:00",` +
	`"receiver":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","birthDate":"1985-05-29T00:00:00.0000000-02:00","personType":1,"genderType":1,"phones":[{"DDD":"11","number":"900000000","type":3}]},` +
	`"shippingAddress":{"address":"Rua Modelo","number":"283","complement":"Casa 2","city":"Barueri","district":"","state":"SP","zipCode":"06253220","reference":"Casa verde"}},` +
	`"participant":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","birthDate":"1985-05-29T00:00:00.0000000-02:00","pesronType":1,"genderType":1,"phones":[{"DDD":"11","number":"900000000","type":3}]},` +
	`"items":[{"sku":"32155","name":"Nome do Produto","quantity":2,"costPrice":1000}],"amount":2000},` +
	`"payment":{"paymentId":1,"parcels":10,"ownerDocument":"12345678909","cardNumber":"4111111111111111","expirationMonth":"01","expirationYear":"2020","ownerName":"Owner Name","securityCode":"001"}}`

func TestTheDocumentsOwnOrderIsTaken(t *testing.T) {
	sim, caller := open(t, cashordersim.Config{})
	if got := read(t, caller.Send(http.MethodPost, "/api/order", sample)); got.Error != nil || string(got.VendorID) != `"V-900"` {
		t.Fatalf("got %+v", got)
	}
	sim.Set(func(s *cashordersim.Settings) { s.NumericIDs = true })
	if got := read(t, caller.Send(http.MethodPost, "/api/order", sample)); got.Error != nil || string(got.VendorID) != "900" {
		t.Errorf("numbers, after the order was taken: %+v", got)
	}
}
