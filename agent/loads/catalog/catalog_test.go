package catalog_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/catalog"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func newLoader(t testing.TB, s *store.Store, change func(*catalog.Config)) *catalog.Loader {
	t.Helper()
	cfg := catalog.Config{
		Store: s, Ledger: func(check bool) (catalog.Ledger, error) { return s.OpenCatalog(check) }, Digest: s.Digest,
		NewID: uuid.NewString, Bucket: store.BatchRecords, Dialect: agent.V2, Log: slog.New(slog.DiscardHandler),
		Shape: func(kind agent.Kind) agent.LoadShape { return mercafacil.Shape(kind, false) },
		Read: func(shape agent.LoadShape, v rawjson.Value) (string, []byte, []agent.Fault) {
			key, form := mercafacil.ReadRecord(shape, v)
			return key, form.Wire(), form.Faults
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

// TestARecordIsKnownByItsBytesAndItsOwnKey has records whose first "sku" is not theirs, or is written in another way.
func TestARecordIsKnownByItsBytesAndItsOwnKey(t *testing.T) {
	l := newLoader(t, storetest.Open(t), nil)
	load := func(records ...string) catalog.Summary {
		t.Helper()
		intake, err := l.Begin(agent.KindProducts, catalog.Options{Bytes: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range records {
			if _, err := intake.Add(t.Context(), []byte(record)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(intake.Flush(t.Context()), intake.Close()); err != nil {
			t.Fatal(err)
		}
		return intake.Summary()
	}
	plain := `{"sku":"1","ean":"","name":"PAO"}`
	nested := `{"kit":[{"sku":"1","ean":"","name":"PAO"}],"sku":"2","ean":"","name":"KIT"}`
	escaped := `{"sku":"caf\u00e9","ean":"","name":"CAFE"}`
	if got := load(plain, nested, escaped); got.Changed != 3 {
		t.Errorf("first: %+v", got)
	}
	if got := load(plain, nested, escaped, plain); got.Changed != 0 || got.Unchanged != 4 || got.Refused != 0 {
		t.Errorf("the same again: %+v", got)
	}
	if got := load(strings.Replace(nested, "KIT", "KIT 2", 1), plain); got.Changed != 1 || got.Unchanged != 1 {
		t.Errorf("another name: %+v", got)
	}
	if got := load(plain, strings.Replace(plain, "PAO", "PAO 2", 1)); got.Refused != 1 || got.Unchanged != 1 || got.Rejected[0].Code != "repeated" {
		t.Errorf("the same key twice: %+v", got)
	}
	if got := load(`{"sku":"1","ean":"","name":""}`); got.Refused != 1 {
		t.Errorf("a record that became faulty: %+v", got)
	}
}

// BenchmarkUnchangedRecord is what a record costs that the cloud has already.
func BenchmarkUnchangedRecord(b *testing.B) {
	l := newLoader(b, storetest.Open(b), nil)
	intake, err := l.Begin(agent.KindProducts, catalog.Options{Bytes: true})
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
