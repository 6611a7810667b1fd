package cli

import (
	"bytes"
	"io"
	"testing"
	"time"

	"pdvagent/mercafacil/homologation"
)

// wholeRun does the whole script in the sandbox by a fixed clock, and gives the unsigned files.
func wholeRun(t *testing.T, seed string) map[string][]byte {
	t.Helper()
	plan, err := homologation.Load(homologation.Script)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.FixedZone("BRT", -3*3600))
	_, report, err := inSandbox(t.Context(), &Options{out: io.Discard}, plan, runOptions{seed: seed, now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for name, render := range map[string]func() ([]byte, error){"json": report.JSON, "html": report.HTML, "pdf": report.PDF} {
		if files[name], err = render(); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestTwoRunsWithOneSeedAndClockAreTheSameFiles does the whole script twice: what the till, the agent and the simulated cloud draw
// comes from the seed, every time that the report shows from the run's clock.
func TestTwoRunsWithOneSeedAndClockAreTheSameFiles(t *testing.T) {
	first, second := wholeRun(t, "a"), wholeRun(t, "a")
	for name, text := range first {
		if !bytes.Equal(text, second[name]) {
			at := 0
			for at < min(len(text), len(second[name])) && text[at] == second[name][at] {
				at++
			}
			t.Errorf("%s differs at byte %d:\n%.300s\n%.300s", name, at, text[max(at-150, 0):], second[name][max(at-150, 0):])
		}
	}
	if !bytes.Contains(first["html"], []byte("Semente")) {
		t.Error("the cover does not show the seed")
	}
}
