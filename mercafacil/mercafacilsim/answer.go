package mercafacilsim

import (
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"pdvagent/agent/simkit"
)

// common is what every answer about a session has.
func common(sess *session) map[string]any { return map[string]any{"transaction_id": sess.id} }

// success ends an answer as the manual's samples end.
func (h *handler) success(status int, fields map[string]any) reply {
	fields["requestId"], fields["datetime"] = h.cfg.ID("request "+h.route+" "+string(h.body)), h.Now().Format(time.DateTime)
	h.addUnknown(fields)
	return reply{status: status, fields: fields}
}

// addUnknown adds fields of no known meaning, where the settings want them.
func (h *handler) addUnknown(fields map[string]any) {
	if h.settings.UnknownFields {
		fields["x_unknown"] = map[string]any{"deep": []any{1, "two", nil}}
	}
}

// addMessage puts the first open question into an answer, or one of the possible signs that there is none.
func (h *handler) addMessage(fields map[string]any, sess *session) {
	if sess.dialect == "v2.2" {
		fields["should_display_message"] = len(sess.prompts) > 0
	}
	if len(sess.prompts) == 0 {
		switch h.settings.NoMessage {
		case "null":
			fields["message"] = nil
		case "empty":
			fields["message"] = map[string]any{}
		}
		return
	}
	shown := make(map[string]any)
	for name, value := range sess.prompts[0].message {
		if list, ok := value.([]any); name == "responses" && ok && len(list) == 0 && h.settings.WithoutResponses {
			continue
		}
		shown[name] = value
	}
	h.addUnknown(shown)
	if responses, ok := shown["responses"].([]any); ok {
		copies := make([]any, len(responses))
		for i, response := range responses {
			fields, _ := response.(map[string]any)
			fields = maps.Clone(fields)
			h.addUnknown(fields)
			copies[i] = fields
		}
		shown["responses"] = copies
	}
	fields["message"] = shown
	if len(sess.prompts[0].tags) == 0 { // a notice wants no answer
		sess.prompts = sess.prompts[1:]
	}
}

// preApply takes the basket (v2.2).
func (h *handler) preApply(in input) reply {
	sess, refused := h.find(in.TransactionID)
	if sess == nil {
		return refused
	}
	sess.items = in.Items
	h.ask(sess)
	sess.routes = append(sess.routes, "pre-apply")
	fields := common(sess)
	h.addMessage(fields, sess)
	return h.success(http.StatusOK, fields)
}

// apply gives the discounts. In v2 it carries the basket, and may come without a session: then it opens one.
func (h *handler) apply(in input) reply {
	sess, refused := h.applied(in)
	if sess == nil {
		return refused
	}
	user := in.ClientID
	if h.dialect == "v2.2" {
		user = sess.document
	} else {
		sess.items = in.Items
	}
	switch {
	case len(sess.items) == 0:
		return reject(http.StatusUnprocessableEntity, "pre-apply must come first")
	case sess.applied && h.settings.SecondApply == "refuse":
		return reject(http.StatusConflict, "transaction was applied already")
	case user == "0":
		user = ""
	case h.dialect == "v2" && sess.document != "" && user != sess.document:
		return reject(http.StatusUnprocessableEntity, "client_id is not the document of the transaction")
	}
	result := h.discount(sess.items, user)
	sess.applied, sess.uses, sess.user = true, result.uses, user
	sess.routes = append(sess.routes, "apply")
	return h.success(http.StatusOK, h.applyAnswer(sess, result))
}

// applied finds the session of an apply, or opens one for a v2 basket without.
func (h *handler) applied(in input) (*session, reply) {
	if h.dialect != "v2" || in.TransactionID != "" {
		return h.find(in.TransactionID)
	}
	document := in.ClientID
	if document == "0" {
		document = ""
	}
	return h.open(document), reply{}
}

// applyAnswer has the lines with their discounts (mercafacil.md 3.4).
func (h *handler) applyAnswer(sess *session, result discounts) map[string]any {
	fields := common(sess)
	items := make([]any, 0, len(sess.items))
	for _, line := range h.arranged(sess.items, result.lines) {
		item := map[string]any{
			"sku": string(line.SKU), "ean": string(line.EAN), "quantity": h.number(line.Quantity.milli),
			"total_value_without_discount": h.number(line.value()), "discount_value": h.number(line.discount),
			"total_value_with_discount": h.number(line.value() - line.discount),
		}
		h.addUnknown(item)
		items = append(items, item)
	}
	fields["items"] = items
	for name, value := range map[string]milli{"absolute": result.absolute, "payment_discount": result.payment} {
		switch {
		case value > 0 || h.settings.NoTotals == "zero":
			total := map[string]any{"discount_value": h.number(value)}
			h.addUnknown(total)
			fields[name] = total
		case h.settings.NoTotals == "null":
			fields[name] = nil
		}
	}
	return fields
}

// discounted is a line of the answer.
type discounted struct {
	cartItem
	discount milli
}

// arranged gives the lines as the settings say: one for one, merged by product, or in another order.
func (h *handler) arranged(items []cartItem, discounts []milli) []discounted {
	var lines []discounted
	for i, item := range items {
		line := discounted{item, discounts[i]}
		at := slices.IndexFunc(lines, func(other discounted) bool { return other.SKU == item.SKU && other.EAN == item.EAN })
		if h.settings.Items != "merged" || at < 0 {
			lines = append(lines, line)
			continue
		}
		same := &lines[at]
		value := same.value() + item.value()
		same.Quantity.milli += item.Quantity.milli
		same.Gross.milli, same.Reduced = value, nil
		same.discount += line.discount
	}
	if h.settings.Items == "reordered" {
		slices.Reverse(lines)
	}
	return lines
}

// number spells a decimal as the settings say.
func (h *handler) number(value milli) any {
	if h.settings.Decimals == "string" {
		return value.String()
	}
	return json.Number(value.String())
}

// writeZipped sends an answer compressed.
func writeZipped(w http.ResponseWriter, a simkit.Answer) {
	w.Header().Set("Content-Type", a.Type)
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(a.Status)
	packed := gzip.NewWriter(w)
	_ = json.NewEncoder(packed).Encode(a.Body) // the client is gone
	_ = packed.Close()                         // the client is gone
}
