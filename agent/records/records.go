// Package records is a typed view of a record bucket of the store: it reads the value of a key, reads a whole bucket page
// by page, and makes the puts that write a value back under the version that was read (compare-and-set). It encodes values
// as JSON, or as they encode themselves.
//
// It keeps no state, decides nothing about a value, and does not retry: what a changed version means, which values ask for
// a person and which are old enough to drop is for the domains to say. They call it: checkout, settlement, cardorder,
// loyalty and catalog. It calls the store through [Store].
package records

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"

	"pdvagent/agent"
)

// Store is what a table needs of the store. Record refuses with [agent.ErrNotFound], Commit with [agent.ErrVersion].
type Store interface {
	Commit(ctx context.Context, change agent.Change) (agent.Committed, error)
	Record(bucket, key string) (value []byte, version uint64, err error)
	Records(bucket string, after []byte, limit int) (values []agent.Value, next []byte, err error)
}

// Table is the values of type T in a bucket. It is ready for use with Store and Bucket set, and safe for concurrent use.
// A bucket may hold values of several types, each under keys of its own: then it has a table for each of them, and
// [Table.Each] gives the rows of all.
//
// A T that is an [encoding.BinaryMarshaler] (its pointer an [encoding.BinaryUnmarshaler]) encodes itself, any other is JSON.
type Table[T any] struct {
	Store  Store
	Bucket string // one of the store's record buckets
	Page   int    // values in memory at a time while all are read, default 256
}

const defaultPage = 256

// Row is one value of a table as it was read.
type Row[T any] struct {
	Raw     []byte // as stored
	Version uint64 // 0 where there is no value
	at      agent.Record
}

// Get reads the value of a key. A key without a value gives the zero T, a row that is not [Row.Known], and no error. With
// [agent.ErrKeyMissing] the row still has its version.
func (t Table[T]) Get(key string) (value T, row Row[T], err error) {
	if row, err = t.Row(key); err == nil {
		value, err = row.Value()
	}
	return value, row, err
}

// Row is [Table.Get] without decoding the value.
func (t Table[T]) Row(key string) (Row[T], error) {
	raw, version, err := t.Store.Record(t.Bucket, key)
	if errors.Is(err, agent.ErrNotFound) {
		raw, version, err = nil, 0, nil
	}
	return Row[T]{Raw: raw, Version: version, at: agent.Record{Bucket: t.Bucket, Key: key}}, err
}

// Each hands every row of the bucket to do, in no particular order, until do gives an error, which it returns. No
// transaction is open while do runs, so it may write; a value that is written meanwhile may come or not.
func (t Table[T]) Each(do func(Row[T]) error) error {
	page := t.Page
	if page == 0 {
		page = defaultPage
	}
	for after := []byte(nil); ; {
		values, next, err := t.Store.Records(t.Bucket, after, page)
		if err != nil {
			return err
		}
		for _, value := range values {
			if err := do(Row[T]{Raw: value.Data, Version: value.Version, at: agent.Record{Bucket: t.Bucket, Ref: value.Ref}}); err != nil {
				return err
			}
		}
		if after = next; next == nil {
			return nil
		}
	}
}

// Put makes the put of a value. Its commit is refused with [agent.ErrVersion] unless the value on disk has that version:
// 0 where there must be none, [agent.AnyVersion] for whatever is there.
func (t Table[T]) Put(key string, value T, version uint64) (agent.Record, error) {
	return put(agent.Record{Bucket: t.Bucket, Key: key}, value, version)
}

// Delete makes the put that removes a value, under the same rule as [Table.Put].
func (t Table[T]) Delete(key string, version uint64) agent.Record {
	return agent.Record{Bucket: t.Bucket, Key: key, IfVersion: version}
}

// Write commits puts, of this table or of others, all or none.
func (t Table[T]) Write(ctx context.Context, puts ...agent.Record) error {
	_, err := t.Store.Commit(ctx, agent.Change{Puts: puts})
	return err
}

// Known tells whether there is a value.
func (r Row[T]) Known() bool { return r.Version > 0 }

// Value decodes the row; the zero T where there is no value.
func (r Row[T]) Value() (value T, err error) {
	if !r.Known() {
		return value, nil
	}
	if self, ok := any(&value).(encoding.BinaryUnmarshaler); ok {
		err = self.UnmarshalBinary(r.Raw)
		return value, err
	}
	err = json.Unmarshal(r.Raw, &value)
	return value, err
}

// Put makes the put of a value in the row's place, unless the row changes before the commit.
func (r Row[T]) Put(value T) (agent.Record, error) { return put(r.at, value, r.Version) }

// Delete makes the put that removes the row, unless it changes before the commit.
func (r Row[T]) Delete() agent.Record {
	gone := r.at
	gone.IfVersion = r.Version
	return gone
}

func put(at agent.Record, value any, version uint64) (agent.Record, error) {
	encode := func() ([]byte, error) { return json.Marshal(value) }
	if self, ok := value.(encoding.BinaryMarshaler); ok {
		encode = self.MarshalBinary
	}
	raw, err := encode()
	at.Value, at.IfVersion = raw, version
	return at, err
}
