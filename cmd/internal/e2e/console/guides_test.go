package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pdvagent/cmd/internal/e2e"
)

// everyGuide reads each guide in the page: what is left of its marks outside of code, and links that lead nowhere.
const everyGuide = `(async () => {
  const { guides } = await import("/console/guides.js"), bad = [];
  const shown = async (name) => {
    location.hash = "#/guias/" + name;
    for (let i = 0; i < 400 && document.querySelector("[data-guide]")?.dataset.guide !== name; i++) await new Promise((done) => setTimeout(done, 20));
    return document.querySelector(".guide");
  };
  const anchors = new Set(), links = [];
  for (const { name } of guides) {
    const article = await shown(name);
    if (!article) { bad.push(name + " is not shown"); continue; }
    anchors.add(name);
    for (const part of article.querySelectorAll("[id^=secao-]")) anchors.add(name + "/" + part.id.slice(6));
    for (const link of article.querySelectorAll("a[href^='#/guias/']")) links.push([name, decodeURIComponent(link.getAttribute("href").slice(8))]);
    const copy = article.cloneNode(true);
    for (const code of copy.querySelectorAll("pre, code")) code.remove();
    const left = /.{0,30}(\*\*|\]\(|` + "`" + `|^\|).{0,30}/m.exec(copy.textContent);
    if (left) bad.push(name + " has marks left: " + left[0]);
    if (article.querySelectorAll("p, li, td").length < 5) bad.push(name + " is almost empty");
  }
  const { guideOf } = await import("/console/guides.js");
  for (const [from, to] of links) if (!anchors.has(to) && !guideOf(to)?.program) bad.push(from + " leads to " + to);
  return JSON.stringify([links.length > 30, bad]);
})()`

// guidesAreRead reads the guides and the reference without a session, searches, and with one tries two examples: a call of the
// till, and one of the simulated cloud.
func guidesAreRead(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	page := browser.Open(s.Base + "/docs")
	says(page, "/v2/transaction/start")
	page.TabTo(`a[href="#/guias/api/POST/%2Fv2%2Fcoupons"]`)
	page.Press("Enter")
	says(page, "total_value_with_discount")
	if read, err := page.Run(everyGuide); err != nil || read != "[true,[]]" {
		t.Errorf("got %v %v", read, err)
	}
	page.Go(s.Base + "/console/#/guias")
	page.TabTo("#busca")
	page.Type("certificação digital")
	says(page, "Nada sobre")
	page.Type("MAQUINA copia")
	page.Until("a guide is found", `document.querySelector(".found a[href^='#/guias/troca-de-maquina/']") !== null`)
	if dialog, err := page.Run("document.querySelector('dialog') === null"); err != nil || dialog != true {
		t.Errorf("the guides want a session (%v)", err)
	}

	page = s.signIn(t, e2e.SupportToken)
	page.Go(s.Base + "/console/#/guias/sandbox")
	tries(page, "POST /control/mercafacil/faults")
	page.Until("an answer", "document.querySelector('dialog .note.ok') !== null")
	if faults := s.Clouds.Mercafacil.Faults(); len(faults) != 1 || faults[0].Fault != "silence" {
		t.Errorf("the cloud has %v", faults)
	}
	s.Clouds.Mercafacil.Heal()
	page.Go(s.Base + "/console/?2#/guias/fidelidade")
	tries(page, "POST /v2/transaction/start")
	page.Until("an answer", "document.querySelector('dialog .note.ok') !== null") // the guide itself names a transaction_id
	says(page, "transaction_id")
	if sessions := s.Clouds.Mercafacil.SessionList(); len(sessions) != 1 {
		t.Errorf("the cloud has %v", sessions)
	}
	s.steers(t)
}

// tries presses the first button that tries a call, and sends it.
func tries(page *e2e.Tab, call string) {
	find := fmt.Sprintf("[...document.querySelectorAll('.example button')].find((b) => b.innerText === %q)", "Experimentar "+call)
	page.Until("a button for "+call, find+" !== undefined")
	_, _ = page.Run(find + ".focus()") // Until has seen it
	page.Press("Enter")
	page.Until("the call", "document.querySelector('dialog button.primary') !== null")
	_, _ = page.Run("document.querySelector('dialog button.primary').focus()")
	page.Press("Enter")
}

// steers calls the simulated cloud through the agent, and what it does not have.
func (s shop) steers(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, "/v1/simulator", "", 200},
		{http.MethodGet, "/v1/simulator/mercafacil/members", "", 200},
		{http.MethodPost, "/v1/simulator/mercafacil/members", `{"document_no":"52998224725","name":"Maria"}`, 200},
		{http.MethodPut, "/v1/simulator/mercafacil/settings", `{"decimals":"string"}`, 200},
		{http.MethodPost, "/v1/simulator/mercafacil/faults", `{"route":"none","fault":"silence"}`, 422},
		{http.MethodDelete, "/v1/simulator/mercafacil/faults", "", 200},
		{http.MethodDelete, "/v1/simulator/mercafacil/everything", "", 404},
		{http.MethodGet, "/v1/simulator/..%2f../members", "", 404},
	} {
		if got := s.Call(c.method, c.path, e2e.SupportToken, c.body); got.Status != c.status {
			t.Errorf("%s %s: got %d %s", c.method, c.path, got.Status, got.Body)
		}
	}
	if trail := s.Call(http.MethodGet, "/v1/audit", e2e.AdminToken, "").Body; !strings.Contains(trail, "Mudou a nuvem simulada") {
		t.Errorf("the trail has %s", trail)
	}
}
