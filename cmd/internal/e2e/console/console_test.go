package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// shop is a shop with payments and one of each trouble of the queue, its browser, and names with markup where a till can put
// them.
type shop struct {
	*e2e.Site
	browser *e2e.Browser
}

// markup is what an attacker's till puts wherever it may.
const markup = `<img src=x onerror='window.hacked=1'>`

func openShop(t *testing.T, browser *e2e.Browser) shop {
	t.Helper()
	return shop{e2e.NewSiteWithPayments(t).Start(), browser}
}

// The tests share one browser, each with a shop and a page of its own: to start a browser takes longer than all the rest.
func TestConsoleInARealBrowser(t *testing.T) {
	browser := e2e.NewBrowser(t)
	for name, test := range map[string]func(*testing.T, *e2e.Browser){
		"sign-in by a token, and by a link that works once":                signsIn,
		"a held sale with a wrong total is mended by keyboard":             heldSaleIsMended,
		"a cloud away is said, and its return too":                         cloudAwayIsSaid,
		"a dead agent is shown, and a form that was begun outlives it":     deadAgentIsShown,
		"a refused token is seen, and the new one is set by keyboard":      refusedTokenIsReplaced,
		"the till's homologation is watched, by keyboard":                  watchIsShown,
		"troubles are seen on Início and mended by keyboard":               troublesAreMended,
		"a full store is seen, and its limit raised by keyboard":           fullStoreIsMended,
		"two people edit, and a token is removed under an open page":       twoPeopleEdit,
		"a page of another origin gets nothing":                            anotherOriginGetsNothing,
		"every page is accessible in both colours, and interprets nothing": everyPageIsAccessible,
		"a sale is found by its operator, and leads to its neighbours":     salesAreFound,
		"a file is seen before it goes, and an ERP's is compared":          filesAreSeenBeforeTheyGo,
		"the simulated cloud is paid at and fails, from the page":          simulatorIsSteered,
		"the guides are read without a session, and their examples tried":  guidesAreRead,
	} {
		t.Run(name, func(t *testing.T) { test(t, browser) })
	}
}

// wrongTotal is a sale whose total is in cents, of a till and with a product whose names are markup.
func wrongTotal(coupon string) string {
	body := strings.Replace(agenttest.Today(agenttest.Receipt(coupon, "")), `"total_value":66.93`, `"total_value":6693`, 1)
	return strings.NewReplacer(`"CAFE 500G"`, fmt.Sprintf("%q", markup), `"pdv_code":"012"`, fmt.Sprintf(`"pdv_code":%q`, markup[:20])).Replace(body)
}

// signIn opens the page and gives it a token, by keyboard.
func (s shop) signIn(t *testing.T, token string) *e2e.Tab {
	t.Helper()
	page := s.browser.Open(s.Base + "/")
	page.Until("the sign-in", "document.activeElement?.id === 'token'")
	page.Type(token)
	page.Press("Enter")
	page.Until("Início", "document.querySelector('#como-esta') !== null")
	return page
}

