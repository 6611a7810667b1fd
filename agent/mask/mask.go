// Package mask hides personal data in bodies and texts that people see. It shows the fields of an allow-list, keeps structure
// and order, and can put the hidden values back into an edited text. It does not decide who sees what. till/api calls it for
// support's views, traffic for the journal, app for crash reports; it calls rawjson.
package mask

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// shown is the allow-list of fields whose value may be seen: an unknown field may hold anything (SEC-14). Any other value
// shows its type and length.
func shown(name string) bool {
	switch name {
	case "coupon", "transaction_id", "date", "time", "origin", "pdv_code", "operator_id", "total_value",
		"total_value_with_discount", "total_value_with_discounts", "sku", "ean", "product_name", "quantity",
		"packing_quantity", "unit_value", "discount_value", "total_value_without_discount", "absolute_share", "total", "index", "delivery",
		"reason", "button", "department", "section", "group", "subgroup", "family", "payment_form",
		"amount", "instalments", "acquirer_id", "acquirer_name", "authorizer_id", "authorizer_name",
		"message_tag", "tag", "job", "retry", "request_id", "status", "statusCode", "code", "requestId", "datetime", "field", "fields":
		return true
	}
	return false
}

// Body gives the text with every value that may be personal replaced; structure, names and order stay.
func Body(text []byte, v rawjson.Value) []byte {
	return rawjson.Apply(text, maskEdits(nil, place{}, v)...)
}

// Answer is [Body] for a cloud's answer: of a refusal it shows the message too, masked by [Text].
func Answer(status int, text []byte, v rawjson.Value) []byte {
	edits := maskEdits(nil, place{}, v)
	if status < http.StatusBadRequest {
		return rawjson.Apply(text, edits...)
	}
	for _, member := range v.Members {
		words, ok := member.Value.Text()
		if !ok || !slices.Contains([]string{"message", "error", "detail"}, member.Name) {
			continue
		}
		for i := range edits {
			if edits[i].Start == member.Value.Start {
				edits[i].Raw = rawjson.Quote(Text(words))
			}
		}
	}
	return rawjson.Apply(text, edits...)
}

// Text masks a message of a cloud or a program: long numbers, also with letters in them, and words with a capital that are
// not usual in refusals, which may be names. A long text is cut.
func Text(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	text = longNumber.ReplaceAllStringFunc(text, stars)
	return word.ReplaceAllStringFunc(text, func(word string) string {
		letters, digits := 0, 0
		for _, r := range word {
			if unicode.IsDigit(r) || r == '*' {
				digits++
			} else if unicode.IsLetter(r) {
				letters++
			}
		}
		first, _ := utf8.DecodeRuneInString(word)
		switch {
		case digits > 0 && letters > 0 && letters+digits >= 8:
			return stars(word)
		case digits == 0 && unicode.IsUpper(first) && !usual(strings.ToLower(word)):
			return "[…]"
		}
		return word
	})
}

func stars(text string) string { return strings.Repeat("*", utf8.RuneCountInString(text)) }

var (
	// longNumber is five digits or more, with the punctuation people write between them.
	longNumber = regexp.MustCompile(`[0-9](?:[0-9.\-/ ]{3,}[0-9])`)
	word       = regexp.MustCompile(`[\pL\pN*](?:[\pL\pN*_./-]*[\pL\pN*])?`)
)

// usual is the allow-list of words with a capital in refusals: any other may be a name.
func usual(word string) bool {
	switch word {
	case "a", "o", "as", "os", "um", "uma", "não", "nao", "já", "ja", "erro", "falha", "campo", "campos", "cliente", "cupom", "transação", "transacao",
		"venda", "documento", "token", "loja", "item", "itens", "produto", "produtos", "operador", "data", "hora", "valor", "total", "limite",
		"formato", "tamanho", "inválido", "invalido", "inválida", "invalida", "obrigatório", "obrigatorio", "cadastro", "acesso", "cpf", "cnpj",
		"json", "http", "id", "uuid", "pdv", "sku", "ean", "api", "url", "the", "an", "no", "not", "is", "invalid", "missing", "required",
		"unknown", "unexpected", "error", "internal", "server", "service", "unavailable", "bad", "gateway", "timeout", "request", "unauthorized",
		"forbidden", "found", "conflict", "duplicate", "duplicated", "too", "many", "requests", "entity", "payload", "large", "unprocessable",
		"validation", "failed", "coupon", "transaction", "client", "customer", "document", "field", "value", "method", "allowed", "session", "access",
		"denied", "body", "sale", "product":
		return true
	}
	return false
}

