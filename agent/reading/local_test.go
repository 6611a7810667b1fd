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
