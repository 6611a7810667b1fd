package api

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/paying/settlement"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/agent/till/web"
	"pdvagent/payments/boleto"
)

// maxForm bounds the body of a payment call, in bytes.
const maxForm = 64 << 10

// form reads the body of a payment call and collects its faults.
type form struct {
	body   rawjson.Value
	prefix string
	faults []agent.Fault
}

// openForm reads a body that must be a JSON object. False: the till has its answer.
func openForm(w http.ResponseWriter, r *http.Request) (*form, bool) {
	text, err := web.Body(w, r, maxForm)
	if err != nil {
		problem(w, r, err, "")
		return nil, false
	}
	body, err := rawjson.Parse(text)
	if err != nil {
		problem(w, r, rawjson.Refusal(err), "")
		return nil, false
	}
	if body.Kind != rawjson.Object {
		problem(w, r, agent.Errorf(agent.CodeInvalid, nil, "O corpo deve ser um objeto JSON."), "")
		return nil, false
	}
	return &form{body: body}, true
}

// openOrder is openForm for a call that needs an Idempotency-Key, and returns the key.
func openOrder(w http.ResponseWriter, r *http.Request) (f *form, key string, ok bool) {
	if f, ok = openForm(w, r); !ok {
		return nil, "", false
	}
	key, err := idempotencyKey(r)
	if err != nil {
		problem(w, r, err, "")
	}
	return f, key, err == nil
}

// fault adds a fault of a field.
func (f *form) fault(field, code, detail string) {
	f.faults = append(f.faults, agent.Fault{Field: f.prefix + field, Code: code, Detail: detail})
}

// get returns a member that is not null.
func (f *form) get(name string) (rawjson.Value, bool) {
	value, ok := f.body.Get(name)
	return value, ok && value.Kind != rawjson.Null
}

// text reads a text of at most that many characters, without control characters.
func (f *form) text(name string, required bool, most int) string {
	value, ok := f.get(name)
	text, isText := "", false
	if ok {
		text, isText = value.Text()
		text = strings.TrimSpace(text)
	}
	switch {
	case ok && !isText:
		f.fault(name, "type", "Deve ser um texto.")
	case required && text == "":
		f.fault(name, "required", "Falta.")
	case utf8.RuneCountInString(text) > most:
		f.fault(name, "too_long", fmt.Sprintf("Use no máximo %d caracteres.", most))
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		f.fault(name, "invalid", "Tem caracteres de controle.")
	default:
		return text
	}
	return ""
}

// integerPattern is an integer: 15.00 is refused, since it may be meant as reais.
var integerPattern = regexp.MustCompile(`^-?[0-9]{1,15}$`)

// integer reads an integer from 1 to most, also one in a string; otherwise without the member, or with a fault.
func (f *form) integer(name string, required bool, most, otherwise int64, unit string) int64 {
	value, ok := f.get(name)
	if !ok {
		if required {
			f.fault(name, "required", "Falta.")
		}
		return otherwise
	}
	text, isText := value.Text()
	if !isText || !integerPattern.MatchString(text) {
		f.fault(name, "type", "Deve ser um número inteiro"+unit+".")
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > most {
		f.fault(name, "range", fmt.Sprintf("Deve ser de 1 a %d%s.", most, unit))
		return otherwise
	}
	return n
}

// document reads a CPF or a CNPJ with valid check digits. It accepts punctuation and small letters.
func (f *form) document(name string, required, cpfOnly bool) string {
	text := f.text(name, required, 18)
	if text == "" {
		return ""
	}
	document, ok := reading.TaxID(text)
	switch {
	case cpfOnly && (!ok || len(document) != 11):
		f.fault(name, "invalid", "O CPF não confere: são 11 números, com os dígitos verificadores certos.")
	case !ok:
		f.fault(name, "invalid", "O CPF ou CNPJ não confere.")
	default:
		return string(document)
	}
	return ""
}

// date reads a day: YYYY-MM-DD.
func (f *form) date(name string, required bool) time.Time {
	text := f.text(name, required, 10)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil || at.Year() < 2000 || at.Year() > 2100 {
		f.fault(name, "invalid", "Use uma data: 2026-11-30.")
	}
	return at
}

// moment reads a day of the shop or an RFC 3339 time; the zero time for an empty text.
func (f *form) moment(name, text string, zone *time.Location) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.ParseInLocation(time.DateOnly, text, zone)
	}
	if err != nil {
		f.fault(name, "invalid", "Use uma data (2026-05-14) ou data e hora (2026-05-14T10:00:00-03:00).")
	}
	return at
}

