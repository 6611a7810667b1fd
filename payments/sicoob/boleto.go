package sicoob

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pdvagent/agent/upstream"
	"pdvagent/payments"
	"pdvagent/payments/boleto"
	"pdvagent/payments/pix"
)

// issuedWire is a boleto as both versions show it.
type issuedWire struct {
	NossoNumero    text `json:"nossoNumero"`
	SeuNumero      text `json:"seuNumero"`
	CodigoBarras   text `json:"codigoBarras"`
	LinhaDigitavel text `json:"linhaDigitavel"`
	QRCode         text `json:"qrCode"`
	Valor          text `json:"valor"`
	DataVencimento text `json:"dataVencimento"`
	Situacao       text `json:"situacaoBoleto"`
	PDF            text `json:"pdfBoleto"`
}

func (w issuedWire) read() (boleto.Issued, error) {
	b := boleto.Issued{
		NossoNumero: w.NossoNumero.whole(), SeuNumero: string(w.SeuNumero), Barcode: string(w.CodigoBarras), Line: string(w.LinhaDigitavel),
		BRCode: pix.Clean(string(w.QRCode)), Due: w.DataVencimento.day(),
	}
	switch strings.ToLower(string(w.Situacao)) {
	case "em aberto":
		b.Situation = boleto.Open
	case "liquidado":
		b.Situation = boleto.Settled
	case "baixado":
		b.Situation = boleto.WrittenOff
	}
	if b.NossoNumero == 0 {
		return b, lost("a boleto without a number")
	}
	b.Amount, _ = w.Valor.reais() // one that cannot be read is as good as not told: its boleto is there all the same
	return b, nil
}

// Issue has a boleto made. seuNumero is the caller's; an answer that was lost is looked for by it.
func (c *Client) Issue(ctx context.Context, o boleto.Order) (boleto.Issued, error) {
	order := c.order(o)
	var body any = order
	if c.v.list {
		body = []any{order}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return boleto.Issued{}, err
	}
	answer, _, err := c.call(ctx, upstream.Request{Method: http.MethodPost, Path: "boletos", Route: "/boletos", Body: raw})
	if err != nil {
		return boleto.Issued{}, err
	}
	var in issuedWire
	if c.v.list {
		in, err = oneOf(answer)
	} else {
		err = result(answer, &in)
	}
	if err != nil {
		return boleto.Issued{}, err
	}
	return in.read()
}

// order writes what is asked for, without any field that says nothing: the bank refuses those (contract section 3).
func (c *Client) order(o boleto.Order) map[string]any {
	body := map[string]any{
		c.v.client: c.cfg.Client, c.v.modality: c.cfg.Modality, "numeroContaCorrente": c.cfg.Account, c.v.species: "DM",
		"dataEmissao": c.v.date(o.IssuedOn), "seuNumero": o.SeuNumero, "identificacaoEmissaoBoleto": 2, "identificacaoDistribuicaoBoleto": 2,
		"valor": money(o.Amount), "dataVencimento": c.v.date(o.Due), "tipoDesconto": 0, "tipoMulta": 0, "tipoJurosMora": 3, "numeroParcela": 1,
		"pagador": map[string]any{
			"numeroCpfCnpj": o.Payer.Document, "nome": o.Payer.Name, "endereco": o.Payer.Address, "bairro": o.Payer.District,
			"cidade": o.Payer.City, "cep": o.Payer.ZIP, "uf": o.Payer.State,
		},
		"gerarPdf": false, "codigoCadastrarPIX": 1,
	}
	if o.NossoNumero > 0 {
		body["nossoNumero"] = o.NossoNumero
	}
	if len(o.Instructions) > 0 {
		body["mensagensInstrucao"] = c.v.instructions(o.Instructions)
	}
	return body
}

// oneOf opens v2's answer to one boleto: a list, each with a status of its own.
func oneOf(answer []byte) (issuedWire, error) {
	var list []struct {
		Status struct {
			Codigo   text `json:"codigo"`
			Mensagem text `json:"mensagem"`
		} `json:"status"`
		Boleto issuedWire `json:"boleto"`
	}
	if err := result(answer, &list); err != nil {
		return issuedWire{}, err
	}
	if len(list) != 1 {
		return issuedWire{}, lost("not one boleto")
	}
	if code, ok := list[0].Status.Codigo.count(); ok && code >= 400 {
		return issuedWire{}, &payments.Failure{Class: payments.Declined, Detail: "status " + itoa(code), Says: short(string(list[0].Status.Mensagem))}
	}
	return list[0].Boleto, nil
}

// Find asks for one boleto; a bank that has none answers with nothing (sicoob.md 7.2).
func (c *Client) Find(ctx context.Context, nosso int64) (boleto.Issued, error) {
	return c.one(ctx, "boletos", c.who(c.v.modality, itoa(int64(c.cfg.Modality)), "nossoNumero", itoa(nosso)))
}

// Copy asks for a boleto's PDF.
func (c *Client) Copy(ctx context.Context, nosso int64) ([]byte, error) {
	b, err := c.one(ctx, "boletos/segunda-via", c.who(c.v.modality, itoa(int64(c.cfg.Modality)), "nossoNumero", itoa(nosso), "gerarPdf", "true"))
	if err == nil && len(b.PDF) == 0 {
		err = lost("no PDF")
	}
	return b.PDF, err
}

func (c *Client) one(ctx context.Context, path string, query url.Values) (boleto.Issued, error) {
	answer, outcome, err := c.call(ctx, upstream.Request{Method: http.MethodGet, Path: path, Route: "/" + path, Query: query})
	if err != nil {
		return boleto.Issued{}, err
	}
	if outcome.Status == http.StatusNoContent {
		return boleto.Issued{}, &payments.Failure{Class: payments.NotFound, Detail: "HTTP 204"}
	}
	var in issuedWire
	if err := result(answer, &in); err != nil {
		return boleto.Issued{}, err
	}
	b, err := in.read()
	if in.PDF != "" {
		if b.PDF, _ = base64.StdEncoding.DecodeString(string(in.PDF)); !strings.HasPrefix(string(b.PDF), "%PDF") {
			b.PDF = nil
		}
	}
	return b, err
}

// FindOf asks for a payer's boletos that fall due on a day, whatever became of them.
func (c *Client) FindOf(ctx context.Context, document string, due time.Time) ([]boleto.Issued, error) {
	path, route := c.v.payer(document)
	query := c.who("dataInicio", c.v.date(due), "dataFim", c.v.date(due))
	answer, outcome, err := c.call(ctx, upstream.Request{Method: http.MethodGet, Path: path, Route: route, Query: query})
	if outcome.Status == http.StatusNoContent || outcome.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var in []issuedWire
	if err := result(answer, &in); err != nil {
		return nil, err
	}
	list := make([]boleto.Issued, 0, len(in))
	for _, w := range in {
		b, err := w.read()
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// WriteOff has the bank take a boleto back: nobody can pay it any more.
func (c *Client) WriteOff(ctx context.Context, nosso int64) error {
	method, path, route := c.v.writeOff(nosso)
	entry := map[string]any{c.v.client: c.cfg.Client, c.v.modality: c.cfg.Modality}
	var body any = entry
	if c.v.list {
		entry["nossoNumero"] = nosso
		body = []any{entry}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, _, err := c.call(ctx, upstream.Request{Method: method, Path: path, Route: route, Body: raw})
	if err == nil && c.v.list && len(answer) > 0 {
		_, err = oneOf(answer)
	}
	return err
}
