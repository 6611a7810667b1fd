package reading_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

func TestNumbersAsWritersOfTheFieldSpellThem(t *testing.T) {
	for text, want := range map[string]int64{
		// doubles printed with all their digits: PHP precision 17, Java, JavaScript, C#
		"3.3333333333333335": 3333, "0.30000000000000004": 300, "29.899999999999999": 29900, "0.11499999999999999": 115,
		"1.0350000000000001": 1035, "150.00000000000003": 150000, "1.0E7": 10_000_000_000, "1E-1": 100, "3E+1": 30_000,
		"1.0E-3": 1, "7.725E+1": 77250, "999999999.99000001": 999_999_999_990,
		// Free Pascal's fpjson writes every fraction so
		"3.6930000000000000E+001": 36930, "1.0000000000000000E-002": 10, "-4.5000000000000001E-001": -450,
		// Delphi's FloatToStr and Str, VB6's Str and CStr
		"3.33333333333333": 3333, "0.1": 100, "1E-5": 0, "1E15": 0, " 10.5": 10500, ".5": 500, "-.5": -500, " 1.5E-02": 15,
		"10.": 10000, "+2": 2000, "007": 7000, "0": 0, "-0": 0, "0.000": 0,
	} {
		got, _, err := reading.Milli(text)
		if text == "1E15" {
			if !errors.Is(err, reading.ErrTooLarge) {
				t.Errorf("%q: got %v", text, err)
			}
			continue
		}
		if err != nil || int64(got) != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestTextsThatAreNoNumber(t *testing.T) {
	for _, text := range []string{"", " ", ".", "-", "+", "e5", "1e", "1e+", "1e1.5", "1,5", "1 000", "0x10", "NaN", "Infinity", "--1", "+-1", "1.2.3", "١", "1_000"} {
		if _, err := reading.ParseNumber(text); !errors.Is(err, reading.ErrNotNumber) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for _, text := range []string{strings.Repeat("9", 401), "1e16", "1E999999999999999999", "1000000000000"} {
		if _, _, err := reading.Milli(text); !errors.Is(err, reading.ErrTooLarge) {
			t.Errorf("%.20q: got %v", text, err)
		}
	}
}

func TestRoundingToThousandthsAndCents(t *testing.T) {
	for _, c := range []struct {
		text     string
		decimals int
		want     int64
		rounded  bool
	}{
		{"0.0805", 3, 81, true},
		{"0.0804", 3, 80, true},
		{"-0.0805", 3, -81, true},
		{"1.0000009", 3, 1000, false},
		{"1.000001", 3, 1000, false},
		{"1.0000011", 3, 1000, true},
		{"0.999999", 3, 1000, false},
		{"0.9999989", 3, 1000, true},
		{"0.0000000001", 3, 0, false},
		{"1e-300", 3, 0, false},
		{"45.0399", 2, 4504, true},
		{"44.955", 2, 4496, true},
		{"29.899999999999999", 2, 2990, false},
		{"1.005", 2, 101, true},
		{"0.00999999", 2, 1, false},
		{"3.3333333333333335", 10, 33333333333, true},
	} {
		n, err := reading.ParseNumber(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, rounded, err := n.Scale(c.decimals); err != nil || got != c.want || rounded != c.rounded {
			t.Errorf("%s with %d decimals: got %d, %v, %v, want %d, %v", c.text, c.decimals, got, rounded, err, c.want, c.rounded)
		}
	}
}

// fpc spells a double as Free Pascal's Str does: 17 digits and an exponent of three.
func fpc(value float64) string {
	text := strconv.FormatFloat(value, 'E', 16, 64)
	mantissa, power, _ := strings.Cut(text, "E")
	n, _ := strconv.Atoi(power)
	return fmt.Sprintf("%sE%+04d", mantissa, n)
}

// java spells a double as Double.toString does.
func java(value float64) string {
	if value != 0 && (math.Abs(value) < 1e-3 || math.Abs(value) >= 1e7) {
		mantissa, power, _ := strings.Cut(strconv.FormatFloat(value, 'E', -1, 64), "E")
		n, _ := strconv.Atoi(power)
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "E" + strconv.Itoa(n)
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// Every double that is meant as a thousandth is read as it, however its writer spells doubles.
func TestEveryDoubleNearAThousandthIsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(-1_000_000_000_000, 1_000_000_000_000).Draw(t, "thousandths")
		if rapid.Bool().Draw(t, "small") {
			want %= 1_000_000
		}
		value := float64(want)/1000 + rapid.SampledFrom([]float64{0, 4e-7, -4e-7, 1e-9}).Draw(t, "off")
		for writer, text := range map[string]string{
			"Go": strconv.FormatFloat(value, 'g', -1, 64), "JavaScript": strconv.FormatFloat(value, 'f', -1, 64), "Free Pascal": fpc(value),
			"Java": java(value), "PHP precision 17": strconv.FormatFloat(value, 'g', 17, 64), "C#": strconv.FormatFloat(value, 'G', 17, 64),
		} {
			got, rounded, err := reading.Milli(text)
			if err != nil || rounded || int64(got) != want {
				t.Errorf("%s: %s is read as %d (rounded %v), %v, want %d", writer, text, got, rounded, err, want)
			}
		}
	})
}

func TestAmountsSurviveWritingAndReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := agent.Milli(rapid.Int64Range(-999_999_999_999_999, 999_999_999_999_999).Draw(t, "milli"))
		if got, rounded, err := reading.Milli(want.String()); err != nil || rounded || got != want {
			t.Fatalf("%d is written %q and read %d, %v, %v", want, want, got, rounded, err)
		}
	})
}

