// Package mask hides what may be personal in a body that people see: support's views and the journal. It shows by an
// allow-list of field names, keeps structure and order, and can put the hidden values back into an edited text.
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

// shown names the fields whose value may be seen: an allow-list, because a field nobody thought of may hold anything
// (SEC-14). Everything else shows its type and length.
func shown(name string) bool {
	switch name {
	case "coupon", "transaction_id", "date", "time", "origin", "pdv_code", "operator_id", "total_value",
		"total_value_with_discount", "total_value_with_discounts", "sku", "ean", "product_name", "quantity",
		"packing_quantity", "unit_value", "discount_value", "total_value_without_discount", "absolute_share", "total", "index", "delivery",
		"reason", "button", "department", "section", "group", "subgroup", "family", "payment_form",
		"amount", "instalments", "acquirer_id", "acquirer_name", "authorizer_id", "authorizer_name",
		"message_tag", "tag", "status", "statusCode", "code", "requestId", "datetime", "field", "fields":
		return true
	}
	return false
}

// Body gives the text with every value that may be personal replaced; structure, names and order stay.
func Body(text []byte, v rawjson.Value) []byte { return rawjson.Apply(text, maskEdits(nil, "", v)...) }

// Answer is [Body] for what a cloud answered: the words of a refusal are shown, since support needs nothing more, but
// for what may be a person's in them.
func Answer(status int, text []byte, v rawjson.Value) []byte {
	edits := maskEdits(nil, "", v)
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
				edits[i].Raw = rawjson.Quote(withoutPersons(words))
			}
		}
	}
	return rawjson.Apply(text, edits...)
}

// withoutPersons hides in a cloud's words what may be somebody's: numbers, also those with letters in them, and words
// that begin with a capital and are none that refusals are made of, which may be names. A long text is cut.
func withoutPersons(text string) string {
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
		case digits == 0 && unicode.IsUpper(first) && !saying(strings.ToLower(word)):
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

// saying knows the words with a capital that refusals are made of: an allow-list, for any other may be a name.
func saying(word string) bool {
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

func maskEdits(edits []rawjson.Edit, name string, v rawjson.Value) []rawjson.Edit {
	switch v.Kind {
	case rawjson.Object:
		for _, member := range v.Members {
			edits = maskEdits(edits, member.Name, member.Value)
		}
	case rawjson.Array:
		for _, element := range v.Elements {
			edits = maskEdits(edits, name, element)
		}
	case rawjson.String, rawjson.Number:
		if hidden := masked(name, v); hidden != nil {
			edits = append(edits, rawjson.Edit{Start: v.Start, End: v.End, Raw: hidden})
		}
	}
	return edits
}

// masked is the spelling of one hidden value, nil for one that is shown.
func masked(name string, v rawjson.Value) []byte {
	text, _ := v.Text()
	switch {
	case shown(name), text == "", name == "client_id" && text == "0":
		return nil
	case name == "client_id" || name == "document_no":
		return rawjson.Quote(agent.Document(text).Mask())
	case v.Kind == rawjson.Number:
		return rawjson.Quote("[número]")
	}
	return rawjson.Quote(fmt.Sprintf("[texto de %d]", len([]rune(text))))
}

// Restore gives the edited text with every value that still reads as its mask replaced by the original's.
func Restore(edited []byte, now, original rawjson.Value) []byte {
	return rawjson.Apply(edited, unmaskEdits(nil, "", now, original)...)
}

func unmaskEdits(edits []rawjson.Edit, name string, now, original rawjson.Value) []rawjson.Edit {
	switch {
	case now.Kind == rawjson.Object && original.Kind == rawjson.Object:
		for _, member := range now.Members {
			if old, ok := original.Get(member.Name); ok {
				edits = unmaskEdits(edits, member.Name, member.Value, old)
			}
		}
	case now.Kind == rawjson.Array && original.Kind == rawjson.Array:
		for i := range min(len(now.Elements), len(original.Elements)) {
			edits = unmaskEdits(edits, name, now.Elements[i], original.Elements[i])
		}
	case now.Kind == rawjson.String && (original.Kind == rawjson.String || original.Kind == rawjson.Number):
		if hidden := masked(name, original); hidden != nil && bytes.Equal(now.Raw(), hidden) {
			edits = append(edits, rawjson.Edit{Start: now.Start, End: now.End, Raw: original.Raw()})
		}
	}
	return edits
}
