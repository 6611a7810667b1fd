package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/salvage"
)

// SetSchema makes the closed store in cfg.Dir look as if another version had written it.
func SetSchema(t *testing.T, cfg Config, schema int) {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.committer.Close()
	m := *s.meta.Load()
	m.Schema = schema
	if err := s.rawUpdate(func(tx transaction) error { return tx.putMeta(&m) }); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.unlockDir()
}

// Migrate brings an open store from this program's schema to the next one, by a step that exists only in the test.
func (s *Store) Migrate(t *testing.T, step func() error) error {
	t.Helper()
	s.mu.Lock()
	steps[schema] = func(*bbolt.Tx) error { return step() }
	s.mu.Unlock()
	defer delete(steps, schema)
	return s.migrate(schema + 1)
}

// Schema is the schema in the file.
func (s *Store) Schema() (int, error) { return s.schemaOf() }

// PageOf is the offset of the page with a job's value, in bytes.
func (s *Store) PageOf(t *testing.T, seq uint64) int64 {
	t.Helper()
	file, err := salvage.Open(filepath.Join(s.cfg.Dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := file.Walk(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(-1)
	err = file.Search(func(offset int64, h envelope.Header, _ []byte) error {
		if h.Bucket == bucketJob.code && h.Sequence == seq && tree.Live(offset) {
			at = offset / 4096 * 4096
		}
		return nil
	})
	if err := errors.Join(err, file.Close()); err != nil || at < 0 {
		t.Fatalf("job %d is at %d: %v", seq, at, err)
	}
	return at
}

// LastTime is later than anything the store has written.
func (s *Store) LastTime() time.Time { return time.Now().Add(time.Hour) }

// BreakNextCommit closes the file under the committer: the next commit fails as it would on a dying disk.
func (s *Store) BreakNextCommit(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// FlipBit damages one stored value of a bucket, as a disk would: the file is changed in place.
func (s *Store) FlipBit(t *testing.T, bucketName string, seq uint64) {
	t.Helper()
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucketName))
		value := append([]byte(nil), b.Get(seqKey(seq))...)
		value[len(value)/2] ^= 1
		return b.Put(seqKey(seq), value)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Jump is the clock's judgement of a step: no test can set the machine's clock.
var Jump = jump

// Sealed gives a value as it is in the file.
func (s *Store) Sealed(t *testing.T, bucketName string, seq uint64) []byte {
	t.Helper()
	var value []byte
	if err := s.view(func(tx transaction) error {
		_, value = tx.Bucket([]byte(bucketName)).Cursor().Seek(seqKey(seq))
		value = append([]byte(nil), value...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return value
}

// Frozen stops the monotonic clock.
func (s *Store) Frozen() { s.clock.passed = func(time.Time, time.Time) time.Duration { return 0 } }

// LoseWrite puts an earlier value back, like a disk that lost a write which it had acknowledged.
func (s *Store) LoseWrite(t *testing.T, bucketName string, seq uint64, value []byte) {
	t.Helper()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketName)).Put(seqKey(seq), value) }); err != nil {
		t.Fatal(err)
	}
}

// SameEntries checks a copy.
var SameEntries = sameEntries

// HoldForEver begins a write transaction that never ends, like one that a torn page has stopped. After the test the file is
// closed, so that its folder can be removed.
func (s *Store) HoldForEver(t *testing.T) {
	t.Helper()
	db := s.db
	tx, err := db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Errorf("close the file: %v", err)
		}
	})
}

// LoseWire damages the bytes of a revision, in every place where they still are.
func (s *Store) LoseWire(t *testing.T, seq uint64, revision int) {
	t.Helper()
	var value []byte
	if err := s.look(func(tx transaction) error {
		value = append(value, bucketWire.in(tx).Get(wireKey(seq, revision))...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.cfg.Dir, fileName)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to, err := os.OpenFile(path, os.O_RDWR, 0)
	for at := bytes.Index(file, value); at >= 0 && err == nil; at = bytes.Index(file, value) {
		file[at+len(value)/2] ^= 1
		_, err = to.WriteAt(file[at+len(value)/2:at+len(value)/2+1], int64(at+len(value)/2))
	}
	if err := errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
}

// Dir is the data folder.
func (s *Store) Dir() string { return s.cfg.Dir }

// Repair is what follows a commit that failed.
func (s *Store) Repair(cause error) error { return s.repair(cause) }

// RemoveSpooled removes a large body's file, as the end of its job does.
func (s *Store) RemoveSpooled(name string) { s.spool.remove([]string{name}) }

// ReleaseBallast gives up the reserved space.
func (s *Store) ReleaseBallast() bool { return s.room.release() }

// StateOf gives the envelope of a job's state, as it lies in a closed file.
func StateOf(t *testing.T, path string, seq uint64) []byte {
	t.Helper()
	file, err := salvage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []byte
	err = file.Search(func(_ int64, h envelope.Header, raw []byte) error {
		if h.Bucket == bucketState.code && bytes.Equal(h.Key, seqKey(seq)) {
			found = bytes.Clone(raw)
		}
		return nil
	})
	if err := errors.Join(err, file.Close()); err != nil || found == nil {
		t.Fatalf("no state of %d: %v", seq, err)
	}
	return found
}
