package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func entriesOf(t *testing.T, c *store.Catalog) (list []agent.LoadEntry) {
	t.Helper()
	if err := c.Each(agent.KindProducts, func(e agent.LoadEntry) { list = append(list, e) }); err != nil {
		t.Fatal(err)
	}
	return list
}

func sameEntry(a, b agent.LoadEntry) bool {
	return a.Key == b.Key && a.Content == b.Content && bytes.Equal(a.Name, b.Name)
}

func openCatalog(t *testing.T, s *store.Store) *store.Catalog {
	t.Helper()
	c, err := s.OpenCatalog(true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalogKeepsWhatWasAcceptedInItsOrder(t *testing.T) {
	s := storetest.Open(t)
	c := openCatalog(t, s)
	want := []agent.LoadEntry{{Key: 1, Content: 10, Name: []byte(`"A"`)}, {Key: 2, Content: 20}, {Key: 1, Content: 12, Name: []byte(`"A"`)}}
	for _, entry := range want {
		if err := c.Append(agent.KindProducts, []agent.LoadEntry{entry}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openCatalog(t, s)
	if got := entriesOf(t, c); !slices.EqualFunc(got, want, sameEntry) {
		t.Errorf("got %v", got)
	}
	n := 0
	if err := c.Rewrite(agent.KindProducts, func(agent.LoadEntry) bool { n++; return n > 1 }); err != nil {
		t.Fatal(err)
	}
	if got := entriesOf(t, c); !slices.EqualFunc(got, want[1:], sameEntry) {
		t.Errorf("after it was written anew: %v", got)
	}
	if used, limit := s.CatalogSize(); used < 1<<12 || limit <= used {
		t.Errorf("its file has %d of %d bytes", used, limit)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedCatalogIsBegunAnewAndNeverGuessed(t *testing.T) {
	dir := storetest.Dir(t)
	s := storetest.OpenIn(t, store.Config{Dir: dir})
	path := filepath.Join(dir, "catalog.db")
	for name, damage := range map[string]func([]byte) []byte{
		"a bit of a value": func(b []byte) []byte {
			b[bytes.LastIndex(b, []byte("\xa7PDV"))+60] ^= 1
			return b
		},
		"every page": func(b []byte) []byte { return bytes.Repeat([]byte{0xA5}, len(b)) },
		"cut":        func(b []byte) []byte { return b[:5000] },
		"empty":      func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := openCatalog(t, s)
			if err := c.Append(agent.KindProducts, []agent.LoadEntry{{Key: 1, Content: 10}}); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(raw), 0o600); err != nil {
				t.Fatal(err)
			}
			c = openCatalog(t, s)
			if got := entriesOf(t, c); len(got) != 0 {
				t.Errorf("got %v from a damaged file", got)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestCatalogHoldsNoNameInClear(t *testing.T) {
	dir := storetest.Dir(t)
	s := storetest.OpenIn(t, store.Config{Dir: dir})
	c := openCatalog(t, s)
	if err := c.Append(agent.KindOperators, []agent.LoadEntry{{Key: s.Digest("load-key", "7"), Content: 10, Name: []byte(`{"id":"7","name":"MARIA APARECIDA",`)}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "catalog.db"))
	if err != nil || bytes.Contains(raw, []byte("APARECIDA")) {
		t.Errorf("an operator's name stands in the file, %v", err)
	}
}

func FuzzUnpackEntries(f *testing.F) {
	f.Add(agent.PackEntries([]agent.LoadEntry{{Key: 1, Content: 2, Name: []byte("x")}, {Key: 3}}))
	f.Fuzz(func(t *testing.T, packed []byte) {
		entries, err := agent.UnpackEntries(packed)
		if err != nil {
			return
		}
		again, err := agent.UnpackEntries(agent.PackEntries(entries))
		if err != nil || !slices.EqualFunc(entries, again, sameEntry) {
			t.Errorf("got %v, then %v, %v", entries, again, err)
		}
	})
}
