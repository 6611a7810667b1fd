package sicoobsim_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/simkit"
	"pdvagent/payments/boleto"
	"pdvagent/payments/pix"
	"pdvagent/payments/sicoob/sicoobsim"
)

// issue and issueV2 are right bodies of the two versions; the second stands in an array.
const (
	payer = `"pagador":{"numeroCpfCnpj":"12345678909","nome":"Cliente Teste","endereco":"Rua Modelo, 1","bairro":"Centro","cidade":"Goiania","cep":"74000000","uf":"GO"}`
	terms = `"seuNumero":"PDV01-0045","identificacaoEmissaoBoleto":2,"identificacaoDistribuicaoBoleto":2,"valor":150.00,"tipoDesconto":0,"tipoMulta":0,"tipoJurosMora":3,"numeroParcela":1,` + payer
	issue = `{"numeroCliente":567890,"codigoModalidade":1,"numeroContaCorrente":102938,"codigoEspecieDocumento":"DM","dataEmissao":"2026-03-12","dataVencimento":"2026-04-10",` + terms + `}`

	issueV2 = `{"numeroContrato":700001,"modalidade":1,"numeroContaCorrente":102938,"especieDocumento":"DM","dataEmissao":"2026-03-12T00:00:00-03:00","dataVencimento":"2026-04-10T00:00:00-03:00",` + terms + `}`
)

// with is an example with one text in place of another.
func with(t *testing.T, example, old, instead string) string {
	t.Helper()
	if !strings.Contains(example, old) {
		t.Fatalf("the example does not have %s", old)
	}
	return strings.Replace(example, old, instead, 1)
}

func TestABoletoOfAnotherShapeIsRefused(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{400, `{`, "JSON"},
		{400, `[` + issue + `]`, "type"},
		{400, with(t, issue, `"seuNumero":"PDV01-0045",`, ``), "required"},
		{400, with(t, issue, `"seuNumero":"PDV01-0045"`, `"seuNumero":""`), "seuNumero"},
		{400, with(t, issue, `"numeroParcela":1`, `"numeroParcela":1,"nossoNumero":null`), "nossoNumero"},
		{400, with(t, issue, `"numeroParcela":1`, `"numeroParcela":1,"numeroContrato":700001`), "additionalProperties"},
		{400, with(t, issue, `2026-04-10`, `2026-04-10T00:00:00-03:00`), "dataVencimento"},
		{400, with(t, issue, `"valor":150.00`, `"valor":"150.00"`), "valor"},
		{400, with(t, issue, `"valor":150.00`, `"valor":0`), "valor"},
		{400, with(t, issue, `"cep":"74000000"`, `"cep":"74000-000"`), "pagador/cep"},
		{400, with(t, issue, `"numeroCliente":567890`, `"numeroCliente":700001`), "contrato do beneficiário"},
		{406, with(t, issue, `2026-04-10`, `2026-03-11`), "vencimento"},
		{406, with(t, issue, `"valor":150.00`, `"valor":150.005`), "Valor"},
		{406, with(t, issue, `12345678909`, `12345678901`), "CPF/CNPJ"},
		{406, with(t, issue, `"numeroParcela":1`, `"numeroParcela":1,"nossoNumero":1012`), "Dígito"},
	} {
		if got := s.refused(c.status, http.MethodPost, v3+"boletos", c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.body, got, c.want)
		}
	}
	if list := s.sim.Boletos(); len(list) != 0 {
		t.Errorf("boletos %+v", list)
	}
}

