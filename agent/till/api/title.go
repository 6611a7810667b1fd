package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/paying/checkout"
	"pdvagent/agent/reading"
	"pdvagent/agent/till/web"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/ideamaker"
)

// Titles looks up customers, products and promotions of titles.
type Titles interface {
	Customer(ctx context.Context, cpf string) (bool, error)
	Products(ctx context.Context, cep string) ([]string, error)
	Promotion(ctx context.Context, product string) (ideamaker.Promotion, error)
	Regulation(ctx context.Context, p ideamaker.Promotion) (upstream.Document, error)
}

const noTitles = "A venda de títulos não está configurada neste caixa (payments.ideamaker.titles_url)."

var (
	cepPattern     = regexp.MustCompile(`^[0-9]{8}$`)
	phonePattern   = regexp.MustCompile(`^[1-9][0-9]{9,10}$`)
	productPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)
)

// titleCustomer answers whether the vendor knows a CPF. Not found is an answer: the sale may go on.
func (a *API) titleCustomer(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Titles == nil {
		problem(w, r, errNotConfigured(noTitles), "")
		return
	}
	cpf, ok := reading.TaxID(r.PathValue("cpf"))
	if !ok || len(cpf) != 11 {
		problem(w, r, oneFault("cpf", "invalid", "O CPF não confere: são 11 números, com os dígitos verificadores certos."), "")
		return
	}
	found, err := a.cfg.Paying.Titles.Customer(r.Context(), string(cpf))
	if err != nil {
		problem(w, r, vendorRefusal(err, ideamaker.Name), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"found": found})
}

// titleProduct is a product with its promotion.
type titleProduct struct {
	Product   string              `json:"product"`
	Promotion ideamaker.Promotion `json:"promotion"`
}

// titleProducts lists the products of a CEP with their promotions. A product without a promotion is not for sale.
func (a *API) titleProducts(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Titles == nil {
		problem(w, r, errNotConfigured(noTitles), "")
		return
	}
	cep := strings.ReplaceAll(r.URL.Query().Get("cep"), "-", "")
	if !cepPattern.MatchString(cep) {
		problem(w, r, oneFault("cep", "invalid", "O CEP tem 8 números."), "")
		return
	}
	codes, err := a.cfg.Paying.Titles.Products(r.Context(), cep)
	list := []titleProduct{}
	for _, code := range codes {
		promotion, promotionErr := a.cfg.Paying.Titles.Promotion(r.Context(), code)
		if promotionErr != nil && payments.FailureOf(promotionErr).Class == payments.NotFound {
			continue
		}
		if err = promotionErr; err != nil {
			break
		}
		list = append(list, titleProduct{code, promotion})
	}
	if err != nil {
		problem(w, r, vendorRefusal(err, ideamaker.Name), "")
		return
	}
	web.JSON(w, http.StatusOK, list)
}

// promotion reads the promotion of the path. False: the till has its answer.
func (a *API) promotion(w http.ResponseWriter, r *http.Request) (ideamaker.Promotion, bool) {
	if a.cfg.Paying.Titles == nil {
		problem(w, r, errNotConfigured(noTitles), "")
		return ideamaker.Promotion{}, false
	}
	if !productPattern.MatchString(r.PathValue("product")) {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Não há promoção deste produto."), "")
		return ideamaker.Promotion{}, false
	}
	promotion, err := a.cfg.Paying.Titles.Promotion(r.Context(), r.PathValue("product"))
	if err != nil {
		problem(w, r, vendorRefusal(err, ideamaker.Name), "")
	}
	return promotion, err == nil
}

// titlePromotion shows the present promotion of a product.
func (a *API) titlePromotion(w http.ResponseWriter, r *http.Request) {
	if promotion, ok := a.promotion(w, r); ok {
		web.JSON(w, http.StatusOK, promotion)
	}
}

// titleRegulation passes on the promotion's document.
func (a *API) titleRegulation(w http.ResponseWriter, r *http.Request) {
	promotion, ok := a.promotion(w, r)
	if !ok {
		return
	}
	if promotion.RegulationURL == "" {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Esta promoção não tem regulamento."), "")
		return
	}
	document, err := a.cfg.Paying.Titles.Regulation(r.Context(), promotion)
	if err != nil {
		problem(w, r, vendorRefusal(err, ideamaker.Name), "")
		return
	}
	passDocument(w, r, document, "O regulamento não veio como documento.", "application/pdf", "image/png", "image/jpeg")
}

// titleView is a sale of titles.
type titleView struct {
	ID        string            `json:"id"`
	Status    payments.State    `json:"status"`
	Detail    string            `json:"detail,omitempty"`
	Protocol  string            `json:"protocol,omitempty"`
	Product   string            `json:"product,omitempty"`
	Quantity  int               `json:"quantity,omitempty"`
	Payment   paymentView       `json:"payment"`
	Titles    []json.RawMessage `json:"titles,omitempty"`
	LegalText string            `json:"legal_text,omitempty"`
}

// viewTitle makes the view of a sale of titles.
func viewTitle(p payments.Payment) titleView {
	v := titleView{ID: p.ID, Status: p.State, Detail: p.Detail, Payment: viewPayment(p)}
	for _, attempt := range p.Attempts {
		if attempt.Protocol != "" {
			v.Protocol = attempt.Protocol
		}
	}
	var sale ideamaker.Sale
	if json.Unmarshal(p.Order, &sale) == nil {
		v.Product, v.Quantity = sale.Product, sale.Quantity
	}
	var receipt ideamaker.Receipt
	if json.Unmarshal(p.Result, &receipt) == nil {
		v.Titles, v.LegalText = receipt.Titles, receipt.LegalText
	}
	return v
}

