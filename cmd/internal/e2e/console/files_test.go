package console

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// filesAreSeenBeforeTheyGo brings a list of products, with a faulty line, and sends it; then an ERP's list, whose differences
// are shown.
func filesAreSeenBeforeTheyGo(t *testing.T, browser *e2e.Browser) {
	folder := filepath.ToSlash(t.TempDir())
	s := shop{e2e.NewSiteWithPayments(t, "primary: false", "primary: true ",
		"  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}",
		fmt.Sprintf("  products: {every: 6h, source: {type: folder, path: '%s', decimal: comma, mode: full, columns: {sku: CODIGO, ean: EAN, name: DESCRICAO, price: PRECO}}}", folder)).Start(), browser}
	if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("C-1", ""))); got.Status != http.StatusAccepted {
		t.Fatal(got.Body)
	}
	page := s.signIn(t, e2e.SupportToken)
	page.Go(s.Base + "/console/?1#/rotinas/products")
	page.Choose("#arquivo", file(t, "produtos.csv", "CODIGO;EAN;DESCRICAO;PRECO;X\n80215;7890000000017;CAFE 500G "+markup+";12,90;1\n81;;ACUCAR;3,x;1\n;;SEM CODIGO;1,00;1\n82;;ARROZ;5,00;1\n"))
	says(page, "2 registros certos")
	says(page, "2 com defeito")
	says(page, "CODIGO → sku")
	says(page, "CAFE 500G <img")
	accessible(t, page, "the preview")
	page.TabTo("#carregar")
	page.Press("Enter")
	page.Until("what would happen", "document.querySelector('dialog button.primary') !== null")
	page.Press("Enter")
	says(page, "terminou bem")
	s.Until("the cloud has them", func() bool { return len(s.Clouds.Mercafacil.Loaded("products")) == 2 })
	if hacked, err := page.Run("window.hacked === undefined"); err != nil || hacked != true {
		t.Error("a name was interpreted")
	}

	page.Go(s.Base + "/console/?2#/conferencia")
	page.Choose("#arquivo-erp", file(t, "erp.csv", "coupon;value\nC-1;56,90\nOUTRO-1;10,00\n"))
	says(page, "2 diferenças")
	says(page, "está no ERP e nunca chegou a este agente")
	accessible(t, page, "the differences")
	s.badFiles(t)
}

// badFiles brings what no load can read: it is said why, and nothing breaks.
func (s shop) badFiles(t *testing.T) {
	t.Helper()
	for name, c := range map[string]struct {
		path, text string
		status     int
		says       string
	}{
		"a spreadsheet":      {"products?name=produtos.xlsx", "PK\x03\x04", 415, "CSV"},
		"nothing":            {"products?name=a.csv", "", 422, "vazio"},
		"a heading alone":    {"products?name=a.csv", "CODIGO;EAN;DESCRICAO;PRECO\n", 200, "não tem registros"},
		"a column twice":     {"products?name=a.csv", "CODIGO;EAN;DESCRICAO;PRECO;PRECO\n1;1;CAFE;1,00;2,00\n", 200, "2 colunas"},
		"bytes of no text":   {"products?name=a.csv", "CODIGO;EAN;DESCRICAO;PRECO\n1;1;CAF\xc9;1,00\n", 200, "codificação"},
		"another sign":       {"products?name=a.csv", "CODIGO;EAN;DESCRICAO;PRECO\n1;1;CAFE;12.90\n2;2;ARROZ;1.234\n", 200, "recusado inteiro"},
		"JSON that is none":  {"products?name=a.json", `[{"sku":"1","name":"A","price":NaN},{"sku":"2","name":"B","price":1.0},]`, 200, "vírgula a mais"},
		"an ERP's half list": {"erp?name=a.csv&decimal=comma", "coupon;value\nC-1;dez\n", 422, "value"},
		"a path as its name": {"products?name=..%2F..%2Fetc%2Fpasswd.csv", "CODIGO;EAN;DESCRICAO\n1;;CAFE\n", 200, "price"},
		"no use":             {"history?name=a.csv", "x", 404, "products"},
	} {
		got := s.Call(http.MethodPost, "/v1/files/"+c.path, e2e.SupportToken, c.text, "Content-Type", "application/octet-stream")
		if got.Status != c.status || !strings.Contains(got.Body, c.says) {
			t.Errorf("%s: got %d %s", name, got.Status, got.Body)
		}
	}
	for token, want := range map[string]int{e2e.TillToken: 403, "": 401} {
		if got := s.Call(http.MethodPost, "/v1/files/products?name=a.csv", token, "x", "Content-Type", "application/octet-stream"); got.Status != want {
			t.Errorf("with the token %q: got %d", token, got.Status)
		}
	}
	if got := s.Call(http.MethodPost, "/v1/files/products/..%2f..%2fdata/load", e2e.SupportToken, ""); got.Status != http.StatusNotFound {
		t.Errorf("a folder of another: got %d %s", got.Status, got.Body)
	}
	again := s.Call(http.MethodPost, "/v1/files/products?name=a.csv", e2e.SupportToken, "CODIGO;EAN;DESCRICAO;PRECO\n83;;FEIJAO;8,00\n", "Content-Type", "application/octet-stream").Text("id")
	if got := s.Call(http.MethodPost, "/v1/files/products/"+again+"/load", e2e.SupportToken, "{}"); got.Status != http.StatusAccepted {
		t.Errorf("a load: got %d %s", got.Status, got.Body)
	}
	s.Until("the cloud has it", func() bool { return len(s.Clouds.Mercafacil.Loaded("products")) == 3 })
	if kept, err := filepath.Glob(filepath.Join(s.DataDir(), "entrada", "*")); err != nil || len(kept) > 5 {
		t.Errorf("%d files are kept (%v)", len(kept), err)
	}
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
