package mercafacilsim

import (
	"encoding/json"
	"net/http"

	"pdvagent/agent/simkit"
)

// kinds are the faults of this cloud (mercafacil.md 3.13); those that [simkit] does not name are [distortions].
func kinds() []string {
	return []string{
		simkit.Status, simkit.Says, simkit.HTML, simkit.Redirect, simkit.Reset, simkit.Silence, simkit.Slow, simkit.Cut, simkit.Trickle, simkit.Lost,
		simkit.Error200, "excess", "mismatch", "no_items", "null_items", simkit.Vary, simkit.Gone,
	}
}

// distortions make the answer to an apply wrong:
//
//	excess      a discount larger than its line
//	mismatch    sums that do not add up
//	no_items    the items are left out
//	null_items  the items are null
//
// An answer without items stays as it is.
func distortions() map[string]func(fields map[string]any) {
	first := func(fields map[string]any) map[string]any {
		if items, _ := fields["items"].([]any); len(items) > 0 {
			item, _ := items[0].(map[string]any)
			return item
		}
		return nil
	}
	return map[string]func(map[string]any){
		"excess": func(fields map[string]any) {
			if item := first(fields); item != nil {
				item["discount_value"], item["total_value_with_discount"] = json.Number("999999.00"), json.Number("0.00")
			}
		},
		"mismatch": func(fields map[string]any) {
			if item := first(fields); item != nil {
				item["discount_value"], item["total_value_with_discount"] = json.Number("0.50"), item["total_value_without_discount"]
			}
		},
		"no_items": func(fields map[string]any) {
			if first(fields) != nil {
				delete(fields, "items")
			}
		},
		"null_items": func(fields map[string]any) {
			if first(fields) != nil {
				fields["items"] = nil
			}
		},
	}
}

const jsonType = "application/json"

// plain is an answer as this cloud writes JSON.
func plain(status int, body any) simkit.Answer {
	return simkit.Answer{Status: status, Body: body, Type: jsonType}
}

// refusal is the error of this simulator; the vendor documents none (mercafacil.md 2.11).
func refusal(status int, message string) simkit.Answer {
	return plain(status, map[string]any{"statusCode": status, "message": message})
}

func (s *Sim) newFaults() *simkit.FaultSet {
	broken := plain(http.StatusOK, map[string]any{"error": "internal error"})
	return simkit.NewFaultSet(simkit.FaultConfig{
		Dialect: simkit.Dialect{Refuse: refusal, Error200: &broken}, Routes: routes(), Kinds: kinds(), Distortions: distortions(),
		Vary: s.settings.Check, Leave: s.cfg.Gone,
	})
}
