package homologation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/ops/evidence"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil/homologation"
)

// shownBytes bounds a body in the report.
const shownBytes = 8 << 10

// Shown gives an exchange as a report may have it: masked, but for the plan's own documents.
func Shown(plan *homologation.Plan, x agent.Exchange) evidence.Exchange {
	own := plan.Documents()
	return evidence.Exchange{
		At: x.At, Side: x.Side, Method: x.Method, Route: x.Route, Status: x.Status, MS: float64(x.Took.Microseconds()) / 1000, Detail: x.Detail,
		Request: bodyShown(own, x.Request, 0), Response: bodyShown(own, x.Response, x.Status),
	}
}

func bodyShown(own []string, text []byte, status int) string {
	if len(text) == 0 {
		return ""
	}
	original, err := rawjson.Parse(text)
	if err != nil {
		return fmt.Sprintf("%d bytes que não são JSON", len(text))
	}
	hidden := mask.Answer(status, text, original)
	if masked, err := rawjson.Parse(hidden); err == nil {
		hidden = rawjson.Apply(hidden, reveal(nil, own, original, masked)...)
	}
	if len(hidden) > shownBytes {
		return fmt.Sprintf("%s… (%d bytes)", hidden[:shownBytes], len(text))
	}
	return string(hidden)
}

// cpfLike is what may be a CPF in a text, with its punctuation or without.
var cpfLike = regexp.MustCompile(`[0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}[- ]?[0-9]{2}`)

// namesSomebody tells whether a text has a CPF that is not the plan's own.
func namesSomebody(plan *homologation.Plan, text string) bool {
	for _, found := range cpfLike.FindAllString(text, -1) {
		document, ok := agent.ParseDocument(strings.NewReplacer(".", "", "-", "", " ", "").Replace(found))
		if ok && !slices.Contains(plan.Documents(), string(document)) {
			return true
		}
	}
	return false
}

// reveal puts the plan's own documents back where masking has hidden them. Both values have the same shape.
func reveal(edits []rawjson.Edit, own []string, original, masked rawjson.Value) []rawjson.Edit {
	switch {
	case original.Kind == rawjson.Object && masked.Kind == rawjson.Object:
		for i := range min(len(original.Members), len(masked.Members)) {
			edits = reveal(edits, own, original.Members[i].Value, masked.Members[i].Value)
		}
	case original.Kind == rawjson.Array && masked.Kind == rawjson.Array:
		for i := range min(len(original.Elements), len(masked.Elements)) {
			edits = reveal(edits, own, original.Elements[i], masked.Elements[i])
		}
	default:
		if text, ok := original.Text(); ok && slices.Contains(own, text) {
			edits = append(edits, rawjson.Edit{Start: masked.Start, End: masked.End, Raw: original.Raw()})
		}
	}
	return edits
}
