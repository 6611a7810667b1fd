package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/audit"
	"pdvagent/agent/records"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// noon is the fixtures' time.
func noon() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }

type book struct {
	*audit.Trail
	t     *testing.T
	store records.Store
	now   time.Time
}

// newBook makes a trail of at most five entries.
func newBook(t *testing.T) *book {
	t.Helper()
	b := &book{t: t, store: storetest.Open(t), now: noon()}
	b.reopen()
	return b
}

// reopen begins anew over the same store, as after a restart.
func (b *book) reopen() {
	b.t.Helper()
	var err error
	if b.Trail, err = audit.New(audit.Config{Store: b.store, Bucket: store.AuditRecords, Now: func() time.Time { return b.now }, Most: 5}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *book) write(who string, after any) {
	b.t.Helper()
	raw, err := json.Marshal(after)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.Write(b.t.Context(), audit.Entry{At: b.now, Who: who, Via: audit.ByConsole, Action: "POST /x", What: "x", After: raw, Outcome: audit.Done}); err != nil {
		b.t.Fatal(err)
	}
}

// numbers are the numbers of what a query finds, and whether there is more.
func (b *book) numbers(q audit.Query) string {
	b.t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	list, more, err := b.Read(q)
	if err != nil {
		b.t.Fatal(err)
	}
	var text []string
	for _, entry := range list {
		text = append(text, fmt.Sprint(entry.Number))
	}
	if more {
		text = append(text, "more")
	}
	return strings.Join(text, " ")
}

func (b *book) want(name string, q audit.Query, want string) {
	b.t.Helper()
	if got := b.numbers(q); got != want {
		b.t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func TestTrailIsReadTheNewestFirstAndPageByPage(t *testing.T) {
	b := newBook(t)
	b.want("nothing yet", audit.Query{}, "")
	for i, who := range []string{"suporte", "chefe", "suporte", "chefe"} {
		b.now = noon().Add(time.Duration(i) * time.Hour)
		b.write(who, i)
	}
	b.want("all", audit.Query{}, "4 3 2 1")
	b.want("a page", audit.Query{Limit: 3}, "4 3 2 more")
	b.want("the next page", audit.Query{Limit: 3, After: 2}, "1")
	b.want("after the oldest", audit.Query{After: 1}, "")
	b.want("one person", audit.Query{Who: "suporte"}, "3 1")
	b.want("a while", audit.Query{Since: noon().Add(time.Hour), Until: noon().Add(3 * time.Hour)}, "3 2")
}

func TestNewestEntriesTakeThePlaceOfTheOldest(t *testing.T) {
	b := newBook(t)
	for i := range 12 {
		b.write("suporte", i)
		if i%5 == 0 {
			b.reopen() // the count goes on
		}
	}
	b.want("all", audit.Query{}, "12 11 10 9 8")
	b.want("a page from what is gone", audit.Query{After: 4}, "")
}

func TestEntriesAreDroppedAfterFourHundredDays(t *testing.T) {
	b := newBook(t)
	b.write("suporte", 1)
	b.now = noon().Add(audit.KeepFor)
	b.write("suporte", 2)
	if dropped, err := b.Sweep(t.Context()); dropped != 0 || err != nil {
		t.Errorf("dropped %d, %v", dropped, err)
	}
	b.now = b.now.Add(time.Second)
	b.want("before the sweep", audit.Query{}, "2")
	if dropped, err := b.Sweep(t.Context()); dropped != 1 || err != nil {
		t.Errorf("dropped %d, %v", dropped, err)
	}
	b.reopen()
	b.write("suporte", 3)
	b.want("after it", audit.Query{}, "3 2")
}

func TestTrailWithoutItsHeadGoesOn(t *testing.T) {
	b := newBook(t)
	for i := range 7 {
		b.write("suporte", i)
	}
	heads := records.Table[struct{}]{Store: b.store, Bucket: store.AuditRecords}
	if err := heads.Write(t.Context(), heads.Delete("last", agent.AnyVersion)); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	b.write("suporte", 7)
	b.want("all", audit.Query{}, "8 7 6 5 4")
}

func TestLongValueIsCut(t *testing.T) {
	b := newBook(t)
	b.write("suporte", strings.Repeat("x", 9000))
	list, _, err := b.Read(audit.Query{Limit: 1})
	if err != nil || len(list) != 1 || len(list[0].After) > 100 {
		t.Errorf("got %v, %v", list, err)
	}
}

// full refuses every commit.
type full struct{ records.Store }

func (full) Commit(context.Context, agent.Change) (agent.Committed, error) {
	return agent.Committed{}, agent.ErrStoreFull
}

func TestEntryThatCouldNotBeWrittenIsSaidAndLeavesNoGap(t *testing.T) {
	b := newBook(t)
	b.write("suporte", 1)
	sound := b.store
	b.store = full{sound}
	b.reopen()
	if err := b.Write(t.Context(), audit.Entry{At: b.now}); !errors.Is(err, agent.ErrStoreFull) {
		t.Errorf("got %v", err)
	}
	b.store = sound
	b.reopen()
	b.write("suporte", 2)
	b.want("all", audit.Query{}, "2 1")
}
