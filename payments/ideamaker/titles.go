package ideamaker

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
)

// Titles is the provider of capitalization titles (ideamaker.md 1.3): registraAtendimento, Pix, confirmaAtendimento.
type Titles struct{ Gateway }

// Sale is the order of a title: what [payments.Payment.Order] holds.
type Sale struct {
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
	CPF      string `json:"cpf"`
	Phone    string `json:"phone"`
	Zip      string `json:"zip,omitempty"`
}

// ErrNoTitles says that only the gateway is configured.
var ErrNoTitles = errors.New("titles are not configured")

func (c *Client) ask(ctx context.Context, path, route string, into any) error {
	if c.titles == nil {
		return ErrNoTitles
	}
	return read(c.titles.Do(ctx, get("servicos/"+path, "/servicos/"+route)), into)
}

// Customer tells whether the vendor knows a CPF. Its answer's body is not public ([ASSUMPTION]): only its status counts,
// and 400 and 404 both mean that nobody is known.
func (c *Client) Customer(ctx context.Context, cpf string) (bool, error) {
	if c.titles == nil {
		return false, ErrNoTitles
	}
	outcome := c.titles.Do(ctx, get("servicos/consulta/cpf/"+escaped(cpf), "/servicos/consulta/cpf/{cpf}"))
	if outcome.Class == agent.ClassStatus && (outcome.Status == http.StatusBadRequest || outcome.Status == http.StatusNotFound) {
		return false, nil
	}
	return outcome.Class == agent.ClassOK, payments.Check(outcome)
}

// Products gives the codes of what is sold at a CEP. The list's shape is not public ([ASSUMPTION]): an array, bare or as
// produtos, data or items of an object, of codes or of objects with codProduto, codigo or produto.
func (c *Client) Products(ctx context.Context, cep string) ([]string, error) {
	if c.titles == nil {
		return nil, ErrNoTitles
	}
	outcome := c.titles.Do(ctx, get("servicos/consulta/produto/cep/"+escaped(cep), "/servicos/consulta/produto/cep/{cep}"))
	if outcome.Class == agent.ClassStatus && outcome.Status == http.StatusNotFound {
		return nil, nil
	}
	if err := payments.Check(outcome); err != nil {
		return nil, err
	}
	list, ok := listIn(outcome.Body, "produtos", "data", "items")
	if !ok {
		return nil, payments.Misread("the products are no list")
	}
	var codes []string
	for _, raw := range list {
		var product struct {
			CodProduto, Codigo, Produto wire
		}
		var bare wire
		if json.Unmarshal(raw, &product) == nil {
			bare = wire(firstOf(string(product.CodProduto), string(product.Codigo), string(product.Produto)))
		} else if json.Unmarshal(raw, &bare) != nil {
			continue
		}
		if plainID(string(bare)) && !slices.Contains(codes, string(bare)) {
			codes = append(codes, string(bare))
		}
	}
	return codes, nil
}

// listIn finds an array: the text itself, or the value of one of the names.
func listIn(text []byte, names ...string) ([]json.RawMessage, bool) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil {
		return list, true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil || payments.Unequivocal(text, &object) != nil {
		return nil, false
	}
	for _, name := range names {
		if json.Unmarshal(object[name], &list) == nil && object[name] != nil {
			return list, true
		}
	}
	return nil, false
}

// Promotion is what is sold, normalised.
type Promotion struct {
	Product       string      `json:"product"`
	Title         string      `json:"title"`
	Price         agent.Cents `json:"price"`
	Banner        string      `json:"banner,omitempty"`
	RegulationURL string      `json:"regulation_url,omitempty"`
	DrawDate      string      `json:"draw_date,omitempty"` // YYYY-MM-DD HH:MM:SS in the shop's zone
	EndsAt        string      `json:"ends_at,omitempty"`
	MinQuantity   int         `json:"min_quantity,omitempty"`
	MaxQuantity   int         `json:"max_quantity,omitempty"`
	Quantities    []int       `json:"quantities,omitempty"` // that the vendor offers as buttons
	Draws         []Draw      `json:"draws,omitempty"`
}

// Draw is one of a promotion.
type Draw struct {
	Order       int    `json:"order"`
	Description string `json:"description"`
	Kind        string `json:"kind"`
	Image       string `json:"image,omitempty"`
}

