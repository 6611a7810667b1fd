package sevenaz_test

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/paymentstest"
	"pdvagent/payments/pix"
	"pdvagent/payments/sevenaz"
	"pdvagent/payments/sevenaz/sevenazsim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// cloud is the simulator as the exercise sees it: one invoice of one document.
type cloud struct {
	*testing.T
	*sevenazsim.Sim
}

func (c *cloud) Fault(call, fault string, status, times int) {
	c.Helper()
	if fault == "" {
		c.Heal()
		return
	}
	route := map[string]string{"charge": "payment-data", "status": "pix-status"}[call]
	wait := 0
	if fault == "busy" {
		fault, wait = "status", 20
	}
	if err := c.Add(simkit.Fault{Route: route, Fault: fault, Status: status, RetryAfter: wait, Times: times}); err != nil {
		c.Fatal(err)
	}
}

func (c *cloud) Pay(agent.Cents, bool) error { return c.Sim.Pay("900001") }

func (c *cloud) Tally() (charges, paid, given int) {
	for _, arrival := range c.Received() {
		if arrival.Route == "payment-data" && arrival.Effect {
			charges++
		}
	}
	return charges, c.Invoices()[0].Paid, 0
}

func TestInvoicesPassTheExercise(t *testing.T) {
	paymentstest.Exercise(t, paymentstest.Vendor{
		Kind: payments.KindInvoice, Amount: 7725, Order: []byte(`{"invoice":"900001"}`), Reuses: true, NoAmounts: true,
		Cloud: func(t *testing.T) paymentstest.Cloud {
			return &cloud{T: t, Sim: sevenazsim.New(sevenazsim.Config{APIKey: "chave"})}
		},
		Provider: func(t *testing.T, dial upstream.Dial) payments.Provider {
			c, err := sevenaz.New(sevenaz.Config{BaseURL: "http://127.0.0.1/", APIKey: "chave", Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			return sevenaz.Provider{Client: c}
		},
	})
}

// open gives a client of a simulator over real HTTP.
func open(t *testing.T) (*sevenaz.Client, *sevenazsim.Sim) {
	t.Helper()
	sim := sevenazsim.New(sevenazsim.Config{APIKey: "chave"})
	server := httptest.NewServer(sim)
	c, err := sevenaz.New(sevenaz.Config{BaseURL: server.URL, APIKey: "chave"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c, sim
}

func TestInvoicesAreReadInEveryShape(t *testing.T) {
	c, sim := open(t)
	for _, root := range []string{"array", "data", "invoices", "items", "results"} {
		for _, numeric := range []bool{false, true} {
			sim.Set(func(s *sevenazsim.Settings) { s.Root, s.NumericIDs = root, numeric })
			list, unread, err := c.Invoices(t.Context(), "12345678909")
			if err != nil || unread != 0 || len(list) != 2 || list[0] != (sevenaz.Invoice{ID: "900001", DueDate: "2026-09-10", Amount: 7500, Reference: "09/2026", Contract: "147000", Status: "open"}) {
				t.Errorf("%s %v: %+v %d %v", root, numeric, list, unread, err)
			}
		}
	}
	sim.Set(func(s *sevenazsim.Settings) { s.Root, s.NumericIDs = "bare", false })
	if list, _, err := c.Invoices(t.Context(), "12ABC34501DE35"); err != nil || len(list) != 1 || list[0].Amount != 10000 {
		t.Errorf("one bare invoice, a CNPJ with letters: %+v %v", list, err)
	}
	if list, _, err := c.Invoices(t.Context(), "11144477735"); err != nil || list == nil || len(list) != 0 {
		t.Errorf("nothing open: %+v %v", list, err)
	}
	for text, want := range map[string]int{
		`[{"erpInvoiceId":"1","amount":1.005},{"erpInvoiceId":"2","amount":2}]`: 1,
		`[{"erpInvoiceId":"../x","amount":1}]`:                                  -1,
		`{"total":0}`:                                                           -1, `"x"`: -1,
	} {
		if err := sim.Add(simkit.Fault{Route: "invoices", Fault: "says", Body: text, Times: 1}); err != nil {
			t.Fatal(err)
		}
		list, unread, err := c.Invoices(t.Context(), "12345678909")
		if (want < 0) != (err != nil) || (want > 0 && (len(list) != want || unread != 1)) {
			t.Errorf("%s: %+v %d %v", text, list, unread, err)
		}
	}
}

func TestPaidIsOnlyWhatIsSaidToBePaid(t *testing.T) {
	c, sim := open(t)
	for setting, words := range map[string][2]string{"booleans": {"pending", "paid"}, "code": {"pending", "paid"}, "word": {"pending", "paid"}, "odd": {"unknown", "unknown"}} {
		sim.Reset()
		sim.Set(func(s *sevenazsim.Settings) { s.PixStatus = setting })
		for n, want := range words {
			if got, err := c.PixStatus(t.Context(), "900001"); err != nil || got != want {
				t.Errorf("%s, paid %d times: %s %v", setting, n, got, err)
			}
			if err := sim.Pay("900001"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, text := range []string{`{}`, `{"status":91}`, `{"status":"processing"}`, `{"paid":"no"}`, `[]`, `{"paid":false,"paid":true}`, `{"status":"open","Status":"paid"}`} {
		if err := sim.Add(simkit.Fault{Route: "pix-status", Fault: "says", Body: text, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if got, _ := c.PixStatus(t.Context(), "900001"); got == "paid" {
			t.Errorf("%s counts as paid", text)
		}
	}
}

func TestPaymentDataOfEveryInstrument(t *testing.T) {
	c, _ := open(t)
	first, err := c.PaymentData(t.Context(), "900001")
	if err != nil || first.Amount != 7725 || first.OriginalAmount != 7500 || first.Interest != 225 || first.BRCode == "" || first.QR != nil || first.DigitableLine == "" {
		t.Errorf("got %+v %v", first, err)
	}
	boleto, err := c.PaymentData(t.Context(), "900002")
	if err != nil || boleto.BRCode != "" || boleto.DigitableLine == "" || boleto.Amount != 130 {
		t.Errorf("by boleto only: %+v %v", boleto, err)
	}
	if own, err := c.PaymentData(t.Context(), "900003"); err != nil || len(own.QR) == 0 {
		t.Errorf("with its own picture: %d bytes, %v", len(own.QR), err)
	}
	if _, err := c.PaymentData(t.Context(), "1"); payments.FailureOf(err).Class != payments.NotFound {
		t.Errorf("an unknown invoice: %v", err)
	}
}

// TestPaymentDataAsProgramsWriteThem has amounts as doubles are printed, and a code with a line break at its end.
func TestPaymentDataAsProgramsWriteThem(t *testing.T) {
	c, sim := open(t)
	const code = "00020101021226750014br.gov.bcb.pix2553pix.example.com/cobv/aaaa1111bbbb2222cccc3333dddd4444520400005303986540575.005802BR5910LOJA TESTE6009SAO PAULO62070503***6304E83B"
	for body, want := range map[string]agent.Cents{
		`{"amount":75,"finalAmount":77.25000000000001,"pixCode":"` + code + `\r\n"}`: 7725, `{"amount":7.5E+1,"finalAmount":7.725E+1,"pixCode":" ` + code + `\n"}`: 7725,
		`{"amount":"sem valor","finalAmount":77.25,"dueDate":7,"pixQrCodeBase64":[],"pixCode":"` + code + `"}`: 7725, `{"amount":75,"finalAmount":"?"}`: -1, `{"amount":75.005}`: -1,
		`{"amount":75,"amount":77.25,"pixCode":"` + code + `"}`: -1, `{"amount":77.25,"pixCode":"` + code + `","PixCode":"outro"}`: -1, `{"amount":77.25,"pixCode":"` + code + `","x":1,"x":2}`: 7725,
	} {
		if err := sim.Add(simkit.Fault{Route: "payment-data", Fault: "says", Body: body, Times: 1}); err != nil {
			t.Fatal(err)
		}
		got, err := c.PaymentData(t.Context(), "900001")
		if (err != nil) != (want < 0) || err == nil && (got.Amount != want || got.BRCode != code || pix.Check(got.BRCode, got.Amount) != nil) {
			t.Errorf("%s: %+v %v", body, got, err)
		}
		if err != nil && !strings.Contains(payments.FailureOf(err).Words("7AZ"), "não se entende") {
			t.Errorf("%s: %s", body, payments.FailureOf(err).Words("7AZ"))
		}
	}
}

func TestDocumentsAndMails(t *testing.T) {
	c, sim := open(t)
	document, err := c.PDF(t.Context(), "900001")
	if err != nil {
		t.Fatal(err)
	}
	document, kind := upstream.Sniff(document)
	text, err := io.ReadAll(document)
	if err := errors.Join(err, document.Close()); err != nil || kind != "application/pdf" || len(text) < 20 {
		t.Errorf("%s %q %v", kind, text, err)
	}
	if err := errors.Join(c.Mail(t.Context(), "147000", ""), c.Mail(t.Context(), "", "12ABC34501DE35")); err != nil || len(sim.Mails()) != 2 {
		t.Errorf("%v %v", sim.Mails(), err)
	}
	if err := c.Mail(t.Context(), "1", ""); payments.FailureOf(err).Class != payments.NotFound {
		t.Errorf("got %v", err)
	}
	wrong, err := sevenaz.New(sevenaz.Config{BaseURL: "http://127.0.0.1:1", APIKey: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if _, err := wrong.PDF(context.WithoutCancel(t.Context()), "1"); payments.FailureOf(err).Class != payments.Away {
		t.Errorf("got %v", err)
	}
}
