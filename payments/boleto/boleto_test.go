package boleto_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/payments/boleto"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func day(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

// TestALineWhoseLastFieldIsThreeZeros has the contract's vector without due date and value (8.1).
func TestALineWhoseLastFieldIsThreeZeros(t *testing.T) {
	barcode, err := boleto.Build("756", time.Time{}, 0, "1123401056789000001060001")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := boleto.Parse(barcode, day("2026-11-28"))
	if err != nil {
		t.Fatal(err)
	}
	const short = "756911234001056789009000106000137000"
	if got, err := boleto.Parse(short, day("2026-11-28")); err != nil || got != whole || !got.NoValue || got.Factor != 0 {
		t.Errorf("%+v %v, want %+v", got, err, whole)
	}
	for _, text := range []string{short[:35] + "1", short[1:], "0" + short, short[:10] + "9" + short[11:]} {
		if got, err := boleto.Parse(text, day("2026-11-28")); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// vectors are the contract's (8.1).
func vectors() []struct {
	nosso   int
	due     string
	amount  agent.Cents
	factor  int
	barcode string
	line    string
} {
	return []struct {
		nosso   int
		due     string
		amount  agent.Cents
		factor  int
		barcode string
		line    string
	}{
		{1013, "2026-03-10", 15000, 1381, "75692138100000150001123401056789000001013001", "75691123400105678900900010130011213810000015000"},
		{1020, "2026-03-05", 8990, 1376, "75691137600000089901123401056789000001020001", "75691123400105678900900010200012113760000008990"},
		{1038, "2025-02-21", 10000, 9999, "75698999900000100001123401056789000001038001", "75691123400105678900900010380012899990000010000"},
		{1045, "2025-02-22", 10000, 1000, "75691100000000100001123401056789000001045001", "75691123400105678900900010450013110000000010000"},
		{1052, "", 5000, 0, "75696000000000050001123401056789000001052001", "75691123400105678900900010520013600000000005000"},
	}
}

func TestTheContractsVectors(t *testing.T) {
	today := day("2026-03-01")
	for _, v := range vectors() {
		field := boleto.SicoobField{Portfolio: 1, Cooperative: 1234, Modality: 1, Client: 567890, NossoNumero: v.nosso, Parcel: 1}
		built, err := boleto.Build(boleto.Sicoob, day(v.due), v.amount, field.Free())
		if err != nil || built != v.barcode {
			t.Errorf("%d: built %s %v", v.nosso, built, err)
		}
		for _, text := range []string{v.barcode, v.line} {
			slip, err := boleto.Parse(text, today)
			if err != nil || slip.Barcode != v.barcode || slip.Line != v.line || slip.Amount != v.amount || slip.Factor != v.factor || !slip.Due.Equal(day(v.due)) {
				t.Errorf("%s: %+v %v", text, slip, err)
			}
		}
		if got, ok := boleto.ReadSicoob(v.barcode); !ok || got != field {
			t.Errorf("%d: read %+v %v", v.nosso, got, ok)
		}
	}
	slip, err := boleto.Parse("75691.43428 01006.355000 00244.300352 8 68200000405 00", today)
	if err == nil {
		t.Errorf("a line with a changed field was taken: %+v", slip)
	}
	official, err := boleto.Parse("75691434280100635500000024430035286820000040500", today)
	if err != nil || official.Barcode != "75692868200000405001434201006355000002443003" {
		t.Errorf("the bank's own sample: %+v %v", official, err)
	}
	if official.Printed() != "75691.43428 01006.355000 00024.430035 2 86820000040500" {
		t.Errorf("on paper: %s", official.Printed())
	}
}

func TestTheNossoNumerosDigit(t *testing.T) {
	for _, c := range []struct{ cooperative, client, nosso, want int }{{1, 19, 21, 8}, {1234, 567890, 101, 3}, {1234, 567890, 102, 0}, {1234, 567890, 103, 8}, {4342, 63550, 244, 3}} {
		if got := boleto.NossoDigit(c.cooperative, c.client, c.nosso); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	if _, ok := boleto.ReadSicoob("75692138100000150001123401056789000001014001"); ok {
		t.Error("a wrong digit of the nosso número was taken")
	}
	if _, ok := boleto.ReadSicoob("34192138100000150001123401056789000001013001"); ok {
		t.Error("another bank's barcode was read as Sicoob's")
	}
}

func TestTheFactorAroundItsRollover(t *testing.T) {
	for text, want := range map[string]int{"1997-10-06": 0, "2000-07-03": 1000, "2025-02-21": 9999, "2025-02-22": 1000, "2026-03-10": 1381, "2049-10-13": 9999, "2049-10-14": 1000} {
		if got := boleto.Factor(day(text)); got != want {
			t.Errorf("%s: %d", text, got)
		}
	}
	for _, c := range []struct {
		factor      int
		today, want string
	}{
		{7824, "2026-11-21", "2019-03-10"},
		{7824, "2027-05-27", "2019-03-10"},
		{7824, "2027-05-28", ""},
		{1000, "2025-02-21", "2025-02-22"},
		{9999, "2025-02-22", "2025-02-21"},
		{1381, "2026-11-21", "2026-03-10"},
		{999, "2026-11-21", ""},
		{0, "2026-11-21", ""},
		{10000, "2026-11-21", ""},
		{1000, "2010-02-03", "2025-02-22"},
		{1000, "2010-01-31", ""},
	} {
		got, ok := boleto.Due(c.factor, day(c.today))
		if ok != (c.want != "") || (ok && !got.Equal(day(c.want))) {
			t.Errorf("%d read on %s: %v %v", c.factor, c.today, got, ok)
		}
	}
}

func TestWhatIsWrongIsNamedByItsBlock(t *testing.T) {
	good := vectors()[0].line
	change := func(at int) string {
		raw := []byte(good)
		raw[at] = '0' + (raw[at]-'0'+1)%10
		return string(raw)
	}
	for text, block := range map[string]string{
		"": "line", "123": "line", "x" + good[1:]: "line", good + "0": "line", change(5): "campo 1", change(12): "campo 2", change(25): "campo 3",
		change(32): "dígito geral", change(36): "dígito geral", change(46): "dígito geral", "7568" + vectors()[0].barcode[4:]: "barcode",
		"84670000001-7 43590024020-9 02405000243-5 84221010811-8": "bloco 4", "84670000001-8 43590024020-9 02405000243-5 84221010811-9": "bloco 1",
		"85000000001-7 43590024020-9 02405000243-5 84221010811-9": "bloco 1", "8" + strings.Repeat("0", 43): "barcode",
	} {
		_, err := boleto.Parse(text, day("2026-03-01"))
		named, ok := errors.AsType[*boleto.Error](err)
		if !ok || named.Block != block || !strings.HasSuffix(named.Detail, ".") {
			t.Errorf("%q: %v, want %s", text, err, block)
		}
	}
}

func TestCollectionSlipsAreToldApart(t *testing.T) {
	for line, want := range map[string]boleto.Slip{
		"84670000001-7 43590024020-9 02405000243-5 84221010811-9": {Segment: 4, Company: "0024", Amount: 14359},
		"82620000000-9 00000000000-0 00000000000-0 00000000000-0": {},
	} {
		slip, err := boleto.Parse(line, day("2026-03-01"))
		if want.Segment == 0 {
			if err == nil {
				t.Errorf("%s was taken: %+v", line, slip)
			}
			continue
		}
		if err != nil || slip.Kind != boleto.KindCollection || slip.Segment != want.Segment || slip.Company != want.Company || slip.Amount != want.Amount || slip.Printed() != line {
			t.Errorf("%s: %+v %v", line, slip, err)
		}
		again, err := boleto.Parse(slip.Barcode, day("2026-03-01"))
		if err != nil || again.Line != slip.Line {
			t.Errorf("by its barcode: %+v %v", again, err)
		}
	}
}

// TestCollectionSlipsOfBothModules builds slips by the rule of boleto.md 8.3 and reads them.
func TestCollectionSlipsOfBothModules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		module := rapid.SampledFrom([]byte("6789")).Draw(t, "module")
		segment := rapid.SampledFrom([]byte("12345679")).Draw(t, "segment")
		amount := rapid.Int64Range(0, 99_999_999_999).Draw(t, "amount")
		rest := rapid.StringMatching(`[0-9]{29}`).Draw(t, "rest")
		body := "8" + string(segment) + string(module) + fmt.Sprintf("%011d", amount) + rest
		var barcode string
		for d := range byte(10) {
			candidate := body[:3] + string('0'+d) + body[3:]
			if _, err := boleto.Parse(candidate, time.Time{}); err == nil {
				barcode = candidate
			}
		}
		slip, err := boleto.Parse(barcode, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if reads := module == '6' || module == '8'; reads != (int64(slip.Amount) == amount && amount != 0) && amount != 0 {
			t.Fatalf("%s: %+v", barcode, slip)
		}
		if again, err := boleto.Parse(slip.Line, time.Time{}); err != nil || again.Barcode != barcode || len(slip.Line) != 48 {
			t.Fatalf("%s: %+v %v", slip.Line, again, err)
		}
	})
}

func TestEveryBarcodeComesBackFromItsLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bank := rapid.StringMatching(`[0-79][0-9]{2}`).Draw(t, "bank")
		free := rapid.StringMatching(`[0-9]{25}`).Draw(t, "free")
		amount := agent.Cents(rapid.Int64Range(0, 9_999_999_999).Draw(t, "amount"))
		today := day("2026-11-21")
		due := today.AddDate(0, 0, rapid.IntRange(-3000, 5500).Draw(t, "days"))
		barcode, err := boleto.Build(bank, due, amount, free)
		if err != nil {
			t.Fatal(err)
		}
		slip, err := boleto.Parse(barcode, today)
		if err != nil || slip.Amount != amount || !slip.Due.Equal(due) || slip.Bank != bank {
			t.Fatalf("%s: %+v %v, due %v", barcode, slip, err, due)
		}
		back, err := boleto.Parse(slip.Printed(), today)
		if err != nil || back != slip {
			t.Fatalf("%s: %+v %v", slip.Line, back, err)
		}
		at := rapid.IntRange(0, 46).Draw(t, "digit")
		raw := []byte(slip.Line)
		raw[at] = '0' + (raw[at]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "more")))%10
		if changed, err := boleto.Parse(string(raw), today); err == nil && at < 32 {
			t.Fatalf("digit %d of %s changed to %s and was taken: %+v", at, slip.Line, raw, changed)
		}
	})
}
