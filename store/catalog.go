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

// catalogName is the file of the records that the cloud last accepted of each load (store.md 8). A million keys in the
// sales' file would slow every sale. It may be lost: then every record is sent again.
const catalogName = "catalog.db"

// maxCatalog bounds the file, in bytes. A million products take 80 MB.
const maxCatalog = 512 << 20

// catalogCode is the bucket number of its values in envelopes.
const catalogCode = 0x43

// Catalog is that file, open for one run. Each accepted batch is one value, in the order of acceptance, so that a batch
// costs one page and not one page per record. The latest entry of a record counts.
type Catalog struct {
	db   *bbolt.DB
	ring *keyring.Ring
}

// OpenCatalog opens the file; verify reads all of it first. A file that cannot be read is deleted, and a new one made.
func (s *Store) OpenCatalog(verify bool) (*Catalog, error) {
	path := filepath.Join(s.cfg.Dir, catalogName)
	c, err := s.openCatalog(path, verify)
	if err == nil || errors.Is(err, bbolterrors.ErrTimeout) || errors.Is(err, fs.ErrPermission) || diskFull(err) { // not damaged
		return c, err
	}
	s.cfg.Log.Warn("catalog_begun_anew", "error", err)
	if err := osfile.Remove(path); err != nil {
		return nil, err
	}
	return s.openCatalog(path, verify)
}

// CatalogSize is the length of the catalog's file and its limit, in bytes.
func (s *Store) CatalogSize() (used, limit int64) {
	if info, err := os.Stat(filepath.Join(s.cfg.Dir, catalogName)); err == nil {
		used = info.Size()
	}
	return used, maxCatalog
}

func (s *Store) openCatalog(path string, verify bool) (*Catalog, error) {
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
	if err == nil && verify {
		err = c.readAll()
	}
	if err != nil && c.db != nil {
		return nil, errors.Join(err, guarded(c.db.Close))
	}
	return c, err
}

// readAll reads every value once.
func (c *Catalog) readAll() error {
	for _, kind := range agent.Loads() {
		if err := c.Each(kind, func(agent.LoadEntry) {}); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file.
func (c *Catalog) Close() error { return guarded(c.db.Close) }

// Append adds the records of a batch that the cloud accepted.
func (c *Catalog) Append(kind agent.Kind, entries []agent.LoadEntry) error {
	return guarded(func() error {
		err := c.db.Update(func(tx *bbolt.Tx) error { return c.append(tx.Bucket([]byte(kind)), entries) })
		_ = c.db.View(giveBack) // they stay in memory
		return err
	})
}

// chunk bounds the entries of one value.
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

// fewMapped is how many values are read before their pages are given back: some megabytes. Read once, all of them would be a
// hundred.
const fewMapped = 32

// Each calls do with every entry, in the order of acceptance. The latest entry of a key counts.
func (c *Catalog) Each(kind agent.Kind, do func(agent.LoadEntry)) error {
	return guarded(func() error {
		return c.db.View(func(tx *bbolt.Tx) error {
			cursor := tx.Bucket([]byte(kind)).Cursor()
			n := 0
			for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
				if n%fewMapped == 0 {
					_ = giveBack(tx) // they stay in memory
				}
				n++
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

// Rewrite keeps only the entries for which live is true: the latest of each key.
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

// Digest is a keyed hash of a text, for [agent.LoadEntry]. Each space has hashes of its own.
func (s *Store) Digest(space, text string) uint64 {
	return binary.BigEndian.Uint64(s.ring.Hash(space, text))
}
