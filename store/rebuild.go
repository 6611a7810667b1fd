package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/salvage"
)

// unknownJump is by how much the numbers jump when the store's own record is lost with everything around it: a number
// given to a till is never given again.
const unknownJump = 1_000_000

// part is the best envelope of one entry that was found.
type part struct {
	file    int
	offset  int64
	size    int
	tag     byte
	version uint64
	live    bool // of the newest commit of the file at hand; anything else may be of an earlier time
}

// better tells whether p speaks of a later time than q.
func (p part) better(q part) bool {
	if p.live != q.live {
		return p.live
	}
	return p.version > q.version
}

// wreck is what was found in a damaged file and in older copies of it.
type wreck struct {
	*Store
	files []*salvage.File
	parts map[byte]map[string]part // by bucket code, by bucket key
	meta  *meta
	sure  bool // meta is of the newest commit
}

// newWreck searches the files; the first one is the file at hand, where there is one.
func (s *Store) newWreck(paths []string, atHand bool) (*wreck, error) {
	w := &wreck{Store: s, parts: make(map[byte]map[string]part), meta: freshMeta()}
	for i, path := range paths {
		file, err := salvage.Open(path)
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.files = append(w.files, file)
		if err := w.search(i, atHand && i == 0); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

func (w *wreck) close() error {
	var err error
	for _, file := range w.files {
		err = errors.Join(err, file.Close())
	}
	return err
}

// search notes the best envelope of every entry of one file.
func (w *wreck) search(index int, newest bool) error {
	file := w.files[index]
	tree, err := file.Walk(nil)
	if err != nil && !errors.Is(err, salvage.ErrNoTree) {
		return err
	}
	return file.Search(func(offset int64, h envelope.Header, raw []byte) error {
		_, payload, err := envelope.Open(raw, w.ring.Key)
		if err != nil && !errors.Is(err, envelope.ErrUnknownKey) {
			return nil //nolint:nilerr // what does not authenticate is not ours, whatever its checksum says
		}
		inTree := tree.Live(offset)
		if h.Bucket == bucketMeta.code {
			return w.noteMeta(h, payload, newest && inTree)
		}
		if passing := h.Bucket == bucketEvent.code || h.Bucket >= firstRecordCode; passing && tree.Judges() && !inTree {
			return nil // dropped in its time, or a former value
		}
		if w.parts[h.Bucket] == nil {
			w.parts[h.Bucket] = make(map[string]part)
		}
		found := part{index, offset, len(raw), h.Tag, h.Version, newest && inTree}
		if known, there := w.parts[h.Bucket][string(h.Key)]; !there || found.better(known) {
			w.parts[h.Bucket][string(h.Key)] = found
		}
		return nil
	})
}

// noteMeta keeps the store's own record of the latest commit.
func (w *wreck) noteMeta(h envelope.Header, payload []byte, live bool) error {
	if string(h.Key) != string(metaState) || payload == nil {
		return nil
	}
	found := freshMeta()
	if err := json.Unmarshal(payload, found); err != nil || w.sure {
		return nil //nolint:nilerr // another program's bytes
	}
	if live || found.Group >= w.meta.Group {
		w.meta, w.sure = found, live
	}
	return nil
}

// raw gives an envelope as it was found.
func (w *wreck) raw(p part) ([]byte, error) { return w.files[p.file].ReadAt(p.offset, p.size) }

func (w *wreck) payload(p part) (envelope.Header, []byte, error) {
	raw, err := w.raw(p)
	if err != nil {
		return envelope.Header{}, nil, err
	}
	return w.open(raw)
}

// keys gives the keys of a bucket in their order.
func (w *wreck) keys(b bucket) []string {
	keys := make([]string, 0, len(w.parts[b.code]))
	for key := range w.parts[b.code] {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}

// seqs gives the numbers of all jobs of which anything was found, in their order.
func (w *wreck) seqs() []uint64 {
	known := make(map[uint64]bool)
	for _, b := range []bucket{bucketJob, bucketState, bucketReceipt} {
		for key := range w.parts[b.code] {
			if len(key) == 8 {
				known[seqOf([]byte(key))] = true
			}
		}
	}
	maps.DeleteFunc(known, func(seq uint64, _ bool) bool { return w.meta.dropped(seq) }) // pages that were given up may still have some of it
	seqs := make([]uint64, 0, len(known))
	for seq := range known {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return seqs
}

// rebuilder writes a new database from a wreck.
type rebuilder struct {
	*wreck
	db     *bbolt.DB
	tx     *bbolt.Tx
	bytes  int      // in tx
	former []Gap    // known before
	all    []uint64 // numbers of which anything was found
	report Report
}

func (r *rebuilder) run() error {
	r.former, r.all = r.meta.Gaps, r.seqs()
	r.meta.Gaps = nil
	r.meta.Counts, r.meta.Clean = r.meta.Gone, false
	for _, do := range []func() error{r.begin, r.values, r.jobs, r.finish} {
		if err := do(); err != nil {
			if r.tx != nil {
				_ = r.tx.Rollback() // the failure is what matters
			}
			return err
		}
	}
	return nil
}

func (r *rebuilder) begin() error {
	var err error
	if r.tx, err = r.db.Begin(true); err != nil {
		return err
	}
	for _, b := range append(allBuckets(), recordBuckets()...) {
		if _, err := r.tx.CreateBucketIfNotExists([]byte(b.name)); err != nil {
			return err
		}
	}
	return nil
}

// wrote closes the transaction when it is large enough.
func (r *rebuilder) wrote(n int) error {
	if r.bytes += n; r.bytes < compactBatch {
		return nil
	}
	r.bytes = 0
	if err := r.tx.Commit(); err != nil {
		return err
	}
	var err error
	r.tx, err = r.db.Begin(true)
	return err
}

func (r *rebuilder) count(p part) {
	if p.live {
		r.report.Tree++
	} else {
		r.report.Carved++
	}
}

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

// values copies what stands for itself.
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

// wanted tells whether a wire's job still has its body: of one that has lost it nothing comes back.
func (r *rebuilder) wanted(wireKey string) bool {
	if len(wireKey) != 12 {
		return false
	}
	job, there := r.parts[bucketJob.code][wireKey[:8]]
	_, kept := slices.BinarySearch(r.all, seqOf([]byte(wireKey[:8])))
	return there && kept && job.version == wholeVersion
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

// gap notes numbers of which nothing was found, from the first of them to before the next that is there, and among them those
// that were dropped.
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
	if err := r.putMeta(r.tx, r.meta); err != nil {
		return err
	}
	err := errors.Join(r.tx.Commit(), r.db.Sync())
	r.tx = nil
	return err
}

// job writes one job with its state and everything that leads to it.
func (r *rebuilder) job(seq uint64) error {
	key := string(seqKey(seq))
	kind, status, known := r.fate(seq)
	job, spooled, err := r.found(seq, kind)
	if errors.Is(err, agent.ErrKeyMissing) {
		return r.locked(seq, kind, status)
	}
	if err != nil { // its body is gone
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
	if err := r.index(seq, job, spooled, status); err != nil {
		return err
	}
	return r.state(seq, job.Kind, status, known)
}
