package boleto_test

import (
	"errors"
	"testing"

	"pdvagent/payments/boleto"
)

// FuzzParse: whatever is typed, a slip that is taken has a line and a barcode that read as the same slip, and what is not
// has a block with a name.
func FuzzParse(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.line)
		f.Add(v.barcode)
	}
	f.Add("84670000001-7 43590024020-9 02405000243-5 84221010811-9")
	f.Add("８４６")
	f.Fuzz(func(t *testing.T, text string) {
		today := day("2026-11-21")
		slip, err := boleto.Parse(text, today)
		if err != nil {
			if named, ok := errors.AsType[*boleto.Error](err); !ok || named.Block == "" || named.Detail == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, again := range []string{slip.Barcode, slip.Line, slip.Printed()} {
			if got, err := boleto.Parse(again, today); err != nil || got != slip {
				t.Fatalf("%q: %+v, then %+v %v", text, slip, got, err)
			}
		}
	})
}

// FuzzCNAB: whatever a file holds, reading it ends, and what it gives has no negative money.
func FuzzCNAB(f *testing.F) {
	f.Add([]byte(cnab240))
	f.Add([]byte(cnab400()))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, layout := range []boleto.Layout{boleto.CNAB240, boleto.CNAB400} {
			_ = boleto.Sniff(text)
			_, err := boleto.ReadCNAB(layout, text, func(r boleto.Return) error {
				if r.Received < 0 || r.Amount < 0 || r.NossoNumero < 0 {
					t.Fatalf("%+v", r)
				}
				return nil
			})
			_ = err // an error is an answer
		}
	})
}
