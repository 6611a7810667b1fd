package sicoob_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
	"pdvagent/payments/sicoob"
	"pdvagent/payments/sicoob/sicoobsim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

// now is the moment of these tests.
func now() time.Time { return time.Date(2026, 3, 11, 15, 0, 0, 0, time.UTC) }

// open gives a client of a simulator over real HTTP.
func open(t *testing.T, change ...func(*sicoob.Config)) (*sicoob.Client, *sicoobsim.Sim) {
	t.Helper()
	sim, err := sicoobsim.New(sicoobsim.Config{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	sim.Set(func(s *sicoobsim.Settings) { s.ReadyAfter, s.PerSecond = 0, 1000 })
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	cfg := sicoob.Config{BaseURL: server.URL + "/cobranca-bancaria/v3", TokenURL: server.URL + "/auth/realms/cooperado/protocol/openid-connect/token", ClientID: "shop", Client: 567890, Account: 102938, PerSecond: 1000}
	for _, do := range change {
		do(&cfg)
	}
	c, err := sicoob.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, sim
}

func asV2(cfg *sicoob.Config) {
	cfg.Version, cfg.BaseURL, cfg.Client = "v2", strings.Replace(cfg.BaseURL, "/v3", "/v2", 1), 700001
}

func order(seu string) boleto.Order {
	return boleto.Order{
		SeuNumero: seu, Amount: 15000, IssuedOn: day("2026-03-02"), Due: day("2026-03-10"), Instructions: []string{"Não receber após 30 dias."},
		Payer: boleto.Payer{Document: "12345678909", Name: "CLIENTE TESTE", Address: "RUA A 1", District: "CENTRO", City: "GOIANIA", ZIP: "74000000", State: "GO"},
	}
}

func TestABoletoIsIssuedFoundPrintedAndWrittenOff(t *testing.T) {
	for name, change := range map[string]func(*sicoob.Config){"v3": func(*sicoob.Config) {}, "v2": asV2} {
		t.Run(name, func(t *testing.T) {
			c, sim := open(t, change)
			made, err := c.Issue(t.Context(), order("PDV01-0045"))
			if err != nil || made.NossoNumero != 1013 || made.Barcode != "75692138100000150001123401056789000001013001" || made.Line == "" || made.BRCode == "" || made.Amount != 15000 {
				t.Fatalf("issued %+v %v", made, err)
			}
			found, err := c.Find(t.Context(), 1013)
			if err != nil || found.Situation != boleto.Open || !found.Due.Equal(day("2026-03-10")) || found.SeuNumero != "PDV01-0045" {
				t.Errorf("found %+v %v", found, err)
			}
			if _, err := c.Find(t.Context(), 9999); payments.FailureOf(err).Class != payments.NotFound {
				t.Errorf("one that there is not: %v", err)
			}
			if pdf, err := c.Copy(t.Context(), 1013); err != nil || !strings.HasPrefix(string(pdf), "%PDF") {
				t.Errorf("its PDF: %q %v", pdf, err)
			}
			of, err := c.FindOf(t.Context(), "12345678909", day("2026-03-10"))
			if err != nil || len(of) != 1 || of[0].SeuNumero != "PDV01-0045" {
				t.Errorf("of its payer: %+v %v", of, err)
			}
			if of, err := c.FindOf(t.Context(), "12345678909", day("2026-03-11")); err != nil || len(of) != 0 {
				t.Errorf("of another day: %+v %v", of, err)
			}
			if err := c.WriteOff(t.Context(), 1013); err != nil || sim.Boletos()[0].Situation != "Baixado" {
				t.Errorf("written off: %v", err)
			}
			if f := payments.FailureOf(c.WriteOff(t.Context(), 1013)); f.Class != payments.Declined || !strings.Contains(f.Words("Sicoob"), "não está em aberto: Baixado.") {
				t.Errorf("again: %+v", f)
			}
			bad := order("X")
			bad.Payer.Document = "00000000000"
			if _, err := c.Issue(t.Context(), bad); payments.FailureOf(err).Says != "CPF/CNPJ do pagador inválido." {
				t.Errorf("a payer that is none: %v", err)
			}
		})
	}
}

// fetch asks for a window and reads all of its files.
func fetch(t *testing.T, c *sicoob.Client) ([]boleto.Return, error) {
	t.Helper()
	code, err := c.Request(t.Context(), day("2026-03-10"), day("2026-03-11"))
	if err != nil {
		t.Fatal(err)
	}
	told, err := c.Files(t.Context(), code)
	if err != nil || told.Readiness != boleto.Ready {
		t.Fatalf("%+v %v", told, err)
	}
	var list []boleto.Return
	for _, file := range told.Files {
		if _, err := c.Read(t.Context(), code, file, func(r boleto.Return) error { list = append(list, r); return nil }); err != nil {
			return list, err
		}
	}
	return list, nil
}

// paid gives the bank two boletos that were paid, as in sicoob.md 5.4.
func paid(t *testing.T, sim *sicoobsim.Sim) {
	t.Helper()
	for _, b := range []sicoobsim.Boleto{{SeuNumero: "PDV01-0045", Amount: 15000, Due: "2026-03-10"}, {SeuNumero: "PDV01-0046", Amount: 8990, Due: "2026-03-05"}} {
		if _, err := sim.AddBoleto(b); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		sim.Pay(sicoobsim.Movement{NossoNumero: 1013, PaidOn: "2026-03-10", CreditOn: "2026-03-11", Means: 212}),
		sim.Pay(sicoobsim.Movement{NossoNumero: 1020, PaidOn: "2026-03-10", Amount: 9175}),
		sim.Pay(sicoobsim.Movement{NossoNumero: 1020, PaidOn: "2026-03-10", Sigla: "BAIX", Means: 82}),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasPaidIsReadInEveryShape(t *testing.T) {
	for name, set := range map[string]func(*sicoobsim.Settings){
		"as it should be": func(*sicoobsim.Settings) {}, "two entries": func(s *sicoobsim.Settings) { s.Entries = 2 }, "a file for each": func(s *sicoobsim.Settings) { s.PerFile = 1 },
		"Latin-1 taken for UTF-8": func(s *sicoobsim.Settings) { s.Encoding = "latin1" }, "names of 2019": func(s *sicoobsim.Settings) { s.Content = "old" }, "byte order mark": func(s *sicoobsim.Settings) { s.Content = "bom" },
		"lines": func(s *sicoobsim.Settings) { s.Content = "lines" }, "201 and no counters": func(s *sicoobsim.Settings) { s.Created, s.Total = 201, "missing" }, "counter as text": func(s *sicoobsim.Settings) { s.Total = "text" },
	} {
		for version, change := range map[string]func(*sicoob.Config){"v3": func(*sicoob.Config) {}, "v2": asV2} {
			t.Run(name+" "+version, func(t *testing.T) {
				c, sim := open(t, change)
				paid(t, sim)
				sim.Set(set)
				list, err := fetch(t, c)
				want := []boleto.Return{
					{Client: 567890, Modality: 1, NossoNumero: 1013, SeuNumero: "PDV01-0045", Barcode: "75692138100000150001123401056789000001013001", Amount: 15000, Received: 15000, MovedOn: day("2026-03-10"), PaidOn: day("2026-03-10"), CreditOn: day("2026-03-11"), Channel: "pix", Means: "Via Pix", Account: 102938},
					{Client: 567890, Modality: 1, NossoNumero: 1020, SeuNumero: "PDV01-0046", Barcode: "75691137600000089901123401056789000001020001", Amount: 8990, Received: 9175, MovedOn: day("2026-03-10"), PaidOn: day("2026-03-10"), Channel: "bank", Means: "Via Compensação", Account: 102938},
				}
				if err != nil || len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
					t.Errorf("got %+v %v", list, err)
				}
			})
		}
	}
}

func TestCNABIsReadAsTheTicketExpects(t *testing.T) {
	for _, content := range []string{"cnab240", "cnab400"} {
		c, sim := open(t)
		paid(t, sim)
		sim.Set(func(s *sicoobsim.Settings) { s.Content = content })
		list, err := fetch(t, c)
		if err != nil || len(list) != 3 || list[0].NossoNumero != 1013 || list[1].Received != 9175 || !list[0].PaidOn.Equal(day("2026-03-10")) {
			t.Errorf("%s: %+v %v", content, list, err)
		}
	}
}

func TestABadFileGivesNothingAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*sicoobsim.Settings)
		says string
	}{
		"half a base64": {func(s *sicoobsim.Settings) { s.Encoding = "truncated" }, "base64"}, "no ZIP": {func(s *sicoobsim.Settings) { s.Archive = "garbage" }, "não é um ZIP"},
		"bomb": {func(s *sicoobsim.Settings) { s.Archive = "bomb" }, "incha demais"}, "slip": {func(s *sicoobsim.Settings) { s.Archive = "slip" }, "caminho no nome"},
		"encrypted": {func(s *sicoobsim.Settings) { s.Archive = "encrypted" }, "protegido por senha"}, "a changed byte": {func(s *sicoobsim.Settings) { s.Archive = "cut" }, "danificado"},
		"too many entries": {func(s *sicoobsim.Settings) { s.Entries = 65 }, "65 arquivos"}, "neither JSON nor CNAB": {func(s *sicoobsim.Settings) { s.Content = "text" }, "não é JSON nem CNAB"},
	} {
		t.Run(name, func(t *testing.T) {
			client, sim := open(t)
			paid(t, sim)
			sim.Set(c.set)
			list, err := fetch(t, client)
			if f := payments.FailureOf(err); err == nil || len(list) != 0 || !strings.Contains(f.Says, c.says) {
				t.Errorf("%d records, %v: %q", len(list), err, payments.FailureOf(err).Says)
			}
		})
	}
	t.Run("half a JSON", func(t *testing.T) {
		client, sim := open(t)
		paid(t, sim)
		sim.Set(func(s *sicoobsim.Settings) { s.Content = "half" })
		if _, err := fetch(t, client); err == nil || !strings.Contains(payments.FailureOf(err).Says, "quebrado no meio") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an empty ZIP holds nothing", func(t *testing.T) {
		client, sim := open(t)
		paid(t, sim)
		sim.Set(func(s *sicoobsim.Settings) { s.Archive = "empty" })
		if list, err := fetch(t, client); err != nil || len(list) != 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}

func TestMoneyIsReadExactlyOrNotAtAll(t *testing.T) {
	for value, want := range map[string]agent.Cents{"85.0000": 8500, "85.1": 8510, "85": 8500, "85.10": 8510, "85.1230": -1, "85.001": -1, "-1.00": -1, "1e3": 100000, "8.5E+1": 8500, "85.00000000000001": 8500, `"85.00"`: 8500, "null": -1, "99999999999999": -1} {
		c, sim := open(t)
		if err := sim.Pay(sicoobsim.Movement{NossoNumero: 1013, PaidOn: "2026-03-10", Value: value, BoletoValue: 8500}); err != nil {
			t.Fatal(err)
		}
		list, err := fetch(t, c)
		if err != nil || len(list) != 1 || (want < 0) != (strings.HasPrefix(list[0].Fault, "valorLiquido ") || list[0].Fault == "falta valorLiquido") || want >= 0 && list[0].Received != want {
			t.Errorf("%s: %+v %v", value, list, err)
		}
	}
}

func TestNotReadyNothingAndSilenceAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*sicoobsim.Settings)
		want boleto.Readiness
	}{
		"5004":                     {func(s *sicoobsim.Settings) { s.ReadyAfter = -1 }, boleto.NotReady},
		"its word without a code":  {func(s *sicoobsim.Settings) { s.ReadyAfter, s.Pending = -1, "text" }, boleto.NotReady},
		"204":                      {func(s *sicoobsim.Settings) { s.ReadyAfter, s.Pending = -1, "204" }, boleto.Silent},
		"404 without a word":       {func(s *sicoobsim.Settings) { s.ReadyAfter, s.Pending = -1, "404" }, boleto.Silent},
		"200 without a word":       {func(s *sicoobsim.Settings) { s.ReadyAfter, s.Pending = -1, "empty" }, boleto.Silent},
		"an empty list":            {func(*sicoobsim.Settings) {}, boleto.Ready},
		"no records, in words":     {func(s *sicoobsim.Settings) { s.Nothing = "message" }, boleto.Ready},
		"204 when there was none":  {func(s *sicoobsim.Settings) { s.Nothing = "204" }, boleto.Silent},
		"a request it has not got": {nil, boleto.Silent},
	} {
		t.Run(name, func(t *testing.T) {
			client, sim := open(t)
			code := int64(77)
			if c.set != nil {
				sim.Set(c.set)
				var err error
				if code, err = client.Request(t.Context(), day("2026-03-10"), day("2026-03-11")); err != nil {
					t.Fatal(err)
				}
			}
			got, err := client.Files(t.Context(), code)
			if err != nil || got.Readiness != c.want || len(got.Files) != 0 {
				t.Errorf("%+v %v, want %s", got, err, c.want)
			}
		})
	}
	client, sim := open(t)
	for _, body := range []string{`{"resultado":{}}`, `{}`, `{"resultado":{"idArquivos":null}}`} {
		if err := sim.Add(simkit.Fault{Route: "status", Fault: "says", Body: body, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if got, err := client.Files(t.Context(), 1); err != nil || got.Readiness != boleto.Silent {
			t.Errorf("%s: %+v %v", body, got, err)
		}
	}
	for _, fault := range []simkit.Fault{{Fault: "status", Status: 500}, {Fault: "status", Status: 429, RetryAfter: 3}, {Fault: "html"}, {Fault: "reset"}} {
		fault.Route = "status"
		if err := sim.Add(fault); err != nil {
			t.Fatal(err)
		}
		if got, err := client.Files(t.Context(), 1); err == nil || got.Readiness != boleto.Silent {
			t.Errorf("%s: %+v %v", fault.Fault, got, err)
		}
		sim.Heal()
	}
}

func TestWindowsThatTheBankRefuses(t *testing.T) {
	c, _ := open(t)
	for name, w := range map[string][2]string{"three days apart": {"2026-03-08", "2026-03-11"}, "over a year ago": {"2025-03-01", "2025-03-02"}, "tomorrow": {"2026-03-11", "2026-03-12"}} {
		if _, err := c.Request(t.Context(), day(w[0]), day(w[1])); payments.FailureOf(err).Class != payments.Declined || !strings.Contains(payments.FailureOf(err).Says, "período") {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, _ := open(t, func(cfg *sicoob.Config) { cfg.Client = 1 })
	if _, err := other.Request(t.Context(), day("2026-03-10"), day("2026-03-11")); !strings.Contains(payments.FailureOf(err).Says, "contrato do beneficiário inválido") {
		t.Errorf("a number that is not the shop's: %v", err)
	}
}

func TestATokenIsKeptRenewedAndAskedForAgainWhenItIsRefused(t *testing.T) {
	at := now()
	c, sim := open(t, func(cfg *sicoob.Config) { cfg.Now = func() time.Time { return at } })
	asked := func() (n int) {
		for _, a := range sim.Received() {
			if a.Route == "token" {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {200 * time.Second, 1}, {41 * time.Second, 2}, {239 * time.Second, 2}} {
		at = at.Add(step.after)
		sim.Advance(step.after)
		if _, err := c.Find(t.Context(), 1); payments.FailureOf(err).Class != payments.NotFound || asked() != step.want {
			t.Errorf("after %v: %d tokens, %v", step.after, asked(), err)
		}
	}
	sim.Advance(301 * time.Second) // the bank's clock: it takes the token no more
	if _, err := c.Find(t.Context(), 1); payments.FailureOf(err).Class != payments.NotFound || asked() != 3 {
		t.Errorf("a refused token: %d tokens, %v", asked(), err)
	}
	if err := sim.Add(simkit.Fault{Route: "lookup", Fault: "status", Status: 401}); err != nil {
		t.Fatal(err)
	}
	before := len(sim.Received())
	if _, err := c.Find(t.Context(), 1); payments.FailureOf(err).Class != payments.Unauthorized || len(sim.Received()) != before+3 {
		t.Errorf("refused for good: %d calls, %v", len(sim.Received())-before, err)
	}
}

func TestATokenThatIsNotGivenSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sicoob.Config)
		fault  simkit.Fault
		class  payments.Class
	}{
		"a scope that there is not": {change: func(cfg *sicoob.Config) { cfg.Scopes = []string{"cco_x"} }, class: payments.Unauthorized},
		"a scope that is too small": {change: func(cfg *sicoob.Config) { cfg.Scopes = []string{"boletos_inclusao"} }, class: payments.Unauthorized},
		"another client":            {fault: simkit.Fault{Route: "token", Fault: "status", Status: 401, Body: `{"error":"invalid_client"}`}, class: payments.Unauthorized},
		"no token in it":            {fault: simkit.Fault{Route: "token", Fault: "says", Body: `{}`}, class: payments.Away},
		"a token with a line break": {fault: simkit.Fault{Route: "token", Fault: "says", Body: `{"access_token":"a\r\nX: y"}`}, class: payments.Away},
		"a portal's page":           {fault: simkit.Fault{Route: "token", Fault: "html"}, class: payments.Away},
		"no answer":                 {fault: simkit.Fault{Route: "token", Fault: "reset"}, class: payments.Away},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*sicoob.Config) {}
			}
			client, sim := open(t, c.change)
			if c.fault.Fault != "" {
				if err := sim.Add(c.fault); err != nil {
					t.Fatal(err)
				}
			}
			_, err := client.Find(t.Context(), 1)
			if f := payments.FailureOf(err); err == nil || f.Class != c.class {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWrongPathsAreAnswered404(t *testing.T) {
	_, sim := open(t)
	for _, path := range []string{"/cobranca-bancaria/v3/boletos/solicitacoes/movimentacao-download", "/cobranca-bancaria/v3/boletos/solicitacoes/movimentacao", "/cobranca-bancaria/v2/boletos/movimentacoes", "/cobranca-bancaria/v4/boletos", "/"} {
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestTheBankRefusesFieldsThatSayNothing(t *testing.T) {
	_, sim := open(t)
	ask := func(path, kind, body, authorization string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("client_id", "shop")
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		return w
	}
	var given struct {
		Token string `json:"access_token"`
	}
	w := ask("/token", "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=shop&scope=boletos_inclusao", "")
	if err := json.Unmarshal(w.Body.Bytes(), &given); err != nil {
		t.Fatal(err)
	}
	const right = `{"numeroCliente":567890,"codigoModalidade":1,"numeroContaCorrente":102938,"codigoEspecieDocumento":"DM","dataEmissao":"2026-03-02","seuNumero":"PDV01-0045",
 "identificacaoEmissaoBoleto":2,"identificacaoDistribuicaoBoleto":2,"valor":150.00,"dataVencimento":"2026-03-10","tipoDesconto":0,"tipoMulta":0,"tipoJurosMora":3,"numeroParcela":1,
 "pagador":{"numeroCpfCnpj":"12345678909","nome":"CLIENTE TESTE","endereco":"RUA A 1","bairro":"CENTRO","cidade":"GOIANIA","cep":"74000000","uf":"GO"},"gerarPdf":false,"codigoCadastrarPIX":1}`
	for old, spoilt := range map[string]string{
		`"PDV01-0045"`: `null`, `"seuNumero":"PDV01-0045"`: `"seuNumero":""`, `150.00`: `"150.00"`, `"gerarPdf":false`: `"gerarPdf":false,"numeroContratoCobranca":""`, `"GO"`: `"go"`, `"2026-03-10"`: `"2026-03-10T00:00:00-03:00"`,
		`"tipoDesconto":0,`: ``, `567890`: `1`, `"12345678909"`: `"12345678901"`,
	} {
		if w := ask("/cobranca-bancaria/v3/boletos", "application/json", strings.Replace(right, old, spoilt, 1), "Bearer "+given.Token); w.Code != http.StatusBadRequest && w.Code != http.StatusNotAcceptable {
			t.Errorf("%s: %d", spoilt, w.Code)
		}
	}
	if len(sim.Boletos()) != 0 {
		t.Errorf("issued %+v", sim.Boletos())
	}
	if w := ask("/cobranca-bancaria/v3/boletos", "application/json", right, "Bearer "+given.Token); w.Code != http.StatusOK || len(sim.Boletos()) != 1 {
		t.Errorf("the contract's own example: %d %s", w.Code, w.Body)
	}
}

// FuzzArchive: whatever a file holds, reading it ends, and money is never negative.
func FuzzArchive(f *testing.F) {
	f.Add([]byte(`[{"siglaMovimento":"LIQUI","numeroTitulo":1013,"valorLiquido":150.0,"dataLiquidacao":"2026-03-1T00:00:00-03:00"}]`))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, packed := range [][]byte{content, zipped(t, content)} {
			answer, err := json.Marshal(map[string]any{"resultado": map[string]string{"arquivo": base64.StdEncoding.EncodeToString(packed)}})
			if err != nil {
				t.Fatal(err)
			}
			err = sicoob.ReadAnswer(answer, func(r boleto.Return) error {
				if r.Received < 0 || r.Amount < 0 || r.NossoNumero < 0 {
					t.Fatalf("%+v", r)
				}
				return nil
			})
			if err != nil && payments.FailureOf(err).Detail == "" {
				t.Fatal(fmt.Errorf("an error without a word: %w", err))
			}
		}
	})
}

// zipped packs texts, each as an entry.
func zipped(t *testing.T, contents ...[]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for i, content := range contents {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("LIQUI_%d.json", i), Method: zip.Store})
		if err == nil {
			_, err = entry.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestOneDamagedEntrySpoilsTheWholeFile(t *testing.T) {
	record := `[{"siglaMovimento":"LIQUI","numeroTitulo":1013,"valorTitulo":1,"valorLiquido":1.00}]`
	packed := zipped(t, []byte(record), []byte(record))
	answer := func(packed []byte) []byte {
		return []byte(`{"resultado":{"arquivo":"` + base64.StdEncoding.EncodeToString(packed) + `"}}`)
	}
	n := 0
	count := func(boleto.Return) error { n++; return nil }
	if err := sicoob.ReadAnswer(answer(packed), count); err != nil || n != 2 {
		t.Fatalf("%d records, %v", n, err)
	}
	at := bytes.LastIndex(packed, []byte("1.00"))
	packed[at] = '9'
	if err := sicoob.ReadAnswer(answer(packed), count); err == nil || n != 2 {
		t.Errorf("%d records were given, %v", n-2, err)
	}
}

// TestTheContractsOwnFile reads what sicoob.md 5.4 prints.
func TestTheContractsOwnFile(t *testing.T) {
	const printed = "UEsDBBQAAAAIAMFKa1yh/7MZyAEAAHIGAAAxAAAATElRVUlfMTIzNF81Njc4OTBfMjAyNjAzMTEwOTIyMDExMTg5ODg3XzQ3XzAuanNvbt1Ty27bMBD8lYJnWdiVTD1ysxUEMJDEbuD6UvSwkVhjAUl0KNkoUOScD+mhH+IfKyVZtpE4j6anRhAIcDRLzc5yvv4Uqc54qee80ld6w4Uqay3OpCMqXuZ0BInLyecvE+GIjGqalJzycYHwwAsG4A8Q5gBn7Wu3dt1VXHBxko5P6eW6UEYnOVuuslqCMIphD+uyNtScEYJ90BGFzijnjDLLxZ4253qdWxIC+rYXtb5uYfvn2fkCcAAwlDtlC1Wmna6+6MVmNpRrsz9egmuldR6OyRiqbHkog9hDP0JoJcpmQc8fAkLXTAtbZXbdidh7c8l3a9tMSm8x9a/IM6M2XJFOjMr4jUMYU5nqG5WqW5VpYz2XQf9ptGx8o/1Hsm7YHo/nRIk2phsighf7kSM4a27adHXBpT1acVPmoeeI+gksFkyfZvyj93x0S3V/f1rXW/RcVal+hF21ag77zqbDuLoRkuHvxxccXV92OhIydaNhujp4lUzHN6Pr7cNI3DsfPzQePBOa4PXQgHwlNFHsxiczg+iHQRsOiOL4ZGY8+O8y4w/xpcyE70iMjJ4NTKKLlSor2v7e/tLvjQ66kXycnRjdUP5zdr79AVBLAQIUAxQAAAAIAMFKa1yh/7MZyAEAAHIGAAAxAAAAAAAAAAAAAACAAQAAAABMSVFVSV8xMjM0XzU2Nzg5MF8yMDI2MDMxMTA5MjIwMTExODk4ODdfNDdfMC5qc29uUEsFBgAAAAABAAEAXwAAABcCAAAAAA=="
	for name, answer := range map[string]string{"as printed": `{"resultado":{"arquivo":"` + printed + `"}}`, "slashes escaped": `{"resultado":{"arquivo":"` + strings.ReplaceAll(printed, "/", `\/`) + `"}}`} {
		var list []boleto.Return
		err := sicoob.ReadAnswer([]byte(answer), func(r boleto.Return) error { list = append(list, r); return nil })
		if err != nil || len(list) != 2 || list[0].NossoNumero != 1013 || list[0].Channel != "pix" || list[1].Received != 9175 || list[1].Amount != 8990 {
			t.Errorf("%s: %+v %v", name, list, err)
		}
	}
	for _, cut := range []string{`{"resultado":{"arquivo":"` + printed, `{"resultado":{"arquivo":"` + printed[:400], `{"resultado":{"arquivo":""}}`, `{"resultado":{"arquivo":null}}`, `{"resultado":{}}`, ``} {
		if err := sicoob.ReadAnswer([]byte(cut), func(boleto.Return) error { return nil }); err == nil {
			t.Errorf("an answer of %d bytes that was cut is taken for whole", len(cut))
		}
	}
}
