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
	"pdvagent/payments/boleto"
	"pdvagent/payments/cloudsim"
	"pdvagent/payments/pix"
)

func centsOf(n int) agent.Cents { return agent.Cents(n) }

func reais(cents int) json.Number { return json.Number(fmt.Sprintf("%d.%02d", cents/100, cents%100)) }

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
}

func (s *Sim) issue(version string, body []byte) cloudsim.Answer {
	if err := s.schemas.Check("issue-"+version, body); err != nil {
		return no(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	if version == "v3" {
		var in issueWire
		if json.Unmarshal(body, &in) != nil {
			return no(http.StatusBadRequest, "Dados inválidos.")
		}
		b, refusal := s.make(in, in.NumeroCliente, s.cfg.Client)
		if refusal != nil {
			return *refusal
		}
		return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"resultado": s.show(version, b, false)}}
	}
	var list []issueWire
	if json.Unmarshal(body, &list) != nil {
		return no(http.StatusBadRequest, "Dados inválidos.")
	}
	results := []any{}
	for _, in := range list {
		b, refusal := s.make(in, in.NumeroContrato, s.cfg.Contract)
		if refusal != nil {
			said := refusal.Body.(map[string]any)["mensagens"].([]map[string]string)[0]["mensagem"]
			results = append(results, map[string]any{"status": map[string]any{"codigo": refusal.Status, "mensagem": said}, "boleto": nil})
			continue
		}
		results = append(results, map[string]any{"status": map[string]any{"codigo": 200, "mensagem": "Operação realizada com sucesso."}, "boleto": s.show(version, b, false)})
	}
	return cloudsim.Answer{Status: http.StatusMultiStatus, Body: map[string]any{"resultado": results}}
}

