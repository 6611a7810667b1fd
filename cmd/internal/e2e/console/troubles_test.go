package console

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/payments/sicoob/sicoobsim"
)

// troubled is a shop with a folder of products, on its primary till, and a page on Início.
type troubled struct {
	shop
	page   *e2e.Tab
	folder string
}

// fine wants Início to say that all is well again.
func (s troubled) fine() {
	s.Helper()
	s.page.Go(s.Base + "/console/#/inicio")
	says(s.page, "Tudo certo")
}

// mend presses the button that a light has.
func (s troubled) mend(light string) {
	s.Helper()
	s.page.TabTo("#luz-" + light)
	s.page.Press("Enter")
}

// press presses a button.
func (s troubled) press(selector string) {
	s.Helper()
	s.page.Until("there is "+selector, fmt.Sprintf("document.querySelector(%q) !== null", selector))
	s.page.TabTo(selector)
	s.page.Press("Enter")
}

// troublesAreMended sees on Início, one after the other, a sale that the cloud refuses, a till's wrong clock, a bad CSV, a boleto in
// review and a try that nobody kept, and mends each with the keyboard only. They share one agent and one page.
func troublesAreMended(t *testing.T, browser *e2e.Browser) {
	folder := t.TempDir()
	site := e2e.NewSiteWithPayments(t, "primary: false", "primary: true ",
		"  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}",
		fmt.Sprintf("  products: {every: 6h, source: {type: folder, path: '%s', rest: 1s}}", folder))
	s := troubled{shop: shop{site.Start(), browser}, folder: folder}
	s.page = s.signIn(t, e2e.AdminToken)
	for _, trouble := range []struct {
		name string
		test func(troubled)
	}{
		{"a sale that the cloud refuses for good", poisonedSale},
		{"a wrong clock", wrongClock},
		{"a bad CSV", badCSV},
		{"a boleto in review", boletoInReview},
		{"a try that nobody kept", tryNotKept},
	} {
		t.Log(trouble.name)
		trouble.test(s)
		s.fine()
	}
}

func poisonedSale(s troubled) {
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 422, Times: 1})
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("VENENO-1", "")))
	says(s.page, "1 pendência espera por alguém")
	s.mend("fila")
	s.press("[id^=abrir-]")
	s.press("#enviar")
	s.page.Until("what would happen", "document.querySelector('dialog[open]') !== null")
	s.page.Press("Enter")
	s.WaitDrained()
}

// wrongClock has no button: the light says what to tell the store, and goes out with the next sale.
func wrongClock(s troubled) {
	future := time.Now().AddDate(3, 0, 0).Format(time.DateOnly)
	s.Post("/v2/coupons", strings.ReplaceAll(agenttest.Receipt("RELOGIO-1", ""), "2026-05-14", future))
	says(s.page, "acerte a data e a hora do computador")
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("RELOGIO-2", "")))
}

