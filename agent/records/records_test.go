package records_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/records"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type item struct {
	Name string `json:"name"`
	N    int    `json:"n,omitempty"`
}

func table(t *testing.T) records.Table[item] {
	t.Helper()
	return records.Table[item]{Store: storetest.Open(t), Bucket: store.OrderRecords}
}

// write puts a value under a version.
func write[T any](t *testing.T, table records.Table[T], key string, value T, version uint64) error {
	t.Helper()
	put, err := table.Put(key, value, version)
	if err != nil {
		t.Fatal(err)
	}
	return table.Write(t.Context(), put)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAKeyWithoutAValueIsARowOfVersionZero(t *testing.T) {
	items := table(t)
	got, row, err := items.Get("a")
	if err != nil || got != (item{}) || row.Known() || row.Version != 0 || row.Raw != nil {
		t.Fatalf("got %+v %+v %v", got, row, err)
	}
	put, err := row.Put(item{Name: "A"})
	must(t, err)
	must(t, items.Write(t.Context(), put))
	got, row, err = items.Get("a")
	if err != nil || got.Name != "A" || !row.Known() || row.Version != 1 || string(row.Raw) != `{"name":"A"}` {
		t.Errorf("got %+v %+v %v", got, row, err)
	}
	if _, other, err := items.Get("b"); err != nil || other.Known() {
		t.Errorf("another key: %+v %v", other, err)
	}
}

func TestAPutIsRefusedAfterTheValueChanged(t *testing.T) {
	items := table(t)
	must(t, write(t, items, "a", item{Name: "A"}, 0))
	_, first, err := items.Get("a")
	must(t, err)
	must(t, write(t, items, "a", item{Name: "B"}, first.Version))

	stale, err := first.Put(item{Name: "C"})
	must(t, err)
	for what, put := range map[string]agent.Record{"a row's put": stale, "a row's delete": first.Delete(), "a delete": items.Delete("a", 1)} {
		if err := items.Write(t.Context(), put); !errors.Is(err, agent.ErrVersion) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, version := range []uint64{0, 1, 3} {
		if err := write(t, items, "a", item{Name: "C"}, version); !errors.Is(err, agent.ErrVersion) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if got, row, err := items.Get("a"); err != nil || got.Name != "B" || row.Version != 2 {
		t.Errorf("got %+v %+v %v", got, row, err)
	}
	must(t, write(t, items, "a", item{Name: "D"}, agent.AnyVersion))
	must(t, items.Write(t.Context(), items.Delete("a", 3)))
	if _, row, err := items.Get("a"); err != nil || row.Known() {
		t.Errorf("got %+v %v", row, err)
	}
}

func TestPutsAreWrittenTogetherOrNotAtAll(t *testing.T) {
	items := table(t)
	must(t, write(t, items, "a", item{Name: "A"}, 0))
	fresh, err := items.Put("b", item{Name: "B"}, 0)
	must(t, err)
	if err := items.Write(t.Context(), fresh, items.Delete("a", 7)); !errors.Is(err, agent.ErrVersion) {
		t.Errorf("got %v", err)
	}
	if _, row, err := items.Get("b"); err != nil || row.Known() {
		t.Errorf("the first put was written alone: %+v %v", row, err)
	}
	must(t, items.Write(t.Context(), fresh, items.Delete("a", 1)))
	if got, _, err := items.Get("b"); err != nil || got.Name != "B" {
		t.Errorf("got %+v %v", got, err)
	}
}

// TestEachReadsEveryValueOnceWhateverThePage changes and drops values while they are read.
func TestEachReadsEveryValueOnceWhateverThePage(t *testing.T) {
	for _, page := range []int{0, 1, 3, 10, 11} {
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			items := table(t)
			items.Page = page
			for n := range 10 {
				must(t, write(t, items, fmt.Sprint(n), item{N: n}, 0))
			}
			seen := make(map[int]int)
			err := items.Each(func(row records.Row[item]) error {
				v, err := row.Value()
				if err != nil {
					return err
				}
				seen[v.N]++
				if v.N%2 == 1 {
					return items.Write(t.Context(), row.Delete())
				}
				put, err := row.Put(item{N: v.N, Name: "even"})
				if err != nil {
					return err
				}
				return items.Write(t.Context(), put)
			})
			if err != nil || len(seen) != 10 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
				t.Fatalf("seen %v %v", seen, err)
			}
			left := 0
			must(t, items.Each(func(row records.Row[item]) error {
				v, err := row.Value()
				if left++; v.Name != "even" || row.Version != 2 {
					t.Errorf("left %+v of version %d", v, row.Version)
				}
				return err
			}))
			if left != 5 {
				t.Errorf("%d left", left)
			}
		})
	}
}