// Promotion asks for the active one of a product; a failure NotFound where there is none.
func (c *Client) Promotion(ctx context.Context, product string) (Promotion, error) {
	var answer struct {
		refusal
		TituloPromocao, Titulo, Banner, URLRegulamento, ValorPromocao, DataSorteioPrincipal, DataVigenciaFim wire
		Config                                                                                               struct {
			MultiProduto struct {
				QtdMinimaCupons, QtdMaximaCupons wire
				BotoesQtd                        []wire
			}
		}
		Sorteios []struct{ Ordem, Descricao, CodigoTipoSorteio, URLImagem wire }
	}
	if err := c.ask(ctx, "consulta/promocao/"+escaped(product), "consulta/promocao/{product}", &answer); err != nil {
		if payments.FailureOf(err).Class == payments.Declined {
			err = &payments.Failure{Class: payments.NotFound, Detail: err.Error()}
		}
		return Promotion{}, err
	}
	p := Promotion{
		Product: product, Title: firstOf(string(answer.TituloPromocao), string(answer.Titulo)), Banner: string(answer.Banner), RegulationURL: string(answer.URLRegulamento),
		DrawDate: date(string(answer.DataSorteioPrincipal)), EndsAt: date(string(answer.DataVigenciaFim)),
		MinQuantity: number(answer.Config.MultiProduto.QtdMinimaCupons), MaxQuantity: number(answer.Config.MultiProduto.QtdMaximaCupons),
	}
	if p.Title == "" && answer.ValorPromocao == "" && answer.any() {
		return Promotion{}, &payments.Failure{Class: payments.NotFound, Detail: "an error inside a 200"}
	}
	var ok bool
	if p.Price, ok = answer.ValorPromocao.reais(); !ok || p.Price == 0 {
		return Promotion{}, payments.Misread("a promotion whose price cannot be read")
	}
	for _, button := range answer.Config.MultiProduto.BotoesQtd {
		if n := number(button); n > 0 {
			p.Quantities = append(p.Quantities, n)
		}
	}
	for _, draw := range answer.Sorteios {
		p.Draws = append(p.Draws, Draw{number(draw.Ordem), string(draw.Descricao), string(draw.CodigoTipoSorteio), string(draw.URLImagem)})
	}
	return p, nil
}

func number(w wire) int {
	const most = 1_000_000
	n, ok := payments.Cents(string(w)) // whole numbers are spelled like cents
	if !ok || n > most {
		return 0
	}
	return int(n)
}

// Layout is how dates of titles are told: local time, without a zone.
const Layout = "2006-01-02 15:04:05"

// date reads the vendor's two spellings; what is neither is left out.
func date(text string) string {
	for _, layout := range []string{"02/01/2006 15:04:05", "02/01/2006 15:04", "02/01/2006", "2006-01-02T15:04:05", time.RFC3339, time.RFC3339Nano, time.DateOnly, Layout} {
		if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return at.Format(Layout)
		}
	}
	return ""
}

// Regulation opens the document of a promotion. Our keys do not go with it: it lies wherever the vendor says.
func (c *Client) Regulation(ctx context.Context, p Promotion) (upstream.Document, error) {
	document, outcome := c.titles.OpenElsewhere(ctx, p.RegulationURL, "/regulation")
	return document, payments.Check(outcome)
}

// Register is registraAtendimento. Its external id is new for every try, so that a lost answer can be followed by another.
func (t Titles) Register(ctx context.Context, p payments.Payment) (string, error) {
	if t.titles == nil {
		return "", ErrNoTitles
	}
	var sale Sale
	if err := json.Unmarshal(p.Order, &sale); err != nil {
		return "", &payments.Failure{Class: payments.Declined, Detail: "the order cannot be read"}
	}
	request, err := post("servicos/vendas/titulos/registraAtendimento", map[string]any{
		"codProduto": sale.Product, "chaveClienteExterno": p.Last().ExternalID, "tipoPagamento": "pix", "quantidade": sale.Quantity,
		"pessoa": map[string]string{"cpf": sale.CPF, "celular": sale.Phone}, "vendedor": map[string]string{"distribuidor": t.cfg.Distributor, "pdv": t.cfg.Till},
	})
	if err != nil {
		return "", err
	}
	var answer struct {
		refusal
		Protocolo wire `json:"protocolo"`
	}
	if err := read(t.titles.Do(ctx, request), &answer); err != nil {
		return "", err
	}
	switch {
	case answer.Protocolo != "":
		return string(answer.Protocolo), nil
	case answer.any():
		return "", &payments.Failure{Class: payments.Declined, Detail: "an error inside a 200"}
	}
	return "", payments.Misread("a registration without protocolo")
}

