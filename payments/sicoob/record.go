package sicoob

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pdvagent/payments/boleto"
)

// record is one object of a file. The names of its fields are those of today and of 2019 (sicoob.md 5.2, 5.3), in letters of
// any size.
type record struct {
	fields []field
	twice  string // a name that stands there twice
}

// field is a string or number of a record; any other value is empty.
type field struct {
	name  string
	value text
}

func (r *record) put(name string, value text) {
	for _, f := range r.fields {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			r.twice = name
		}
	}
	r.fields = append(r.fields, field{name, value})
}

// find gives a field, and whether there is one.
func (r *record) find(name string) (text, bool) {
	for _, f := range r.fields {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			return f.value, true
		}
	}
	return "", false
}

// get gives the first of these fields that is not empty.
func (r *record) get(names ...string) text {
	for _, name := range names {
		if value, _ := r.find(name); value != "" {
			return value
		}
	}
	return ""
}

// recognised tells a record by the fields that every layout of one has some of.
func (r *record) recognised() bool {
	for _, name := range []string{"siglaMovimento", "codigoTipoMovimento", "codTipoMovimento", "numeroTitulo", "numTitulo", "nossoNumero", "valorTitulo", "valorLiquido", "codigoBarras"} {
		if _, ok := r.find(name); ok {
			return true
		}
	}
	return false
}

// movement is what a record tells of.
type movement int

const (
	unsaid    movement = iota // there is no word
	unknown                   // a word or number that is not known
	settles                   // money came
	otherwise                 // another movement: no money
	doubtful                  // it may be money, or money that went back
)

// byWord reads siglaMovimento, also where it is spelled in full.
func byWord(sigla text) movement {
	word := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, string(sigla))
	begins := func(head string) bool { return strings.HasPrefix(word, head) }
	switch {
	case word == "":
		return unsaid
	case slices.Contains([]string{"LIQ", "LIQUI", "LIQUIDACAO", "LIQUIDAÇÃO", "LIQUIDADO", "LIQUIDADA"}, word):
		return settles
	case strings.Contains(word, "LIQ"):
		return doubtful // LIQUIDACAO ESTORNADA, BAIXA POR LIQUIDACAO
	case slices.ContainsFunc([]string{"ENTR", "PROR", "AVENC", "VENC", "BAIX", "OCRED", "VINC"}, begins):
		return otherwise
	}
	return unknown
}

// byCode reads codigoTipoMovimento.
func byCode(code text) movement {
	switch n := code.whole(); {
	case code == "":
		return unsaid
	case n == settled:
		return settles
	case n >= 1 && n <= 7:
		return otherwise
	}
	return unknown
}

// movement tells what the record is about; why is for people where it does not say so plainly. A record without sigla and
// code is a settlement where it has valorLiquido, which no other movement has.
func (r *record) movement() (m movement, why string) {
	sigla, code := r.get("siglaMovimento"), r.get("codigoTipoMovimento", "codTipoMovimento")
	word, number := byWord(sigla), byCode(code)
	switch {
	case r.twice != "":
		return doubtful, "traz duas vezes o campo " + short(r.twice)
	case word == unsaid && number == unsaid && r.get("valorLiquido") != "":
		return settles, ""
	case word == unsaid && number == unsaid:
		return doubtful, "não diz de que movimento é, nem o valor recebido"
	case word == unsaid, word == unknown && number > unknown:
		m = number
	case number == unsaid, word == number:
		m = word
	}
	if m == settles || m == otherwise {
		return m, ""
	}
	return doubtful, fmt.Sprintf("o tipo do movimento não se entende (%s %s)", short(string(sigla)), short(string(code)))
}

// read takes the fields of an object, which is well-formed JSON; false for any other value.
func (r *record) read(object string) bool {
	s := scanner{text: object}
	if s.next() != '{' {
		return false
	}
	for s.at++; s.next() == '"'; {
		name := s.skip()
		s.next()
		s.at++ // the colon
		kind := s.next()
		value := s.skip()
		switch {
		case kind == '"':
			value = unquoted(value)
		case kind != '-' && (kind < '0' || kind > '9'):
			value = ""
		}
		r.put(unquoted(name), text(strings.TrimSpace(value)))
		if s.next() == ',' {
			s.at++
		}
	}
	return true
}

