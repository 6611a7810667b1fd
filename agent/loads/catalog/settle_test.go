package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// shop is a loader over a real store, whose cloud is the test.
type shop struct {
	*testing.T
	store *store.Store
	l     *Loader
}

func open(t *testing.T, change func(*Config)) *shop {
	t.Helper()
	s := &shop{T: t, store: storetest.Open(t)}
	s.restart(change)
	return s
}

// restart is another loader over the same store.
func (s *shop) restart(change func(*Config)) {
	s.Helper()
	cfg := Config{
		Store: s.store, Ledger: func(check bool) (Ledger, error) { return s.store.OpenCatalog(check) }, Digest: s.store.Digest,
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
	l, err := New(cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.l = l
}

// load takes products by their names; the key is the name up to its first blank.
func (s *shop) load(opt Options, names ...string) Summary {
	s.Helper()
	intake, err := s.l.Begin(agent.KindProducts, opt)
	if err != nil {
		s.Fatal(err)
	}
	for _, name := range names {
		key, _, _ := strings.Cut(name, " ")
		if _, err := intake.Add(s.Context(), fmt.Appendf(nil, `{"sku":%q,"ean":"","name":%q}`, key, name)); err != nil {
			s.Fatal(err)
		}
	}
	if err := errors.Join(intake.Flush(s.Context()), intake.Close()); err != nil {
		s.Fatal(err)
	}
	return intake.Summary()
}

// answer answers every pending batch once, and has the loader see it. status gives the cloud's HTTP status for a body.
func (s *shop) answer(status func(body string) int) (bodies []string) {
	s.Helper()
	heads, err := s.store.List(agent.Pending, "", 0, 100)
	if err != nil {
		s.Fatal(err)
	}
	for _, head := range heads {
		job, err := s.store.Job(head.Seq)
		if err != nil {
			s.Fatal(err)
		}
		bodies = append(bodies, string(job.Body))
		job.Status.State = agent.Sent
		if code := status(string(job.Body)); code != http.StatusOK {
			job.Status.State, job.Status.Failure = agent.Dead, &agent.Failure{Status: code}
		}
		if _, err := s.store.Commit(s.Context(), agent.Change{Moves: []agent.Move{{Seq: job.Seq, Status: job.Status}}}); err != nil {
			s.Fatal(err)
		}
	}
	s.l.settle(s.Context())
	return bodies
}

func taken(string) int { return http.StatusOK }

// refusing refuses bodies that hold a text.
func refusing(text string) func(string) int {
	return func(body string) int {
		if strings.Contains(body, text) {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	}
}

func (s *shop) pending() int { return len(s.l.shelves[agent.KindProducts].pending) }

func TestAcceptedRecordsAreKnownAfterARestart(t *testing.T) {
	s := open(t, nil)
	if got := s.load(Options{}, "A", "B"); got.Changed != 2 || s.pending() != 1 {
		t.Errorf("got %+v, %d pending", got, s.pending())
	}
	s.restart(nil)
	if got := s.load(Options{}, "A", "B"); got.Unchanged != 2 || s.pending() != 1 {
		t.Errorf("pending ones after a restart: %+v, %d pending", got, s.pending())
	}
	s.answer(taken)
	s.restart(nil)
	if got := s.load(Options{}, "A", "B 2"); got.Unchanged != 1 || got.Changed != 1 {
		t.Errorf("accepted ones after a restart: %+v", got)
	}
	if got := s.load(Options{Everything: true}, "A"); got.Changed != 1 {
		t.Errorf("everything: %+v", got)
	}
}

func TestABatchIsSentAfterTheOneBeforeAlsoAfterARestart(t *testing.T) {
	s := open(t, nil)
	s.load(Options{}, "A")
	s.restart(nil)
	s.load(Options{}, "B")
	heads, err := s.store.List("", agent.KindProducts, 0, 9)
	if err != nil || len(heads) != 2 || heads[0].After != "" || heads[1].After != heads[0].Unique || !strings.HasPrefix(heads[0].Unique, "batch:") {
		t.Fatalf("got %+v %v", heads, err)
	}
	value, _, err := s.store.Record(store.BatchRecords, "last:products")
	if want := `{"last":"` + heads[1].Unique + `"}`; err != nil || string(value) != want {
		t.Errorf("on disk %s %v, want %s", value, err, want)
	}
	value, _, err = s.store.Record(store.BatchRecords, heads[1].Unique)
	if want := `{"kind":"products","unique":"` + heads[1].Unique + "\"}\n"; err != nil || !strings.HasPrefix(string(value), want) || len(value) != len(want)+8+8+1+len(`"B"`) {
		t.Errorf("on disk %q %v, want %q and an entry", value, err, want)
	}
}

func TestARefusedRecordStandsAloneAndTheOthersGo(t *testing.T) {
	s := open(t, nil)
	s.load(Options{}, "A", "B", "BAD", "D", "E")
	var sent []string
	for range 6 {
		sent = append(sent, s.answer(refusing("BAD"))...)
	}
	if s.pending() != 0 || len(sent) != 5 { // batches of 5, of 3 and 2, of 2 and 1
		t.Errorf("%d pending, sent %q", s.pending(), sent)
	}
	if got := s.load(Options{}, "A", "B", "BAD", "D", "E"); got.Changed != 0 || got.Unchanged != 5 {
		t.Errorf("the refused one goes again before it changes: %+v", got)
	}
	if got := s.load(Options{}, "BAD 2"); got.Changed != 1 {
		t.Errorf("the refused one has changed: %+v", got)
	}
}

func TestALaterBatchsRecordsAreLeftOutOfTheHalves(t *testing.T) {
	s := open(t, nil)
	s.load(Options{}, "A", "BAD", "C")
	s.load(Options{}, "A 2")
	s.answer(refusing("BAD"))
	if bodies := strings.Join(s.answer(refusing("BAD")), " "); strings.Contains(bodies, `"A"`) || !strings.Contains(bodies, `"C"`) {
		t.Errorf("sent again: %s", bodies)
	}
}

func TestABatchThatIsNotRefusedForItsContentGoesAgainWithTheNextLoad(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusUnprocessableEntity} { // the second: nothing ever passed, so it is the form
		s := open(t, nil)
		s.load(Options{}, "A")
		s.answer(func(string) int { return status })
		if got := s.load(Options{}, "A"); s.pending() != 1 || got.Changed != 1 {
			t.Errorf("%d: %+v, %d pending", status, got, s.pending())
		}
	}
}

func TestBatchesAreBounded(t *testing.T) {
	s := open(t, func(c *Config) { c.MaxCount, c.MaxBytes = 2, 90 })
	if got := s.load(Options{}, "A", "B", "C", "D "+strings.Repeat("x", 90)); got.Batches != 2 || got.Refused != 1 || got.Rejected[0].Code != "too_large" || got.Rejected[0].Key != "D" {
		t.Errorf("got %+v", got)
	}
	for most, batches := range map[int]int{90: 3, 91: 2} { // A and B have 91 bytes together
		s = open(t, func(c *Config) { c.MaxBytes = most })
		if got := s.load(Options{}, "A", "B "+strings.Repeat("x", 20), "C"); got.Batches != batches {
			t.Errorf("at most %d bytes: %+v", most, got)
		}
	}
}

func TestAMissingRecordIsTakenOutOfUseUnlessTooManyAre(t *testing.T) {
	s := open(t, nil)
	s.load(Options{Names: true}, "A", "B", "C", "D", "E")
	s.answer(taken)
	missing := func(inactive bool, names ...string) (Gone, string) {
		t.Helper()
		intake, err := s.l.Begin(agent.KindProducts, Options{Names: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if name == "" {
				intake.Refuse("", agent.Fault{Code: "malformed"})
			} else if _, err := intake.Add(t.Context(), fmt.Appendf(nil, `{"sku":%q,"ean":"","name":%q}`, name, name)); err != nil {
				t.Fatal(err)
			}
		}
		gone, err := intake.Missing(t.Context(), inactive)
		if err := errors.Join(err, intake.Close()); err != nil {
			t.Fatal(err)
		}
		return gone, strings.Join(s.answer(taken), " ")
	}
	if gone, sent := missing(true, "A", "B", "", "C", "D", "E"); gone.Count != 0 || sent != "" {
		t.Errorf("nothing is missing: %+v %s", gone, sent)
	}
	if gone, sent := missing(true, "A", "B", "D", "E", ""); gone.Count != 1 || !gone.Withheld || sent != "" {
		t.Errorf("a record without a key may be the missing one: %+v %s", gone, sent)
	}
	if gone, sent := missing(true, "A", "B", "D"); gone.Count != 2 || !gone.Withheld || sent != "" {
		t.Errorf("more than a fifth is gone: %+v %s", gone, sent)
	}
	if gone, sent := missing(true, "A", "B", "D", "E"); gone.Inactive != 1 || !slices.Equal(gone.Keys, []string{"C"}) || sent != `[{"sku":"C","ean":"","name":"C","active":false}]` {
		t.Errorf("got %+v %s", gone, sent)
	}
	if gone, _ := missing(true, "A", "B", "D", "E"); gone.Count != 0 {
		t.Errorf("it is missing again: %+v", gone)
	}
	s.load(Options{Names: true}, "F")
	s.answer(taken)
	if gone, sent := missing(false, "A", "B", "D", "E"); gone.Count != 1 || gone.Inactive != 0 || sent != "" {
		t.Errorf("reported only: %+v %s", gone, sent)
	}
	if got := s.load(Options{}, "F"); got.Changed != 1 {
		t.Errorf("one that comes back is new: %+v", got)
	}
}

// run is a run of a routine.
type run struct {
	everything bool
	confirmed  bool
	counts     map[string]int
	faults     []string
	data       any
}

func (r *run) Everything() bool         { return r.everything }
func (r *run) Confirmed() bool          { return r.confirmed }
func (r *run) Count(name string, n int) { r.counts[name] = n }
func (r *run) Fault(detail string)      { r.faults = append(r.faults, detail) }
func (r *run) SetData(data any)         { r.data = data }

// loads runs a load of a folder with one file, while a cloud takes every batch.
func (s *shop) loads(text, mode string) (*run, error) {
	s.Helper()
	cfg := source.Default()
	cfg.Type, cfg.Path, cfg.Mode, cfg.Rest = "folder", s.TempDir(), mode, time.Millisecond
	if err := os.WriteFile(filepath.Join(cfg.Path, "1.csv"), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return s.loadFrom(cfg, false)
}

// loadFrom runs a load of a source, while a cloud takes every batch.
func (s *shop) loadFrom(cfg source.Config, confirmed bool) (*run, error) {
	s.Helper()
	r, done := &run{counts: make(map[string]int), confirmed: confirmed}, make(chan error, 1)
	go func() { done <- s.l.Load(s.Context(), agent.KindProducts, cfg, r) }()
	for {
		committed := s.store.Changed()
		s.answer(taken)
		select {
		case err := <-done:
			return r, err
		case <-committed:
		}
	}
}

func TestALoadsRunSaysWhatBecameOfItsRecords(t *testing.T) {
	s := open(t, nil)
	got, err := s.loads("sku,ean,name\n1,,A\n2,,B\n3,,\n", "full")
	if err != nil || len(got.faults) != 0 || got.counts["accepted"] != 2 || got.counts["changed"] != 2 || got.counts["rejected"] != 1 || got.counts["batches"] != 1 {
		t.Errorf("got %+v %v", got, err)
	}
	if result, ok := got.data.(Result); !ok || len(result.Rejected) != 1 || !slices.Equal(result.Sources, []string{"1.csv"}) {
		t.Errorf("got %+v", got.data)
	}
	got, err = s.loads("sku,ean,name\n1,,A\n3,,\n4,,\n", "changes")
	if err != nil || len(got.faults) != 1 || !strings.Contains(got.faults[0], "A maior parte dos registros foi recusada: 2 de 3.") || got.counts["unchanged"] != 1 {
		t.Errorf("most records are refused: %+v %v", got, err)
	}
	var many strings.Builder
	for n := range 100 {
		fmt.Fprintf(&many, "P%d,,P\n", n)
	}
	if got, err = s.loads("sku,ean,name\n"+many.String(), "changes"); err != nil || got.counts["changed"] != 100 {
		t.Fatalf("got %+v %v", got, err)
	}
	got, err = s.loads("sku,ean,name\n1,,A\n", "full")
	if err != nil || len(got.faults) != 1 || !strings.Contains(got.faults[0], "para ser verdade") || got.counts["removed"] != 101 {
		t.Errorf("most records are gone: %+v %v", got, err)
	}
	got, err = s.loads("nada\n1\n", "full")
	if err != nil || len(got.faults) != 1 || !strings.Contains(got.faults[0], "Falta a coluna de sku") {
		t.Errorf("a file that is none: %+v %v", got, err)
	}
}

func TestALoadGivesUpWhenTheCloudDoesNotAnswer(t *testing.T) {
	s := open(t, func(c *Config) { c.Patience = time.Nanosecond })
	s.load(Options{}, "A")
	if err := s.l.wait(t.Context(), s.l.shelves[agent.KindProducts], 0); agent.CodeOf(err) != agent.CodeCloudAway {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.restart(nil)
	if err := s.l.wait(ctx, s.l.shelves[agent.KindProducts], 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := s.l.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestALoaderWantsWhatItNeeds(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("it begins without a store")
	}
}

func TestADoubtfulFullLoadDoesNothingUntilAPersonConfirms(t *testing.T) {
	alarms := new(agent.Alarms)
	s := open(t, func(c *Config) { c.Alarms = alarms })
	var thirty strings.Builder
	for n := range 30 {
		fmt.Fprintf(&thirty, "P%d,,P\n", n)
	}
	if got, err := s.loads("sku,ean,name\n"+thirty.String(), "full"); err != nil || got.counts["changed"] != 30 || len(alarms.List()) != 0 {
		t.Fatalf("got %+v %v", got, err)
	}
	for name, text := range map[string]string{"one of thirty": "sku,ean,name\nP1,,X\n", "only a header": "sku,ean,name\n", "nothing": "", "too few": "sku,ean,name\n" + strings.Join(strings.SplitAfter(thirty.String(), "\n")[:23], "")} {
		got, err := s.loads(text, "full")
		if err != nil || len(got.faults) != 1 || !strings.Contains(got.faults[0], "pdvagent routines run products --confirm") || got.counts["changed"]+got.counts["batches"] != 0 {
			t.Errorf("%s: got %+v %v", name, got, err)
		}
		if list := alarms.List(); len(list) != 1 || list[0].Code != agent.AlarmLoad || list[0].Subject != "products" {
			t.Errorf("%s: alarms %+v", name, list)
		}
	}
	if got, err := s.loads(`[{"sku":"P1","ean":"","name":"X"},`, "full"); err != nil || len(got.faults) != 1 || got.counts["changed"] != 0 {
		t.Errorf("half a file: got %+v %v", got, err)
	}
	cfg := source.Default()
	cfg.Type, cfg.Path, cfg.Mode, cfg.Removed, cfg.Rest = "folder", t.TempDir(), "full", "inactive", time.Millisecond
	if err := os.WriteFile(filepath.Join(cfg.Path, "1.json"), []byte(`[{"sku":"P1","ean":"","name":"X"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.loadFrom(cfg, false); err != nil || len(got.faults) != 1 {
		t.Errorf("got %+v %v", got, err)
	}
	got, err := s.loadFrom(cfg, true)
	if err != nil || len(got.faults) != 0 || got.counts["changed"] != 1 || got.counts["removed"] != 29 || len(alarms.List()) != 0 {
		t.Errorf("confirmed: got %+v %v, alarms %v", got, err, alarms.List())
	}
}

func TestALaterFileOfChangesIsNewer(t *testing.T) {
	s := open(t, nil)
	cfg := source.Default()
	cfg.Type, cfg.Path, cfg.Rest = "folder", t.TempDir(), time.Millisecond
	for n, text := range []string{"sku,ean,name\n1,,ANTES\n", "sku,ean,name\n1,,DEPOIS\n1,,OUTRA VEZ\n"} {
		if err := os.WriteFile(filepath.Join(cfg.Path, fmt.Sprintf("c%d.csv", n+9)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.loadFrom(cfg, false)
	if result, ok := got.data.(Result); err != nil || !ok || result.Changed != 2 || result.Refused != 1 || result.Rejected[0].Code != "repeated" {
		t.Errorf("got %+v %v", got.data, err)
	}
	if again, err := s.loads("sku,ean,name\n1,,DEPOIS\n", "changes"); err != nil || again.counts["unchanged"] != 1 {
		t.Errorf("the later one holds: %+v %v", again, err)
	}
}