func badCSV(s troubled) {
	put := func(text string) {
		if err := os.WriteFile(filepath.Join(s.folder, "p.csv"), []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	run := func() { s.Call(http.MethodPost, "/v1/routines/products/run", e2e.SupportToken, "{}") }
	put("isto não é uma carga")
	run()
	says(s.page, "Carga de produtos: a última vez falhou")
	s.mend("rotinas")
	put("sku;ean;name;price\n11;;LEITE;4.60\n")
	s.press("#rodar")
	s.page.Until("what would happen", "document.querySelector('dialog[open]') !== null")
	s.page.Press("Enter")
	s.page.Until("it ended well", "document.body.innerText.includes('terminou bem')")
}

func boletoInReview(s troubled) {
	settle := func() {
		before := s.Call(http.MethodGet, "/v1/routines/sicoob-settlement/runs", e2e.SupportToken, "").Body
		s.Call(http.MethodPost, "/v1/routines/sicoob-settlement/run", e2e.SupportToken, "{}")
		s.Until("the settlement ends", func() bool {
			runs := s.Call(http.MethodGet, "/v1/routines/sicoob-settlement/runs", e2e.SupportToken, "").Body
			return runs != before && !strings.Contains(runs, `"running"`)
		})
	}
	s.Post("/v1/boletos", `{"nosso_numero":"1000017","seu_numero":"B-1","amount":15000,"due_date":"2026-12-09","register_only":true}`)
	for _, day := range []int{0, -1} {
		if err := s.Clouds.Sicoob.Pay(sicoobsim.Movement{NossoNumero: 1000017, Amount: 15000, BoletoValue: 15000, PaidOn: time.Now().AddDate(0, 0, day).Format(time.DateOnly)}); err != nil {
			s.Fatal(err)
		}
		settle()
	}
	says(s.page, "1 pede uma decisão")
	s.mend("boletos")
	s.press("[id='boleto-1000017']")
	s.press("#resolver")
	s.page.Until("the question", "document.activeElement?.id === 'motivo'")
	s.page.Type("Devolvido ao cliente")
	s.page.TabTo("dialog button[id$=-sim]")
	s.page.Press("Enter")
	s.page.Until("it is done", "document.querySelector('dialog[open]') === null")
}

// tryNotKept tries a change, and the agent is restarted before anybody keeps it.
func tryNotKept(s troubled) {
	s.page.Go(s.Base + "/console/#/configuracao/sender")
	s.page.Until("the form", "document.querySelector('#opcao-sender-per_second') !== null")
	s.page.TabTo("#opcao-sender-per_second")
	s.page.Type("7")
	s.press("#experimentar")
	s.page.Until("the difference", "document.querySelector('dialog .diff ins')?.innerText === '7'")
	s.page.Press("Enter")
	s.page.Until("the countdown", "/^4:|^5:00/.test(document.querySelector('#falta')?.innerText ?? '')")
	s.page.TabTo("#nav-inicio")
	s.page.Press("Enter")
	s.page.Until("the countdown on another page", "location.hash === '#/inicio' && document.querySelector('#experiencia-fica') !== null")
	s.Stop()
	s.Start()
	s.page.Until("the sign-in", "document.activeElement?.id === 'token'")
	s.page.Type(e2e.AdminToken)
	s.page.Press("Enter")
	says(s.page, "não foi confirmada")
	s.mend("configuracao")
	s.press("#ciente")
	s.page.Until("Início again", "location.hash === '#/inicio' && document.querySelector('#luz-configuracao') === null")
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("DEPOIS-1", ""))) // a new start has heard of the cloud
	s.WaitDrained()
}

// twoPeopleEdit: the second one sees both changes, and saves after that.
func twoPeopleEdit(t *testing.T, browser *e2e.Browser) {
	s := troubled{shop: openShop(t, browser)}
	s.page = s.signIn(t, e2e.AdminToken)
	s.page.Go(s.Base + "/console/#/configuracao/sender")
	s.page.Until("the form", "document.querySelector('#opcao-sender-per_second') !== null")
	s.page.TabTo("#opcao-sender-per_second")
	s.page.Type("7")
	s.Call(http.MethodPut, "/v1/config", e2e.AdminToken, `{"sender":{"per_second":9}}`)
	save := func() {
		s.press("#gravar")
		s.page.Until("the difference", "document.querySelector('dialog .diff') !== null")
		s.page.Press("Enter")
	}
	save()
	s.page.Until("both changes", "document.querySelector('#deles ins')?.innerText === '9' && document.querySelector('#minhas ins')?.innerText === '7'")
	if !strings.Contains(s.ConfigText(), "per_second: 9") {
		t.Error("the first change was lost")
	}
	save()
	s.Until("the second change is saved", func() bool { return strings.Contains(s.ConfigText(), "per_second: 7") })

	// The token that opened a page is removed: the page asks for another one.
	support := s.signIn(t, e2e.SupportToken)
	s.Call(http.MethodPut, "/v1/config", e2e.AdminToken, `{"api":{"tokens":[{"name":"admin","scope":"admin","token":"***"}]}}`)
	support.Until("the sign-in", "document.querySelector('dialog.cover #token') !== null")
}

