package reading_test

import (
	"testing"

	"pdvagent/agent/reading"
)

func TestANumbersSpellingIsExact(t *testing.T) {
	for text, want := range map[string]string{"3.3333333333333335": "3.3333333333333335", "-1.50E+2": "-150", "0.000": "0", "1e-3": "0.001", "007.10": "7.1", "1e300": "0"} {
		n, err := reading.ParseNumber(text)
		if err != nil || n.String() != want {
			t.Errorf("%s: got %s, %v, want %s", text, n, err, want)
		}
	}
}

func TestANumberInATextMayHaveTheCommaOfThisCountry(t *testing.T) {
	for text, want := range map[string]string{
		"10,00": "10", " 1,235 ": "1.235", "1.234,56": "1234.56", "-0,5": "-0.5", ",5": "0.5", "10.00": "10", "1.234": "1.234", "1.5E+2": "150", "1.000.000,5": "1000000.5", "1,5E+1": "15",
	} {
		if n, err := reading.ParseInText(text); err != nil || n.String() != want {
			t.Errorf("%q: got %s, %v, want %s", text, n, err, want)
		}
	}
	for _, text := range []string{"", ",", "1,2,3", "1,234.56", "10,00 kg", "R$ 10,00", "12.34,5", "1.2345,6", "1 000,00", "1.000.000", "NaN"} {
		if n, err := reading.ParseInText(text); err == nil {
			t.Errorf("%q: got %s, want none", text, n)
		}
	}
}
