package sicoobsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/simkit"
	"pdvagent/payments/boleto"
	"pdvagent/payments/pix"
)

func reais(cents int) json.Number { return json.Number(agent.Cents(cents).String()) }

// issueWire is what the two versions call by different names.
type issueWire struct {
	NumeroCliente  int64 `json:"numeroCliente"`
	NumeroContrato int64 `json:"numeroContrato"`
	NossoNumero    int
	SeuNumero      string
	Valor          json.Number
	DataEmissao    string
	DataVencimento string
	Pagador        struct{ NumeroCpfCnpj string }
	GerarPdf       bool
}

func (s *Sim) issue(version string, body []byte) simkit.Answer {
	if err := s.schemas.Check("issue-"+version, body); err != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	if version == "v3" {
		var in issueWire
		if json.Unmarshal(body, &in) != nil {
			return refusal(http.StatusBadRequest, "Dados inválidos.")
		}
		b, refused := s.accept(in, in.NumeroCliente, s.cfg.Client)
		if refused != nil {
			return refused.answer()
		}
		return simkit.OK(map[string]any{"resultado": s.show(version, in.NumeroCliente, b, in.GerarPdf)})
	}
	var list []issueWire
	if json.Unmarshal(body, &list) != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos.")
	}
	results := []any{}
	for _, in := range list {
		b, refused := s.accept(in, in.NumeroContrato, s.cfg.Contract)
		if refused != nil {
			results = append(results, result(refused, nil))
			continue
		}
		results = append(results, result(nil, s.show(version, in.NumeroContrato, b, in.GerarPdf)))
	}
	return simkit.Answer{Status: http.StatusMultiStatus, Body: map[string]any{"resultado": results}}
}

