package sicoobsim

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"time"
)

// fileName is the bank's pattern (sicoob.md 5.1).
func fileName(sigla string, client int64, at time.Time, n int) string {
	return fmt.Sprintf("%s_%d_%d_%s%07d_47_%d", sigla, cooperative, client, at.Format("20060102150405"), at.Nanosecond()/100, n)
}

// encode writes a ZIP as base64, in one of the ways that were seen.
func encode(packed []byte, how string) string {
	switch how {
	case "latin1": // its bytes taken for letters (sicoob.md 5.3)
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

// writer makes the files of a request, by the settings of one call. Its user holds the bank's mu.
type writer struct {
	bank     *Sim
	req      *request
	settings Settings
}

// pack makes the ZIP of a file.
func (w *writer) pack(name string, file []*Movement) ([]byte, error) {
	if w.settings.Archive == "garbage" {
		return []byte("isto não é um ZIP, \xff\xfe"), nil
	}
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	entries := max(w.settings.Entries, 1)
	if w.settings.Archive == "empty" {
		entries = 0
	}
	for i := range entries {
		entry := fmt.Sprintf("%s_%d.json", name, i)
		if w.settings.Archive == "slip" {
			entry = "../../" + entry
		}
		if w.settings.Archive == "bomb" {
			if err := addBomb(archive, entry); err != nil {
				return nil, err
			}
			continue
		}
		out, err := archive.Create(entry)
		if err != nil {
			return nil, err
		}
		if _, err = out.Write(w.content(share(file, i, entries))); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	raw := packed.Bytes()
	switch w.settings.Archive {
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

// bomb is 64 MiB of blanks. One of them is packed, and stands there 64 times: to pack all of them takes seconds.
var bomb = sync.OnceValues(func() (packed []byte, header zip.FileHeader) {
	const times = 64
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.DefaultCompression) // the level is one of its own; it writes to memory
	_, _ = w.Write(blanks)
	_ = w.Flush() // ends at a whole byte
	packed = bytes.Repeat(out.Bytes(), times)
	out.Reset()
	_ = w.Close()
	packed = append(packed, out.Bytes()...)
	sum := crc32.NewIEEE()
	for range times {
		_, _ = sum.Write(blanks)
	}
	size := uint64(times * len(blanks))
	header = zip.FileHeader{Method: zip.Deflate, CRC32: sum.Sum32(), UncompressedSize64: size, CompressedSize64: uint64(len(packed))}
	return packed, header
})

// addBomb adds an entry that grows to far more than it weighs.
func addBomb(archive *zip.Writer, name string) error {
	packed, header := bomb()
	header.Name = name
	out, err := archive.CreateRaw(&header)
	if err != nil {
		return err
	}
	_, err = out.Write(packed)
	return err
}

// share is an entry's part of a file.
func share(file []*Movement, i, entries int) []*Movement {
	return file[len(file)*i/entries : len(file)*(i+1)/entries]
}

// content writes records.
func (w *writer) content(file []*Movement) []byte {
	if w.settings.Content == "text" {
		return []byte("Relatório de títulos liquidados\nnada que uma máquina leia\n")
	}
	if w.settings.Content == "cnab240" || w.settings.Content == "cnab400" {
		return w.cnab(file)
	}
	var out bytes.Buffer
	if w.settings.Content == "bom" {
		out.WriteString("\xef\xbb\xbf")
	}
	lines := w.settings.Content == "lines"
	if !lines {
		out.WriteString("[\n")
	}
	for i, m := range file {
		raw, _ := json.Marshal(w.record(m)) // maps of texts and numbers
		if w.settings.Content == "half" && i == len(file)-1 {
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

// means are the bank's words (sicoob.md 5.2).
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

// record writes one, by the names of today or of 2019.
func (w *writer) record(m *Movement) map[string]any {
	old := w.settings.Content == "old"
	stamp := func(day string) string {
		if old && day[8] == '0' {
			day = day[:8] + day[9:] // a day with one digit (sicoob.md 5.3)
		}
		return day + "T00:00:00-03:00"
	}
	amount := func(cents int) json.Number {
		if old {
			return json.Number(string(reais(cents)) + "00")
		}
		return reais(cents)
	}
	client, contract := m.Client, w.bank.cfg.Contract
	if w.req.ticket && client == w.bank.cfg.Client {
		client, contract = ticketContract, ticketContract
	}
	record := map[string]any{
		"siglaMovimento": m.Sigla, "dataInicioMovimento": stamp(w.req.from), "dataFimMovimento": stamp(w.req.to), "numeroCliente": client, "numeroContrato": contract, "modalidade": modality,
		"seuNumero": m.SeuNumero, "valorTitulo": amount(m.BoletoValue), "dataMovimentoLiquidacao": stamp(m.MovedOn), "dataLiquidacao": stamp(m.PaidOn),
		"idTipoOpFinanceira": m.Means, "tipoOpFinanceira": means(m.Means), "numeroBancoRecebedor": 756, "numeroContaCorrente": 102938,
		"valorAbatimento": amount(0), "valorDesconto": amount(0), "valorMora": amount(max(m.Amount-m.BoletoValue, 0)), "valorTarifaMovimento": amount(135), "tipoCarteiraOpCredito": "COBRANÇA",
		"numeroContratoCobranca": 1, // no client expects it (sicoob.md 5.2)
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
	if b := w.bank.find(m.NossoNumero); b != nil {
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
	record["codTipoMovimento"] = slices.Index(siglas(), fmt.Sprint(record["siglaMovimento"]))
}

// cnab writes a return file of 240 or 400 columns (contracts/boleto.md 8.5, 8.6).
func (w *writer) cnab(file []*Movement) []byte {
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
	wide := w.settings.Content == "cnab400"
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
