package tillapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/web"
)

// maxForm bounds the body of a payment call, in bytes.
const maxForm = 64 << 10

// form reads the body of a payment call, and gathers everything that is wrong with it.
type form struct {
	body   rawjson.Value
	prefix string
	faults []agent.Fault
}

// openForm reads a body that must be a JSON object; false when the till was answered already.
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

// openOrder is openForm for what is charged, and gives the key that it came under.
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

func (f *form) fault(field, code, detail string) {
	f.faults = append(f.faults, agent.Fault{Field: f.prefix + field, Code: code, Detail: detail})
}

// get gives a member that says something.
func (f *form) get(name string) (rawjson.Value, bool) {
	value, ok := f.body.Get(name)
	return value, ok && value.Kind != rawjson.Null
}

// text reads a string of at most so many characters.
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

// whole matches an integer as it must be spelled: 15.00 is refused, since it may be meant as reais.
var whole = regexp.MustCompile(`^-?[0-9]{1,15}$`)

// integer reads a whole number from 1 on, or a string that is one.
func (f *form) integer(name string, required bool, most, otherwise int64, unit string) int64 {
	value, ok := f.get(name)
	if !ok {
		if required {
			f.fault(name, "required", "Falta.")
		}
		return otherwise
	}
	text, isText := value.Text()
	if !isText || !whole.MatchString(text) {
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

// document reads a CPF or a CNPJ with right check digits; punctuation and small letters are taken.
func (f *form) document(name string, required, cpfOnly bool) string {
	text := plainDocument(f.text(name, required, 18))
	if text == "" {
		return ""
	}
	document, ok := agent.ParseDocument(text)
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

func plainDocument(text string) string {
	return strings.ToUpper(strings.NewReplacer(".", "", "-", "", "/", "", " ", "").Replace(text))
}

// err is the refusal with every fault; nil where there is none.
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

// idempotencyKey reads the header that every charge wants.
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
