package salvage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/salvage"
)

// database writes values of several sizes into two buckets, with a history of values that were overwritten and deleted.
func database(t testing.TB) (path string, want map[string][]byte) {
	t.Helper()
	path, want = filepath.Join(t.TempDir(), "test.db"), make(map[string][]byte)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte([]string{"large", "small"}[n%2]))
			if err != nil {
				return err
			}
			key := fmt.Appendf(nil, "key-%03d", n/2%100)
			sealed, err := envelope.Seal(nil, envelope.Header{Bucket: 9, Key: key, Version: uint64(n)}, bytes.Repeat([]byte{byte(n)}, 1+n*n%9000*(1-n%2)))
			if err != nil {
				return err
			}
			want[fmt.Sprintf("%s %s", []string{"large", "small"}[n%2], key)] = sealed
			return b.Put(key, sealed)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, want
}

func open(t testing.TB, path string) *salvage.File {
	t.Helper()
	f, err := salvage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestSoundFileIsWalkedWholeAndHasNoFault(t *testing.T) {
	path, want := database(t)
	f := open(t, path)
	got := make(map[string][]byte)
	tree, err := f.Walk(func(bucket string, key, value []byte) error {
		got[fmt.Sprintf("%s %s", bucket, key)] = bytes.Clone(value)
		return nil
	})
	if err != nil || len(tree.Faults) > 0 || !tree.Judges() {
		t.Fatalf("%v, %v", tree.Faults, err)
	}
	for key, value := range want {
		if !bytes.Equal(got[key], value) {
			t.Errorf("%s: %d bytes, want %d", key, len(got[key]), len(value))
		}
	}
	if len(got) != len(want) || f.Glance() != nil {
		t.Errorf("%d values, want %d; %v", len(got), len(want), f.Glance())
	}
}

func TestSearchTellsWhatIsOfTheNewestCommitFromWhatWas(t *testing.T) {
	path, want := database(t)
	f := open(t, path)
	tree, err := f.Walk(nil)
	if err != nil {
		t.Fatal(err)
	}
	live, stale := 0, 0
	err = f.Search(func(offset int64, h envelope.Header, raw []byte) error {
		again, err := f.ReadAt(offset, len(raw))
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("at %d: %v", offset, err)
		}
		newest := bytes.Equal(raw, want["large "+string(h.Key)]) || bytes.Equal(raw, want["small "+string(h.Key)])
		switch {
		case tree.Live(offset) && !newest:
			t.Errorf("an overwritten value of %s at %d passes for the newest", h.Key, offset)
		case tree.Live(offset):
			live++
		default:
			stale++
		}
		return nil
	})
	if err != nil || live != len(want) || stale == 0 {
		t.Errorf("%d of %d newest, %d former, %v", live, len(want), stale, err)
	}
}

func TestJudgementOfAValueIsAFaultWithItsPlace(t *testing.T) {
	path, _ := database(t)
	wrong := errors.New("wrong")
	tree, err := open(t, path).Walk(func(bucket string, key, _ []byte) error {
		if bucket == "small" && string(key) == "key-007" {
			return wrong
		}
		return nil
	})
	if err != nil || len(tree.Faults) != 1 || !errors.Is(tree.Faults[0], wrong) {
		t.Errorf("%v, %v", tree.Faults, err)
	}
}

func TestPageThatLeadsBackIsAFaultAndNoEndlessWay(t *testing.T) {
	path, _ := database(t)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	looped := 0
	for at := 2 * page; at+page <= len(file); at += page {
		if file[at+8] != 1 { // not a branch
			continue
		}
		loop := bytes.Clone(file)
		copy(loop[at+16+8:at+16+16], loop[at:at+8]) // its first child is itself
		spoiled := filepath.Join(t.TempDir(), "loop.db")
		if err := os.WriteFile(spoiled, loop, 0o600); err != nil {
			t.Fatal(err)
		}
		if tree, err := open(t, spoiled).Walk(nil); err == nil && len(tree.Faults) > 0 {
			looped++
		}
	}
	if looped == 0 {
		t.Error("no page was found that leads back to itself")
	}
}

// TestEmptyKeyIsAFaultWhereverItStands zeroes the length of the first key of every leaf, also of one that is a bucket's only
// page, whose first key is on no page above: bbolt panics on it during a commit.
func TestEmptyKeyIsAFaultWhereverItStands(t *testing.T) {
	path, _ := database(t)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("one page"))
		for n := uint64(0); n < 40 && err == nil; n++ {
			err = b.Put(binary.BigEndian.AppendUint64(nil, n), make([]byte, 60))
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sound, err := open(t, path).Walk(nil)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	leaves := 0
	for at := 2 * page; at+page <= len(file); at += page {
		if file[at+8] != 2 || file[at+10] == 0 || !sound.Live(int64(at)) { // not a leaf with entries
			continue
		}
		leaves++
		spoiled := bytes.Clone(file)
		clear(spoiled[at+16+8 : at+16+12])
		name := filepath.Join(t.TempDir(), "empty.db")
		if err := os.WriteFile(name, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		if tree, err := open(t, name).Walk(nil); err == nil && len(tree.Faults) == 0 {
			t.Errorf("page %d: an empty key is no fault", at/page)
		}
	}
	if leaves < 2 {
		t.Errorf("only %d leaves were tried", leaves)
	}
}

func TestFileWithoutMetaPagesIsSearchedAllTheSame(t *testing.T) {
	path, want := database(t)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(file[:8192])
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if _, err := f.Walk(nil); !errors.Is(err, salvage.ErrNoTree) || !errors.Is(f.Glance(), salvage.ErrNoTree) {
		t.Errorf("walk: %v", err)
	}
	found := 0
	if err := f.Search(func(int64, envelope.Header, []byte) error { found++; return nil }); err != nil || found < len(want) {
		t.Errorf("%d of %d, %v", found, len(want), err)
	}
}

// FuzzFile: no bytes end the process or make the walk endless.
func FuzzFile(f *testing.F) {
	path, _ := database(f)
	sound, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound[:16384], uint16(3), []byte{0xFF, 0xFF})
	f.Add(sound, uint16(9000), []byte{1, 0, 0, 0})
	f.Add([]byte("no database"), uint16(0), []byte{})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file []byte, at uint16, over []byte) {
		file = bytes.Clone(file)
		if int(at) < len(file) {
			copy(file[at:], over)
		}
		path := filepath.Join(dir, "fuzz.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := salvage.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		tree, err := s.Walk(func(string, []byte, []byte) error { return nil })
		if err != nil && !errors.Is(err, salvage.ErrNoTree) {
			t.Fatal(err)
		}
		_ = s.Glance() // whatever it says
		if err := s.Search(func(offset int64, _ envelope.Header, raw []byte) error {
			if _ = tree.Live(offset); int(offset)+len(raw) > len(file) {
				t.Fatal("an envelope beyond the end")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
