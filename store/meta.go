package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

var (
	metaState    = []byte("state")
	metaRecovery = []byte("recovery")
)

// meta is the store's own record, written in every commit.
type meta struct {
	Schema    int    `json:"schema"`
	NextSeq   uint64 `json:"next_seq"`
	NextEvent uint64 `json:"next_event"`
	HighWater int64  `json:"high_water"` // latest wall clock of a commit, ms
	Group     uint64 `json:"group"`      // commits of groups, to tell after a failure whether the last one is there
	Clean     bool   `json:"clean"`      // closed in order
	Whole     uint64 `json:"whole"`      // every job before it has lost its body
	Gaps      []Gap  `json:"gaps,omitempty"`
	// Counts by kind code and state code: lifetime, they never go down in sum.
	Counts [16][8]uint64 `json:"counts"`
	Gone   [16][8]uint64 `json:"gone,omitzero"` // of Counts, those that were dropped
}

// Gap is a row of numbers under which there is no job: given and lost with a damaged file, never given, or dropped.
type Gap struct {
	From    uint64 `json:"from"`
	To      uint64 `json:"to"` // inclusive
	Dropped bool   `json:"dropped,omitempty"`
}

// addGap notes numbers behind all that are noted.
func (m *meta) addGap(gap Gap) {
	if n := len(m.Gaps); n > 0 && m.Gaps[n-1].To+1 == gap.From && m.Gaps[n-1].Dropped == gap.Dropped {
		m.Gaps[n-1].To = gap.To
		return
	}
	m.Gaps = append(m.Gaps, gap)
}

// drop notes the number of a job that is dropped. It leaves the list as it was, which others may be reading.
func (m *meta) drop(seq uint64) {
	at, _ := slices.BinarySearchFunc(m.Gaps, seq, func(g Gap, seq uint64) int { return cmp.Compare(g.From, seq) })
	gaps := slices.Insert(slices.Clone(m.Gaps), at, Gap{seq, seq, true})
	m.Gaps = nil
	for _, gap := range gaps {
		m.addGap(gap)
	}
}

// dropped tells whether a job was dropped.
func (m *meta) dropped(seq uint64) bool {
	return slices.ContainsFunc(m.Gaps, func(g Gap) bool { return g.Dropped && g.From <= seq && seq <= g.To })
}

// numbers gives every number under which there is a job.
func (m *meta) numbers() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		gaps := m.Gaps
		for seq := uint64(1); seq < m.NextSeq; seq++ {
			if len(gaps) > 0 && seq == gaps[0].From {
				seq, gaps = gaps[0].To, gaps[1:]
				continue
			}
			if !yield(seq) {
				return
			}
		}
	}
}

func freshMeta() *meta { return &meta{Schema: schema, NextSeq: 1, NextEvent: 1} }

func (m *meta) counters() agent.Counters {
	c := agent.Counters{ByKind: make(map[agent.Kind]map[agent.State]uint64)}
	for _, kind := range agent.Kinds() {
		states := make(map[agent.State]uint64, len(agent.States()))
		for _, state := range agent.States() {
			states[state] = m.Counts[kind.Code()][state.Code()]
		}
		c.ByKind[kind] = states
	}
	return c
}

func (s *Store) putMeta(tx *bbolt.Tx, m *meta) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.put(tx, bucketMeta, metaState, envelope.Header{Version: uint64(m.Schema)}, payload)
}