// scanner walks a text that is well-formed JSON.
type scanner struct {
	text string
	at   int
}

// next gives the next byte that is no blank; 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		if c := s.text[s.at]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

// skip reads over one value, and gives its spelling.
func (s *scanner) skip() string {
	start := s.at
	for depth, inString := 0, false; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case inString && c == '\\':
			s.at++
		case c == '"':
			if inString = !inString; !inString && depth == 0 {
				s.at++
				return s.text[start:s.at]
			}
		case inString:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && strings.IndexByte(",}] \t\r\n", c) >= 0:
			return s.text[start:s.at]
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				s.at++
				return s.text[start:s.at]
			}
		}
	}
	return s.text[start:]
}

// unquoted gives the content of a JSON string.
func unquoted(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var content string
	_ = json.Unmarshal([]byte(raw), &content) // it is well-formed
	return content
}

// pixMeans is the bank's number of a boleto that was paid by its Pix.
const pixMeans = 212

// settlement makes one of a record. A field that cannot be read is missing; without the amounts nobody may count with it.
func (r *record) settlement() boleto.Return {
	number := func(names ...string) int64 { return r.get(names...).whole() }
	out := boleto.Return{
		Client: number("numeroCliente", "numCliente"), Modality: int(number("modalidade", "idModalidadeProduto")), NossoNumero: number("numeroTitulo", "numTitulo", "nossoNumero"),
		SeuNumero: string(r.get("seuNumero", "descSeuNumero")), Barcode: string(r.get("codigoBarras")),
		MovedOn: r.get("dataMovimentoLiquidacao").day(), PaidOn: r.get("dataLiquidacao").day(), CreditOn: r.get("dataPrevisaoCredito").day(),
		Account: number("numeroContaCorrente", "numContaCorrente"), Channel: "bank", Means: short(string(r.get("tipoOpFinanceira"))),
	}
	if number("idTipoOpFinanceira") == pixMeans {
		out.Channel = "pix"
	}
	if strings.ContainsRune(out.SeuNumero, utf8.RuneError) {
		out.SeuNumero = ""
	}
	if out.PaidOn.IsZero() {
		out.PaidOn, out.MovedOn = out.MovedOn, time.Time{}
	}
	var err error
	if out.Amount, err = r.get("valorTitulo").reais(); err != nil {
		out.Fault = "valorTitulo " + err.Error()
	}
	if out.Received, err = r.get("valorLiquido").reais(); err != nil {
		out.Fault = "valorLiquido " + err.Error()
	} else if r.get("valorLiquido") == "" {
		out.Fault = "falta valorLiquido"
	}
	return out
}

// fileReader reads the records of a JSON file: a list of them, a row of them, or one or more lists in an object of any name.
type fileReader struct {
	decoder *json.Decoder
	each    func(boleto.Return) error
	other   int
	lists   int // that were found, or records outside of any
}

// readJSON gives the settlements of a file.
func readJSON(r *bufio.Reader, each func(boleto.Return) error) (other int, err error) {
	f := &fileReader{decoder: json.NewDecoder(r), each: each}
	f.decoder.UseNumber()
	for {
		token, err := f.decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = f.value(token, 0)
		}
		if outer, ok := errors.AsType[*giveError](err); ok {
			return f.other, outer.error
		}
		if err != nil {
			return f.other, bad("JSON: "+err.Error(), "O arquivo JSON do Sicoob está quebrado no meio.")
		}
	}
	if f.lists == 0 {
		return f.other, bad("JSON without records", "O arquivo JSON do Sicoob não tem registros que se reconheçam. Guarde-o e fale com o suporte.")
	}
	return f.other, nil
}

// giveError is an error of who takes the records, not of the file.
type giveError struct{ error }

