package offsite_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/offsite"
	"pdvagent/agent/osfile"
)

const (
	idA = "aaaaaaaa-0000-4000-8000-000000000001"
	idB = "bbbbbbbb-0000-4000-8000-000000000002"
)

// till is a keeper of one till, with a clock of the test.
type till struct {
	*offsite.Keeper
	alarms *agent.Alarms
	now    *time.Time
	seal   func(io.Writer) error
	size   int64
}

// newTill makes a till; change may change who it is.
func newTill(t *testing.T, folder, id string, now *time.Time, change func(*offsite.Self)) *till {
	t.Helper()
	self := offsite.Self{AgentID: id, Shop: "001", Till: "012", Version: "1", Host: "caixa-" + id[:4]}
	if change != nil {
		change(&self)
	}
	x := &till{alarms: new(agent.Alarms), now: now}
	x.seal = func(w io.Writer) error { _, err := io.WriteString(w, "sealed"); return err }
	var err error
	x.Keeper, err = offsite.New(offsite.Config{
		Folder: folder, Self: self, Alarms: x.alarms, Log: slog.New(slog.DiscardHandler), Patience: time.Minute,
		Seal: func(w io.Writer) error { return x.seal(w) }, Size: func() int64 { return x.size }, Now: func() time.Time { return *x.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *till) visit(t *testing.T) {
	t.Helper()
	if err := x.Visit(false); err != nil {
		t.Error(err)
	}
}

func (x *till) subjects() (list []string) {
	for _, a := range x.alarms.List() {
		list = append(list, strings.TrimSuffix(a.Code+" "+a.Subject, " "))
	}
	slices.Sort(list)
	return list
}

func copies(t *testing.T, folder string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, "*"+offsite.Suffix))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func clock() *time.Time {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	return &now
}

func TestACopyIsMadeEachHourAndTheirNumberIsBounded(t *testing.T) {
	folder, now := t.TempDir(), clock()
	other := filepath.Join(folder, "pdvagent-001-013-cccccccc-20200101T000000"+offsite.Suffix)
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	x := newTill(t, folder, idA, now, nil)
	x.visit(t)
	*now = now.Add(50 * time.Minute)
	x.visit(t)
	if got := copies(t, folder); len(got) != 2 || !strings.Contains(got[0], "pdvagent-001-012-aaaaaaaa-20261120T080000") {
		t.Fatalf("after 50 minutes there are %q", got)
	}
	x.size = 200 << 20 // a large one: every four hours
	*now = now.Add(2 * time.Hour)
	x.visit(t)
	if got := copies(t, folder); len(got) != 2 {
		t.Errorf("of a large one there are %q", got)
	}
	if err := x.Visit(true); err != nil || len(copies(t, folder)) != 3 {
		t.Errorf("asked for: %q, %v", copies(t, folder), err)
	}
	x.size = 0
	for range 10 * 4 {
		*now = now.Add(6 * time.Hour)
		x.visit(t)
	}
	if at, err := offsite.Newest(folder, "001", "012"); err != nil || !at.Equal(*now) {
		t.Errorf("the newest is of %s, %v; want %s", at, err, *now)
	}
	if got := copies(t, folder); len(got) != 1+1+3+5 || !slices.Contains(got, other) {
		t.Errorf("after 10 days there are %q", got)
	}
	*now = now.Add(-47*time.Hour - 30*time.Minute) // the clock was set right
	x.visit(t)
	if got := copies(t, folder); !slices.ContainsFunc(got, func(path string) bool { return strings.Contains(path, now.Format("20060102T1504")) }) {
		t.Errorf("after the clock went back there are %q", got)
	}
}

func TestACopyIsWholeOrNotThere(t *testing.T) {
	folder := t.TempDir()
	x := newTill(t, folder, idA, clock(), nil)
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"full":         {&fs.PathError{Op: "write", Path: "x", Err: osfile.ErrDiskFull}, "a pasta está cheia"},
		"no room here": {agent.ErrStoreFull, "não há espaço no disco desta máquina"},
	} {
		x.seal = func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return c.err }
		offsite.Attempt(x.Keeper, t.Context(), false)
		if list := x.alarms.List(); len(list) != 1 || list[0].Code != agent.AlarmBackupCopy || !strings.Contains(list[0].Detail, c.says) {
			t.Errorf("%s: the alarms are %+v", name, list)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 1 { // the note
			t.Errorf("%s: it left %v, %v", name, entries, err)
		}
	}
	x.seal = func(w io.Writer) error { _, err := io.WriteString(w, "sealed"); return err }
	offsite.Attempt(x.Keeper, t.Context(), false)
	if len(x.alarms.List()) != 0 || len(copies(t, folder)) != 1 {
		t.Errorf("afterwards: %+v, %q", x.alarms.List(), copies(t, folder))
	}
}

// A folder that is away is not made: it may be a mount.
func TestAFolderThatIsAwayIsSaidUntilItIsBack(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "servidor")
	x := newTill(t, folder, idA, clock(), nil)
	offsite.Attempt(x.Keeper, t.Context(), false)
	if list := x.alarms.List(); len(list) != 1 || !strings.Contains(list[0].Detail, "não está ao alcance") || !strings.Contains(list[0].Detail, folder) {
		t.Errorf("the alarms are %+v", list)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("it was made")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	offsite.Attempt(x.Keeper, t.Context(), false)
	if len(x.alarms.List()) != 0 || len(copies(t, folder)) != 1 {
		t.Errorf("back again: %+v", x.alarms.List())
	}
}

// A server that neither answers nor refuses raises the alarm, and the agent ends without waiting for it.
func TestAFolderThatDoesNotAnswerHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTill(t, t.TempDir(), idA, clock(), nil)
		answer := make(chan struct{})
		x.seal = func(io.Writer) error { <-answer; return nil }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- x.Run(ctx) }()
		<-time.After(2 * time.Minute)
		if list := x.alarms.List(); len(list) != 1 || !strings.Contains(list[0].Detail, "não responde") {
			t.Errorf("the alarms are %+v", list)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		close(answer)
		synctest.Wait() // the visit ends; its folder is removed after it
	})
}

