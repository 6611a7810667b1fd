// Package storetest opens real stores for tests and checks every invariant when the test ends. Tests alone import it.
package storetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store"
)

// Open opens a store in a folder of the test's own. When the test ends the store is checked as a whole and closed.
func Open(t testing.TB) *store.Store { return OpenIn(t, store.Config{Dir: Dir(t)}) }

// Dir is t.TempDir for tests that also run as Windows programs under wine, where os.RemoveAll does not work.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "storetest-") //nolint:usetesting // t.TempDir uses os.RemoveAll
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := osfile.RemoveTree(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

// OpenIn is [Open] with a configuration, for a second opening of the same folder or a clock of the test's own.
func OpenIn(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() { Close(t, s) })
	return s
}

// Close checks and closes the store; a second time it does nothing.
func Close(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Check(); err != nil && !errors.Is(err, agent.ErrStoreClosed) {
		t.Errorf("the store is not sound: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
}

// FlipBit changes one bit of the value of a number in a bucket, or of the key under which an index has it, in the file of a
// store that is closed.
func FlipBit(t testing.TB, dir, bucketName string, seq uint64) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "pdvagent.db"), 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	number := binary.BigEndian.AppendUint64(nil, seq)
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucketName))
		cursor := b.Cursor()
		for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
			if !bytes.HasSuffix(key, number) {
				continue
			}
			key, value = bytes.Clone(key), bytes.Clone(value)
			if len(value) > 8 {
				value[len(value)/2] ^= 1
				return b.Put(key, value)
			}
			changed := bytes.Clone(key)
			changed[len(changed)-2] ^= 1
			return errors.Join(b.Delete(key), b.Put(changed, value))
		}
		return fmt.Errorf("%s has no number %d", bucketName, seq)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
