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
// for their numbers, which may be a document.
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
				edits[i].Raw = rawjson.Quote(withoutNumbers(words))
			}
		}
	}
	return rawjson.Apply(text, edits...)
}

// withoutNumbers hides every digit of a number that is long enough to be somebody's, and cuts a long text.
func withoutNumbers(text string) string {
	const most = 300
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return longNumber.ReplaceAllStringFunc(text, func(number string) string { return strings.Repeat("*", len(number)) })
}

// longNumber is five digits or more, with the punctuation people write between them.
var longNumber = regexp.MustCompile(`[0-9](?:[0-9.\-/ ]{3,}[0-9])`)

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