func TestWhoMustNotBeThereIsSaidByBothAndForAnHour(t *testing.T) {
	primary := func(till string) func(*offsite.Self) {
		return func(s *offsite.Self) { s.Till, s.Primary = till, true }
	}
	for name, c := range map[string]struct {
		id     string // of the other; A is idA
		a, b   func(*offsite.Self)
		wanted []string
	}{
		"another till":              {idB, nil, func(s *offsite.Self) { s.Till = "013" }, nil},
		"the till of another shop":  {idB, nil, func(s *offsite.Self) { s.Shop = "002" }, nil},
		"the same till":             {idB, nil, nil, []string{"shop_conflict till"}},
		"two primaries":             {idB, primary("012"), primary("013"), []string{"shop_conflict primary"}},
		"the same data twice":       {idA, nil, nil, []string{"shop_conflict agent"}},
		"one primary, one that was": {idB, primary("012"), func(s *offsite.Self) { s.Till = "013" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			folder, now := t.TempDir(), clock()
			a, b := newTill(t, folder, idA, now, c.a), newTill(t, folder, c.id, now, c.b)
			for range 3 {
				a.visit(t)
				b.visit(t)
				*now = now.Add(10 * time.Minute)
			}
			if fmt.Sprint(a.subjects()) != fmt.Sprint(c.wanted) || fmt.Sprint(b.subjects()) != fmt.Sprint(c.wanted) {
				t.Errorf("they say %q and %q, want %q", a.subjects(), b.subjects(), c.wanted)
			}
			for range 8 { // b is gone
				a.visit(t)
				*now = now.Add(10 * time.Minute)
			}
			if len(a.subjects()) != 0 {
				t.Errorf("alone it says %q", a.subjects())
			}
		})
	}
}

// A till that took a dead one's place, and one that was started again, are alone.
func TestWhoIsDeadIsNoSecondOne(t *testing.T) {
	folder, now := t.TempDir(), clock()
	dead := newTill(t, folder, idB, now, nil)
	dead.visit(t)
	newTill(t, folder, idA, now, nil).visit(t) // an earlier run of the same
	x := newTill(t, folder, idA, now, nil)
	for range 4 {
		*now = now.Add(10 * time.Minute)
		x.visit(t)
	}
	if len(x.subjects()) != 0 {
		t.Errorf("it says %q", x.subjects())
	}
}

// A folder that takes no note still has that of the run before: that is no second machine.
func TestANoteThatCannotBeReplacedIsNoSecondMachine(t *testing.T) {
	folder, now := t.TempDir(), clock()
	newTill(t, folder, idA, now, nil).visit(t)
	inTheWay := filepath.Join(folder, "pdvagent-"+idA+".json.part", "x")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	x := newTill(t, folder, idA, now, nil)
	for range 3 {
		*now = now.Add(10 * time.Minute)
		if err := x.Visit(false); err == nil {
			t.Error("nobody is told that the note was not written")
		}
	}
	if len(x.subjects()) != 0 {
		t.Errorf("it says %q", x.subjects())
	}
}

func TestWhatOthersPutIntoTheFolderIsNotFollowed(t *testing.T) {
	folder, now := t.TempDir(), clock()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(folder, "pdvagent-001-012-aaaaaaaa-")
	for _, link := range []string{prefix + ".part", filepath.Join(folder, "pdvagent-"+idA+".json.part"), filepath.Join(folder, "pdvagent-"+idB+".json"), prefix + "20200101T000000" + offsite.Suffix} {
		if err := os.Symlink(secret, link); err != nil {
			t.Skip("no links here")
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "pdvagent-"+strings.Replace(idB, "b", "c", 1)+".json"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	newTill(t, folder, idA, now, nil).visit(t)
	if text, err := os.ReadFile(secret); err != nil || string(text) != "kept" {
		t.Errorf("the file behind the links has %q, %v", text, err)
	}
}

func TestASlowCopyIsNoSilentFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		x := newTill(t, t.TempDir(), "11111111-1111-1111-1111-111111111111", &now, nil)
		x.seal = func(w io.Writer) error {
			for range 10 { // a minute is the patience
				<-time.After(45 * time.Second)
				if _, err := w.Write(make([]byte, 2<<20)); err != nil {
					return err
				}
				if list := x.subjects(); len(list) > 0 {
					t.Errorf("while it is copied: %v", list)
				}
			}
			<-time.After(3 * time.Minute)
			if list := x.subjects(); len(list) != 1 || list[0] != agent.AlarmBackupCopy {
				t.Errorf("nothing for three minutes: %v", list)
			}
			return nil
		}
		offsite.Attempt(x.Keeper, t.Context(), false)
		if list := x.subjects(); len(list) > 0 {
			t.Errorf("with the copy made: %v", list)
		}
	})
}
