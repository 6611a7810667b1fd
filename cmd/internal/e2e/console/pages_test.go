package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/traffic"
	"pdvagent/cmd/internal/e2e"
)

// axeSum is the SHA-256 of axe.min.js of axe-core 4.14.1, which .ci/tools.sh installs.
const axeSum = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"

// axe is the checker of accessibility, a script.
func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(agenttest.Root(), ".ci/cache/axe/node_modules/axe-core/axe.min.js"))
	if err != nil {
		agenttest.Missing(t, "axe-core (.ci/tools.sh)")
	}
	if sum := sha256.Sum256(script); hex.EncodeToString(sum[:]) != axeSum {
		t.Fatal("axe-core is another one than 4.14.1: remove .ci/cache/axe and run .ci/tools.sh")
	}
	return string(script)
}

// check runs axe in the page: what it finds of WCAG A and AA, with where.
const check = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]}).then(
	(r) => JSON.stringify(r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.failureSummary).join(" | "))))`

// everyPageIsAccessible looks at each page with data in it: axe finds nothing in light and in dark, and no name of a till has
// become an element.
func everyPageIsAccessible(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	page := s.signIn(t, e2e.AdminToken)
	for i, address := range s.addresses() {
		page.Go(s.Base + fmt.Sprintf("/console/?%d#/", i) + address)
		page.Until("the page "+address, "document.querySelector('#conteudo h1') !== null && !/Lendo|Somando|Verificando/.test(document.body.innerText)")
		accessible(t, page, address)
		if read, err := page.Run("window.hacked === undefined && document.querySelector('#conteudo b, #conteudo img:not(.qr), #conteudo script') === null"); err != nil || read != true {
			t.Errorf("%s: a name has become an element (%v, %v)", address, read, err)
		}
	}
}

// accessible wants axe to find nothing in what a page shows now, in both colours.
func accessible(t *testing.T, page *e2e.Tab, what string) {
	t.Helper()
	if _, err := page.Run(axe(t)); err != nil {
		t.Fatal(err)
	}
	for _, dark := range []bool{false, true} {
		page.Dark(dark)
		if found, err := page.Run(check); err != nil || found != "[]" {
			t.Errorf("%s, dark %v: axe finds %v %v", what, dark, found, err)
		}
	}
}

// addresses puts something on every page, and gives the addresses of all of them.
func (s shop) addresses() []string {
	s.Helper()
	s.Call(http.MethodPost, "/v1/homologation", e2e.SupportToken, `{"do":"start"}`)
	s.Call(http.MethodPost, "/v1/homologation", e2e.SupportToken, `{"do":"item","item":"H14"}`)
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("CERTA-1", "")))
	s.WaitDrained()
	s.Post("/v2/coupons", wrongTotal("ERRO-1"))
	s.Post("/v2/coupons", strings.Replace(agenttest.Today(agenttest.Receipt("CERTA-1", "")), "19:12:46", "08:00:00", 1))
	s.Post("/v2/coupons", `{"coupon":"LIXO-1" "date": }}`)
	pix := s.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1701,"reference":`+fmt.Sprintf("%q", markup)+`}`, "Idempotency-Key", "CONSOLE-PIX-00000001").Text("id")
	boleto := s.Post("/v1/boletos", `{"nosso_numero":"1000017","seu_numero":"B-1","amount":15000,"due_date":"2026-12-09","register_only":true}`).Text("nosso_numero")
	addresses := []string{"inicio", "vendas", "vendas/CERTA-1", "vendas/NADA-1", "pendencias", "pagamentos", "pagamentos/pix/" + pix, "pagamentos/faturas", "pagamentos/boletos", "pagamentos/pedidos", "rotinas", "rotinas/resend", "diario", "conferencia", "simulador", "diagnostico", "acessos", "auditoria", "guias", "guias/fidelidade", "guias/exemplos", "guias/venda.py", "guias/api", "guias/api/POST/%2Fv2%2Fcoupons", "homologacao", "homologacao?mostrar=errados", "configuracao", "configuracao/mercafacil", "configuracao/payments", "configuracao/routines", "configuracao/versoes"}
	if boleto != "" {
		addresses = append(addresses, "pagamentos/boletos/"+boleto)
	}
	for _, state := range []string{"held", "unread"} {
		var list struct{ Jobs []struct{ ID string } }
		s.Call(http.MethodGet, "/v1/queue?state="+state, e2e.SupportToken, "").Decode(s, &list)
		for _, job := range list.Jobs {
			addresses = append(addresses, "pendencias/"+job.ID)
		}
	}
	var lines []traffic.Line
	s.Until("the journal has the sale", func() bool {
		lines = s.Journal("?key=CERTA-1&side=till")
		return len(lines) > 0
	})
	at, err := json.Marshal(lines[len(lines)-1].At)
	if err != nil {
		s.Fatal(err)
	}
	return append(addresses, "diario/"+lines[len(lines)-1].Ref+"?em="+strings.Trim(string(at), `"`))
}
