package mercafacil_test

import (
	"flag"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestMain(m *testing.M) { agenttest.Main(m) }

// cloudOf runs a cloud and a client with that token; got is the last request.
func cloudOf(t *testing.T, token string, answer http.HandlerFunc) (*mercafacil.Client, *http.Request, *string) {
	t.Helper()
	var got http.Request
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, body = *r, string(raw)
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	client, err := mercafacil.New(mercafacil.Config{BaseURL: server.URL + "/api/", Token: token, PDVVersion: "1.2.3", Deadline: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, &got, &body
}

func TestEachKindGoesToItsRouteInEachDialect(t *testing.T) {
	for _, c := range []struct {
		dialect agent.Dialect
		kind    agent.Kind
		want    string
	}{
		{agent.V2, agent.KindConfirm, "/api/v2/transaction/confirm"},
		{agent.V2, agent.KindCancel, "/api/v2/transaction/cancel"},
		{agent.V2, agent.KindCoupon, "/api/v2/coupons/"},
		{agent.V2, agent.KindCouponCancellation, "/api/v2/coupons-cancellation/"},
		{agent.V22, agent.KindConfirm, "/api/v2.2/transaction/confirm"},
		{agent.V22, agent.KindCancel, "/api/v2.2/transaction/cancel"},
		{agent.V22, agent.KindCoupon, "/api/v2/coupons"},
		{agent.V22, agent.KindCouponCancellation, "/api/v2/coupons-cancellation"},
	} {
		client, got, _ := cloudOf(t, "t", nil)
		if outcome := client.Deliver(t.Context(), c.kind, c.dialect, []byte(`{}`)); outcome.Class != agent.ClassOK || got.URL.Path != c.want || got.Method != http.MethodPost {
			t.Errorf("%s %s: got %s %s, %+v", c.dialect, c.kind, got.Method, got.URL.Path, outcome)
		}
	}
}

func TestEveryRequestCarriesTokenOfAnyLengthAndPDVVersion(t *testing.T) {
	token := strings.Repeat("a1B2-._~", 512) // 4,096 characters (R13: at least 500)
	client, got, body := cloudOf(t, token, nil)
	const sent = `{ "coupon" : "é", "x":1.00 }`
	client.Deliver(t.Context(), agent.KindCoupon, agent.V2, []byte(sent))
	if got.Header.Get("Authorization") != "Bearer "+token {
		t.Errorf("Authorization has %d characters", len(got.Header.Get("Authorization")))
	}
	if got.Header.Get("pdv-version") != "1.2.3" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Accept") != "application/json" {
		t.Errorf("headers: %v", got.Header)
	}
	for name := range got.Header {
		if strings.Contains(strings.ToLower(name), "idempotency") {
			t.Errorf("%s makes net/http repeat requests", name)
		}
	}
	if *body != sent {
		t.Errorf("got %q, want %q", *body, sent)
	}
}

func TestTwoHundredCountsOnlyWhenTheCloudWroteIt(t *testing.T) {
	for body, want := range map[string]agent.Class{
		"": agent.ClassOK, " \n": agent.ClassOK, "OK": agent.ClassForeign, "Bem-vindo ao Wi-Fi": agent.ClassForeign, "null": agent.ClassOK, `{"message":"ok"}`: agent.ClassOK, `[]`: agent.ClassOK, `{"error":null,"errors":[]}`: agent.ClassOK,
		`{"error":""}`: agent.ClassOK, `{"error":false,"statusCode":201}`: agent.ClassOK,
		`{"message":"o`:                    agent.ClassForeign,
		`{"statusCode":422,"message":"x"}`: agent.ClassStatus, "<html>": agent.ClassForeign,
	} {
		client, _, _ := cloudOf(t, "t", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		got := client.Deliver(t.Context(), agent.KindCoupon, agent.V2, []byte(`{}`))
		if got.Class != want || got.Answered() != (want != agent.ClassForeign) {
			t.Errorf("%q: got %+v, want %s", body, got, want)
		}
		if want == agent.ClassStatus && got.Status != 422 {
			t.Errorf("%q: got status %d", body, got.Status)
		}
	}
}

func TestUnknownDialectIsNoAttempt(t *testing.T) {
	client, _, _ := cloudOf(t, "t", nil)
	if got := client.Deliver(t.Context(), agent.KindCoupon, "v9", []byte(`{}`)); got.Class != agent.ClassUnreachable || got.Reached {
		t.Errorf("got %+v", got)
	}
}

func TestReceiptIsReadExactly(t *testing.T) {
	body, err := rawjson.Parse([]byte(agenttest.Receipt("C-1", "T-1")))
	if err != nil {
		t.Fatal(err)
	}
	sale, form := mercafacil.ReadSale(body)
	if len(form.Faults)+len(form.Notes) > 0 || form.Mended() {
		t.Fatal(form)
	}
	if sale.Coupon != "C-1" || sale.Session != "T-1" || sale.ClientID != "0" || sale.Till != "012" || sale.Operator != "0123" ||
		sale.Total != 66_930 || sale.Net != 56_930 || len(sale.Items) != 2 || len(sale.Payments) != 2 {
		t.Errorf("got %+v", sale)
	}
	if cheese := sale.Items[1]; cheese.Quantity != 1235 || cheese.Unit.Cmp(big.NewRat(299, 10)) != 0 || cheese.Total != 36_930 || cheese.Packing != 1000 || cheese.EAN != "2000411000000" {
		t.Errorf("got %+v", cheese)
	}
}

func TestNumbersAsStringsAndEitherSpellingOfTheNetTotalAreRead(t *testing.T) {
	text := strings.NewReplacer(`"quantity":1.235`, `"quantity":"1.235"`, `"total_value":66.93`, `"total_value":"66.930"`,
		`with_discount"`, `with_discounts"`, `"coupon":"C"`, `"coupon":77`).Replace(agenttest.Receipt("C", "T"))
	body, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	sale, form := mercafacil.ReadSale(body)
	if len(form.Faults) > 0 || sale.Items[1].Quantity != 1235 || sale.Net != 56_930 || sale.Total != 66_930 || sale.Coupon != "77" {
		t.Errorf("got %+v, %v", sale, form)
	}
}

func TestCancelBodyIsTheContracts(t *testing.T) {
	path := filepath.Join("testdata", "cancel.golden")
	got := mercafacil.CancelBody(`a"b`)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(got) != string(want) {
		t.Errorf("got %s, want %s, %v", got, want, err)
	}
}

// FuzzReadSale feeds the reader with whatever is JSON: it must neither panic nor take a number that is not exact.
func FuzzReadSale(f *testing.F) {
	agenttest.Seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := rawjson.Parse(text)
		if err != nil {
			return
		}
		sale, form := mercafacil.ReadSale(body)
		if len(form.Faults) > 0 {
			return
		}
		if body.Kind != rawjson.Object || len(sale.Items) == 0 {
			t.Fatal("took a sale without items")
		}
		wire, err := rawjson.Parse(form.Wire())
		if err != nil {
			t.Fatalf("%s goes up as %s: %v", text, form.Wire(), err)
		}
		if again, mended := mercafacil.ReadSale(wire); len(mended.Faults) > 0 || mended.Mended() || len(again.Items) != len(sale.Items) || again.Total != sale.Total || again.Net != sale.Net {
			t.Fatalf("%s goes up as %s, which is %+v, %+v", text, form.Wire(), again, mended)
		}
	})
}

// Some of the vendor's own examples are not JSON. What they mean is plain, and goes on as JSON.
func TestAnswersThatAreAlmostJSONAreRead(t *testing.T) {
	for answer, want := range map[string]string{
		"\xef\xbb\xbf{\"transaction_id\":\"T\"}":                     `{"transaction_id":"T"}`,
		"{\"transaction_id\":\"T\",\n\"loyalty\":true, // membro\n}": "{\"transaction_id\":\"T\"\n,\"loyalty\":true \n}",
		`{"transaction_id":"T","should_display_message":true,"message":{"responses":[{"button":"Sim","tag":"a","button":"Nao","tag":"b"}]}}`: `{"transaction_id":"T"}`,
	} {
		client, _, _ := cloudOf(t, "token", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		got := client.Call(t.Context(), agent.CallStart, agent.V2, []byte("{}"))
		if got.Class != agent.ClassOK || string(got.Body) != want || !strings.Contains(got.Detail, "mended") {
			t.Errorf("%q: got %s %q, %q", answer, got.Class, got.Body, got.Detail)
		}
	}
	client, _, _ := cloudOf(t, "token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"transaction_id":"T","transaction_id":"U"}`)
	})
	if got := client.Call(t.Context(), agent.CallStart, agent.V2, []byte("{}")); got.Class == agent.ClassOK {
		t.Errorf("two identifications: got %+v", got)
	}
}