func TestRatIsExact(t *testing.T) {
	for text, want := range map[string]string{"3.3333333333333335": "3.3333333333333335", "-1.5E+2": "-150", "0": "0", "1e-3": "0.001"} {
		n, err := reading.ParseNumber(text)
		if err != nil {
			t.Fatal(err)
		}
		wanted, _ := new(big.Rat).SetString(want)
		if got, err := n.Rat(); err != nil || got.Cmp(wanted) != 0 {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestAPlainSpellingIsTheSameNumber(t *testing.T) {
	for text, want := range map[string]string{
		"3.6930000000000000E+001": "36.93", ".5": "0.5", "10.": "10", "+2": "2", "007": "7", "-1E-3": "-0.001", "3E+2": "300", "-0": "0", "1.20": "1.2",
	} {
		n, err := reading.ParseNumber(text)
		if err != nil || n.String() != want {
			t.Errorf("%s: got %s, %v, want %s", text, n, err, want)
		}
	}
}

func TestLocalNumbers(t *testing.T) {
	for _, c := range []struct {
		text    string
		decimal byte
		cents   int64
		err     error
	}{
		{"12,90", ',', 1290, nil},
		{"1.234,56", ',', 123456, nil},
		{"1.234", ',', 123400, nil},
		{"12", ',', 1200, nil},
		{"-1.234.567,8", ',', -123456780, nil},
		{"12.90", ',', 0, reading.ErrContradicts},
		{"1.2345", ',', 0, reading.ErrContradicts},
		{"1,234.56", ',', 0, reading.ErrContradicts},
		{"12.90", '.', 1290, nil},
		{"1,234.56", '.', 123456, nil},
		{"12,90", '.', 0, reading.ErrContradicts},
		{"0,5", ',', 50, nil},
		{",5", ',', 50, nil},
		{"1.23,4", ',', 0, reading.ErrNotNumber},
		{"abc", ',', 0, reading.ErrNotNumber},
		{"1.2.3", ',', 0, reading.ErrNotNumber},
	} {
		n, err := reading.ParseLocal(c.text, c.decimal)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s with %c: got %v, want %v", c.text, c.decimal, err, c.err)
			continue
		}
		if err == nil {
			if got, _, _ := n.Cents(); int64(got) != c.cents {
				t.Errorf("%s with %c: got %d, want %d", c.text, c.decimal, got, c.cents)
			}
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"1.5", "1e-7", "-0.0005", "3.6930000000000000E+001", "10.", ".5", "1E400", "99999999999.9999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := reading.ParseNumber(text)
		if err != nil {
			return
		}
		value, rounded, err := n.Scale(3)
		exact, ratErr := n.Rat()
		if err != nil || ratErr != nil {
			return
		}
		off := new(big.Rat).Sub(exact, big.NewRat(value, 1000))
		if off.Abs(off).Cmp(big.NewRat(1, 2000)) > 0 {
			t.Fatalf("%q is read as %d thousandths", text, value)
		}
		if far := off.Cmp(big.NewRat(1, 1_000_000)) > 0; far != rounded {
			t.Fatalf("%q, read as %d thousandths: rounded is %v, off by %v", text, value, rounded, off)
		}
	})
}
