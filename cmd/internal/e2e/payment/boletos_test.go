package payment

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/cmd/internal/e2e"
	"pdvagent/payments/sicoob/sicoobsim"
)

// register makes a boleto known that was issued elsewhere.
func register(s *e2e.Site, more string) e2e.Answer {
	s.Helper()
	return s.Post("/v1/boletos", `{"register_only":true,"amount":15000,"due_date":"2020-01-31"`+more+`}`)
}

// settle runs the routine and waits for its end.
func settle(s *e2e.Site) e2e.Answer {
	s.Helper()
	var got e2e.Answer
	started := s.Call(http.MethodPost, "/v1/routines/sicoob-settlement/run", e2e.SupportToken, "{}")
	if started.Status != http.StatusAccepted {
		s.Fatalf("run now: %d %s", started.Status, started.Body)
	}
	s.Until("the routine ends", func() bool {
		got = s.Call(http.MethodGet, "/v1/routines/sicoob-settlement/runs", e2e.SupportToken, "")
		return !strings.Contains(got.Body, `"running"`)
	})
	return got
}

// bank is a shop's primary till whose bank answers at once.
func bank(t *testing.T) *e2e.Site {
	t.Helper()
	s := e2e.NewSiteWithPayments(t, "primary: false", "primary: true").Start()
	s.Clouds.Sicoob.Set(func(c *sicoobsim.Settings) { c.ReadyAfter, c.PerSecond = 0, 1000 })
	return s
}