func (s *Store) makeBuckets() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, b := range append(allBuckets(), recordBuckets()...) {
			if _, err := tx.CreateBucketIfNotExists([]byte(b.name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// loadMeta reads the store's own record. When the key that sealed it is gone, it is made anew from what the envelopes
// show without a key, and every job still to do is held.
func (s *Store) loadMeta() error {
	m := freshMeta()
	err := s.db.View(func(tx *bbolt.Tx) error {
		found, err := s.readMeta(tx)
		if err == nil {
			m = found
		}
		return err
	})
	fresh := errors.Is(err, agent.ErrNotFound)
	if fresh && s.hasJobs() {
		return fmt.Errorf("%w: there are jobs and no record of the store's own", agent.ErrDamaged)
	}
	if err != nil && !fresh && !errors.Is(err, agent.ErrKeyMissing) {
		return fmt.Errorf("%w: the store's own record: %w", agent.ErrDamaged, err)
	}
	born := s.ring.Born
	s.ring.Born = keyring.Old // a file that is opened anew after a failed commit is not another machine's
	if !fresh && (born != keyring.Old || errors.Is(err, agent.ErrKeyMissing)) {
		return s.holdAll(m, born)
	}
	m.Clean = false
	s.meta.Store(m)
	return s.db.Update(func(tx *bbolt.Tx) error { return s.putMeta(tx, m) })
}

func (s *Store) readMeta(tx *bbolt.Tx) (*meta, error) {
	_, payload, err := s.get(tx, bucketMeta, metaState)
	if err != nil {
		return nil, err
	}
	m := freshMeta()
	return m, json.Unmarshal(payload, m)
}

func (s *Store) hasJobs() bool {
	found := false
	_ = s.db.View(func(tx *bbolt.Tx) error { // it cannot fail: the file is open
		key, _ := bucketState.in(tx).Cursor().First()
		found = key != nil
		return nil
	})
	return found
}

// holdAll gives a store whose current key is new its place in the world: what was to be sent waits for a person.
func (s *Store) holdAll(m *meta, born keyring.Birth) error {
	reason := agent.ReasonKeyMissing
	if born == keyring.Cloned {
		reason = agent.ReasonCloned
	}
	former := *m
	*m = *freshMeta()
	held := 0
	err := s.db.Update(func(tx *bbolt.Tx) error {
		if last, _ := bucketEvent.in(tx).Cursor().Last(); last != nil {
			m.NextEvent = seqOf(last) + 1
		}
		if last, _ := bucketJob.in(tx).Cursor().Last(); last != nil {
			m.NextSeq = seqOf(last) + 1
		}
		if err := emptyBucket(tx, bucketReady); err != nil {
			return err
		}
		for seq := uint64(1); seq < m.NextSeq; seq++ {
			if bucketState.in(tx).Get(seqKey(seq)) == nil {
				m.addGap(Gap{seq, seq, former.dropped(seq)})
				continue
			}
			n, err := s.holdOne(tx, m, seq, reason)
			if err != nil {
				return err
			}
			held += n
		}
		return s.putMeta(tx, m)
	})
	s.meta.Store(m)
	s.cfg.Log.Warn("store_key_changed", "reason", reason, "held", held)
	return err
}

func emptyBucket(tx *bbolt.Tx, b bucket) error {
	if err := tx.DeleteBucket([]byte(b.name)); err != nil {
		return err
	}
	_, err := tx.CreateBucket([]byte(b.name))
	return err
}

func (s *Store) holdOne(tx *bbolt.Tx, m *meta, seq uint64, reason string) (int, error) {
	h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
	if err != nil {
		return 0, fmt.Errorf("state of job %d: %w", seq, err)
	}
	kind, state := untag(h.Tag)
	if state != agent.Pending {
		m.Counts[kind.Code()][state.Code()]++
		return 0, nil
	}
	m.Counts[kind.Code()][agent.Held.Code()]++
	status, err := s.status(tx, seq)
	if err != nil { // its key is gone: what is known is that it was pending, perhaps tried
		status = agent.Status{Version: h.Version, State: agent.Pending, Unanswered: true}
	}
	status.State, status.Reason, status.UpdatedAt = agent.Held, reason, s.cfg.Now().UTC()
	if err := bucketAttention.in(tx).Put(attentionKey(agent.Held, seq), nil); err != nil {
		return 0, err
	}
	return 1, s.putStatus(tx, kind, seq, status)
}

// wrapKey keeps the copy of the key for the owner of the recovery key up to date.
func (s *Store) wrapKey() error {
	if len(s.cfg.RecoveryKey) == 0 {
		return nil
	}
	wrapped, err := s.ring.Wrap(s.cfg.RecoveryKey)
	if err != nil {
		return agent.Errorf(agent.CodeBadConfig, err, "A chave pública de recuperação não serve: use uma chave RSA de pelo menos "+
			"2048 bits em formato PEM.")
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		sealed, err := envelope.Seal(nil, envelope.Header{Bucket: bucketMeta.code, Key: metaRecovery}, wrapped)
		if err != nil {
			return err
		}
		return bucketMeta.in(tx).Put(metaRecovery, sealed)
	})
}
