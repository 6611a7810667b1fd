package sicoobsim

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// fileName is the bank's pattern (contract 5.1).
func fileName(sigla string, client int64, at time.Time, n int) string {
	return fmt.Sprintf("%s_%d_%d_%s%07d_47_%d", sigla, cooperative, client, at.Format("20060102150405"), at.Nanosecond()/100, n)
}

// encode writes a ZIP as base64, in the ways that were seen. Called with the lock held.
func (s *Sim) encode(packed []byte) string {
	switch s.settings.Encoding {
	case "latin1": // its bytes taken for letters (contract 5.3)
		var letters strings.Builder
		for _, b := range packed {
			letters.WriteRune(rune(b))
		}
		return base64.StdEncoding.EncodeToString([]byte(letters.String()))
	case "truncated":
		text := base64.StdEncoding.EncodeToString(packed)
		return text[:len(text)/2|1]
	}
	return base64.StdEncoding.EncodeToString(packed)
}

// pack makes the ZIP of a file. Called with the lock held.
func (s *Sim) pack(req *request, name string, file []*Movement) ([]byte, error) {
	if s.settings.Archive == "garbage" {
		return []byte("isto não é um ZIP, \xff\xfe"), nil
	}
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	entries := max(s.settings.Entries, 1)
	if s.settings.Archive == "empty" {
		entries = 0
	}
	for i := range entries {
		entry := fmt.Sprintf("%s_%d.json", name, i)
		if s.settings.Archive == "slip" {
			entry = "../../" + entry
		}
		out, err := w.Create(entry)
		if err != nil {
			return nil, err
		}
		if s.settings.Archive == "bomb" {
			_, err = out.Write(append([]byte("["), bytes.Repeat([]byte(" "), 64<<20)...))
		} else {
			_, err = out.Write(s.content(req, share(file, i, entries)))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	raw := packed.Bytes()
	switch s.settings.Archive {
	case "encrypted": // the flag of both headers; what is inside is not
		raw[6] |= 1
		if at := bytes.LastIndex(raw, []byte("PK\x01\x02")); at >= 0 {
			raw[at+8] |= 1
		}
	case "cut":
		raw[len(raw)/3] ^= 0xff
	}
	return raw, nil
}

// share is an entry's part of a file.
func share(file []*Movement, i, entries int) []*Movement {
	return file[len(file)*i/entries : len(file)*(i+1)/entries]
}

// content writes records. Called with the lock held.
func (s *Sim) content(req *request, file []*Movement) []byte {
	if s.settings.Content == "text" {
		return []byte("Relatório de títulos liquidados\nnada que uma máquina leia\n")
	}
	if s.settings.Content == "cnab240" || s.settings.Content == "cnab400" {
		return s.cnab(file)
	}
	var out bytes.Buffer
	if s.settings.Content == "bom" {
		out.WriteString("\xef\xbb\xbf")
	}
	lines := s.settings.Content == "lines"
	if !lines {
		out.WriteString("[\n")
	}
	for i, m := range file {
		raw, _ := json.Marshal(s.record(req, m)) // maps of texts and numbers
		if s.settings.Content == "half" && i == len(file)-1 {
			out.Write(raw[:len(raw)/2])
			return out.Bytes()
		}
		out.Write(raw)
		if !lines && i < len(file)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	if !lines {
		out.WriteString("]\n")
	}
	return out.Bytes()
}

// means are the bank's words (contract 5.2).
func means(id int) string {
	switch id {
	case 212:
		return "Via Pix"
	case 58:
		return "Via Compensação"
	case 2, 51:
		return "Via Caixa"
	case 82:
		return "A Pedido do Cedente"
	}
	return "Outros"
}

// record writes one, by the names of today or of 2019. Called with the lock held.
func (s *Sim) record(req *request, m *Movement) map[string]any {
	old := s.settings.Content == "old"
	stamp := func(day string) string {
		if old && day[8] == '0' {
			day = day[:8] + day[9:] // a day with one digit (contract 5.3)
		}
		return day + "T00:00:00-03:00"
	}
	amount := func(cents int) json.Number {
		if old {
			return json.Number(string(reais(cents)) + "00")
		}
		return reais(cents)
	}
	record := map[string]any{
		"siglaMovimento": m.Sigla, "dataInicioMovimento": stamp(req.from), "dataFimMovimento": stamp(req.to), "numeroCliente": m.Client, "numeroContrato": s.cfg.Contract, "modalidade": modality,
		"seuNumero": m.SeuNumero, "valorTitulo": amount(m.BoletoValue), "dataMovimentoLiquidacao": stamp(m.MovedOn), "dataLiquidacao": stamp(m.PaidOn),
		"idTipoOpFinanceira": m.Means, "tipoOpFinanceira": means(m.Means), "numeroBancoRecebedor": 756, "numeroContaCorrente": 102938,
		"valorAbatimento": amount(0), "valorDesconto": amount(0), "valorMora": amount(max(m.Amount-m.BoletoValue, 0)), "valorTarifaMovimento": amount(135), "tipoCarteiraOpCredito": "COBRANÇA",
		"numeroContratoCobranca": 1, // nobody expects it (contract 5.2)
	}
	if m.Sigla == "LIQUI" {
		record["valorLiquido"] = amount(m.Amount)
		if m.Value != "" {
			record["valorLiquido"] = json.RawMessage(m.Value)
		}
	}
	if m.CreditOn != "" {
		record["dataPrevisaoCredito"] = stamp(m.CreditOn)
	}
	if !m.NoNumber {
		record["numeroTitulo"] = m.NossoNumero
	}
	if b := s.find(m.NossoNumero); b != nil {
		record["dataVencimentoTitulo"] = stamp(b.Due)
		if !m.NoBarcode {
			record["codigoBarras"] = b.Barcode
		}
	}
	if old {
		rename(record)
	}
	return record
}

// rename gives a record the names of 2019.
func rename(record map[string]any) {
	for now, then := range map[string]string{"numeroCliente": "numCliente", "numeroContrato": "numContrato", "modalidade": "idModalidadeProduto", "numeroTitulo": "numTitulo", "seuNumero": "descSeuNumero", "numeroContaCorrente": "numContaCorrente"} {
		if value, ok := record[now]; ok {
			record[then] = value
			delete(record, now)
		}
	}
	record["codTipoMovimento"] = 5
}

// cnab writes a return file of 240 or 400 columns (contracts/boleto.md 8.5, 8.6). Called with the lock held.
func (s *Sim) cnab(file []*Movement) []byte {
	var out bytes.Buffer
	day := func(text, form string) string {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return strings.Repeat("0", len(form))
		}
		return at.Format(form)
	}
	line := func(width int, places map[int]string) {
		text := bytes.Repeat([]byte(" "), width)
		for column, value := range places {
			copy(text[column-1:], value)
		}
		out.Write(text)
		out.WriteString("\r\n")
	}
	wide := s.settings.Content == "cnab400"
	if wide {
		line(400, map[int]string{1: "02RETORNO01COBRANCA"})
	} else {
		line(240, map[int]string{1: "75600000", 143: "2"})
	}
	for i, m := range file {
		if wide {
			line(400, map[int]string{1: "1", 63: fmt.Sprintf("%012d", m.NossoNumero), 109: "06", 111: day(m.PaidOn, "020106"), 117: m.SeuNumero, 153: fmt.Sprintf("%013d", m.BoletoValue), 176: day(m.CreditOn, "020106"), 254: fmt.Sprintf("%013d", m.Amount)})
			continue
		}
		line(240, map[int]string{1: "75600013", 9: fmt.Sprintf("%05dT", 2*i+1), 16: "06", 24: "0000001029380", 38: fmt.Sprintf("%010d0101", m.NossoNumero), 59: m.SeuNumero, 82: fmt.Sprintf("%015d", m.BoletoValue)})
		line(240, map[int]string{1: "75600013", 9: fmt.Sprintf("%05dU", 2*i+2), 16: "06", 78: fmt.Sprintf("%015d%015d", m.Amount, m.Amount-135), 138: day(m.PaidOn, "02012006") + day(m.CreditOn, "02012006")})
	}
	line(map[bool]int{true: 400, false: 240}[wide], map[int]string{1: map[bool]string{true: "9", false: "75699999"}[wide]})
	return out.Bytes()
}
