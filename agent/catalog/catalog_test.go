package catalog_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/catalog"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func newLoader(t testing.TB, s *store.Store, change func(*catalog.Config)) *catalog.Loader {
	t.Helper()
	cfg := catalog.Config{
		Store: s, Records: s, Changed: s.Changed, Ledger: func(whole bool) (catalog.Ledger, error) { return s.OpenCatalog(whole) }, Digest: s.Digest,
		NewID: uuid.NewString, Bucket: store.BatchRecords, Dialect: agent.V2, Log: slog.New(slog.DiscardHandler),
		Shape: func(kind agent.Kind) agent.LoadShape { return mercafacil.Shape(kind, false) },
		Read: func(shape agent.LoadShape, v rawjson.Value) (string, []agent.Fault) {
			return mercafacil.ReadRecord(shape, v)
		},
	}
	if change != nil {
		change(&cfg)
	}
	l, err := catalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func product(n int, name string) []byte {
	return fmt.Appendf(nil, `{"sku":"%07d","ean":"789%010d","name":"%s %d 500G","price":%d.%02d,"unit":"UN","department":"MERCEARIA","section":"SECA","active":true}`,
		n, n, name, n, n%90, n%100)
}

// BenchmarkUnchangedRecord is what a record costs that the cloud has already.
func BenchmarkUnchangedRecord(b *testing.B) {
	l := newLoader(b, storetest.Open(b), nil)
	intake, err := l.Begin(agent.KindProducts, catalog.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := intake.Close(); err != nil {
			b.Error(err)
		}
	}()
	records := make([][]byte, 10_000)
	for n := range records {
		records[n] = product(n, "PRODUTO")
		if _, err := intake.Add(b.Context(), records[n]); err != nil {
			b.Fatal(err)
		}
	}
	if err := intake.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		if _, err := intake.Add(b.Context(), records[n%len(records)]); err != nil {
			b.Fatal(err)
		}
	}
}
