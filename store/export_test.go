package store

import (
	"testing"
	"time"

	"go.etcd.io/bbolt"
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

// SameEntries is the check of a copy.
var SameEntries = sameEntries