// sellTitle registers a sale and charges it: 201 with the protocol and the code.
func (a *API) sellTitle(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Titles == nil {
		problem(w, r, errNotConfigured(noTitles), "")
		return
	}
	f, key, ok := openOrder(w, r)
	if !ok {
		return
	}
	order, sale, expected := f.title()
	order.Key, order.Fingerprint = key, f.fingerprint("titles/sales")
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	known, err := a.cfg.Paying.Payments.Repeated(key, order.Fingerprint)
	if err == nil && known == nil {
		err = a.priceTitle(r.Context(), &order, sale, expected)
	}
	if err != nil {
		problem(w, r, agent.ForTill(err), "")
		return
	}
	p, replayed, err := a.cfg.Paying.Payments.Create(r.Context(), order)
	a.created(w, r, p, replayed, err, viewTitle(p))
}

// title reads an order of titles.
func (f *form) title() (order checkout.Order, sale ideamaker.Sale, expected int64) {
	sale = ideamaker.Sale{
		Product: f.text("product", true, 60), Quantity: int(f.integer("quantity", false, 1000, 1, "")),
		CPF: f.document("cpf", true, true), Phone: digitsOf(f.text("phone", true, 20)), Zip: digitsOf(f.text("zip", false, 9)),
	}
	if sale.Product != "" && !productPattern.MatchString(sale.Product) {
		f.fault("product", "invalid", "Não é o código de um produto.")
	}
	if sale.Phone != "" && !phonePattern.MatchString(sale.Phone) {
		f.fault("phone", "invalid", "O celular tem DDD e número: 10 ou 11 algarismos.")
	}
	if sale.Zip != "" && !cepPattern.MatchString(sale.Zip) {
		f.fault("zip", "invalid", "O CEP tem 8 números.")
	}
	if accepted, ok := f.get("terms_accepted"); ok && string(accepted.Raw()) != "true" {
		f.fault("terms_accepted", "required", "O cliente precisa aceitar o regulamento.")
	}
	order = checkout.Order{Kind: payments.KindTitle, Provider: "ideamaker", ExpiresIn: int(f.integer("expires_in", false, longestExpiry, defaultExpiry, " segundos")), Patience: createPatience}
	order.Reference = f.text("reference", false, 100)
	order.Customer = payments.Customer{Name: f.text("name", false, 100), Document: sale.CPF}
	return order, sale, f.integer("expected_amount", false, maxAmount, 0, ", em centavos")
}

// digitsOf removes the punctuation of a telephone number or CEP.
func digitsOf(text string) string {
	return strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(text)
}

// priceTitle completes an order with the product's present promotion.
func (a *API) priceTitle(ctx context.Context, order *checkout.Order, sale ideamaker.Sale, expected int64) error {
	promotion, err := a.cfg.Paying.Titles.Promotion(ctx, sale.Product)
	if err != nil && payments.FailureOf(err).Class == payments.NotFound {
		return oneFault("product", "unknown", "Não há promoção ativa deste produto.")
	}
	if err != nil {
		return vendorRefusal(err, ideamaker.Name)
	}
	if sale.Quantity < promotion.MinQuantity || (promotion.MaxQuantity > 0 && sale.Quantity > promotion.MaxQuantity) {
		return oneFault("quantity", "range", fmt.Sprintf("Este produto é vendido de %d a %d por vez.", max(promotion.MinQuantity, 1), promotion.MaxQuantity))
	}
	order.Amount = promotion.Price * agent.Cents(sale.Quantity)
	if order.Amount > maxAmount {
		return oneFault("quantity", "range", "O total passa do limite de um Pix.")
	}
	if expected > 0 && order.Amount != agent.Cents(expected) {
		return agent.Errorf(agent.CodeConflict, nil, "O preço mudou: agora são %s. Mostre ao cliente e tente de novo.", order.Amount.Reais())
	}
	if order.ExpiresIn, err = a.expiryBeforeDraw(promotion, order.ExpiresIn); err != nil {
		return err
	}
	order.Text = promotion.Title + ", pague e concorra. Li e concordo com o regulamento da promoção disponível no site e verso do produto."
	order.Order, err = json.Marshal(sale)
	return err
}

// expiryBeforeDraw limits an expiry, in seconds, to two minutes before the day of the draw (contracts/ideamaker.md 1.2).
func (a *API) expiryBeforeDraw(promotion ideamaker.Promotion, seconds int) (int, error) {
	draw, err := time.ParseInLocation(ideamaker.Layout, promotion.DrawDate, a.cfg.Agent.Zone)
	if err != nil {
		return seconds, nil // the vendor gives no date
	}
	year, month, day := draw.Date()
	last := time.Date(year, month, day, 0, 0, 0, 0, a.cfg.Agent.Zone).Add(-2 * time.Minute)
	left := int(last.Sub(a.cfg.Agent.Now()).Seconds())
	if left < 10 {
		return 0, agent.Errorf(agent.CodeConflict, nil, "As vendas desta promoção acabaram: o sorteio é em %s.", draw.Format("02/01/2006"))
	}
	return min(seconds, left), nil
}

// titleSale shows a sale; ?wait= seconds for a change.
func (a *API) titleSale(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Paying.Titles == nil {
		problem(w, r, errNotConfigured(noTitles), "")
		return
	}
	p, err := a.watch(r)
	if err == nil && p.Kind != payments.KindTitle {
		err = agent.Errorf(agent.CodeNotFound, nil, "Este id é de um pagamento, não de uma venda de título.")
	}
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, viewTitle(p))
}
