package mercafacilsim

import (
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"
)

// common is what every answer about a session has.
func (s *Sim) common(one *session) map[string]any { return map[string]any{"transaction_id": one.id} }

// done ends an answer as the manual's samples end.
func (s *Sim) done(status int, fields map[string]any) reply {
	fields["requestId"], fields["datetime"] = uuid(), s.now().Format(time.DateTime)
	s.strange(fields)
	return reply{status: status, fields: fields}
}

// strange adds fields that nobody knows, where the settings say so.
func (s *Sim) strange(fields map[string]any) {
	if s.settings.UnknownFields {
		fields["x_unknown"] = map[string]any{"deep": []any{1, "two", nil}}
	}
}

// show puts the first open question into an answer, or says in one of the possible ways that there is none.
func (s *Sim) show(fields map[string]any, one *session) {
	if one.dialect == "v2.2" {
		fields["should_display_message"] = len(one.prompts) > 0
	}
	if len(one.prompts) == 0 {
		switch s.settings.NoMessage {
		case "null":
			fields["message"] = nil
		case "empty":
			fields["message"] = map[string]any{}
		}
		return
	}
	shown := make(map[string]any)
	for name, value := range one.prompts[0].message {
		if list, ok := value.([]any); name == "responses" && ok && len(list) == 0 && s.settings.WithoutResponses {
			continue
		}
		shown[name] = value
	}
	s.strange(shown)
	if list, ok := shown["responses"].([]any); ok {
		odd := make([]any, len(list))
		for i, response := range list {
			one, _ := response.(map[string]any)
			one = maps.Clone(one)
			s.strange(one)
			odd[i] = one
		}
		shown["responses"] = odd
	}
	fields["message"] = shown
	if len(one.prompts[0].tags) == 0 { // a notice wants no answer
		one.prompts = one.prompts[1:]
	}
}

// preApply takes the basket (v2.2).
func (s *Sim) preApply(c *call, in input) reply {
	one, refused := s.find(c, in.TransactionID)
	if one == nil {
		return refused
	}
	one.items = in.Items
	s.questions(one)
	one.said = append(one.said, "pre-apply")
	fields := s.common(one)
	s.show(fields, one)
	return s.done(http.StatusOK, fields)
}

// apply gives the discounts. In v2 it carries the basket, and may come without a session: then it opens one.
func (s *Sim) apply(c *call, in input) reply {
	var one *session
	user := in.ClientID
	if c.dialect == "v2" && in.TransactionID == "" {
		document := user
		if document == "0" {
			document = ""
		}
		one = s.open(c, document)
	} else {
		var refused reply
		if one, refused = s.find(c, in.TransactionID); one == nil {
			return refused
		}
	}
	if c.dialect == "v2.2" {
		user = one.document
	} else {
		one.items = in.Items
	}
	switch {
	case len(one.items) == 0:
		return refusal(http.StatusUnprocessableEntity, "pre-apply must come first")
	case one.applied && s.settings.SecondApply == "refuse":
		return refusal(http.StatusConflict, "transaction was applied already")
	case user == "0":
		user = ""
	case c.dialect == "v2" && one.document != "" && user != one.document:
		return refusal(http.StatusUnprocessableEntity, "client_id is not the document of the transaction")
	}
	result := s.reckon(one.items, user)
	one.applied, one.uses, one.user = true, result.uses, user
	one.said = append(one.said, "apply")
	return s.done(http.StatusOK, s.offered(one, result))
}

// offered is the answer to an apply (contract 3.4).
func (s *Sim) offered(one *session, result given) map[string]any {
	fields := s.common(one)
	items := make([]any, 0, len(one.items))
	for _, line := range s.arranged(one.items, result.lines) {
		item := map[string]any{
			"sku": string(line.SKU), "ean": string(line.EAN), "quantity": s.number(line.Quantity.milli),
			"total_value_without_discount": s.number(line.value()), "discount_value": s.number(line.discount),
			"total_value_with_discount": s.number(line.value() - line.discount),
		}
		s.strange(item)
		items = append(items, item)
	}
	fields["items"] = items
	for name, value := range map[string]milli{"absolute": result.absolute, "payment_discount": result.payment} {
		switch {
		case value > 0 || s.settings.NoTotals == "zero":
			total := map[string]any{"discount_value": s.number(value)}
			s.strange(total)
			fields[name] = total
		case s.settings.NoTotals == "null":
			fields[name] = nil
		}
	}
	return fields
}

type discounted struct {
	cartItem
	discount milli
}

// arranged gives the lines as the settings say: one for one, merged by product, or in another order.
func (s *Sim) arranged(items []cartItem, discounts []milli) []discounted {
	var lines []discounted
	for i, item := range items {
		line := discounted{item, discounts[i]}
		at := slices.IndexFunc(lines, func(other discounted) bool { return other.SKU == item.SKU && other.EAN == item.EAN })
		if s.settings.Items != "merged" || at < 0 {
			lines = append(lines, line)
			continue
		}
		same := &lines[at]
		value := same.value() + item.value()
		same.Quantity.milli += item.Quantity.milli
		same.Gross.milli, same.Reduced = value, nil
		same.discount += line.discount
	}
	if s.settings.Items == "reordered" {
		slices.Reverse(lines)
	}
	return lines
}

// number spells a decimal as the settings say.
func (s *Sim) number(value milli) any {
	if s.settings.Decimals == "string" {
		return value.String()
	}
	return json.Number(value.String())
}

// write sends an answer, compressed where the settings say so.
func write(w http.ResponseWriter, status int, fields map[string]any, zip bool) {
	if !zip {
		plain(w, status, fields)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	packed := gzip.NewWriter(w)
	_ = json.NewEncoder(packed).Encode(fields) // the client is gone: nobody to tell
	_ = packed.Close()                         // as above
}
