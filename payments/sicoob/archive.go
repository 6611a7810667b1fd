package sicoob

import (
	"archive/zip"
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pdvagent/payments"
	"pdvagent/payments/boleto"
)

// What a file may be (SEC-16). A file of 500,000 records is about 20 MiB packed and 330 MiB unpacked.
const (
	maxPacked   = 32 << 20 // of base64
	maxUnpacked = 1 << 30
	maxRatio    = 150
	maxEntries  = 64
	maxCNAB     = 64 << 20 // is read whole
)

// bad says what is wrong with a file, in words for people.
func bad(detail, format string, args ...any) error {
	return &payments.Failure{Class: payments.Lost, Detail: detail, Says: fmt.Sprintf(format, args...)}
}

// unpack takes the archive out of an answer as it comes. It holds the archive and nothing else of it.
func unpack(answer io.Reader) (*pieces, error) {
	r := bufio.NewReaderSize(answer, 64<<10)
	if err := seek(r, `"arquivo"`); err != nil {
		return nil, lost("no arquivo")
	}
	if err := seek(r, `:"`); err != nil {
		return nil, lost("arquivo is no text")
	}
	text := &quoted{r: r}
	packed := new(pieces)
	_, err := io.Copy(packed, base64.NewDecoder(base64.StdEncoding, io.LimitReader(text, maxPacked+1)))
	switch {
	case text.n > maxPacked:
		return nil, bad("base64 over the limit", "O arquivo do Sicoob passa de 32 MiB e não foi aberto.")
	case err != nil: // also where the text has no end
		return nil, bad("base64, or its end, is missing", "O arquivo do Sicoob veio cortado ou trocado no caminho (base64 inválido).")
	case packed.size == 0:
		return nil, lost("arquivo is empty")
	}
	return packed, nil
}

// seek reads until after a text, in which blanks of the answer do not count.
func seek(r *bufio.Reader, text string) error {
	for at := 0; at < len(text); {
		c, err := r.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case c == text[at]:
			at++
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		case c == text[0]:
			at = 1
		case text[0] == ':':
			return errors.New("something else stands there")
		default:
			at = 0
		}
	}
	return nil
}

// quoted reads a JSON string of base64 to its end.
type quoted struct {
	r     *bufio.Reader
	n     int
	ended bool
}

func (q *quoted) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !q.ended {
		c, err := q.r.ReadByte()
		if err != nil {
			return n, io.ErrUnexpectedEOF
		}
		switch c {
		case '"':
			q.ended = true
		case '\\': // of an escaped slash
		default:
			p[n] = c
			n++
		}
	}
	q.n += n
	if n == 0 && q.ended {
		return 0, io.EOF
	}
	return n, nil
}

// openArchive opens a ZIP, also one whose bytes were taken for Latin-1 letters and written as UTF-8 (contract 5.3).
func openArchive(packed *pieces) (*zip.Reader, error) {
	archive, err := zip.NewReader(packed, packed.size)
	if err == nil || errors.Is(err, zip.ErrInsecurePath) {
		return archive, nil
	}
	repaired, ok := latin1(packed)
	if !ok {
		return nil, bad("zip: "+err.Error(), "O arquivo do Sicoob não é um ZIP inteiro.")
	}
	archive, err = zip.NewReader(repaired, repaired.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, bad("zip, after repair: "+err.Error(), "O arquivo do Sicoob não é um ZIP inteiro.")
	}
	return archive, nil
}

// latin1 gives the bytes that letters up to U+00FF stand for; false where the text has others or is no text.
func latin1(text *pieces) (*pieces, bool) {
	plain := new(pieces)
	r := bufio.NewReader(io.NewSectionReader(text, 0, text.size))
	one := make([]byte, 1)
	for {
		letter, size, err := r.ReadRune()
		if err != nil {
			return plain, true
		}
		if letter > 0xff || letter == utf8.RuneError && size == 1 {
			return nil, false
		}
		one[0] = byte(letter)
		_, _ = plain.Write(one) // it always can
	}
}

// pieces is bytes in memory that grow without being copied.
type pieces struct {
	list [][]byte
	size int64
}

const pieceSize = 256 << 10