func TestABoletoIsIssuedPaidAndFound(t *testing.T) {
	s := bank(t)
	due := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	payer := `"payer":{"document":"123.456.789-09","name":"Maria Canária","address":"Rua A 1","district":"Centro","city":"Goiania","zip":"74000-000","state":"go"}`
	body := `{"seu_numero":"PDV01-1","amount":15000,"due_date":"` + due + `","instruction":"Obrigado.",` + payer + `}`
	made := s.Post("/v1/boletos", body, "Idempotency-Key", "b1")
	nosso, _ := made.Field("nosso_numero").(string)
	if made.Status != http.StatusCreated || made.Field("status") != "open" || made.Field("digitable_line") == nil || made.Field("brcode") == nil || made.Field("received") != nil {
		t.Fatalf("issued: %d %s", made.Status, made.Body)
	}
	if again := s.Post("/v1/boletos", body, "Idempotency-Key", "b1"); again.Status != http.StatusCreated || again.Field("nosso_numero") != nosso || again.Header.Get("X-Agent-Delivery") != "replayed" || len(s.Clouds.Sicoob.Boletos()) != 1 {
		t.Errorf("again: %d %s", again.Status, again.Body)
	}
	if got := s.Post("/v1/boletos", body); got.Status != http.StatusBadRequest || got.Field("code") != "idempotency_key_missing" {
		t.Errorf("without a key: %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/boletos/"+nosso+"/pdf", e2e.TillToken, ""); got.Status != http.StatusOK || !strings.HasPrefix(got.Body, "%PDF") {
		t.Errorf("its PDF: %d %q", got.Status, got.Body)
	}
	registered := register(s, `,"nosso_numero":"0005029","seu_numero":"ERP-1","issue_date":"`+time.Now().Format(time.DateOnly)+`"`)
	if registered.Status != http.StatusCreated || registered.Field("nosso_numero") != "0005029" || registered.Field("register_only") != true {
		t.Errorf("registered: %d %s", registered.Status, registered.Body)
	}
	if again := register(s, `,"nosso_numero":5029`); again.Status != http.StatusCreated || again.Header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("registered again: %d %s", again.Status, again.Body)
	}
	n := 0
	if _, err := fmt.Sscan(nosso, &n); err != nil {
		t.Fatal(err)
	}
	for _, m := range []sicoobsim.Movement{{NossoNumero: n, Means: 212}, {NossoNumero: 5029, Amount: 15185, BoletoValue: 15000}, {NossoNumero: 9990, Amount: 5, BoletoValue: 5}} {
		if err := s.Clouds.Sicoob.Pay(m); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Call(http.MethodGet, "/v1/boletos/"+nosso+"?ask=1", e2e.TillToken, ""); got.Field("bank_status") != "paid" || got.Field("status") != "open" {
		t.Errorf("asked: %s", got.Body)
	}
	settle(s)
	list := s.Call(http.MethodGet, "/v1/boletos?status=paid&since=2020-01-01", e2e.TillToken, "")
	if boletos, _ := list.Field("boletos").([]any); len(boletos) != 2 {
		t.Fatalf("paid: %s", list.Body)
	}
	one, two := s.Call(http.MethodGet, "/v1/boletos/"+nosso, e2e.TillToken, ""), s.Call(http.MethodGet, "/v1/boletos/5029", e2e.TillToken, "")
	if one.Field("channel") != "pix" || one.Field("difference") != 0.0 || two.Field("difference") != 185.0 || two.Field("divergent") != true || two.Field("expected") != 15000.0 || two.Field("channel") != "bank" {
		t.Errorf("got %s\n%s", one.Body, two.Body)
	}
	if csv := s.Call(http.MethodGet, "/v1/boletos?format=csv&status=paid", e2e.TillToken, ""); !strings.Contains(csv.Body, "\n0005029;ERP-1;paid;2020-01-31;150.00;151.85;1.85;") || strings.Count(csv.Body, "\n") != 3 {
		t.Errorf("CSV: %s", csv.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/boletos/unmatched", e2e.TillToken, ""); len(got.Field("unmatched").([]any)) != 1 {
		t.Errorf("unmatched: %s", got.Body)
	}
	if err := s.Clouds.Sicoob.Pay(sicoobsim.Movement{NossoNumero: n, PaidOn: time.Now().AddDate(0, 0, -1).Format(time.DateOnly)}); err != nil {
		t.Fatal(err)
	}
	settle(s)
	if got := s.Status(); !strings.Contains(got.Body, "boleto_review") {
		t.Errorf("paid twice, and nobody is told: %s", got.Body)
	}
	if got := s.Post("/v1/boletos/"+nosso+"/resolve", `{"reason":"devolvido"}`); got.Field("status") != "paid" || got.Field("attention") != false {
		t.Errorf("resolve: %d %s", got.Status, got.Body)
	}
	off := s.Post("/v1/boletos", strings.Replace(body, "PDV01-1", "PDV01-2", 1), "Idempotency-Key", "b2")
	if got := s.Post("/v1/boletos/"+fmt.Sprint(off.Field("nosso_numero"))+"/write-off", `{}`); got.Status != http.StatusOK || got.Field("status") != "written_off" {
		t.Errorf("write-off: %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v1/boletos/5029/write-off", `{}`); got.Status != http.StatusConflict {
		t.Errorf("a paid one: %d %s", got.Status, got.Body)
	}
	s.Stop()
	e2e.WantNoCanary(t, s.DataDir())
	for _, canary := range []string{"12345678909", "Canária"} {
		if strings.Contains(s.AgentLog.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
}

func TestBadBoletosAreRefusedInWords(t *testing.T) {
	s := bank(t)
	for more, field := range map[string]string{
		``: "nosso_numero", `,"nosso_numero":"12a"`: "nosso_numero", `,"nosso_numero":1013,"issue_date":"31/01/2026"`: "issue_date", `,"nosso_numero":1013,"barcode":"123"`: "barcode",
		`,"nosso_numero":1013,"barcode":"75692138100000150001123401056789000001013002"`:           "barcode",
		`,"nosso_numero":1020,"barcode":"75692138100000150001123401056789000001013001"`:           "barcode",
		`,"nosso_numero":1020,"digitable_line":"75691123400105678900900010200012113760000008990"`: "digitable_line",
		`,"nosso_numero":1020,"barcode":"84670000001435900240200240500024384221010811"`:           "barcode",
	} {
		if got := register(s, more); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", more, got.Status, got.Body)
		}
	}
	for body, field := range map[string]string{
		`{"seu_numero":"A","due_date":"2099-01-01"}`:                                   "amount",
		`{"seu_numero":"A","due_date":"2020-01-01","amount":1,"payer":{}}`:             "due_date",
		`{"due_date":"2099-01-01","amount":1,"payer":{}}`:                              "seu_numero",
		`{"seu_numero":"A","due_date":"2099-01-01","amount":1}`:                        "payer",
		`{"seu_numero":"A","due_date":"2099-01-01","amount":1,"payer":{"zip":"1"}}`:    "payer.document",
		`{"seu_numero":"A","due_date":"2099-01-01","amount":1,"register_only":"sim"}`:  "register_only",
		`{"seu_numero":"1234567890123456789","due_date":"2099-01-01","amount":1.5}`:    "amount",
		`{"seu_numero":"A","due_date":"2099-02-30","amount":100,"payer":{}}`:           "due_date",
		`{"seu_numero":"A","due_date":"2099-02-01","amount":100,"nosso_numero":"x-1"}`: "nosso_numero",
	} {
		if got := s.Post("/v1/boletos", body, "Idempotency-Key", "x"); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.Status, got.Body)
		}
	}
	for path, status := range map[string]int{"/v1/boletos/77": 404, "/v1/boletos/x": 404, "/v1/boletos/77/pdf": 404, "/v1/boletos?status=odd": 422, "/v1/boletos?since=x": 422} {
		if got := s.Call(http.MethodGet, path, e2e.TillToken, ""); got.Status != status {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if n := len(s.Clouds.Sicoob.Boletos()); n != 0 {
		t.Errorf("%d boletos", n)
	}
}

func TestALineIsReadOrSaidToBeWrongByItsBlock(t *testing.T) {
	s := e2e.NewSite(t).Start() // no bank is needed
	decode := func(line string) e2e.Answer { return s.Post("/v1/boletos/decode", `{"line":"`+line+`"}`) }
	good := decode("75691.12340 01056.789009 00010.130011 2 13810000015000")
	if good.Field("kind") != "boleto" || good.Field("amount") != 15000.0 || good.Field("due_date") != "2026-03-10" || good.Field("sicoob.nosso_numero") != "1013" || good.Field("barcode") != "75692138100000150001123401056789000001013001" {
		t.Errorf("got %s", good.Body)
	}
	if slip := decode("84670000001-7 43590024020-9 02405000243-5 84221010811-9"); slip.Field("kind") != "collection" || slip.Field("amount") != 14359.0 {
		t.Errorf("got %s", slip.Body)
	}
	for line, words := range map[string]string{
		"75691.12341 01056.789009 00010.130011 2 13810000015000":  "Campo 1",
		"75691.12340 01056.789009 00010.130012 2 13810000015000":  "Campo 3",
		"75691.12340 01056.789009 00010.130011 2 13810000015001":  "Dígito geral",
		"84670000001-7 43590024020-8 02405000243-5 84221010811-9": "Bloco 2",
		"123": "3 números",
	} {
		if got := decode(line); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, words) {
			t.Errorf("%s: %d %s", line, got.Status, got.Body)
		}
	}
	for _, path := range []string{"/v1/boletos", "/v1/boletos/1", "/v1/boletos/unmatched", "/v1/orders", "/v1/orders/payment-options?value=1"} {
		if got := s.Call(http.MethodGet, path, e2e.TillToken, ""); got.Status != http.StatusNotFound || got.Field("code") != "not_configured" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

func TestSettlementRunsOnThePrimaryTillOnly(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	if got := s.Call(http.MethodPost, "/v1/routines/sicoob-settlement/run", e2e.SupportToken, "{}"); got.Status != http.StatusConflict || got.Field("code") != "not_primary" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestBoletosComeFromAFile(t *testing.T) {
	s := bank(t)
	file := filepath.Join(t.TempDir(), "boletos.csv")
	text := "\ufeffnosso_numero;seu_numero;amount;due_date\n000101-3;A;1.150,00;10/03/2026\n1020;B;89.9;2026-03-05\n1038;C;1,005;2026-03-05\nx;D;1,00;2026-03-05\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := s.Command(1, "boletos", "import", file)
	if !strings.Contains(out, "2 registrados, 0 já conhecidos, 2 recusados") || !strings.Contains(out, "linha 4:") || !strings.Contains(out, "linha 5:") {
		t.Errorf("got %s", out)
	}
	if out := s.Command(1, "boletos", "import", file); !strings.Contains(out, "0 registrados, 2 já conhecidos") {
		t.Errorf("again: %s", out)
	}
	if out := s.Command(0, "boletos", "ls", "--status", "open"); !strings.Contains(out, "000101-3") || !strings.Contains(out, "R$ 1.150,00") {
		t.Errorf("listed: %s", out)
	}
	if got := s.Call(http.MethodGet, "/v1/boletos/1013", e2e.TillToken, ""); got.Field("amount") != 115000.0 || got.Field("due_date") != "2026-03-10" {
		t.Errorf("got %s", got.Body)
	}
}