// Receipt is what the payer gets: what [payments.Payment.Result] holds.
type Receipt struct {
	Titles    []json.RawMessage `json:"titles"`
	LegalText string            `json:"legal_text"`
}

// Confirm is confirmaAtendimento. Its answer's names are not public ([ASSUMPTION]: titulos and textoLegal).
func (t Titles) Confirm(ctx context.Context, p payments.Payment) (json.RawMessage, error) {
	if t.titles == nil {
		return nil, ErrNoTitles
	}
	request, err := post("servicos/vendas/titulos/confirmaAtendimento", map[string]any{"protocolo": p.Last().Protocol, "aprovado": true})
	if err != nil {
		return nil, err
	}
	var answer struct {
		refusal
		Titulos, Titles []json.RawMessage
		TextoLegal      wire `json:"textoLegal"`
		LegalText       wire `json:"legalText"`
	}
	if err := read(t.titles.Do(ctx, request), &answer); err != nil {
		return nil, err
	}
	receipt := Receipt{Titles: answer.Titulos, LegalText: firstOf(string(answer.TextoLegal), string(answer.LegalText))}
	if receipt.Titles == nil {
		receipt.Titles = answer.Titles
	}
	if len(receipt.Titles) == 0 && receipt.LegalText == "" && answer.Error != "" {
		return nil, &payments.Failure{Class: payments.Declined, Detail: "an error inside a 200"}
	}
	return encoded(receipt)
}

func encoded(receipt Receipt) (json.RawMessage, error) {
	if receipt.Titles == nil {
		receipt.Titles = []json.RawMessage{}
	}
	return json.Marshal(receipt)
}

// coupon is one purchase as /consulta/cupons lists it.
type coupon struct {
	Autenticacao wire
	raw          json.RawMessage
}

// coupons gives what a CPF has of a product.
func (t Titles) coupons(ctx context.Context, p payments.Payment) ([]coupon, error) {
	if t.titles == nil {
		return nil, ErrNoTitles
	}
	var sale Sale
	if err := json.Unmarshal(p.Order, &sale); err != nil {
		return nil, err
	}
	request, err := post("servicos/consulta/cupons/1/100", map[string]any{"cpf": sale.CPF, "produtos": []string{sale.Product}})
	if err != nil {
		return nil, err
	}
	request.Route = "/servicos/consulta/cupons/{page}/{limit}"
	var answer map[string]json.RawMessage
	if err := read(t.titles.Do(ctx, request), &answer); err != nil {
		return nil, err
	}
	var raws []json.RawMessage
	if list, there := answer[sale.Product]; there && json.Unmarshal(list, &raws) != nil {
		return nil, payments.Misread("the coupons are no list")
	}
	var list []coupon
	for _, raw := range raws {
		c := coupon{raw: raw}
		if err := payments.Unequivocal(raw, &c); err != nil {
			return nil, err
		}
		if json.Unmarshal(raw, &c) == nil && c.Autenticacao != "" {
			list = append(list, c)
		}
	}
	return list, nil
}

// Known gives the authentications of what the payer has already.
func (t Titles) Known(ctx context.Context, p payments.Payment) ([]string, error) {
	list, err := t.coupons(ctx, p)
	known := make([]string, 0, len(list))
	for _, c := range list {
		known = append(known, string(c.Autenticacao))
	}
	return known, err
}

// Confirmed finds what a confirm without an answer has brought: what the payer has now and had not before.
func (t Titles) Confirmed(ctx context.Context, p payments.Payment) (json.RawMessage, error) {
	list, err := t.coupons(ctx, p)
	if err != nil {
		return nil, err
	}
	var receipt Receipt
	for _, c := range list {
		if !slices.Contains(p.Known, string(c.Autenticacao)) {
			receipt.Titles = append(receipt.Titles, c.raw)
		}
	}
	if len(receipt.Titles) == 0 {
		return nil, nil
	}
	return encoded(receipt)
}
