package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/catalog"
	"pdvagent/agent/loads/source"
	"pdvagent/store/storetest"
)

// run is the run of a load's routine.
type run struct {
	counts map[string]int
	faults []string
	data   any
}

func (r *run) Everything() bool { return false }

func (r *run) Count(name string, n int) { r.counts[name] = n }

func (r *run) Fault(detail string) { r.faults = append(r.faults, detail) }

func (r *run) SetData(data any) { r.data = data }

func TestARunWhoseRecordsWereMostlyRefusedFailsWithTheFiguresAndTheResult(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "1.csv"), []byte("sku,ean,name\n1,,\n2,,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := source.Default()
	from.Type, from.Path, from.Rest = "folder", folder, time.Millisecond
	r := &run{counts: make(map[string]int)}
	if err := newLoader(t, storetest.Open(t), nil).Load(t.Context(), agent.KindProducts, from, r); err != nil {
		t.Fatal(err)
	}
	result, ok := r.data.(catalog.Result)
	if !ok || result.Refused != 2 || len(result.Sources) != 1 || r.counts["rejected"] != 2 || r.counts["accepted"] != 0 || len(r.faults) != 1 || !strings.HasPrefix(r.faults[0], "A maior parte dos registros foi recusada: 2 de 2.") {
		t.Errorf("got %+v, %v, %q", r.data, r.counts, r.faults)
	}
}
