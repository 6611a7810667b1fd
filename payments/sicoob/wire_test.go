package sicoob

import "testing"

func TestDaysAreTheBanksHoweverTheyAreWritten(t *testing.T) {
	for written, want := range map[text]string{
		"2026-03-10": "2026-03-10", "2026-03-10T00:00:00-03:00": "2026-03-10", "2019-05-7T00:00:00-03:00": "2019-05-07", "2019-05-7": "2019-05-07", "2026-03-11T02:59:59Z": "2026-03-10",
		"2026-03-11T03:00:00Z": "2026-03-11", "2026-03-10T23:30:00-04:00": "2026-03-11", "2026-03-10T00:00:00.123-03:00": "2026-03-10", "2026-03-10T25:99": "2026-03-10",
		"2026-03-10 00:00:00": "2026-03-10", "2026-03-11 02:59:59Z": "2026-03-10",
		"": "", "0001-01-01T00:00:00": "", "00000000": "", "10/03/2026": "2026-03-10", "10/03/2026 10:15:00": "2026-03-10", "31/02/2026": "", "03/31/2026": "", "2026-02-30": "",
	} {
		got := written.day()
		if text := got.Format("2006-01-02"); got.IsZero() != (want == "") || want != "" && text != want {
			t.Errorf("%q: %s", written, text)
		}
	}
}

func TestNumbersWithDotsBetweenTheThousands(t *testing.T) {
	for written, want := range map[text]int64{
		"1.500.000": 1_500_000, "12": 12, "0": 0, "3.0": 3, "1e3": 1000, "1.5E+2": 150, "": -1, "-1": -1, "3.5": -1, "9999999999999999999": -1, "três": -1,
	} {
		if got, ok := written.total(); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v", written, got, ok)
		}
	}
	for written, want := range map[text]int64{"1013": 1013, "0001013": 1013, "1013.0": 1013, "1.013E+3": 1013, "1013.5": 0, "-1": 0, "": 0, "1013-0": 0} {
		if got := written.whole(); got != want {
			t.Errorf("%q: %d", written, got)
		}
	}
}

func TestMoneyAsProgramsSpellIt(t *testing.T) {
	for written, want := range map[text]int64{
		"150": 15000, "150.0": 15000, "1.5E+2": 15000, "1.5000000000000000E+002": 15000, "150.00000000000003": 15000, "7.725E+1": 7725, "77.25000000000001": 7725, "29.899999999999999": 2990, "10.": 1000, "": 0, "150,00": 15000, "1.150,00": 115000,
		"150.001": -1, "-150": -1, "-150,00": -1, "150,0": -1, "1,150.00": -1, "150,005": -1, "1e30": -1, "NaN": -1,
	} {
		if got, err := written.reais(); (err != nil) != (want < 0) || err == nil && int64(got) != want {
			t.Errorf("%q: %d %v", written, got, err)
		}
	}
}