func (p *pieces) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if p.size%pieceSize == 0 {
			p.list = append(p.list, make([]byte, pieceSize))
		}
		done := copy(p.list[len(p.list)-1][p.size%pieceSize:], b)
		p.size += int64(done)
		b = b[done:]
	}
	return n, nil
}

// ReadAt implements io.ReaderAt.
func (p *pieces) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		if at >= p.size {
			return n, io.EOF
		}
		piece := p.list[at/pieceSize][at%pieceSize:]
		done := copy(b[n:], piece[:min(int64(len(piece)), p.size-at)])
		n, at = n+done, at+int64(done)
	}
	return n, nil
}

// readArchive gives every settlement of an archive: the whole of it is unpacked and checked before the first is given.
func readArchive(packed *pieces, each func(boleto.Return) error) error {
	archive, err := openArchive(packed)
	if err != nil {
		return err
	}
	if err := guard(archive); err != nil {
		return err
	}
	var left int64 = maxUnpacked
	for _, entry := range archive.File {
		n, err := inflate(entry, left)
		if err != nil {
			return err
		}
		left -= n
	}
	for _, entry := range archive.File {
		if err := readEntry(entry, each); err != nil {
			return err
		}
	}
	return nil
}

// guard looks at the table of contents. Names are looked at only to refuse those that mean a way: none is ever used as one.
func guard(archive *zip.Reader) error {
	if len(archive.File) > maxEntries {
		return bad("too many entries", "O ZIP do Sicoob tem %d arquivos dentro, mais do que pode ser verdade.", len(archive.File))
	}
	for _, entry := range archive.File {
		switch {
		case entry.Flags&1 != 0:
			return bad("encrypted entry", "O ZIP do Sicoob está protegido por senha e não foi aberto.")
		case strings.ContainsAny(entry.Name, `/\:`) || strings.Contains(entry.Name, "..") || strings.ContainsRune(entry.Name, 0):
			return bad("entry name with a path", "O ZIP do Sicoob tem um arquivo com caminho no nome e não foi aberto.")
		case entry.Method != zip.Store && entry.Method != zip.Deflate:
			return bad("entry by an unknown method", "O ZIP do Sicoob usa uma compressão que não é lida aqui.")
		}
	}
	return nil
}

// inflate reads an entry to its end, so that its check sum is looked at, and gives its size.
func inflate(entry *zip.File, left int64) (int64, error) {
	content, err := entry.Open()
	if err != nil {
		return 0, bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
	}
	defer func() { _ = content.Close() }() // what it can say was said by the read
	limit := min(left, int64(entry.CompressedSize64)*maxRatio+1<<10)
	n, err := io.Copy(io.Discard, io.LimitReader(content, limit+1))
	switch {
	case n > limit:
		return n, bad("zip bomb", "O ZIP do Sicoob incha demais ao ser aberto e foi recusado.")
	case err != nil:
		return n, bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
	}
	return n, nil
}

// readEntry reads JSON, or a CNAB file as the ticket expects one (contract 5.1).
func readEntry(entry *zip.File, each func(boleto.Return) error) error {
	content, err := entry.Open()
	if err != nil {
		return bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
	}
	defer func() { _ = content.Close() }() // as above
	r := bufio.NewReaderSize(content, 64<<10)
	if head, _ := r.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = r.Discard(3) // they are there
	}
	for {
		head, err := r.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return nil // an empty file
		case err != nil:
			return bad("zip: "+err.Error(), "O ZIP do Sicoob está danificado.")
		case strings.ContainsRune(" \t\r\n", rune(head[0])):
			_, _ = r.Discard(1) // it is there
			continue
		case head[0] == '[' || head[0] == '{':
			return readJSON(r, head[0] == '[', each)
		}
		return readCNAB(r, each)
	}
}

func readCNAB(r io.Reader, each func(boleto.Return) error) error {
	content, err := io.ReadAll(io.LimitReader(r, maxCNAB+1))
	layout := boleto.Layout(0)
	if err == nil && len(content) <= maxCNAB {
		layout = boleto.Sniff(content)
	}
	if layout == 0 {
		return bad("neither JSON nor CNAB", "O arquivo do Sicoob não é JSON nem CNAB 240 ou 400. Guarde-o e fale com o suporte.")
	}
	var outer error
	err = boleto.ReadCNAB(layout, content, func(r boleto.Return) error { outer = each(r); return outer })
	if err != nil && outer == nil {
		return bad("CNAB: "+err.Error(), "O arquivo CNAB do Sicoob tem uma linha que não pode ser lida (%s).", err)
	}
	return err
}

