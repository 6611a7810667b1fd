package sevenaz

import (
	"encoding/json"
	"testing"
)

// FuzzInvoices: whatever the vendor says, amounts are cents and never negative, and nothing odd is paid.
func FuzzInvoices(f *testing.F) {
	for _, seed := range []string{
		`[{"erpInvoiceId":"900001","amount":75,"status":0}]`, `{"data":[{"erpInvoiceId":900002,"amount":1.30}]}`, `{"erpInvoiceId":1,"amount":"x"}`, `{"status":92}`, `[null]`, `[]`, `"x"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		items, err := root(text)
		if err != nil {
			return
		}
		for _, raw := range items {
			var in invoiceWire
			if json.Unmarshal(raw, &in) != nil {
				continue
			}
			if amount, ok := in.Amount.reais(); ok && amount < 0 {
				t.Fatalf("%s: %d", raw, amount)
			}
			if statusOf(in.Status) == "paid" && in.Status != "92" && len(in.Status) < 4 {
				t.Fatalf("%s counts as paid", raw)
			}
			_ = in.DueDate.day() // must not panic
		}
	})
}
