package store

import (
	"errors"
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
	if err := s.db.Update(func(tx *bbolt.Tx) error { return s.putMeta(tx, &m) }); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.letGo()
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

// Schema is what the file says of itself.
func (s *Store) Schema() (int, error) { return s.schemaOf() }

// PageOf is where the page lies on which a job's value is, in bytes from the beginning of the file.
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

// Jump is the clock's judgement of a step, which no test can make a real clock do.
var Jump = jump

// Sealed is a value as it stands in the file: what a search of its bytes would find.
func (s *Store) Sealed(t *testing.T, bucketName string, seq uint64) []byte {
	t.Helper()
	var value []byte
	if err := s.view(func(tx *bbolt.Tx) error {
		_, value = tx.Bucket([]byte(bucketName)).Cursor().Seek(seqKey(seq))
		value = append([]byte(nil), value...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return value
}

// Frozen makes the store believe that no time passes, whatever the wall clock says.
func (s *Store) Frozen() { s.clock.passed = func(time.Time, time.Time) time.Duration { return 0 } }

// LoseWrite puts an earlier value back in its place, as a disk does that has not done a write it had acknowledged.
func (s *Store) LoseWrite(t *testing.T, bucketName string, seq uint64, value []byte) {
	t.Helper()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketName)).Put(seqKey(seq), value) }); err != nil {
		t.Fatal(err)
	}
}

// SameEntries is the check of a copy.
var SameEntries = sameEntries

// HoldForEver begins a write transaction that never ends, as one does that a torn page has stopped in its middle. Only after
// the test is the file let go of, that its folder can be removed.
func (s *Store) HoldForEver(t *testing.T) {
	t.Helper()
	db := s.db
	tx, err := db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Errorf("let go of the file: %v", err)
		}
	})
}

// Mend is what follows a commit that failed.
func (s *Store) Mend(cause error) error { return s.mend(cause) }
