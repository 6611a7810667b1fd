package console

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// stranger is a shopper who is not of the club.
const stranger = "39053344705"

// sellTo sells to who gives a document, with a client_id that the till chooses.
func (s shop) sellTo(t *testing.T, document, coupon, client string) {
	t.Helper()
	id := s.Post("/v2/transaction/start", `{"document_no":"`+document+`"}`).Text("transaction_id")
	body := strings.Replace(agenttest.Today(agenttest.Receipt(coupon, id)), `"client_id":"0"`, `"client_id":"`+client+`"`, 1)
	s.Post("/v2/transaction/apply", `{"transaction_id":"`+id+`","client_id":"`+client+`","origin":"pdv","items":[{"sku":"80215","ean":"7890000000017","quantity":3,"packing_quantity":1,"total_value":30.00}]}`)
	s.Post("/v2/transaction/confirm", `{"transaction_id":"`+id+`"}`)
	if got := s.Post("/v2/coupons", body); got.Status != http.StatusAccepted {
		t.Fatalf("the sale %s: %d %s", coupon, got.Status, got.Body)
	}
}

// watchIsShown begins a watch with the keyboard only, asks for an item, sees the till do it wrong and then right, and confirms what
// no machine sees.
func watchIsShown(t *testing.T, browser *e2e.Browser) {
	s := openShop(t, browser)
	s.AddMember(e2e.Maria, "Maria")
	page := s.signIn(t, e2e.SupportToken)
	page.TabTo("#nav-homologacao")
	page.Press("Enter")
	says(page, "Ninguém está acompanhando")
	page.TabTo("#comecar")
	page.Press("Enter")
	page.Until("the question", "document.querySelector('dialog #produtos') !== null")
	page.Type("rabanete=1")
	page.Press("Enter")
	page.Until("the refusal", "document.querySelector('dialog .note.bad')?.innerText.includes('rabanete')")
	page.TabTo("#produtos")
	page.Type("cafe=555")
	page.Press("Enter")
	says(page, "O movimento comum do caixa já marca itens")
	page.TabTo("#seguinte")
	page.Press("Enter")
	says(page, "Agora, no caixa: H1 ")

	page.TabTo("#fazer-H14")
	page.Press("Enter")
	says(page, "Agora, no caixa: H14 ")
	s.sellTo(t, stranger, "VISTA-1", stranger)
	page.Until("what is wrong, aloud", "document.querySelector('[aria-live] .note.bad')?.innerText.includes('o cupom levou client_id 39053344705, mas este cliente não é do clube: deveria ir 0')")
	s.sellTo(t, stranger, "VISTA-2", "0")
	s.sellTo(t, e2e.Maria, "VISTA-3", e2e.Maria)
	page.Until("the item is ticked off", "document.querySelector('[aria-live] .note.ok') !== null")
	page.Until("another is ticked off by the same sales", "document.getElementById('fazer-H15')?.innerText === 'Fazer de novo'")

	page.TabTo("#confirmar-H9")
	page.Press("Enter")
	page.Type("Ana")
	page.TabTo("#viu")
	page.Type("a base é a mesma nas duas lojas")
	page.TabTo("dialog button.primary")
	page.Press("Enter")
	says(page, "a base é a mesma nas duas lojas")

	page.TabTo("#encerrar")
	page.Press("Enter")
	page.TabTo("dialog button.primary")
	page.Press("Enter")
	says(page, "Ninguém está acompanhando")
}