// accept issues one boleto. client is the number that the call names, ours the shop's.
func (s *Sim) accept(in issueWire, client, ours int64) (Boleto, *refused) {
	issued, err1 := time.Parse(time.DateOnly, in.DataEmissao[:10])
	due, err2 := time.Parse(time.DateOnly, in.DataVencimento[:10])
	units, decimals, _ := strings.Cut(in.Valor.String(), ".")
	amount, err3 := strconv.Atoi(units + (decimals + "00")[:2])
	switch {
	case !named(client, ours):
		return Boleto{}, refuse(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	case err1 != nil || err2 != nil || due.Before(issued):
		return Boleto{}, refuse(http.StatusNotAcceptable, "A data de vencimento é anterior à data de emissão.")
	case err3 != nil || len(decimals) > 2:
		return Boleto{}, refuse(http.StatusNotAcceptable, "Valor inválido.")
	}
	if _, ok := agent.ParseDocument(in.Pagador.NumeroCpfCnpj); !ok {
		return Boleto{}, refuse(http.StatusNotAcceptable, "CPF/CNPJ do pagador inválido.")
	}
	if in.NossoNumero > 0 && boleto.NossoDigit(cooperative, int(s.cfg.Client), in.NossoNumero/10) != in.NossoNumero%10 {
		return Boleto{}, refuse(http.StatusNotAcceptable, "Dígito do nosso número inválido.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.add(Boleto{
		NossoNumero: in.NossoNumero, SeuNumero: in.SeuNumero, Document: in.Pagador.NumeroCpfCnpj, Amount: amount, IssuedOn: issued.Format(time.DateOnly), Due: due.Format(time.DateOnly),
	}, due)
	if err != nil {
		return Boleto{}, refuse(http.StatusNotAcceptable, "Boleto recusado: "+err.Error()+".")
	}
	return b, nil
}

// show writes a boleto by a version's names, to the client of that number.
func (s *Sim) show(version string, client int64, b Boleto, withPDF bool) map[string]any {
	slip, _ := boleto.Parse(b.Barcode, time.Time{}) // it was built here
	date := func(text string) string {
		if version == "v2" {
			return text + "T00:00:00-03:00"
		}
		return text
	}
	shown := map[string]any{
		"numeroContaCorrente": 102938, "dataEmissao": date(b.IssuedOn), "nossoNumero": b.NossoNumero, "seuNumero": b.SeuNumero, "valor": reais(b.Amount), "dataVencimento": date(b.Due),
		"numeroParcela": 1, "codigoBarras": b.Barcode, "linhaDigitavel": slip.Line, "qrCode": code(b), "situacaoBoleto": b.Situation, "pdfBoleto": nil,
		"listaHistorico": []map[string]any{{"dataHistorico": date(b.IssuedOn), "tipoHistorico": "1", "descricaoHistorico": "Entrada"}},
	}
	if version == "v2" {
		shown["numeroContrato"], shown["modalidade"], shown["especieDocumento"] = client, modality, "DM"
	} else {
		shown["numeroCliente"], shown["codigoModalidade"], shown["codigoEspecieDocumento"] = client, modality, "DM"
	}
	if withPDF {
		shown["pdfBoleto"] = base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n% boleto de exemplo " + strconv.Itoa(b.NossoNumero) + "\n%%EOF\n"))
	}
	return shown
}

// code is the Pix of a hybrid boleto.
func code(b Boleto) string {
	location := fmt.Sprintf("pix.example.com/qr/v2/cobv/%d", b.NossoNumero)
	return pix.BuildDynamic(pix.Dynamic{Location: location, Name: "LOJA TESTE", City: "GOIANIA", Amount: agent.Cents(b.Amount)})
}

// named tells whether a number is the shop's: its own, or the one that the shop's ticket writes.
func named(client, ours int64) bool { return client == ours || client == ticketContract }

// ours gives the number by which a query names the shop; false where it names another.
func (s *Sim) ours(version string, query url.Values) (int64, bool) {
	name, ours := "numeroCliente", s.cfg.Client
	if version == "v2" {
		name, ours = "numeroContrato", s.cfg.Contract
	}
	client, err := strconv.ParseInt(query.Get(name), 10, 64)
	return client, err == nil && named(client, ours)
}

func (s *Sim) lookup(version string, query url.Values, withPDF bool) simkit.Answer {
	name := map[string]string{"v3": "codigoModalidade", "v2": "modalidade"}[version]
	client, ours := s.ours(version, query)
	if !ours || query.Get(name) != strconv.Itoa(modality) {
		return refusal(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boletos {
		slip, _ := boleto.Parse(b.Barcode, time.Time{}) // it was built here
		if strconv.Itoa(b.NossoNumero) == query.Get("nossoNumero") || b.Barcode == query.Get("codigoBarras") || slip.Line == query.Get("linhaDigitavel") {
			return simkit.OK(map[string]any{"resultado": s.show(version, client, *b, withPDF && query.Get("gerarPdf") == "true")})
		}
	}
	return simkit.NoContent()
}

func (s *Sim) payer(version, document string, query url.Values) simkit.Answer {
	client, ours := s.ours(version, query)
	if !ours {
		return refusal(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	list := []any{}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := query.Get("dataInicio"), query.Get("dataFim")
	for _, b := range s.boletos {
		if b.Document == document && (len(from) < 10 || b.Due >= from[:10]) && (len(to) < 10 || b.Due <= to[:10]) {
			list = append(list, s.show(version, client, *b, false))
		}
	}
	if len(list) == 0 {
		return simkit.NoContent()
	}
	return simkit.OK(map[string]any{"resultado": list})
}

func (s *Sim) writeOff(nosso string, body []byte) simkit.Answer {
	if err := s.schemas.Check("writeoff-v3", body); err != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	var in issueWire
	if json.Unmarshal(body, &in) != nil || !named(in.NumeroCliente, s.cfg.Client) {
		return refusal(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	n, _ := strconv.Atoi(nosso) // 0 is no boleto's
	if refused := s.cancel(n); refused != nil {
		return refused.answer()
	}
	return simkit.NoContent()
}

// cancel writes a boleto off.
func (s *Sim) cancel(nosso int) *refused {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch b := s.find(nosso); {
	case b == nil:
		return refuse(http.StatusBadRequest, "Boleto não encontrado.")
	case b.Situation != "Em Aberto":
		return refuse(http.StatusNotAcceptable, "O boleto não está em aberto: "+b.Situation+".")
	default:
		b.Situation = "Baixado"
		return nil
	}
}

func (s *Sim) writeOffs(body []byte) simkit.Answer {
	if err := s.schemas.Check("writeoff-v2", body); err != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	var list []issueWire
	if json.Unmarshal(body, &list) != nil {
		return refusal(http.StatusBadRequest, "Dados inválidos.")
	}
	results := []any{}
	for _, in := range list {
		refused := refuse(http.StatusBadRequest, "Número do contrato inválido.")
		if named(in.NumeroContrato, s.cfg.Contract) {
			refused = s.cancel(in.NossoNumero)
		}
		results = append(results, result(refused, map[string]any{"nossoNumero": in.NossoNumero, "valor": reais(1)}))
	}
	return simkit.Answer{Status: http.StatusMultiStatus, Body: map[string]any{"resultado": results}}
}
