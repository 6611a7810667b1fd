package sevenazsim_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/payments/boleto"
	"pdvagent/payments/pix"
	"pdvagent/payments/sevenaz/sevenazsim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

const base = "/v2/integrations/omnichannel/"

func open(t *testing.T, cfg sevenazsim.Config) (*sevenazsim.Sim, *agenttest.Caller) {
	t.Helper()
	sim := sevenazsim.New(cfg)
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle("/control/", http.StripPrefix("/control", sim.Control()))
	caller := agenttest.NewCaller(t, mux)
	caller.Header.Set("X-Api-Key", "chave")
	return sim, caller
}

// get gives the answer of a route as JSON; another status than 200 fails the test.
func get[T any](t *testing.T, caller *agenttest.Caller, path string) T {
	t.Helper()
	got := caller.Send(http.MethodGet, base+path, "")
	var value T
	if err := json.Unmarshal([]byte(got.Body), &value); err != nil || got.Status != 200 {
		t.Fatalf("%s: got %d %s", path, got.Status, got.Body)
	}
	return value
}

type object = map[string]any

func TestTheKeyIsWantedEverywhere(t *testing.T) {
	_, caller := open(t, sevenazsim.Config{APIKey: "chave"})
	for _, path := range []string{"invoices?txId=12345678909", "invoices/900001/payment-data", "invoices/900001/pix-status", "invoices/900001/pdf", "email-notifications/bycontract/147000"} {
		if got := caller.Send(http.MethodGet, base+path, ""); got.Status >= 300 {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
		for _, key := range []string{"", "outra"} {
			if got := caller.Send(http.MethodGet, base+path, "", "X-Api-Key", key); got.Status != 401 {
				t.Errorf("%s with key %q: got %d", path, key, got.Status)
			}
		}
		if got := caller.Send(http.MethodPost, base+path, ""); got.Status != 404 {
			t.Errorf("POST %s: got %d", path, got.Status)
		}
	}
	for _, path := range []string{base, base + "invoices/900001", base + "invoices/900001/paid", base + "email-notifications/byname/x", "/v1/integrations/omnichannel/invoices?txId=12345678909"} {
		if got := caller.Send(http.MethodGet, path, ""); got.Status != 404 {
			t.Errorf("%s: got %d", path, got.Status)
		}
	}
}

func TestOpenInvoicesAreAnArrayOfTheContractsItems(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	list := get[[]object](t, caller, "invoices?txId=12345678909")
	if len(list) != 2 {
		t.Fatalf("got %v", list)
	}
	for name, want := range map[string]any{
		"erpInvoiceId": "900001", "uniqueId": nil, "dueDate": "2026-09-10T00:00:00", "amount": 75.0, "formatedAmount": "R$ 75,00",
		"competence": "2026-09-01T00:00:00", "reference": "09/2026", "charges": nil, "status": 0.0, "erpContractId": "147000",
	} {
		if got, ok := list[0][name]; !ok || got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if err := sim.Pay("900001"); err != nil {
		t.Fatal(err)
	}
	if list := get[[]object](t, caller, "invoices?txId=12345678909"); len(list) != 1 || list[0]["erpInvoiceId"] != "900002" {
		t.Errorf("a paid one is still open: %v", list)
	}
	if list := get[[]object](t, caller, "invoices?txId=11144477735"); len(list) != 0 {
		t.Errorf("somebody else's: %v", list)
	}
	for _, document := range []string{"", "123", "123456789090"} {
		if got := caller.Send(http.MethodGet, base+"invoices?txId="+document, ""); got.Status != 400 {
			t.Errorf("txId %q: got %d", document, got.Status)
		}
	}
}

func TestListHasTheShapeThatIsSet(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	for _, root := range []string{"data", "invoices", "items", "results"} {
		sim.Set(func(s *sevenazsim.Settings) { s.Root = root })
		if wrapped := get[map[string][]object](t, caller, "invoices?txId=12345678909"); len(wrapped) != 1 || len(wrapped[root]) != 2 {
			t.Errorf("%s: got %v", root, wrapped)
		}
	}
	sim.Set(func(s *sevenazsim.Settings) { s.Root, s.NumericIDs = "bare", true })
	if one := get[object](t, caller, "invoices?txId=12345678909"); one["erpInvoiceId"] != 900001.0 {
		t.Errorf("bare, with a numeric id: got %v", one)
	}
}

func TestPaymentDataHasTheInstrumentsOfItsInvoice(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	first := get[object](t, caller, "invoices/900001/payment-data")
	code, err := pix.Parse(first["pixCode"].(string))
	if err != nil || code.Priced || code.URL == "" || code.Key != "" {
		t.Errorf("a dynamic code without an amount: got %+v %v", code, err)
	}
	if first["amount"] != 75.0 || first["finalAmount"] != 77.25 || first["interestAmount"] != 2.25 || first["pixQrCodeBase64"] != nil {
		t.Errorf("got %v", first)
	}
	second := get[object](t, caller, "invoices/900002/payment-data")
	if second["pixCode"] != nil || second["finalAmount"] != 1.3 || !strings.HasSuffix(second["billetDigitableLine"].(string), "000130") {
		t.Errorf("without Pix: got %v", second)
	}
	third := get[object](t, caller, "invoices/900003/payment-data")
	raw, err := base64.StdEncoding.DecodeString(third["pixQrCodeBase64"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Errorf("its own QR code is no PNG: %v", err)
	}
	if err := sim.AddInvoice(sevenazsim.Invoice{ID: "A-1", Document: "11144477735", DueDate: "2026-12-10", Amount: 100, NoBoleto: true}); err != nil {
		t.Fatal(err)
	}
	if added := get[object](t, caller, "invoices/A-1/payment-data"); added["billetDigitableLine"] != nil || added["pixCode"] == nil {
		t.Errorf("without a boleto: got %v", added)
	}
	sim.Set(func(s *sevenazsim.Settings) { s.QR = "bad_crc" })
	if _, err := pix.Parse(get[object](t, caller, "invoices/900001/payment-data")["pixCode"].(string)); err == nil {
		t.Error("a code with a wrong CRC is right")
	}
}

func TestPaymentShowsInTheWayThatIsSet(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	for _, c := range []struct{ status, open, paid string }{
		{"booleans", `{"paid":false,"paidByPix":false}`, `{"paid":true,"paidByPix":true}`},
		{"code", `{"status":0}`, `{"status":92}`},
		{"word", `{"status":"PENDENTE"}`, `{"status":"PAGO"}`},
		{"odd", `{"status":77}`, `{"status":77}`},
	} {
		sim.Reset()
		sim.Set(func(s *sevenazsim.Settings) { s.PixStatus = c.status })
		before := caller.Send(http.MethodGet, base+"invoices/900001/pix-status", "")
		if err := sim.Pay("900001"); err != nil {
			t.Fatal(err)
		}
		after := caller.Send(http.MethodGet, base+"invoices/900001/pix-status", "")
		if strings.TrimSpace(before.Body) != c.open || strings.TrimSpace(after.Body) != c.paid {
			t.Errorf("%s: got %s and %s", c.status, before.Body, after.Body)
		}
	}
	for _, what := range []string{"payment-data", "pix-status", "pdf"} {
		if got := caller.Send(http.MethodGet, base+"invoices/nobody/"+what, ""); got.Status != 404 {
			t.Errorf("%s of nobody's: got %d", what, got.Status)
		}
	}
	if sim.Pay("nobody") == nil {
		t.Error("nobody's was paid")
	}
}

func TestPDFIsOne(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	if got := caller.Send(http.MethodGet, base+"invoices/900001/pdf", ""); got.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(got.Body, "%PDF") {
		t.Errorf("got %s %s", got.Header.Get("Content-Type"), got.Body)
	}
	sim.Set(func(s *sevenazsim.Settings) { s.PDF = "html" })
	if got := caller.Send(http.MethodGet, base+"invoices/900001/pdf", ""); got.Header.Get("Content-Type") != "application/pdf" || strings.HasPrefix(got.Body, "%PDF") {
		t.Errorf("a PDF that is none: got %s %s", got.Header.Get("Content-Type"), got.Body)
	}
}

func TestMailsAreCounted(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	if err := sim.Add(simkit.Fault{Route: "email", Fault: simkit.Lost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := caller.Send(http.MethodGet, base+"email-notifications/bycontract/147001", ""); got.Status != 0 {
		t.Errorf("a lost answer: got %d", got.Status)
	}
	for path, status := range map[string]int{"bycustomer/12345678909": 204, "bycontract/1": 404, "bycustomer/147000": 404} {
		if got := caller.Send(http.MethodGet, base+"email-notifications/"+path, ""); got.Status != status {
			t.Errorf("%s: got %d, want %d", path, got.Status, status)
		}
	}
	if got := strings.Join(sim.Mails(), " "); got != "147001 12345678909" {
		t.Errorf("got %s", got)
	}
}

func TestAnInvoiceOfNothingIsRefused(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	for _, body := range []string{`{"document":"1","amount":1}`, `{"erpInvoiceId":"1","amount":1}`, `{"erpInvoiceId":"1","document":"1"}`, `{"id":"1"}`} {
		if got := caller.Send(http.MethodPost, "/control/invoices", body); got.Status != 422 {
			t.Errorf("%s: got %d", body, got.Status)
		}
	}
	if n := len(sim.Invoices()); n != 4 {
		t.Errorf("%d invoices", n)
	}
}

func TestTheDigitableLineOfAnInvoiceIsOne(t *testing.T) {
	_, caller := open(t, sevenazsim.Config{})
	for id, want := range map[string]struct {
		amount int64
		due    string
	}{"900001": {7725, "2026-09-10"}, "900004": {8990, "2026-10-15"}} {
		text, _ := get[object](t, caller, "invoices/"+id+"/payment-data")["billetDigitableLine"].(string)
		slip, err := boleto.Parse(text, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC))
		if err != nil || int64(slip.Amount) != want.amount || slip.Due.Format(time.DateOnly) != want.due {
			t.Errorf("%s: %s %+v %v", id, text, slip, err)
		}
	}
}

func TestAnInvoiceWithoutAWholeDueDateIsNotTaken(t *testing.T) {
	sim, caller := open(t, sevenazsim.Config{})
	for _, due := range []string{"", "2026", "2026-13-01", "10/12/2026"} {
		if err := sim.AddInvoice(sevenazsim.Invoice{ID: "1", Document: "11144477735", Amount: 100, DueDate: due}); err == nil {
			t.Errorf("%q was taken", due)
		}
	}
	if list := get[[]object](t, caller, "invoices?txId=52998224725"); len(list) != 1 {
		t.Errorf("the first member's: %v", list)
	}
}
