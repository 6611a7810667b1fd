package reading_test

import (
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

func TestTaxIDsAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]agent.Document{
		"52998224725": "52998224725", "529.982.247-25": "52998224725", " 529 982 247 25 ": "52998224725",
		"11.222.333/0001-81": "11222333000181", "12.abc.345/01de-35": "12ABC34501DE35",
		"123": "", "52998224726": "", "": "", "0": "", "111.111.111-11": "", "5299822472": "", "529,982,247-25": "", "٥٢٩٩٨٢٢٤٧٢٥": "",
	} {
		got, ok := reading.TaxID(text)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, ok, want)
		}
	}
}