// value reads on from a value's first token; the text of a string or number is its value.
func (f *fileReader) value(token json.Token, depth int) (value text, err error) {
	if depth > maxAnswerDepth {
		return "", errors.New("nested too deep")
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return "", f.list(depth)
		}
		return "", f.object(depth)
	case string:
		return text(strings.TrimSpace(t)), nil
	case json.Number:
		return text(t), nil
	}
	return "", nil // null, true, false
}

// object reads an object: a record, or one that has the lists of them.
func (f *fileReader) object(depth int) error {
	lists, r := f.lists, record{}
	for f.decoder.More() {
		name, err := f.decoder.Token()
		if err != nil {
			return err
		}
		token, err := f.decoder.Token()
		if err != nil {
			return err
		}
		value, err := f.value(token, depth+1)
		if err != nil {
			return err
		}
		r.put(fmt.Sprint(name), value)
	}
	if _, err := f.decoder.Token(); err != nil { // its end
		return err
	}
	if f.lists == lists && r.recognised() {
		f.lists++
		return f.give(&r, nil)
	}
	return nil
}

// list reads an array, whose elements are records, or have the lists of them.
func (f *fileReader) list(depth int) error {
	f.lists++
	var raw json.RawMessage // read into again and again, as fields
	var fields []field
	for f.decoder.More() {
		raw = raw[:0]
		if err := f.decoder.Decode(&raw); err != nil {
			return err
		}
		if !utf8.Valid(raw) {
			raw = bytes.ToValidUTF8(raw, []byte(string(utf8.RuneError))) // it costs the letter, not the record
		}
		r := record{fields: fields[:0]}
		object := r.read(string(raw))
		var err error
		switch {
		case !r.recognised() && holdsRecords(raw, depth):
			err = f.inside(raw, depth)
		case object:
			err = f.give(&r, raw)
		default:
			err = f.giveRaw(raw, "não é um registro que se entende")
		}
		if err != nil {
			return err
		}
		fields = r.fields
	}
	_, err := f.decoder.Token() // its end
	return err
}

// holdsRecords tells an element that is no record and has nothing but records in it, at least one.
func holdsRecords(raw []byte, depth int) bool {
	if raw[0] != '[' && bytes.IndexByte(raw, '[') < 0 && bytes.Count(raw, []byte("{")) < 2 {
		return false
	}
	records, others := 0, 0
	f := fileReader{decoder: json.NewDecoder(bytes.NewReader(raw)), each: func(r boleto.Return) error {
		if r.Raw != "" {
			others++
		}
		records++
		return nil
	}}
	err := f.read(depth)
	return err == nil && records+f.other > 0 && others == 0
}

// inside reads the records of an element.
func (f *fileReader) inside(raw []byte, depth int) error {
	inner := fileReader{decoder: json.NewDecoder(bytes.NewReader(bytes.Clone(raw))), each: f.each}
	err := inner.read(depth)
	f.other += inner.other
	return err
}

// read reads one value.
func (f *fileReader) read(depth int) error {
	f.decoder.UseNumber()
	token, err := f.decoder.Token()
	if err == nil {
		_, err = f.value(token, depth+1)
	}
	return err
}

// give hands a record on, unless it tells of another movement.
func (f *fileReader) give(r *record, raw []byte) error {
	m, why := r.movement()
	if m == otherwise {
		f.other++
		return nil
	}
	if m == doubtful && !r.recognised() {
		return f.giveRaw(raw, why)
	}
	out := r.settlement()
	if m == doubtful {
		out.Unclear, out.Fault = true, why
	}
	return f.hand(out)
}

// maxRaw is how much of a record is kept that cannot be read, in bytes.
const maxRaw = 2000

func (f *fileReader) giveRaw(raw []byte, why string) error {
	return f.hand(boleto.Return{Unclear: true, Fault: why, Raw: strings.ToValidUTF8(string(raw[:min(len(raw), maxRaw)]), "?")})
}

func (f *fileReader) hand(out boleto.Return) error {
	if err := f.each(out); err != nil {
		return &giveError{err}
	}
	return nil
}
