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
	if err := json.Unmarshal([]byte(out), &result); code != cli.ExitDone || err != nil || result.Records != 1200 || result.Known <= 0 || result.Paid <= 0 || result.PackedMB <= 0 {
		t.Errorf("got %d, %s, %s, %v", code, out, errOut, err)
	}
}

func TestBenchSellsWithTillsOnSlowDisks(t *testing.T) {
	code, out, errOut := e2e.RunCommand(t, "bench", "till", "--json", "--sales", "1", "--delays", "0,5", "--tills", "1", "--dir", t.TempDir())
	var result map[string]float64
	if err := json.Unmarshal([]byte(out), &result); code != cli.ExitDone || err != nil {
		t.Fatalf("got %d, %s, %s, %v", code, out, errOut, err)
	}
	want := []string{"commits_per_sale", "processor_ms_per_sale", "allocations_per_sale", "append_4k_fdatasync_p50_ms_at_0ms"}
	for _, call := range []string{"start", "apply", "confirm", "coupon"} {
		want = append(want, call+"_p50_ms_at_0ms", call+"_p99_ms_at_0ms")
	}
	if result["syncs_per_sale"] > 0 { // counted and delayed here
		for _, call := range []string{"apply", "confirm", "coupon"} {
			if waited := result[call+"_p50_ms_at_5ms"]; waited < 10 {
				t.Errorf("%s waits for %.1f ms on a disk with two syncs of 5 ms", call, waited)
			}
		}
		want = append(want, "syncs_per_sale_at_5ms", "megabytes_per_day")
	}
	for _, key := range want {
		if _, there := result[key]; !there {
			t.Errorf("%s is missing", key)
		}
	}
}