// says waits until the page has a text.
func says(page *e2e.Tab, text string) {
	page.Until("the page says: "+text, fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

func signsIn(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	page := s.browser.Open(s.Base + "/")
	page.Until("the sign-in", "document.activeElement?.id === 'token'")
	for token, refusal := range map[string]string{e2e.TillToken: "suporte", "errado-errado-errado-errado": "token"} {
		page.Type(token)
		page.Press("Enter")
		page.Until("a refusal", fmt.Sprintf("document.querySelector('dialog .note.bad')?.innerText.toLowerCase().includes(%q)", refusal))
	}
	page.Type(e2e.SupportToken)
	page.Press("Enter")
	says(page, "Tudo certo")

	code := s.Call(http.MethodPost, "/v1/console/codes", e2e.AdminToken, "{}").Text("url")
	byLink := s.browser.Open(code)
	says(byLink, "Tudo certo")
	byLink.Until("the code is gone from the address", "location.hash === '#/inicio'")
	stolen := s.browser.Open(code)
	stolen.Until("the sign-in", "document.querySelector('dialog.cover .note.bad') !== null")
}

// heldSaleIsMended sees the trouble on Início and mends it with the keyboard only.
func heldSaleIsMended(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	if got := s.Post("/v2/coupons", wrongTotal("ERRO-1")); got.Status != http.StatusUnprocessableEntity {
		t.Fatalf("the sale: %d %s", got.Status, got.Body)
	}
	page := s.signIn(t, e2e.SupportToken)
	says(page, "1 pendência espera por alguém")
	page.TabTo("#luz-fila")
	page.Press("Enter")
	page.TabTo("[id^=abrir-]")
	page.Press("Enter")
	page.Until("the faulty field is marked", "document.querySelector('[data-path=total_value]')?.getAttribute('aria-invalid') === 'true'")
	page.TabTo("[data-path=total_value]")
	page.Type("66,93")

	// The browser's back button in the middle of the repair: what was typed is still there.
	if _, err := page.Run("history.back()"); err != nil {
		t.Fatal(err)
	}
	says(page, "O que espera por alguém")
	if _, err := page.Run("history.forward()"); err != nil {
		t.Fatal(err)
	}
	page.Until("the form as it was", "document.querySelector('[data-path=total_value]')?.value === '66.93'")

	page.TabTo("#corrigir-enviar")
	page.Press("Enter")
	page.Until("the difference", "document.querySelector('dialog .diff ins')?.innerText === '66.93'")
	page.Press("Enter")
	says(page, "Nada pendente")
	s.WaitDrained()
	page.TabTo("#nav-inicio")
	page.Press("Enter")
	says(page, "Tudo certo: a última venda chegou à Mercafácil")
	if coupons := s.Clouds.Mercafacil.Coupons(); len(coupons) != 1 || coupons[0].ID != "ERRO-1" {
		t.Errorf("the cloud has %v", coupons)
	}
}

func cloudAwayIsSaid(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	page := s.signIn(t, e2e.SupportToken)
	says(page, "Tudo certo")
	s.Clouds.Leave()
	if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("FORA-1", ""))); got.Status != http.StatusAccepted {
		t.Fatalf("the sale: %d %s", got.Status, got.Body)
	}
	says(page, "Sem contato com a Mercafácil desde")
	if err := s.Clouds.Return(t.Context()); err != nil {
		t.Fatal(err)
	}
	says(page, "Tudo certo: a última venda chegou à Mercafácil")
}

// deadAgentIsShown ends the agent in the middle of a repair. The page says so; when it is back the person signs in, and the form is as it was.
func deadAgentIsShown(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	s.Post("/v2/coupons", wrongTotal("ERRO-1"))
	page := s.signIn(t, e2e.AdminToken)
	job := s.Call(http.MethodGet, "/v1/queue?state=held", e2e.SupportToken, "").Body
	id := strings.Split(strings.SplitAfter(job, `"id":"`)[1], `"`)[0]
	page.Go(s.Base + "/console/#/pendencias/" + id)
	page.Until("the form", "document.querySelector('[data-path=total_value]') !== null")
	page.TabTo("[data-path=total_value]")
	page.Type("66.93")
	s.Stop()
	says(page, "O pdvagent não responde desde")
	s.Start()
	page.Until("the warning is gone", "document.getElementById('aviso').innerText === ''")
	page.TabTo("#corrigir-enviar")
	page.Press("Enter")
	page.Until("the difference", "document.querySelector('dialog .diff ins') !== null")
	page.Press("Enter")
	page.Until("the sign-in", "document.activeElement?.id === 'token'")
	page.Type(e2e.AdminToken)
	page.Press("Enter")
	says(page, "Nada pendente")
}

// refusedTokenIsReplaced sees on Início that the cloud refuses the token, and sets the right one with the keyboard only.
func refusedTokenIsReplaced(t *testing.T, browser *e2e.Browser) {
	s := shop{e2e.NewSiteWithPayments(t, "token: '"+e2e.CloudToken+"'", "token: 'token-de-antes'").Start(), browser}
	if got := s.Call(http.MethodGet, "/v1/config/schema", e2e.AdminToken, ""); got.Status != http.StatusOK {
		t.Errorf("the schema: %d", got.Status)
	}
	if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("ESPERA-1", ""))); got.Status != http.StatusAccepted {
		t.Fatalf("the sale: %d %s", got.Status, got.Body)
	}
	page := s.signIn(t, e2e.AdminToken)
	says(page, "A Mercafácil recusa o token desde")
	page.TabTo("#luz-nuvem")
	page.Press("Enter")
	page.Until("the form", "document.querySelector('#opcao-mercafacil-token') !== null")
	page.TabTo("#opcao-mercafacil-token")
	page.Type(e2e.CloudToken)
	page.TabTo("#gravar")
	page.Press("Enter")
	page.Until("the difference, without the secret", "document.querySelector('dialog .diff')?.innerText === 'mercafacil.token: (escondido) → (novo, escondido)'")
	page.Press("Enter")
	page.TabTo("#nav-inicio")
	page.Press("Enter")
	says(page, "Tudo certo: a última venda chegou à Mercafácil")
}
