package api

import "testing"

// FuzzPreferWait: nothing that a header says makes a till wait longer than it may.
func FuzzPreferWait(f *testing.F) {
	for _, seed := range []string{"wait=5", "respond-async, wait=10", `wait="7"`, "wait=99999999999999999999", "wait", ",,=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if wait := preferWait([]string{text}); wait < 0 || wait > maxWait {
			t.Fatalf("%q: %v", text, wait)
		}
	})
}
