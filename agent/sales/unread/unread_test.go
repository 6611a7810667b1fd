package unread_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/unread"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type shelf struct {
	*unread.Keeper
	t      *testing.T
	store  *store.Store
	alarms *agent.Alarms
	log    bytes.Buffer
	now    time.Time
	dir    string
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{t: t, alarms: new(agent.Alarms), now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), dir: storetest.Dir(t)}
	s.store = storetest.OpenIn(t, store.Config{Dir: s.dir})
	s.reopen()
	return s
}

// reopen begins anew over the same store, as after a restart.
func (s *shelf) reopen() {
	s.t.Helper()
	keeper, err := unread.New(unread.Config{
		Store: s.store, Bucket: store.UnreadRecords, Alarms: s.alarms, Log: slog.New(slog.NewTextHandler(&s.log, nil)), Now: func() time.Time { return s.now },
		MaxBodies: 20, MaxBytes: 10_000,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Keeper = keeper
}

func (s *shelf) keep(text string) string {
	s.t.Helper()
	id, err := s.Keep(s.t.Context(), unread.Body{Kind: agent.KindCoupon, Dialect: agent.V2, Code: agent.CodeMalformed, Line: 3, Column: 7, Shape: `xx 99"`, Text: []byte(text)})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *shelf) list() []unread.Body {
	s.t.Helper()
	list, err := s.List()
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *shelf) alarmed() string {
	for _, alarm := range s.alarms.List() {
		return alarm.Code + ": " + alarm.Detail
	}
	return ""
}

func TestTheSameContentIsKeptOnceAndCounted(t *testing.T) {
	s := newShelf(t)
	first := s.keep(`{"name":"TV 32" LED"}`)
	s.now = s.now.Add(time.Hour)
	if again := s.keep(`{"name":"TV 32" LED"}`); again != first || !unread.Is(first) {
		t.Errorf("got %q, then %q", first, again)
	}
	list := s.list()
	if len(list) != 1 || list[0].Times != 2 || list[0].Last.Sub(list[0].First) != time.Hour || list[0].Text != nil || list[0].Size != 21 {
		t.Errorf("got %+v", list)
	}
	body, known, err := s.Find(first)
	if err != nil || !known || string(body.Text) != `{"name":"TV 32" LED"}` || body.Shape != `xx 99"` {
		t.Errorf("got %+v, %v, %v", body, known, err)
	}
	if other := unread.ID(agent.KindConfirm, agent.V2, body.Text); other == first {
		t.Error("the same bytes at another route have the same id")
	}
}

func TestWhatIsKeptIsEncryptedAndNotLogged(t *testing.T) {
	s := newShelf(t)
	s.keep(`{"client_id":"52998224725" x}`)
	if strings.Contains(s.log.String(), "52998224725") || !strings.Contains(s.log.String(), "body_unread") {
		t.Errorf("the log: %s", s.log.String())
	}
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("52998224725")) {
			t.Errorf("%s has it in clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAlarmLastsWhileSomethingIsKeptAlsoOverARestart(t *testing.T) {
	s := newShelf(t)
	if s.alarmed() != "" {
		t.Fatal("an alarm without a reason")
	}
	id := s.keep("{")
	if !strings.HasPrefix(s.alarmed(), agent.AlarmUnread) || !strings.Contains(s.alarmed(), "queue ls --state ilegível") {
		t.Errorf("got %q", s.alarmed())
	}
	s.alarms = new(agent.Alarms)
	s.reopen()
	if s.alarmed() == "" {
		t.Error("no alarm after a restart")
	}
	if err := s.Drop(t.Context(), id); err != nil || s.alarmed() != "" || len(s.list()) != 0 {
		t.Errorf("dropped: %v, alarm %q", err, s.alarmed())
	}
	if _, known, err := s.Find(id); known || err != nil {
		t.Errorf("it is still there: %v", err)
	}
}

func TestNoMoreBodiesAndBytesThanTheBoundsAreKept(t *testing.T) {
	s := newShelf(t)
	for i := range 11 {
		if id := s.keep(fmt.Sprint(i%10) + strings.Repeat("x", 999-i/10)); (id == "") != (i == 10) {
			t.Fatalf("body %d: got %q", i, id)
		}
	}
	if !strings.Contains(s.alarmed(), "não há mais lugar") {
		t.Errorf("got %q", s.alarmed())
	}
	if n, err := s.Clear(t.Context()); n != 10 || err != nil || s.alarmed() != "" {
		t.Errorf("cleared %d, %v, alarm %q", n, err, s.alarmed())
	}
	for i := range 21 {
		if id := s.keep(fmt.Sprint("{", i)); (id == "") != (i == 20) {
			t.Fatalf("body %d: got %q", i, id)
		}
	}
	if s.keep("{0") == "" {
		t.Error("one that is kept already is refused")
	}
	s.reopen()
	if s.keep("{more") != "" {
		t.Error("after a restart there is more room than before")
	}
}

func TestWhatIsSevenDaysOldGoes(t *testing.T) {
	s := newShelf(t)
	old := s.keep("{old")
	s.keep("{again")
	s.now = s.now.Add(unread.KeepFor)
	s.keep("{again")
	s.now = s.now.Add(time.Second)
	if n, err := s.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if list := s.list(); len(list) != 1 || list[0].ID == old {
		t.Errorf("left: %+v", list)
	}
}
