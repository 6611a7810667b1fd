package bench_test

import (
	"encoding/json"
	"testing"

	"pdvagent/cmd/internal/bench"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

func TestBenchPrintsItsRatios(t *testing.T) {
	code, out, errOut := e2e.RunCommand(t, "bench", "store", "--json", "--seconds", "0.05", "--rounds", "1", "--dir", t.TempDir())
	var result bench.StoreFigures
	if err := json.Unmarshal([]byte(out), &result); code != cli.ExitDone || err != nil || result.Raw <= 0 || result.One <= 0 || result.Many <= 0 {
		t.Errorf("got %d, %s, %s, %v", code, out, errOut, err)
	}
}

func TestBenchSettlesAFileOfBoletos(t *testing.T) {
	code, out, errOut := e2e.RunCommand(t, "bench", "settlement", "--json", "--records", "1200", "--dir", t.TempDir())
	var result bench.SettlementFigures
	if err := json.Unmarshal([]byte(out), &result); code != cli.ExitDone || err != nil || result.Records != 1200 || result.Known <= 0 || result.Paid <= 0 || result.PackedMiB <= 0 {
		t.Errorf("got %d, %s, %s, %v", code, out, errOut, err)
	}
}
