package mercafacil

import (
	"bytes"
	"encoding/json"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Member is what the agent itself knows of a shopper.
type Member struct {
	Loyalty   bool
	FirstName string
}

// Note is the member "agent" that the agent adds to an answer (till-api.md section 2).
type Note struct {
	Delivery agent.Delivery `json:"delivery"`
	Reason   agent.Absence  `json:"reason,omitempty"`
	Lines    []NoteLine     `json:"lines,omitempty"`
	Rounding string         `json:"rounding,omitempty"` // reais that the till gives more or less than the cloud's figures say
}

// NoteLine is one line of the till's basket with what it gets; exact decimals in reais.
type NoteLine struct {
	Index    int    `json:"index"`
	Discount string `json:"discount"`
	Absolute string `json:"absolute_share"`
	Total    string `json:"total"`
}

// NoteLines gives the shares as the till reads them.
func NoteLines(shares []agent.LineShare) []NoteLine {
	lines := make([]NoteLine, len(shares))
	for i, share := range shares {
		lines[i] = NoteLine{i, share.Discount.String(), share.Absolute.String(), share.Total.String()}
	}
	return lines
}

// WithNote gives the cloud's answer with the agent's member in it; not one other byte changes.
func WithNote(text []byte, answer rawjson.Value, note Note) ([]byte, error) {
	raw, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	return rawjson.SetMember(text, answer, "agent", raw), nil
}

// StandInStart is the answer to a start that the cloud did not give (mercafacil.md 3.1). request is the id of the till's call.
func StandInStart(dialect agent.Dialect, session, document, request string, member Member, at time.Time, note Note) ([]byte, error) {
	type user struct {
		Document string `json:"document_no"`
		Name     string `json:"name,omitempty"`
	}
	return json.Marshal(struct {
		Loyalty  bool   `json:"loyalty"`
		User     user   `json:"user"`
		Session  string `json:"transaction_id"`
		Show     *bool  `json:"should_display_message,omitempty"`
		Request  string `json:"requestId"`
		Datetime string `json:"datetime"`
		Agent    Note   `json:"agent"`
	}{member.Loyalty, user{document, member.FirstName}, session, noMessage(dialect), request, at.Format(time.DateTime), note})
}

// StandInMessage is the answer to a message or a pre-apply that the cloud did not give: nothing to show.
func StandInMessage(dialect agent.Dialect, session string, note Note) ([]byte, error) {
	return json.Marshal(struct {
		Session string `json:"transaction_id"`
		Show    *bool  `json:"should_display_message,omitempty"`
		Agent   Note   `json:"agent"`
	}{session, noMessage(dialect), note})
}

// noMessage is the boolean that v2.2 has and v2 has not.
func noMessage(dialect agent.Dialect) *bool {
	if dialect == agent.V22 {
		return new(bool)
	}
	return nil
}

// StandInApply is the answer to an apply that the cloud did not give (mercafacil.md 3.4): every item of the basket with no
// discount, its ids and numbers spelled as the till spelled them.
func StandInApply(session string, cart rawjson.Value, lines []agent.CartLine, note Note) ([]byte, error) {
	shares := make([]agent.LineShare, len(lines))
	for i, line := range lines {
		shares[i].Total = line.Net
	}
	note.Lines = NoteLines(shares)
	raw, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(`{"transaction_id":` + string(rawjson.Quote(session)) + `,"items":[`)
	items, _ := cart.Get(fieldItems)
	for i, item := range items.Elements {
		if i > 0 {
			out.WriteByte(',')
		}
		standInItem(&out, item, lines[i])
	}
	out.WriteString(`],"absolute":{"discount_value":0.00},"payment_discount":{"discount_value":0.00},"agent":`)
	out.Write(raw)
	out.WriteByte('}')
	return out.Bytes(), nil
}

// standInItem writes one item. Its value without our discount is what the till's own offers have left of it.
func standInItem(out *bytes.Buffer, item rawjson.Value, line agent.CartLine) {
	out.WriteByte('{')
	for _, name := range []string{"sku", "ean", "quantity"} {
		if field, ok := item.Get(name); ok {
			out.Write(rawjson.Quote(name))
			out.WriteByte(':')
			out.Write(field.Raw())
			out.WriteByte(',')
		}
	}
	value := line.Net.String()
	if field, ok := item.Get("total_value"); ok && line.Net == line.Gross && field.Kind == rawjson.Number {
		value = string(field.Raw())
	}
	out.WriteString(`"total_value_without_discount":` + value + `,"discount_value":0.00,"total_value_with_discount":` + value + `}`)
}

// SwapID gives the text with every transaction_id that says from saying to instead, at any depth, as raw tokens.
func SwapID(text []byte, v rawjson.Value, from, to string) []byte {
	if from == to {
		return text
	}
	return rawjson.Apply(text, swaps(nil, v, from, rawjson.Quote(to))...)
}

func swaps(edits []rawjson.Edit, v rawjson.Value, from string, to []byte) []rawjson.Edit {
	for _, member := range v.Members {
		if text, ok := member.Value.Text(); ok && member.Name == FieldTransactionID && text == from {
			edits = append(edits, rawjson.Edit{Start: member.Value.Start, End: member.Value.End, Raw: to})
			continue
		}
		edits = swaps(edits, member.Value, from, to)
	}
	for _, element := range v.Elements {
		edits = swaps(edits, element, from, to)
	}
	return edits
}