func maskEdits(edits []rawjson.Edit, at place, v rawjson.Value) []rawjson.Edit {
	switch v.Kind {
	case rawjson.Object:
		for i, member := range v.Members {
			if hidden := maskedName(i, member.Name); hidden != nil {
				edits = append(edits, rawjson.Edit{Start: member.NameStart, End: member.NameEnd, Raw: hidden})
			}
			edits = maskEdits(edits, place{member.Name, false}, member.Value)
		}
	case rawjson.Array:
		for _, element := range v.Elements {
			edits = maskEdits(edits, place{at.name, true}, element)
		}
	case rawjson.String, rawjson.Number:
		if hidden := masked(at, v); hidden != nil {
			edits = append(edits, rawjson.Edit{Start: v.Start, End: v.End, Raw: hidden})
		}
	}
	return edits
}

// place is the name that a value is under, and whether it is in a list.
type place struct {
	name   string
	inList bool
}

// shows tells whether a value may be seen at a place. In a list, and in the reason that a person or a cloud gives, only words
// like a program's may.
func (p place) shows(text string) bool {
	return shown(p.name) && (!p.inList && p.name != "reason" || (programWord.MatchString(text) && !longNumber.MatchString(text)))
}

var (
	programWord = regexp.MustCompile(`^[a-z][a-z0-9_.\[\]-]{0,60}$`)
	fieldName   = regexp.MustCompile(`^[A-Za-z_@$][A-Za-z0-9_@$.:-]{0,40}$`)
)

// masked gives the replacement of a hidden value, nil for one that is shown.
func masked(at place, v rawjson.Value) []byte {
	text, _ := v.Text()
	switch {
	case at.shows(text), text == "", at.name == "client_id" && text == "0":
		return nil
	case at.name == "client_id" || at.name == "document_no":
		return rawjson.Quote(agent.Document(text).Mask())
	case v.Kind == rawjson.Number:
		return rawjson.Quote("[número]")
	}
	return rawjson.Quote(fmt.Sprintf("[texto de %d]", len([]rune(text))))
}

// maskedName gives the replacement of the i-th name of an object when it does not look like a program's: keys may be
// documents or people's names. nil for one that is shown.
func maskedName(i int, name string) []byte {
	if fieldName.MatchString(name) && !longNumber.MatchString(name) {
		return nil
	}
	return rawjson.Quote(fmt.Sprintf("[campo %d, %d letras]", i+1, utf8.RuneCountInString(name)))
}

// Restore gives the edited text with every name and value that is still the original's mask replaced by the original.
func Restore(edited []byte, now, original rawjson.Value) []byte {
	return rawjson.Apply(edited, unmaskEdits(nil, place{}, now, original)...)
}

func unmaskEdits(edits []rawjson.Edit, at place, now, original rawjson.Value) []rawjson.Edit {
	switch {
	case now.Kind == rawjson.Object && original.Kind == rawjson.Object:
		for _, member := range now.Members {
			old, hidden, ok := counterpart(member, original)
			if hidden {
				edits = append(edits, rawjson.Edit{Start: member.NameStart, End: member.NameEnd, Raw: original.RawName(old)})
			}
			if ok {
				edits = unmaskEdits(edits, place{old.Name, false}, member.Value, old.Value)
			}
		}
	case now.Kind == rawjson.Array && original.Kind == rawjson.Array:
		for i := range min(len(now.Elements), len(original.Elements)) {
			edits = unmaskEdits(edits, place{at.name, true}, now.Elements[i], original.Elements[i])
		}
	case now.Kind == rawjson.String && (original.Kind == rawjson.String || original.Kind == rawjson.Number):
		if hidden := masked(at, original); hidden != nil && bytes.Equal(now.Raw(), hidden) {
			edits = append(edits, rawjson.Edit{Start: now.Start, End: now.End, Raw: original.Raw()})
		}
	}
	return edits
}

// counterpart finds the original member of an edited one, by its name or by the mask of its name.
func counterpart(member rawjson.Member, original rawjson.Value) (old rawjson.Member, hidden, ok bool) {
	for i, old := range original.Members {
		if old.Name == member.Name {
			return old, false, true
		}
		if mask := maskedName(i, old.Name); mask != nil && bytes.Equal(mask, rawjson.Quote(member.Name)) {
			return old, true, true
		}
	}
	return rawjson.Member{}, false, false
}
