package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// catalogName is the file of what the cloud last accepted of each load (store.md 8). It stands beside the sales' file
// because a million keys would make that one slow, and it is disposable: without it everything is sent once more.
const catalogName = "catalog.db"

// maxCatalog bounds the file, in bytes: a million products take 80 MB.
const maxCatalog = 512 << 20

// catalogCode is the number of its values in envelopes.
const catalogCode = 0x43

// Catalog is that file, open for a run. Each batch that was accepted is one value, in the order of acceptance: the later
// one counts. So a batch costs one page and not one page per record.
type Catalog struct {
	db   *bbolt.DB
	ring *keyring.Ring
}

// OpenCatalog opens the file; whole reads all of it first. One that cannot be read is removed, and begun anew.
func (s *Store) OpenCatalog(whole bool) (*Catalog, error) {
	path := filepath.Join(s.cfg.Dir, catalogName)
	c, err := s.openCatalog(path, whole)
	if err == nil || errors.Is(err, bbolterrors.ErrTimeout) || errors.Is(err, fs.ErrPermission) || diskFull(err) { // no damage
		return c, err
	}
	s.cfg.Log.Warn("catalog_begun_anew", "error", err)
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return s.openCatalog(path, whole)
}

// CatalogSize is the length of the catalog's file and how large it may become.
func (s *Store) CatalogSize() (used, limit int64) {
	if info, err := os.Stat(filepath.Join(s.cfg.Dir, catalogName)); err == nil {
		used = info.Size()
	}
	return used, maxCatalog
}

func (s *Store) openCatalog(path string, whole bool) (*Catalog, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		file, err := osfile.CreatePrivate(path)
		if err != nil {
			return nil, err
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
	c := &Catalog{ring: s.ring}
	err := guarded(func() error {
		db, err := openBolt(path, maxCatalog)
		if err != nil {
			return err
		}
		c.db = db
		return db.Update(func(tx *bbolt.Tx) error {
			for _, kind := range agent.Loads() {
				if _, err := tx.CreateBucketIfNotExists([]byte(kind)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil && whole {
		err = c.sound()
	}
	if err != nil && c.db != nil {
		return nil, errors.Join(err, guarded(c.db.Close))
	}
	return c, err
}

// sound reads everything once.
func (c *Catalog) sound() error {
	for _, kind := range agent.Loads() {
		if err := c.Each(kind, func(agent.LoadEntry) {}); err != nil {
			return err
		}
	}
	return nil
}

// Close lets go of the file.
func (c *Catalog) Close() error { return guarded(c.db.Close) }

// Append notes what a batch said that the cloud accepted.
func (c *Catalog) Append(kind agent.Kind, entries []agent.LoadEntry) error {
	return guarded(func() error {
		return c.db.Update(func(tx *bbolt.Tx) error { return c.append(tx.Bucket([]byte(kind)), entries) })
	})
}

// chunk is how many entries stand in one value.
const chunk = 4096

func (c *Catalog) append(b *bbolt.Bucket, entries []agent.LoadEntry) error {
	for part := range slices.Chunk(entries, chunk) {
		if err := c.put(b, part); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) put(b *bbolt.Bucket, entries []agent.LoadEntry) error {
	number, err := b.NextSequence()
	if err != nil {
		return err
	}
	key := seqKey(number)
	sealed, err := envelope.Seal(c.ring.Current, envelope.Header{Bucket: catalogCode, Key: key, Sequence: number}, agent.PackEntries(entries))
	if err != nil {
		return err
	}
	return b.Put(key, sealed)
}

// Each hands in every entry in the order of acceptance; a later one of the same key counts.
func (c *Catalog) Each(kind agent.Kind, do func(agent.LoadEntry)) error {
	return guarded(func() error {
		return c.db.View(func(tx *bbolt.Tx) error {
			cursor := tx.Bucket([]byte(kind)).Cursor()
			for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
				h, payload, err := envelope.Open(value, c.ring.Key)
				if err != nil || h.Bucket != catalogCode || string(h.Key) != string(key) {
					return fmt.Errorf("%w: batch %x of %s: %w", agent.ErrDamaged, key, kind, err)
				}
				entries, err := agent.UnpackEntries(payload)
				if err != nil {
					return err
				}
				for _, entry := range entries {
					do(entry)
				}
			}
			return nil
		})
	})
}

// Rewrite keeps only what live says is still so: the newest of each key.
func (c *Catalog) Rewrite(kind agent.Kind, live func(agent.LoadEntry) bool) error {
	var keep []agent.LoadEntry
	if err := c.Each(kind, func(entry agent.LoadEntry) {
		if live(entry) {
			keep = append(keep, entry)
		}
	}); err != nil {
		return err
	}
	return guarded(func() error {
		return c.db.Update(func(tx *bbolt.Tx) error {
			if err := tx.DeleteBucket([]byte(kind)); err != nil {
				return err
			}
			b, err := tx.CreateBucket([]byte(kind))
			if err != nil {
				return err
			}
			return c.append(b, keep)
		})
	})
}

// Digest is a keyed hash of a text, for [agent.LoadEntry].
func (s *Store) Digest(space, text string) uint64 {
	return binary.BigEndian.Uint64(s.ring.Hash(space, text))
}
