package agent_test

import (
	"testing"

	"pdvagent/agent"
)

// FuzzMilli: what is taken as a decimal is written so that it is read as the same one.
func FuzzMilli(f *testing.F) {
	for _, seed := range []string{"0", "1.235", "-0.5", "36.930", "1e3", " 7 ", "9223372036854775.807", "0.0001", "--1", "1.", ".5", "٣"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		milli, err := agent.ParseMilli(text)
		if err != nil {
			return
		}
		if again, err := agent.ParseMilli(milli.String()); err != nil || again != milli {
			t.Fatalf("%q is %d, written %s, read %d, %v", text, milli, milli, again, err)
		}
	})
}

// FuzzDocument: only 11 or 14 characters are a document, and its mask never shows all of one.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{"52998224725", "11222333000181", "12ABC34501DE35", "12abc34501de35", "00000000000", "529.982.247-25", "0", "é52998224725"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		document, ok := agent.ParseDocument(text)
		if ok && (string(document) != text || (len(text) != 11 && len(text) != 14)) {
			t.Fatalf("took %q as %q", text, document)
		}
		if masked := agent.Document(text).Mask(); len(text) > 0 && masked == text && !allStars(text) {
			t.Fatalf("the mask of %q shows it", text)
		}
	})
}

func allStars(text string) bool {
	for _, r := range text {
		if r != '*' {
			return false
		}
	}
	return true
}

// FuzzJobID: a job's number is read as it is written, and nothing else is one.
func FuzzJobID(f *testing.F) {
	for _, seed := range []string{"1", "0", "-1", "+1", "01", "18446744073709551615", "18446744073709551616", "1 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if seq, ok := agent.ParseJobID(text); ok && (agent.Job{Seq: seq}).ID() != text {
			t.Fatalf("%q is job %d", text, seq)
		}
	})
}
