package agent_test

import (
	"strings"
	"testing"

	"pdvagent/agent"
)

// FuzzDocument: only 11 or 14 characters are a document, and a mask shows six characters at most, none of them at an end.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{"52998224725", "11222333000181", "12ABC34501DE35", "12abc34501de35", "00000000000", "529.982.247-25", "0", "é52998224725", "***000000**"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		document, ok := agent.ParseDocument(text)
		if ok && (string(document) != text || (len(text) != 11 && len(text) != 14)) {
			t.Fatalf("took %q as %q", text, document)
		}
		masked := agent.Document(text).Mask()
		hidden := strings.Count(masked, "*")
		switch {
		case len(masked) != len(text):
			t.Fatalf("the mask of %q has another length: %q", text, masked)
		case len(text) < 11 && hidden != len(text):
			t.Fatalf("the mask of %q shows a part of it: %q", text, masked)
		case len(text) >= 11 && (len(text)-hidden > 6 || !strings.HasPrefix(masked, "**") || !strings.HasSuffix(masked, "**")):
			t.Fatalf("the mask of %q shows too much of it: %q", text, masked)
		}
	})
}

// FuzzJobID: a job's id is read as it is written, and no other text is one.
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
