package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
)

// bucket is one bbolt bucket and its number inside envelopes. Numbers are never given anew.
type bucket struct {
	name string
	code byte // 0: an index, which holds no envelopes and can be made anew from the others
}

var (
	bucketMeta      = bucket{"meta", 1}
	bucketJob       = bucket{"job", 2}     // seq -> what the till sent
	bucketWire      = bucket{"wire", 3}    // seq|revision -> bytes for the cloud
	bucketState     = bucket{"state", 4}   // seq -> agent.Status
	bucketReceipt   = bucket{"receipt", 6} // seq -> terminal state
	bucketEvent     = bucket{"event", 7}   // id -> agent.Event
	bucketSpool     = bucket{"spool", 8}   // file name -> seq
	bucketReady     = bucket{"ready", 0}   // not-before in ms|seq -> kind, of pending jobs
	bucketGroup     = bucket{"group", 0}   // HMAC of a group|seq; HMAC of a group|kind -> seq, for natural keys
	bucketAttention = bucket{"attention", 0}
)

// allBuckets is every bucket but the domains' own.
func allBuckets() []bucket {
	return []bucket{
		bucketMeta, bucketJob, bucketWire, bucketState, bucketReceipt, bucketEvent, bucketSpool,
		bucketReady, bucketGroup, bucketAttention,
	}
}

// The record buckets of the loyalty domain.
const (
	CounterRecords = "counter" // running numbers
	SessionRecords = "session" // by the till's transaction_id
	MemberRecords  = "member"  // by document
)

// The record buckets of what runs by the clock.
const (
	RoutineRecords = "routine" // by name
	BatchRecords   = "batch"   // of loads under way: what each says, by its natural key; and the last of each kind
)

// PaymentRecords are payments by their id, and ids by what a till asked for them with.
const PaymentRecords = "payment"

// BoletoRecords are boletos by their nosso número, and what settlement knows: see agent/settlement.
const BoletoRecords = "boleto"

// OrderRecords are card orders by their id, and ids by what a till asked for them with.
const OrderRecords = "order"

// firstRecordCode is the number of the first of them in envelopes.
const firstRecordCode = 64

// recordBuckets are the domains' own. Their places in the list are their numbers: new ones go to its end.
func recordBuckets() []bucket {
	names := []string{CounterRecords, SessionRecords, MemberRecords, RoutineRecords, BatchRecords, PaymentRecords, BoletoRecords, OrderRecords}
	list := make([]bucket, len(names))
	for i, name := range names {
		list[i] = bucket{"record." + name, byte(firstRecordCode + i)}
	}
	return list
}

// recordBucket finds a domain's own bucket.
func recordBucket(name string) (bucket, error) {
	for _, b := range recordBuckets() {
		if b.name == "record."+name {
			return b, nil
		}
	}
	return bucket{}, fmt.Errorf("there is no record bucket %q", name)
}

func (b bucket) in(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket([]byte(b.name)) }

// put seals payload and stores it under key.
func (s *Store) put(tx *bbolt.Tx, b bucket, key []byte, h envelope.Header, payload []byte) error {
	h.Bucket, h.Key = b.code, key
	sealed, err := envelope.Seal(s.ring.Current, h, payload)
	if err != nil {
		return err
	}
	return b.in(tx).Put(key, sealed)
}

// get opens the value under key and checks that it is the one that was put there.
func (s *Store) get(tx *bbolt.Tx, b bucket, key []byte) (envelope.Header, []byte, error) {
	h, payload, err := s.open(b.in(tx).Get(key))
	if err != nil {
		return h, nil, err
	}
	if h.Bucket != b.code || string(h.Key) != string(key) {
		return h, nil, fmt.Errorf("%w: %s holds another's value", agent.ErrDamaged, b.name)
	}
	return h, payload, nil
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func wireKey(seq uint64, revision int) []byte {
	return binary.BigEndian.AppendUint32(seqKey(seq), uint32(revision))
}

func readyKey(notBefore time.Time, seq uint64) []byte {
	var due uint64
	if !notBefore.IsZero() {
		due = uint64(max(notBefore.UnixMilli(), 1))
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, due), seq)
}

func attentionKey(state agent.State, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{state.Code()}, seq)
}

func groupKey(hash []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(hash[:len(hash):len(hash)], seq)
}

// uniqueKey stands beside the group's members, on the same page: a natural key costs a sale no page of its own.
func uniqueKey(hash []byte, kind agent.Kind) []byte {
	return append(hash[:len(hash):len(hash)], kind.Code())
}

// tag is what a status says without the key.
func tag(kind agent.Kind, state agent.State) byte { return kind.Code()<<3 | state.Code() }

func untag(tag byte) (agent.Kind, agent.State) { return agent.KindOf(tag >> 3), agent.StateOf(tag & 7) }