func TestABoletoIsIssuedOnceUnderItsNumber(t *testing.T) {
	s := open(t)
	made := s.must(200, http.MethodPost, v3+"boletos", issue)["resultado"].(object)
	line, err := boleto.Parse(made["linhaDigitavel"].(string), noon())
	if err != nil || line.Amount != 15000 || !line.Due.Equal(time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC)) || line.Barcode != made["codigoBarras"] {
		t.Errorf("got %+v %v", line, err)
	}
	if code, err := pix.Parse(made["qrCode"].(string)); err != nil || code.Amount != 15000 {
		t.Errorf("got %+v %v", code, err)
	}
	if made["nossoNumero"] != 1013.0 || made["valor"] != 150.0 || made["situacaoBoleto"] != "Em Aberto" || made["pdfBoleto"] != nil || made["dataVencimento"] != "2026-04-10" {
		t.Errorf("got %v", made)
	}
	own := with(t, issue, `"numeroParcela":1`, `"numeroParcela":1,"nossoNumero":`+"%d")
	if got := s.refused(406, http.MethodPost, v3+"boletos", fmt.Sprintf(own, 1013)); !strings.Contains(got, "já utilizado") {
		t.Errorf("a number that is taken: %s", got)
	}
	// A number of the shop's own is skipped by the bank's count.
	next := 102*10 + boleto.NossoDigit(1234, 567890, 102)
	s.must(200, http.MethodPost, v3+"boletos", fmt.Sprintf(own, next))
	after := s.must(200, http.MethodPost, v3+"boletos", issue)["resultado"].(object)
	if want := 103*10 + boleto.NossoDigit(1234, 567890, 103); after["nossoNumero"] != float64(want) {
		t.Errorf("got %v, want %d", after["nossoNumero"], want)
	}
	if err := s.sim.Add(simkit.Fault{Route: "issue", Fault: simkit.Lost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := s.Send(http.MethodPost, v3+"boletos", issue); got.Status != 0 || len(s.sim.Boletos()) != 4 {
		t.Errorf("a lost answer: got %d, %d boletos", got.Status, len(s.sim.Boletos()))
	}
}

func TestVersion2IssuesAList(t *testing.T) {
	s := open(t)
	wrong := with(t, issueV2, "12345678909", "12345678901")
	answer := s.must(207, http.MethodPost, v2+"boletos", `[`+issueV2+`,`+wrong+`,`+with(t, issueV2, "700001", "567890")+`]`)
	var got []string
	for _, entry := range answer["resultado"].([]any) {
		status := entry.(object)["status"].(object)
		made, _ := entry.(object)["boleto"].(object)
		got = append(got, fmt.Sprint(status["codigo"], " ", made["nossoNumero"]))
	}
	if strings.Join(got, ", ") != "200 1013, 406 <nil>, 400 <nil>" {
		t.Errorf("got %v", got)
	}
	first := answer["resultado"].([]any)[0].(object)["boleto"].(object)
	if first["dataVencimento"] != "2026-04-10T00:00:00-03:00" || first["numeroContrato"] != 700001.0 || first["modalidade"] != 1.0 {
		t.Errorf("got %v", first)
	}
	s.refused(400, http.MethodPost, v2+"boletos", issueV2)
	s.refused(400, http.MethodPost, v2+"boletos", `[]`)
	s.refused(400, http.MethodPost, v2+"boletos", `[`+issueV2+strings.Repeat(`,`+issueV2, 10)+`]`)
	s.refused(400, http.MethodPost, v2+"boletos", `[`+issue+`]`)
}

func TestABoletoIsFound(t *testing.T) {
	s := open(t)
	made := s.must(200, http.MethodPost, v3+"boletos", issue)["resultado"].(object)
	const shopV3, shopV2 = "?numeroCliente=567890&codigoModalidade=1", "?numeroContrato=700001&modalidade=1"
	for _, query := range []string{"&nossoNumero=1013", "&codigoBarras=" + made["codigoBarras"].(string), "&linhaDigitavel=" + made["linhaDigitavel"].(string)} {
		for _, path := range []string{v3 + "boletos" + shopV3, v3 + "boletos/segunda-via" + shopV3, v2 + "boletos" + shopV2, v2 + "boletos/segunda-via" + shopV2} {
			if got := s.must(200, http.MethodGet, path+query, "")["resultado"].(object); got["codigoBarras"] != made["codigoBarras"] || got["pdfBoleto"] != nil {
				t.Errorf("%s: got %v", path+query, got)
			}
		}
	}
	s.must(204, http.MethodGet, v3+"boletos"+shopV3+"&nossoNumero=1014", "")
	s.refused(400, http.MethodGet, v3+"boletos?numeroCliente=1&codigoModalidade=1&nossoNumero=1013", "")
	s.refused(400, http.MethodGet, v3+"boletos?numeroCliente=567890&nossoNumero=1013", "")
	s.refused(400, http.MethodGet, v3+"boletos"+shopV2+"&nossoNumero=1013", "")

	copied := s.must(200, http.MethodGet, v3+"boletos/segunda-via"+shopV3+"&nossoNumero=1013&gerarPdf=true", "")["resultado"].(object)
	if pdf, err := base64.StdEncoding.DecodeString(copied["pdfBoleto"].(string)); err != nil || !strings.HasPrefix(string(pdf), "%PDF") {
		t.Errorf("got %s %v", pdf, err)
	}
	for query, status := range map[string]int{"": 200, "&dataInicio=2026-04-10&dataFim=2026-04-10": 200, "&dataInicio=2026-04-11": 204, "&dataFim=2026-04-09": 204} {
		s.must(status, http.MethodGet, v3+"pagadores/12345678909/boletos?numeroCliente=567890"+query, "")
		s.must(status, http.MethodGet, v2+"boletos/pagadores/12345678909?numeroContrato=700001"+query, "")
	}
	s.must(204, http.MethodGet, v3+"pagadores/11144477735/boletos?numeroCliente=567890", "")
	s.refused(400, http.MethodGet, v3+"pagadores/12345678909/boletos?numeroCliente=1", "")
}

func TestABoletoIsWrittenOffOnce(t *testing.T) {
	s := open(t)
	for range 3 {
		s.must(200, http.MethodPost, v3+"boletos", issue)
	}
	list := s.sim.Boletos()
	const body = `{"numeroCliente":567890,"codigoModalidade":1}`
	path := fmt.Sprintf(v3+"boletos/%d/baixar", list[0].NossoNumero)
	s.refused(400, http.MethodPost, path, `{"numeroCliente":567890}`)
	s.refused(400, http.MethodPost, path, `{"numeroCliente":1,"codigoModalidade":1}`)
	s.must(204, http.MethodPost, path, fmt.Sprintf(`{"numeroCliente":567890,"codigoModalidade":1,"nossoNumero":%d}`, list[0].NossoNumero)) // as some clients do
	if got := s.refused(406, http.MethodPost, path, body); !strings.Contains(got, "Baixado") {
		t.Errorf("a second time: %s", got)
	}
	s.refused(400, http.MethodPost, v3+"boletos/1/baixar", body)
	s.refused(400, http.MethodPost, v3+"boletos/x/baixar", body)
	if err := s.sim.Pay(sicoobsim.Movement{NossoNumero: list[1].NossoNumero}); err != nil {
		t.Fatal(err)
	}
	entry := `{"numeroContrato":%d,"modalidade":1,"nossoNumero":%d}`
	answer := s.must(207, http.MethodPatch, v2+"boletos/baixa", fmt.Sprintf(`[`+entry+`,`+entry+`,`+entry+`]`, 700001, list[1].NossoNumero, 567890, list[2].NossoNumero, 700001, list[2].NossoNumero))
	var got []string
	for _, result := range answer["resultado"].([]any) {
		got = append(got, fmt.Sprint(result.(object)["status"].(object)["codigo"]))
	}
	if strings.Join(got, " ") != "406 400 200" {
		t.Errorf("got %v, want the paid one, a foreign one and an open one", got)
	}
	s.refused(400, http.MethodPatch, v2+"boletos/baixa", `[{"numeroContrato":700001}]`)
	for i, want := range []string{"Baixado", "Liquidado", "Baixado"} {
		if b := s.sim.Boletos()[i]; b.Situation != want {
			t.Errorf("boleto %d is %s, want %s", i, b.Situation, want)
		}
	}
}

func TestControlRefusesWhatIsNoBoletoAndNoMoney(t *testing.T) {
	s := open(t)
	for path, bodies := range map[string][]string{
		"/control/boletos": {`{"due":"2026-12-10"}`, `{"amount":-1}`, `{"amount":1,"due":"10/12/2026"}`, `{"valor":1}`},
		"/control/pay":     {`{"nosso_numero":1013}`, `{"nosso_numero":1,"amount":1,"paid_on":"10/12/2026"}`, `{"nosso_numero":1,"amount":1,"credit_on":"x"}`, `{"number":1}`},
	} {
		for _, body := range bodies {
			s.must(422, http.MethodPost, path, body)
		}
	}
	if n := len(s.sim.Boletos()); n != 0 {
		t.Errorf("%d boletos", n)
	}
}

// TestTheShopsTicketIsPlayed has the number that the ticket writes, in both versions, and a bank that is started again.
func TestTheShopsTicketIsPlayed(t *testing.T) {
	s := open(t)
	made := s.must(200, http.MethodPost, v3+"boletos", strings.NewReplacer(`"numeroCliente":567890`, `"numeroCliente":707090`, `"numeroParcela":1`, `"numeroParcela":1,"gerarPdf":true`).Replace(issue))["resultado"].(object)
	if pdf, ok := made["pdfBoleto"].(string); !ok || pdf == "" || made["numeroCliente"] != 707090.0 {
		t.Errorf("got %v", made)
	}
	s.must(200, http.MethodGet, v2+"boletos?numeroContrato=707090&modalidade=1&nossoNumero=1013", "")
	if err := s.sim.Pay(sicoobsim.Movement{NossoNumero: 1013}); err != nil {
		t.Fatal(err)
	}
	today := noon().Format(time.DateOnly)
	asked := s.must(200, http.MethodPost, v3+"boletos/movimentacoes", fmt.Sprintf(`{"numeroCliente":707090,"tipoMovimento":5,"dataInicial":"%s","dataFinal":"%s"}`, today, today))
	code := fmt.Sprintf("&codigoSolicitacao=%.0f", asked["resultado"].(object)["codigoSolicitacao"])
	s.sim.Advance(time.Minute)
	const query = "?numeroCliente=707090"
	ids := s.must(200, http.MethodGet, v3+"boletos/movimentacoes"+query+code, "")["resultado"].(object)["idArquivos"].([]any)
	file := s.must(200, http.MethodGet, v3+"boletos/movimentacoes/download"+query+code+fmt.Sprintf("&idArquivo=%.0f", ids[0]), "")
	packed, err := base64.StdEncoding.DecodeString(file["resultado"].(object)["arquivo"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if _, texts := entries(t, packed); len(texts) != 1 || !strings.Contains(texts[0], `"numeroCliente":707090`) {
		t.Errorf("got %q", texts)
	}
	s.sim.Reset()
	if b, err := s.sim.AddBoleto(sicoobsim.Boleto{Amount: 1}); err != nil || b.NossoNumero == 1013 {
		t.Errorf("a number is given twice: %+v %v", b, err)
	}
	again, err := sicoobsim.New(sicoobsim.Config{First: 5000})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := again.AddBoleto(sicoobsim.Boleto{Amount: 1}); err != nil || b.NossoNumero/10 != 5000 {
		t.Errorf("got %+v %v", b, err)
	}
}
