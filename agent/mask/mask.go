// Package mask hides personal data in bodies and texts that people see. A value is shown when its field is on an allow-list
// and the value has that field's form; structure and order are kept, and the hidden values can be put back into an edited text.
// It does not decide who sees what. till/api calls it for support's views, traffic for the journal, sales/loyalty for alarms,
// loads/source for headings, app for crash reports; it calls rawjson. [Masker] masks what is read for the first time.
package mask

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"unicode/utf8"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Body gives the text with every value that may be personal replaced; structure, names and order stay.
func Body(text []byte, v rawjson.Value) []byte { return Answer(http.StatusOK, text, v) }

// Answer is [Body] for a cloud's answer: of a refusal it shows the message too, masked by [Text].
func Answer(status int, text []byte, v rawjson.Value) []byte {
	m := NewMasker(status, text, math.MaxInt)
	v.Walk(m)
	masked, _ := m.Masked()
	return masked
}

// masked gives the replacement of a hidden value under a name, nil for one that is shown. A list's values are under its name.
func masked(name string, v rawjson.Value) []byte {
	text, _ := v.Text()
	shows := formOf(name)
	switch {
	case text == "", shows != nil && shows(text):
		return nil
	case isDocument(name) && text == "0":
		return nil
	case isDocument(name) && (len(text) < 11 || looksLikeDocument(text)):
		return rawjson.Quote(agent.Document(text).Mask())
	case v.Kind == rawjson.Number:
		return rawjson.Quote("[número]")
	}
	return rawjson.Quote(hiddenText(text))
}

// hiddenText is all that is shown of a text without its field's form.
func hiddenText(text string) string {
	return fmt.Sprintf("[texto de %d]", utf8.RuneCountInString(text))
}

func isDocument(name string) bool { return name == "client_id" || name == "document_no" }

// looksLikeDocument tells that a text has the form of a CPF, or is a CNPJ.
func looksLikeDocument(text string) bool {
	_, valid := agent.ParseDocument(text)
	return valid || len(text) == 11 && strings.Trim(text, digits) == ""
}

// maskedName gives the replacement of the i-th name of an object when it is not made of a program's words: keys may be
// documents, e-mails or people's names. nil for one that is shown.
func maskedName(i int, name string) []byte {
	if formOf(name) != nil || isFieldName(name) {
		return nil
	}
	return rawjson.Quote(hiddenName(i, name))
}

func hiddenName(i int, name string) string {
	return fmt.Sprintf("[campo %d, %d letras]", i+1, utf8.RuneCountInString(name))
}

// Name gives the i-th name of a list of fields as people see it: what is not made of a program's words is hidden.
func Name(i int, name string) string {
	if isFieldName(name) {
		return name
	}
	return hiddenName(i, name)
}

// Restore gives the edited text with every name and value that is still the original's mask replaced by the original.
func Restore(edited []byte, now, original rawjson.Value) []byte {
	return rawjson.Apply(edited, unmaskEdits(nil, "", now, original)...)
}

func unmaskEdits(edits []rawjson.Edit, at string, now, original rawjson.Value) []rawjson.Edit {
	switch {
	case now.Kind == rawjson.Object && original.Kind == rawjson.Object:
		for _, member := range now.Members {
			old, hidden, ok := counterpart(member, original)
			if hidden {
				edits = append(edits, rawjson.Edit{Start: member.NameStart, End: member.NameEnd, Raw: original.RawName(old)})
			}
			if ok {
				edits = unmaskEdits(edits, old.Name, member.Value, old.Value)
			}
		}
	case now.Kind == rawjson.Array && original.Kind == rawjson.Array:
		for i := range min(len(now.Elements), len(original.Elements)) {
			edits = unmaskEdits(edits, at, now.Elements[i], original.Elements[i])
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
