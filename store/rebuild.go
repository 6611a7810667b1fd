package store

import (
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
)

// unknownJump is the distance to the next number when the store's own record is lost: a number that a till was given is
// never given again.
const unknownJump = 1_000_000

// rebuilder writes a new database from findings.
type rebuilder struct {
	*findings
	cfg    *Config
	db     *bbolt.DB
	tx     transaction // its Tx is nil while there is none
	bytes  int         // written in tx
	former []Gap       // of the findings' meta
	all    []uint64    // numbers of which anything was found
	report Report
}

func (r *rebuilder) run() error {
	r.former, r.all = r.meta.Gaps, r.seqs()
	r.meta.Gaps = nil
	r.meta.Counts, r.meta.Clean = r.meta.Gone, false
	for _, do := range []func() error{r.begin, r.values, r.jobs, r.finish} {
		if err := do(); err != nil {
			if r.tx.Tx != nil {
				_ = r.tx.Rollback() // the first error matters
			}
			return err
		}
	}
	return nil
}

func (r *rebuilder) begin() error {
	if err := r.next(); err != nil {
		return err
	}
	return r.tx.makeBuckets()
}

// next begins a transaction.
func (r *rebuilder) next() error {
	tx, err := r.db.Begin(true)
	r.tx = transaction{tx, r.ring}
	return err
}

// wrote counts bytes, and commits the transaction when it is large enough.
func (r *rebuilder) wrote(n int) error {
	if r.bytes += n; r.bytes < compactBatch {
		return nil
	}
	r.bytes = 0
	if err := r.tx.Commit(); err != nil {
		return err
	}
	return r.next()
}

func (r *rebuilder) count(p part) {
	if p.live {
		r.report.Tree++
	} else {
		r.report.Carved++
	}
}

// copy writes an envelope as it was found.
func (r *rebuilder) copy(b bucket, key string) error {
	p := r.parts[b.code][key]
	raw, err := r.raw(p)
	if err != nil {
		return err
	}
	r.count(p)
	if err := b.in(r.tx).Put([]byte(key), raw); err != nil {
		return err
	}
	return r.wrote(len(raw))
}

// values copies wires, events and records; jobs are decided about one by one.
func (r *rebuilder) values() error {
	for _, b := range append([]bucket{bucketWire, bucketEvent}, recordBuckets()...) {
		for _, key := range r.keys(b) {
			if b == bucketWire && !r.wanted(key) {
				continue
			}
			if err := r.copy(b, key); err != nil {
				return err
			}
			if b == bucketEvent {
				r.meta.NextEvent = max(r.meta.NextEvent, seqOf([]byte(key))+1)
			}
		}
	}
	return nil
}

// wanted tells whether a wire's job has its body: a deleted body does not come back.
func (r *rebuilder) wanted(wireKey string) bool {
	if len(wireKey) != 12 {
		return false
	}
	job, there := r.parts[bucketJob.code][wireKey[:8]]
	_, kept := slices.BinarySearch(r.all, seqOf([]byte(wireKey[:8])))
	return there && kept && job.version == bodyVersion
}

func (r *rebuilder) jobs() error {
	next := uint64(1)
	for _, seq := range r.all {
		r.gap(next, seq)
		next = seq + 1
		if err := r.job(seq); err != nil {
			return fmt.Errorf("job %d: %w", seq, err)
		}
	}
	r.meta.NextSeq = max(next, r.meta.NextSeq)
	if !r.sure {
		r.meta.NextSeq += unknownJump
		r.report.Unsure = true
	}
	r.gap(next, r.meta.NextSeq)
	return nil
}

// gap notes the numbers from one up to another, which has a job, as gaps: those that were dropped as dropped, the others as
// lost.
func (r *rebuilder) gap(from, to uint64) {
	for _, gap := range r.former {
		if !gap.Dropped || gap.To < from || gap.From >= to {
			continue
		}
		if from < gap.From {
			r.meta.addGap(Gap{From: from, To: gap.From - 1})
		}
		r.meta.addGap(gap)
		from = gap.To + 1
	}
	if from < to {
		r.meta.addGap(Gap{From: from, To: to - 1})
	}
}

func (r *rebuilder) finish() error {
	for _, gap := range r.meta.Gaps {
		if !slices.Contains(r.former, gap) {
			r.report.Missing = append(r.report.Missing, gap)
		}
	}
	if err := r.tx.putMeta(r.meta); err != nil {
		return err
	}
	err := errors.Join(r.tx.Commit(), r.db.Sync())
	r.tx = transaction{}
	return err
}

// job writes one job with its state and its index entries.
func (r *rebuilder) job(seq uint64) error {
	key := string(seqKey(seq))
	kind, status, known := r.decide(seq)
	job, spooled, err := r.found(seq, kind, status)
	if errors.Is(err, agent.ErrKeyMissing) {
		return r.keyMissing(seq, kind, status)
	}
	if err != nil { // its body is lost
		r.report.Lost = append(r.report.Lost, seq)
		if !status.State.Final() {
			status.State, status.Reason = agent.Dead, agent.ReasonLost
			known = false
		}
		if err := r.tombstone(seq, job); err != nil {
			return err
		}
	} else if err := r.copy(bucketJob, key); err != nil {
		return err
	}
	status, known = r.lastWire(seq, status, known)
	if err := r.index(seq, job, spooled, status); err != nil {
		return err
	}
	return r.state(seq, job.Kind, status, known)
}
