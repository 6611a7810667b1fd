package sicoob

import "testing"

func TestDaysAreTheBanksHoweverTheyAreWritten(t *testing.T) {
	for written, want := range map[text]string{
		"2026-03-10": "2026-03-10", "2026-03-10T00:00:00-03:00": "2026-03-10", "2019-05-7T00:00:00-03:00": "2019-05-07", "2019-05-7": "2019-05-07", "2026-03-11T02:59:59Z": "2026-03-10",
		"2026-03-11T03:00:00Z": "2026-03-11", "2026-03-10T23:30:00-04:00": "2026-03-11", "2026-03-10T00:00:00.123-03:00": "2026-03-10", "2026-03-10T25:99": "2026-03-10",
		"": "", "0001-01-01T00:00:00": "", "00000000": "", "10/03/2026": "", "2026-02-30": "",
	} {
		got := written.day()
		if text := got.Format("2006-01-02"); got.IsZero() != (want == "") || want != "" && text != want {
			t.Errorf("%q: %s", written, text)
		}
	}
}

func TestNumbersWithDotsBetweenTheThousands(t *testing.T) {
	for written, want := range map[text]int64{"1.500.000": 1_500_000, "12": 12, "0": 0, "": -1, "-1": -1, "+1": -1, "1e3": -1, "9999999999999999999": -1} {
		if got, ok := written.integer(); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v", written, got, ok)
		}
	}
}
