package store

import (
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
)

// bucket is one bbolt bucket and its number in envelopes. A number is never used for another bucket.
type bucket struct {
	name string
	code byte // 0: an index, without envelopes, which can be computed from the other buckets
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

// allBuckets lists every bucket except the record buckets.
func allBuckets() []bucket {
	return []bucket{
		bucketMeta, bucketJob, bucketWire, bucketState, bucketReceipt, bucketEvent, bucketSpool,
		bucketReady, bucketGroup, bucketAttention,
	}
}

// The record buckets of loyalty.
const (
	CounterRecords = "counter" // running numbers
	SessionRecords = "session" // by the till's transaction_id
	MemberRecords  = "member"  // by document
)

// The record buckets of the routines and the loads.
const (
	RoutineRecords = "routine" // by name
	BatchRecords   = "batch"   // batches of loads under way, by natural key; and the last one of each kind
)

// PaymentRecords is the bucket of payments by id, and of their ids by the till's idempotency key.
const PaymentRecords = "payment"

// BoletoRecords is the bucket of boletos by nosso número, and of settlement's other records (package settlement).
const BoletoRecords = "boleto"

// OrderRecords is the bucket of card orders by id, and of their ids by the till's idempotency key.
const OrderRecords = "order"

// UnreadRecords is the bucket of bodies that could not be read, by the hash of their content.
const UnreadRecords = "unread"

// AuditRecords is the bucket of what people did, by its place in the trail (package audit).
const AuditRecords = "audit"

// firstRecordCode is the number of the first record bucket in envelopes.
const firstRecordCode = 64

// recordBuckets lists the record buckets. Their places give their numbers: a new one goes to the end.
func recordBuckets() []bucket {
	names := []string{CounterRecords, SessionRecords, MemberRecords, RoutineRecords, BatchRecords, PaymentRecords, BoletoRecords, OrderRecords, UnreadRecords, AuditRecords}
	list := make([]bucket, len(names))
	for i, name := range names {
		list[i] = bucket{"record." + name, byte(firstRecordCode + i)}
	}
	return list
}

// recordBucket finds a record bucket by its name.
func recordBucket(name string) (bucket, error) {
	for _, b := range recordBuckets() {
		if b.name == "record."+name {
			return b, nil
		}
	}
	return bucket{}, fmt.Errorf("there is no record bucket %q", name)
}

func (b bucket) in(tx transaction) *bbolt.Bucket { return tx.Bucket([]byte(b.name)) }

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

// uniqueKey is beside the group's members, mostly on the same page: a natural key costs a sale no further page.
func uniqueKey(hash []byte, kind agent.Kind) []byte {
	return append(hash[:len(hash):len(hash)], kind.Code())
}

// tag is what an envelope shows of a job without the key: its kind and state.
func tag(kind agent.Kind, state agent.State) byte { return kind.Code()<<3 | state.Code() }

func untag(tag byte) (agent.Kind, agent.State) { return agent.KindOf(tag >> 3), agent.StateOf(tag & 7) }
