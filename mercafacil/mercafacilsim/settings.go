package mercafacilsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Settings is how this cloud behaves where the contract does not say (3.13, 2.11). Each is a guess that a till must
// survive either way.
type Settings struct {
	Strict           bool   `json:"strict"`            // refuse what the schemas do not allow, naming the field; default true
	Decimals         string `json:"decimals"`          // number (default) or string
	Items            string `json:"items"`             // of an apply's answer: per_line (default), merged by product, or reordered
	NoMessage        string `json:"no_message"`        // absent (default), null or empty
	WithoutResponses bool   `json:"without_responses"` // leave responses out of a message that has none
	Rounds           int    `json:"rounds"`            // v2.2: questions at the subtotal, default 0
	AskDocument      bool   `json:"ask_document"`      // v2.2: ask a shopper who gave no document
	UnknownFields    bool   `json:"unknown_fields"`    // add fields of no known meaning at each level
	NoTotals         string `json:"no_totals"`         // of an answer without such a discount: absent, null (default) or zero
	AboveMaximum     string `json:"above_maximum"`     // of a percentage offer: cap (default) gives the maximum, none nothing
	SecondApply      string `json:"second_apply"`      // on one transaction: replace (default) or refuse
	UnknownSessions  string `json:"unknown_sessions"`  // confirm or cancel of an id that this cloud never gave: accept (default) or refuse
	RepeatedCoupon   string `json:"repeated_coupon"`   // refuse with 409 (default), or replace the first
	Wrapper          string `json:"wrapper"`           // of a load: both (default), array or object
	FaultyRecords    string `json:"faulty_records"`    // of a load: refuse_all (default) with 422, or skip
	Slash            string `json:"slash"`             // both (default); with or without: the other form is a 301
	Gzip             bool   `json:"gzip"`              // compress answers for those who take it
}

func defaults() Settings {
	return Settings{
		Strict: true, Decimals: "number", Items: "per_line", NoMessage: "absent", NoTotals: "null", AboveMaximum: "cap",
		SecondApply: "replace", UnknownSessions: "accept", RepeatedCoupon: "refuse", Wrapper: "both", FaultyRecords: "refuse_all", Slash: "both",
	}
}

func (s Settings) check() error {
	for _, choice := range []struct {
		name, value string
		allowed     []string
	}{
		{"decimals", s.Decimals, []string{"number", "string"}},
		{"items", s.Items, []string{"per_line", "merged", "reordered"}},
		{"no_message", s.NoMessage, []string{"absent", "null", "empty"}},
		{"no_totals", s.NoTotals, []string{"absent", "null", "zero"}},
		{"above_maximum", s.AboveMaximum, []string{"cap", "none"}},
		{"second_apply", s.SecondApply, []string{"replace", "refuse"}},
		{"unknown_sessions", s.UnknownSessions, []string{"accept", "refuse"}},
		{"repeated_coupon", s.RepeatedCoupon, []string{"refuse", "replace"}},
		{"wrapper", s.Wrapper, []string{"both", "array", "object"}},
		{"faulty_records", s.FaultyRecords, []string{"refuse_all", "skip"}},
		{"slash", s.Slash, []string{"both", "with", "without"}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return fmt.Errorf("%s must be one of %s", choice.name, strings.Join(choice.allowed, ", "))
		}
	}
	if s.Rounds < 0 || s.Rounds > 50 {
		return errors.New("rounds must be 0 to 50")
	}
	return nil
}

// Set changes the settings that the JSON object names and leaves the others.
func (s *Sim) Set(text string) error { return s.settings.Merge([]byte(text)) }

// Settings gives them as they are.
func (s *Sim) Settings() Settings { return s.settings.Get() }