// anotherOriginGetsNothing: a page of another origin may neither ask the agent nor show its console in a frame.
func anotherOriginGetsNothing(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>other</title><iframe src="%s/console/"></iframe>`, s.Base)
	}))
	t.Cleanup(other.Close)
	page := s.browser.Open(other.URL)
	page.Until("the other page", "document.readyState === 'complete' && document.title === 'other'")
	for _, call := range []string{
		`fetch("%s/v1/status", {headers: {Authorization: "Bearer ` + e2e.AdminToken + `"}})`, `fetch("%s/health")`,
		`fetch("%s/v1/console/session", {method: "POST", body: JSON.stringify({token: "` + e2e.AdminToken + `"}), headers: {"Content-Type": "application/json"}})`,
		`fetch("%s/v1/console/session", {method: "POST", mode: "no-cors", body: JSON.stringify({token: "` + e2e.AdminToken + `"})})`,
	} {
		got, err := page.Run(fmt.Sprintf(call, s.Base) + `.then((r) => r.type === "opaque" ? "nothing" : "something", () => "nothing")`)
		if err != nil || got != "nothing" {
			t.Errorf("%s: %v, %v", call, got, err)
		}
	}
	if got := s.Call(http.MethodGet, "/v1/console/sessions", e2e.AdminToken, ""); strings.Contains(got.Body, `"id"`) {
		t.Errorf("a session was opened: %s", got.Body)
	}
	frame, err := page.Run("window.frames.length === 1 && document.querySelector('iframe').contentDocument === null")
	if err != nil || frame != true {
		t.Errorf("the frame can be read: %v, %v", frame, err)
	}
	s.Until("the frame was refused, and /health", func() bool {
		refused := 0
		for _, line := range s.Journal("?limit=500") {
			if strings.HasPrefix(line.Route, "/console/") && line.Status == http.StatusOK {
				t.Fatal("the page was served into a frame")
			}
			if line.Method == http.MethodGet && line.Status == http.StatusForbidden {
				refused++
			}
		}
		return refused >= 2
	})
}

// fullStoreIsMended fills the database, while the cloud is away, until a sale finds no room; the limit is raised by keyboard.
func fullStoreIsMended(t *testing.T, browser *e2e.Browser) {
	s := troubled{shop: shop{e2e.NewSite(t, "max_mb: 1024 ", "max_mb: 16 ").Start(), browser}}
	s.page = s.signIn(t, e2e.AdminToken)
	says(s.page, "Tudo certo")
	s.Clouds.Leave()
	noise := make([]byte, 100<<10)
	full := false
	for i := 0; i < 150 && !full; i++ {
		_, _ = rand.Read(noise) // never fails
		sale := agenttest.Today(agenttest.Receipt(fmt.Sprintf("CHEIO-%d", i), ""))
		full = s.Post("/v2/coupons", strings.Replace(sale, "{", `{"obs":"`+hex.EncodeToString(noise)+`",`, 1)).Status == http.StatusInsufficientStorage
	}
	if !full {
		t.Fatal("the store takes everything")
	}
	says(s.page, "Não há mais espaço para guardar vendas")
	s.mend("fila")
	s.page.Until("the form", "document.querySelector('#opcao-store-max_mb') !== null")
	s.page.TabTo("#opcao-store-max_mb")
	s.page.Type("64")
	s.press("#gravar")
	s.page.Until("the difference", "document.querySelector('dialog .diff ins')?.innerText === '64'")
	s.page.Press("Enter")
	says(s.page, "Vale depois de reiniciar")
	if err := s.Clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Start()
	if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("DEPOIS-1", ""))); got.Status != http.StatusAccepted {
		t.Errorf("after it: %d %s", got.Status, got.Body)
	}
}