// make issues one, or says why not.
func (s *Sim) make(in issueWire, client, ours int64) (Boleto, *cloudsim.Answer) {
	refuse := func(status int, text string) (Boleto, *cloudsim.Answer) {
		a := no(status, text)
		return Boleto{}, &a
	}
	issued, err1 := time.Parse(time.DateOnly, in.DataEmissao[:10])
	due, err2 := time.Parse(time.DateOnly, in.DataVencimento[:10])
	whole, decimals, _ := strings.Cut(in.Valor.String(), ".")
	amount, err3 := strconv.Atoi(whole + (decimals + "00")[:2])
	switch {
	case client != ours:
		return refuse(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	case err1 != nil || err2 != nil || due.Before(issued):
		return refuse(http.StatusNotAcceptable, "A data de vencimento é anterior à data de emissão.")
	case err3 != nil || len(decimals) > 2:
		return refuse(http.StatusNotAcceptable, "Valor inválido.")
	}
	if _, ok := agent.ParseDocument(in.Pagador.NumeroCpfCnpj); !ok {
		return refuse(http.StatusNotAcceptable, "CPF/CNPJ do pagador inválido.")
	}
	if in.NossoNumero > 0 && boleto.NossoDigit(cooperative, int(s.cfg.Client), in.NossoNumero/10) != in.NossoNumero%10 {
		return refuse(http.StatusNotAcceptable, "Dígito do nosso número inválido.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.add(Boleto{
		NossoNumero: in.NossoNumero, SeuNumero: in.SeuNumero, Document: in.Pagador.NumeroCpfCnpj, Amount: amount, IssuedOn: issued.Format(time.DateOnly), Due: due.Format(time.DateOnly),
	}, due)
	if err != nil {
		return refuse(http.StatusNotAcceptable, "Boleto recusado: "+err.Error()+".")
	}
	return b, nil
}

// show writes a boleto by a version's names.
func (s *Sim) show(version string, b Boleto, withPDF bool) map[string]any {
	slip, _ := boleto.Parse(b.Barcode, time.Time{}) // it was built here
	date := func(text string) string {
		if version == "v2" {
			return text + "T00:00:00-03:00"
		}
		return text
	}
	shown := map[string]any{
		"numeroContaCorrente": 102938, "dataEmissao": date(b.IssuedOn), "nossoNumero": b.NossoNumero, "seuNumero": b.SeuNumero, "valor": reais(b.Amount), "dataVencimento": date(b.Due),
		"numeroParcela": 1, "codigoBarras": b.Barcode, "linhaDigitavel": slip.Line, "qrCode": s.code(b), "situacaoBoleto": b.Situation, "pdfBoleto": nil,
		"listaHistorico": []map[string]any{{"dataHistorico": date(b.IssuedOn), "tipoHistorico": "1", "descricaoHistorico": "Entrada"}},
	}
	if version == "v2" {
		shown["numeroContrato"], shown["modalidade"], shown["especieDocumento"] = s.cfg.Contract, modality, "DM"
	} else {
		shown["numeroCliente"], shown["codigoModalidade"], shown["codigoEspecieDocumento"] = s.cfg.Client, modality, "DM"
	}
	if withPDF {
		shown["pdfBoleto"] = base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n% boleto de exemplo " + strconv.Itoa(b.NossoNumero) + "\n%%EOF\n"))
	}
	return shown
}

// code is the Pix of a hybrid boleto.
func (s *Sim) code(b Boleto) string {
	field := func(id, value string) string { return fmt.Sprintf("%s%02d%s", id, len(value), value) }
	account := field("00", "br.gov.bcb.pix") + field("25", fmt.Sprintf("pix.example.com/qr/v2/cobv/%d", b.NossoNumero))
	text := field("00", "01") + field("01", "12") + field("26", account) + field("52", "0000") + field("53", "986") + field("54", reais(b.Amount).String()) + field("58", "BR") +
		field("59", "LOJA TESTE") + field("60", "GOIANIA") + field("62", field("05", "***")) + "6304"
	return text + pix.CRC(text)
}

// ours tells whether a query names the shop.
func (s *Sim) ours(version string, query url.Values) bool {
	if version == "v2" {
		return query.Get("numeroContrato") == strconv.FormatInt(s.cfg.Contract, 10)
	}
	return query.Get("numeroCliente") == strconv.FormatInt(s.cfg.Client, 10)
}

func (s *Sim) lookup(version string, query url.Values, withPDF bool) cloudsim.Answer {
	name := map[string]string{"v3": "codigoModalidade", "v2": "modalidade"}[version]
	if !s.ours(version, query) || query.Get(name) != strconv.Itoa(modality) {
		return no(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boletos {
		slip, _ := boleto.Parse(b.Barcode, time.Time{}) // it was built here
		if strconv.Itoa(b.NossoNumero) == query.Get("nossoNumero") || b.Barcode == query.Get("codigoBarras") || slip.Line == query.Get("linhaDigitavel") {
			return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"resultado": s.show(version, *b, withPDF && query.Get("gerarPdf") == "true")}}
		}
	}
	return cloudsim.Answer{Status: http.StatusNoContent}
}

func (s *Sim) payer(version, document string, query url.Values) cloudsim.Answer {
	if !s.ours(version, query) {
		return no(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	list := []any{}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := query.Get("dataInicio"), query.Get("dataFim")
	for _, b := range s.boletos {
		if b.Document == document && (len(from) < 10 || b.Due >= from[:10]) && (len(to) < 10 || b.Due <= to[:10]) {
			list = append(list, s.show(version, *b, false))
		}
	}
	if len(list) == 0 {
		return cloudsim.Answer{Status: http.StatusNoContent}
	}
	return cloudsim.Answer{Status: http.StatusOK, Body: map[string]any{"resultado": list}}
}

func (s *Sim) writeOff(nosso string, body []byte) cloudsim.Answer {
	if err := s.schemas.Check("writeoff-v3", body); err != nil {
		return no(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	var in issueWire
	if json.Unmarshal(body, &in) != nil || in.NumeroCliente != s.cfg.Client {
		return no(http.StatusBadRequest, "Número do contrato do beneficiário inválido.")
	}
	n, _ := strconv.Atoi(nosso)
	return s.off(n)
}

func (s *Sim) off(nosso int) cloudsim.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch b := s.find(nosso); {
	case b == nil:
		return no(http.StatusBadRequest, "Boleto não encontrado.")
	case b.Situation != "Em Aberto":
		return no(http.StatusNotAcceptable, "O boleto não está em aberto: "+b.Situation+".")
	default:
		b.Situation = "Baixado"
		return cloudsim.Answer{Status: http.StatusNoContent}
	}
}

func (s *Sim) writeOffs(body []byte) cloudsim.Answer {
	if err := s.schemas.Check("writeoff-v2", body); err != nil {
		return no(http.StatusBadRequest, "Dados inválidos: "+err.Error())
	}
	var list []issueWire
	if json.Unmarshal(body, &list) != nil {
		return no(http.StatusBadRequest, "Dados inválidos.")
	}
	results := []any{}
	for _, in := range list {
		status, said := http.StatusOK, "Operação realizada com sucesso."
		if in.NumeroContrato != s.cfg.Contract {
			status, said = http.StatusBadRequest, "Número do contrato inválido."
		} else if done := s.off(in.NossoNumero); done.Status >= 300 {
			status, said = done.Status, done.Body.(map[string]any)["mensagens"].([]map[string]string)[0]["mensagem"]
		}
		results = append(results, map[string]any{"status": map[string]any{"codigo": status, "mensagem": said}, "boleto": map[string]any{"nossoNumero": in.NossoNumero, "valor": reais(1)}})
	}
	return cloudsim.Answer{Status: http.StatusMultiStatus, Body: map[string]any{"resultado": results}}
}