// settledWire is a LIQUI record, by its names of today and of 2019 (contract 5.2, 5.3).
type settledWire struct {
	CodigoTipoMovimento text `json:"codigoTipoMovimento"`
	CodTipoMovimento    text `json:"codTipoMovimento"`
	SiglaMovimento      text `json:"siglaMovimento"`
	NumeroCliente       text `json:"numeroCliente"`
	NumCliente          text `json:"numCliente"`
	Modalidade          text `json:"modalidade"`
	IDModalidadeProduto text `json:"idModalidadeProduto"`
	NumeroTitulo        text `json:"numeroTitulo"`
	NumTitulo           text `json:"numTitulo"`
	SeuNumero           text `json:"seuNumero"`
	DescSeuNumero       text `json:"descSeuNumero"`
	CodigoBarras        text `json:"codigoBarras"`
	ValorTitulo         text `json:"valorTitulo"`
	ValorLiquido        text `json:"valorLiquido"`
	DataMovimento       text `json:"dataMovimentoLiquidacao"`
	DataLiquidacao      text `json:"dataLiquidacao"`
	DataPrevisao        text `json:"dataPrevisaoCredito"`
	NumeroConta         text `json:"numeroContaCorrente"`
	NumConta            text `json:"numContaCorrente"`
	IDTipoOp            text `json:"idTipoOpFinanceira"`
	TipoOp              text `json:"tipoOpFinanceira"`
}

// settles tells a LIQUI record by its letters or by its code.
func (w *settledWire) settles() bool {
	if w.SiglaMovimento != "" {
		return strings.EqualFold(string(w.SiglaMovimento), "LIQUI")
	}
	return cmp.Or(w.CodigoTipoMovimento, w.CodTipoMovimento).whole() == settled
}

// pixMeans is the bank's number of a boleto that was paid by its Pix.
const pixMeans = "212"

func (w *settledWire) read() boleto.Return {
	r := boleto.Return{
		Client: cmp.Or(w.NumeroCliente, w.NumCliente).whole(), Modality: int(cmp.Or(w.Modalidade, w.IDModalidadeProduto).whole()),
		NossoNumero: cmp.Or(w.NumeroTitulo, w.NumTitulo).whole(), SeuNumero: string(cmp.Or(w.SeuNumero, w.DescSeuNumero)), Barcode: string(w.CodigoBarras),
		MovedOn: w.DataMovimento.day(), PaidOn: w.DataLiquidacao.day(), CreditOn: w.DataPrevisao.day(),
		Account: cmp.Or(w.NumeroConta, w.NumConta).whole(), Channel: "bank", Means: short(string(w.TipoOp)),
	}
	if w.IDTipoOp == pixMeans {
		r.Channel = "pix"
	}
	if !utf8.ValidString(r.SeuNumero) || !utf8.ValidString(r.Means) {
		r.Fault = "não está em UTF-8"
	}
	if r.PaidOn.IsZero() {
		r.PaidOn = r.MovedOn
	}
	var err error
	if r.Amount, err = w.ValorTitulo.reais(); err != nil {
		r.Fault = "valorTitulo " + err.Error()
	}
	if r.Received, err = w.ValorLiquido.reais(); err != nil {
		r.Fault = "valorLiquido " + err.Error()
	} else if w.ValorLiquido == "" {
		r.Fault = "falta valorLiquido"
	}
	return r
}

// readJSON reads an array of records one by one, or a row of them.
func readJSON(r *bufio.Reader, array bool, each func(boleto.Return) error) error {
	broken := func(err error) error {
		return bad("JSON: "+err.Error(), "O arquivo JSON do Sicoob está quebrado no meio.")
	}
	decoder := json.NewDecoder(r)
	if array {
		if _, err := decoder.Token(); err != nil {
			return broken(err)
		}
	}
	for !array || decoder.More() {
		var w settledWire
		err := decoder.Decode(&w)
		if !array && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if !w.settles() {
			continue
		}
		if err := each(w.read()); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil { // the array's end
		return broken(err)
	}
	return nil
}