// nossoNumero reads the bank's number of a boleto, a text or a number.
func (f *form) nossoNumero(required bool) (n int64, written string) {
	value, ok := f.get("nosso_numero")
	if !ok {
		if required {
			f.fault("nosso_numero", "required", "Falta.")
		}
		return 0, ""
	}
	text, _ := value.Text()
	if n, ok = settlement.ParseNosso(text); !ok {
		f.fault("nosso_numero", "invalid", "Deve ser o número do boleto no banco, com o dígito.")
		return 0, ""
	}
	return n, text
}

// slip reads a barcode or a line, which must have the boleto's amount and number.
func (f *form) slip(name string, today time.Time, amount agent.Cents, nosso int64) boleto.Slip {
	text := f.text(name, false, 80)
	if text == "" {
		return boleto.Slip{}
	}
	slip, err := boleto.Parse(text, today)
	if wrong, ok := errors.AsType[*boleto.Error](err); ok {
		f.fault(name, "invalid", slipDetail(wrong))
		return boleto.Slip{}
	}
	field, sicoob := boleto.ReadSicoob(slip.Barcode)
	switch {
	case slip.Kind != boleto.KindBoleto:
		f.fault(name, "invalid", "É de uma conta ou tributo, não de um boleto.")
	case !slip.NoValue && amount > 0 && slip.Amount != amount:
		f.fault(name, "conflict", "Diz outro valor: "+slip.Amount.Reais()+".")
	case sicoob && nosso > 0 && int64(field.NossoNumero) != nosso:
		f.fault(name, "conflict", "É do nosso número "+strconv.Itoa(field.NossoNumero)+".")
	}
	return slip
}

// slipDetail says in Portuguese which block of a line or barcode is wrong.
func slipDetail(e *boleto.Error) string {
	block := strings.ToUpper(e.Block[:1]) + e.Block[1:]
	if e.Block == "line" || e.Block == "barcode" {
		return e.Detail
	}
	return block + ": " + e.Detail
}

// payer reads the payer with the fields that the bank needs (contracts/sicoob.md 7.1).
func (f *form) payer() boleto.Payer {
	value, ok := f.get("payer")
	if !ok {
		f.fault("payer", "required", "Falta quem paga.")
		return boleto.Payer{}
	}
	inner := &form{body: value, prefix: "payer."}
	p := boleto.Payer{
		Document: inner.document("document", true, false), Name: inner.text("name", true, 50), Address: inner.text("address", true, 40), District: inner.text("district", true, 30),
		City: inner.text("city", true, 40), ZIP: strings.NewReplacer("-", "", ".", "", " ", "").Replace(inner.text("zip", true, 10)), State: strings.ToUpper(inner.text("state", true, 2)),
	}
	if len(inner.faults) == 0 && (len(p.ZIP) != 8 || strings.Trim(p.ZIP, "0123456789") != "") {
		inner.fault("zip", "invalid", "O CEP tem 8 números.")
	}
	if len(inner.faults) == 0 && len(p.State) != 2 {
		inner.fault("state", "invalid", "Use a sigla do estado: GO.")
	}
	f.faults = append(f.faults, inner.faults...)
	return p
}

// fingerprint is the hash of a request: the order of its fields does not count.
func (f *form) fingerprint(route string) agent.Fingerprint {
	return sha256.Sum256(append([]byte(route+"\x00"), f.body.Canonical()...))
}

// err returns the refusal with all faults; nil without one.
func (f *form) err() error {
	if len(f.faults) == 0 {
		return nil
	}
	e := agent.Errorf(agent.CodeInvalid, nil, "O pedido tem dados que não podem estar certos: %s.", strings.TrimSuffix(f.faults[0].Field+": "+strings.ToLower(f.faults[0].Detail[:1])+f.faults[0].Detail[1:], "."))
	e.Fields = f.faults
	return e
}

// oneFault is a refusal of one parameter.
func oneFault(field, code, detail string) error {
	f := &form{}
	f.fault(field, code, detail)
	return f.err()
}

// idempotencyKey reads the header that a charge needs.
func idempotencyKey(r *http.Request) (string, error) {
	key := strings.TrimSpace(r.Header.Get("Idempotency-Key"))
	switch {
	case key == "":
		return "", agent.Errorf(agent.CodeNoKey, nil, "Falta o cabeçalho Idempotency-Key: um texto novo para cada pagamento, o mesmo ao repetir a chamada.")
	case len(key) > 255:
		return "", oneFault("Idempotency-Key", "too_long", "Use no máximo 255 caracteres.")
	}
	return key, nil
}