func TestEachEndsWithTheFirstError(t *testing.T) {
	items := table(t)
	items.Page = 2
	for n := range 5 {
		must(t, write(t, items, fmt.Sprint(n), item{N: n}, 0))
	}
	enough, calls := errors.New("enough"), 0
	err := items.Each(func(records.Row[item]) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// pages is a store that gives its pages in turn: an empty one in between, where no value of a page could be read.
type pages struct {
	records.Store
	list   [][]agent.Value
	afters []string
	limit  int
	fails  error // instead of the last page
}

func (p *pages) Records(_ string, after []byte, limit int) ([]agent.Value, []byte, error) {
	p.afters, p.limit = append(p.afters, string(after)), limit
	n := len(p.afters)
	if n == len(p.list) {
		return p.list[n-1], nil, p.fails
	}
	return p.list[n-1], fmt.Append(nil, "cursor", n), nil
}

func TestAPageWithoutReadableValuesIsNotTheLast(t *testing.T) {
	value := func(n int) agent.Value {
		return agent.Value{Ref: []byte{byte(n)}, Version: uint64(n), Data: fmt.Appendf(nil, `{"n":%d}`, n)}
	}
	under := &pages{list: [][]agent.Value{{value(1), value(2)}, nil, {value(3)}}}
	items := records.Table[item]{Store: under, Bucket: "b", Page: 2}
	var got []string
	read := func(row records.Row[item]) error {
		v, err := row.Value()
		gone := row.Delete()
		got = append(got, fmt.Sprintf("%d%s%v%s%d", v.N, gone.Bucket, gone.Ref, gone.Key, gone.IfVersion))
		return err
	}
	must(t, items.Each(read))
	if want := []string{"1b[1]1", "2b[2]2", "3b[3]3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := []string{"", "cursor1", "cursor2"}; !slices.Equal(under.afters, want) || under.limit != 2 {
		t.Errorf("asked after %q, %d at a time", under.afters, under.limit)
	}
	under.afters, under.fails = nil, agent.ErrStoreClosed
	if err := items.Each(read); !errors.Is(err, agent.ErrStoreClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAValueThatIsNotTheTypeIsAnErrorOfItsRow(t *testing.T) {
	items := table(t)
	other := records.Table[string]{Store: items.Store, Bucket: items.Bucket}
	must(t, write(t, other, "a", "text", 0))
	if _, row, err := items.Get("a"); err == nil || !row.Known() {
		t.Errorf("got %+v %v", row, err)
	}
	row, err := items.Row("a")
	if err != nil || string(row.Raw) != `"text"` {
		t.Errorf("got %+v %v", row, err)
	}
	must(t, items.Write(t.Context(), row.Delete()))
}

// keyless is a store that has lost the key of its values.
type keyless struct{ records.Store }

func (keyless) Record(string, string) ([]byte, uint64, error) {
	return nil, 7, fmt.Errorf("%w: k1", agent.ErrKeyMissing)
}

func TestAnUnreadableValueCanBeReplacedByItsVersion(t *testing.T) {
	items := records.Table[item]{Store: keyless{}, Bucket: "b"}
	got, row, err := items.Get("a")
	if !errors.Is(err, agent.ErrKeyMissing) || got != (item{}) || row.Version != 7 {
		t.Errorf("got %+v %+v %v", got, row, err)
	}
	if put, err := row.Put(item{Name: "A"}); err != nil || put.IfVersion != 7 || put.Key != "a" {
		t.Errorf("got %+v %v", put, err)
	}
}

// spelled encodes itself.
type spelled struct{ letters []string }

func (s spelled) MarshalBinary() ([]byte, error) { return []byte(strings.Join(s.letters, "-")), nil }

func (s *spelled) UnmarshalBinary(raw []byte) error {
	if s.letters = strings.Split(string(raw), "-"); len(s.letters) > 3 {
		return errors.New("too long")
	}
	return nil
}

func TestATypeMayEncodeItself(t *testing.T) {
	words := records.Table[spelled]{Store: storetest.Open(t), Bucket: store.BatchRecords}
	must(t, write(t, words, "a", spelled{[]string{"x", "y"}}, 0))
	got, row, err := words.Get("a")
	if err != nil || !slices.Equal(got.letters, []string{"x", "y"}) || string(row.Raw) != "x-y" {
		t.Errorf("got %+v %q %v", got, row.Raw, err)
	}
	must(t, write(t, words, "a", spelled{[]string{"a", "b", "c", "d"}}, 1))
	if _, _, err := words.Get("a"); err == nil {
		t.Error("its own error is lost")
	}
}

func TestAValueThatCannotBeEncodedIsNotWritten(t *testing.T) {
	functions := records.Table[func()]{Bucket: "b"}
	var unsupported *json.UnsupportedTypeError
	if _, err := functions.Put("a", func() {}, 0); !errors.As(err, &unsupported) {
		t.Errorf("got %v", err)
	}
}

// refusing is a store that is full.
type refusing struct{ records.Store }

func (refusing) Commit(context.Context, agent.Change) (agent.Committed, error) {
	return agent.Committed{}, agent.ErrStoreFull
}

func TestTheStoresRefusalComesThrough(t *testing.T) {
	items := records.Table[item]{Store: refusing{}, Bucket: "b"}
	if err := write(t, items, "a", item{}, 0); !errors.Is(err, agent.ErrStoreFull) {
		t.Errorf("got %v", err)
	}
}
