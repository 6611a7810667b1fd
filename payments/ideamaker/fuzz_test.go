package ideamaker

import (
	"testing"

	"pdvagent/agent"
)

// FuzzTitles: whatever a vendor says, amounts are cents and never negative, dates are dates or nothing.
func FuzzTitles(f *testing.F) {
	for _, seed := range []string{
		`{"protocolo":"P1","valorPromocao":"15.00","dataSorteioPrincipal":"05/12/2036 20:00:00"}`, `{"valorPromocao":7.505}`, `{"valorPromocao":-1}`, `{"message":"x"}`, `{"protocolo":17}`, `[]`, `{"valorPromocao":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var in struct {
			refusal
			Protocolo, ValorPromocao, DataSorteioPrincipal wire
		}
		if read(agent.Outcome{Class: agent.ClassOK, Status: 200, Body: text}, &in) != nil {
			return
		}
		if price, ok := in.ValorPromocao.reais(); ok && price < 0 {
			t.Fatalf("%s: %d", text, price)
		}
		if day := date(string(in.DataSorteioPrincipal)); day != "" && len(day) != len(Layout) {
			t.Fatalf("%s: %q", text, day)
		}
	})
}
