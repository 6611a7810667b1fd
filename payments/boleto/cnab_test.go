package boleto_test

import (
	"strings"
	"testing"

	"pdvagent/payments/boleto"
)

// cnab240 is the contract's synthetic pair of pairs (8.5), between a header and a trailer.
const cnab240 = "75600000         200000000000000                                                                                                               20110320261200000000010810000\r\n" +
	"7560001300001T 060123400000001029380 000000101301011     1PDV01-0045     10032026000000000015000756012340                         091000000000000000CLIENTE TESTE                           0000000000000000000000135                           \r\n" +
	"7560001300002U 060000000000000000000000000000000000000000000000000000000000000000000000150000000000000148650000000000000000000000000000001003202611032026    00000000000000000000000                              00000000000000000000000       \r\n" +
	"7560001300003T 060123400000001029380 000000102001011     1PDV01-0046     05032026000000000008990341000170                         091000000000000000CLIENTE TESTE                           0000000000000000000000135                           \r\n" +
	"7560001300004U 060000000000001850000000000000000000000000000000000000000000000000000000091750000000000090400000000000000000000000000000001003202600000000\r\n" +
	"7560001300005T 020123400000001029380 000000103801011     1PDV01-0047     05032026000000000008990341000170                         091000000000000000CLIENTE TESTE                           0000000000000000000000135                           \r\n" +
	"7560001300006U 020000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001003202600000000\r\n" +
	"75699999         000001000006\r\n\x1a"

// line400 puts texts at their columns.
func line400(at map[int]string) string {
	line := []byte(strings.Repeat(" ", 400))
	for column, text := range at {
		copy(line[column-1:], text)
	}
	return string(line)
}

func cnab400() string {
	paid := func(command, nosso string) string {
		return line400(map[int]string{1: "1", 63: nosso, 109: command, 111: "100326", 117: "PDV01-0045", 147: "100326", 153: "0000000015000", 176: "110326", 254: "0000000015185", 395: "000002"})
	}
	return line400(map[int]string{1: "02RETORNO01COBRANCA"}) + "\r\n" + paid("06", "000000001013") + "\n" + paid("05", "000000001020") + "\n" + paid("15", "000000001038") + "\n" +
		paid("02", "000000001045") + "\n" + paid("11", "000000001052") + "\n" + line400(map[int]string{1: "9"}) + "\n"
}

func read(t *testing.T, layout boleto.Layout, text string) []boleto.Return {
	t.Helper()
	var list []boleto.Return
	if _, err := boleto.ReadCNAB(layout, []byte(text), func(r boleto.Return) error { list = append(list, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAReturnFileOf240(t *testing.T) {
	if got := boleto.Sniff([]byte(cnab240)); got != boleto.CNAB240 {
		t.Fatalf("sniffed %d", got)
	}
	list := read(t, boleto.CNAB240, cnab240)
	want := []boleto.Return{
		{Modality: 1, NossoNumero: 1013, SeuNumero: "PDV01-0045", Amount: 15000, Received: 15000, Credited: 14865, PaidOn: day("2026-03-10"), CreditOn: day("2026-03-11"), Channel: "bank", Means: "CNAB 240, movimento 06", Account: 1029380},
		{Modality: 1, NossoNumero: 1020, SeuNumero: "PDV01-0046", Amount: 8990, Received: 9175, Credited: 9040, PaidOn: day("2026-03-10"), Channel: "bank", Means: "CNAB 240, movimento 06", Account: 1029380},
	}
	if len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
		t.Errorf("got %+v", list)
	}
}

func TestAReturnFileOf400(t *testing.T) {
	text := cnab400()
	if got := boleto.Sniff([]byte(text)); got != boleto.CNAB400 {
		t.Fatalf("sniffed %d", got)
	}
	list := read(t, boleto.CNAB400, text)
	if len(list) != 3 || list[0].NossoNumero != 1013 || list[1].NossoNumero != 1020 || list[2].NossoNumero != 1038 || list[0].Received != 15185 || !list[0].CreditOn.Equal(day("2026-03-11")) {
		t.Errorf("got %+v", list)
	}
}

func TestHalfAReturnFileSaysNothing(t *testing.T) {
	pairs := strings.SplitAfter(cnab240, "\n")
	for name, text := range map[string]string{
		"a T without its U": pairs[0] + pairs[1],
		"two Ts in a row":   pairs[0] + pairs[1] + pairs[3],
	} {
		n := 0
		if _, err := boleto.ReadCNAB(boleto.CNAB240, []byte(text), func(boleto.Return) error { n++; return nil }); err == nil {
			t.Errorf("%s: %d records and no error", name, n)
		}
	}
	for _, text := range []string{"", "{}", "olá\n", strings.Repeat("x", 240), "<html>" + strings.Repeat(" ", 200), strings.Repeat("0", 500)} {
		if got := boleto.Sniff([]byte(text)); got != 0 {
			t.Errorf("%.20q is taken for CNAB %d", text, got)
		}
	}
}

func TestAFieldThatCannotBeReadIsItsRecordsFault(t *testing.T) {
	for name, c := range map[string]struct{ old, spoilt, fault string }{
		"letters where money is":    {"000000000150000000000000148650", "00000000015X000000000000148650", "linha 3, colunas 78 a 92"},
		"a date that there is none": {"10032026110320", "41032026110320", "linha 3, colunas 138 a 145"},
		"an unknown movement":       {"T 06", "T 77", "não é conhecido"},
		"a credit day of letters":   {"1003202611032026", "1003202611XX2026", ""},
	} {
		if !strings.Contains(cnab240, c.old) {
			t.Fatal(name)
		}
		list := read(t, boleto.CNAB240, strings.Replace(cnab240, c.old, c.spoilt, 1))
		if len(list) != 2 || list[0].NossoNumero != 1013 || (c.fault == "") != (list[0].Fault == "") || !strings.Contains(list[0].Fault, c.fault) || list[1].Fault != "" {
			t.Errorf("%s: %+v", name, list)
		}
		if unclear := name == "an unknown movement"; list[0].Unclear != unclear {
			t.Errorf("%s: %+v", name, list[0])
		}
	}
}

func TestRecordsThatTellOfNoMoneyAreCounted(t *testing.T) {
	for layout, text := range map[boleto.Layout]string{boleto.CNAB240: cnab240, boleto.CNAB400: cnab400()} {
		other, err := boleto.ReadCNAB(layout, []byte(text), func(boleto.Return) error { return nil })
		if want := map[boleto.Layout]int{boleto.CNAB240: 1, boleto.CNAB400: 2}[layout]; other != want || err != nil {
			t.Errorf("%d: %d %v, want %d", layout, other, err, want)
		}
	}
}
