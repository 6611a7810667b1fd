package store

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"pdvagent/agent"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

var (
	metaState    = []byte("state")
	metaRecovery = []byte("recovery")
)

// meta is the store's own record. Every commit writes it.
type meta struct {
	Schema     int    `json:"schema"`
	NextSeq    uint64 `json:"next_seq"`
	NextEvent  uint64 `json:"next_event"`
	HighWater  int64  `json:"high_water"` // latest wall clock of a commit, ms
	Group      uint64 `json:"group"`      // number of the last group: tells after a failed commit whether the group is on disk
	Clean      bool   `json:"clean"`      // the store was closed in order
	BodiesFrom uint64 `json:"whole"`      // no job before it has a body
	Gaps       []Gap  `json:"gaps,omitempty"`
	// Counts is the number of jobs ever by kind code and state code; its sum never decreases.
	Counts [16][8]uint64 `json:"counts"`
	Gone   [16][8]uint64 `json:"gone,omitzero"` // dropped jobs, counted in Counts too
}

// Gap is a range of numbers without jobs: lost with a damaged file, never given, or dropped.
type Gap struct {
	From    uint64 `json:"from"`
	To      uint64 `json:"to"` // inclusive
	Dropped bool   `json:"dropped,omitempty"`
}

// addGap appends a gap, and joins it with the last one where it continues that.
func (m *meta) addGap(gap Gap) {
	if n := len(m.Gaps); n > 0 && m.Gaps[n-1].To+1 == gap.From && m.Gaps[n-1].Dropped == gap.Dropped {
		m.Gaps[n-1].To = gap.To
		return
	}
	m.Gaps = append(m.Gaps, gap)
}

// drop adds the number of a dropped job to a copy of the gaps: others may be reading the list.
func (m *meta) drop(seq uint64) {
	at, _ := slices.BinarySearchFunc(m.Gaps, seq, func(g Gap, seq uint64) int { return cmp.Compare(g.From, seq) })
	gaps := slices.Insert(slices.Clone(m.Gaps), at, Gap{seq, seq, true})
	m.Gaps = nil
	for _, gap := range gaps {
		m.addGap(gap)
	}
}

// dropped tells whether the job of a number was dropped.
func (m *meta) dropped(seq uint64) bool {
	return slices.ContainsFunc(m.Gaps, func(g Gap) bool { return g.Dropped && g.From <= seq && seq <= g.To })
}

// numbers gives every number that has a job.
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

func newMeta() *meta { return &meta{Schema: schema, NextSeq: 1, NextEvent: 1} }

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

func (s *Store) makeBuckets() error {
	return s.rawUpdate(transaction.makeBuckets)
}

// makeBuckets makes the buckets that are missing.
func (tx transaction) makeBuckets() error {
	for _, b := range append(allBuckets(), recordBuckets()...) {
		if _, err := tx.CreateBucketIfNotExists([]byte(b.name)); err != nil {
			return err
		}
	}
	return nil
}

// loadMeta reads the store's own record. When the key that sealed it is missing, the record is computed from what the
// envelopes show without a key, and every pending job is held.
func (s *Store) loadMeta() error {
	m := newMeta()
	err := s.rawView(func(tx transaction) error {
		found, err := tx.meta()
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
	s.ring.Born = keyring.Old // the file may be opened again by this process: only its first opening holds jobs
	if !fresh && (born != keyring.Old || errors.Is(err, agent.ErrKeyMissing)) {
		return s.holdAll(m, born)
	}
	m.Clean = false
	s.meta.Store(m)
	return s.rawUpdate(func(tx transaction) error { return tx.putMeta(m) })
}

func (s *Store) hasJobs() bool {
	found := false
	_ = s.rawView(func(tx transaction) error { // it cannot fail: the file is open
		key, _ := bucketState.in(tx).Cursor().First()
		found = key != nil
		return nil
	})
	return found
}

// holdAll holds every pending job of a store whose current key is new: a person decides what is sent from here.
func (s *Store) holdAll(m *meta, born keyring.Birth) error {
	reason := agent.ReasonKeyMissing
	if born == keyring.Cloned {
		reason = agent.ReasonCloned
		s.cloned = &Clone{At: s.cfg.Now().UTC(), Sign: SignMachine}
	}
	former := *m
	*m = *newMeta()
	held := 0
	err := s.rawUpdate(func(tx transaction) error {
		if last, _ := bucketEvent.in(tx).Cursor().Last(); last != nil {
			m.NextEvent = seqOf(last) + 1
		}
		if last, _ := bucketJob.in(tx).Cursor().Last(); last != nil {
			m.NextSeq = seqOf(last) + 1
		}
		if err := tx.emptyBucket(bucketReady); err != nil {
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
		return tx.putMeta(m)
	})
	s.meta.Store(m)
	if s.cloned != nil {
		s.cloned.Held = held
	}
	s.cfg.Log.Warn("store_key_changed", "reason", reason, "held", held)
	return err
}

func (tx transaction) emptyBucket(b bucket) error {
	if err := tx.DeleteBucket([]byte(b.name)); err != nil {
		return err
	}
	_, err := tx.CreateBucket([]byte(b.name))
	return err
}

// holdOne counts a job, and holds it when it is pending. It gives 1 for a job that it held.
func (s *Store) holdOne(tx transaction, m *meta, seq uint64, reason string) (int, error) {
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
	status, err := tx.status(seq)
	if err != nil { // its key is missing: it was pending, and may have been tried
		status = agent.Status{Version: h.Version, State: agent.Pending, Unanswered: true}
	}
	status.State, status.Reason, status.UpdatedAt = agent.Held, reason, s.cfg.Now().UTC()
	if err := bucketAttention.in(tx).Put(attentionKey(agent.Held, seq), nil); err != nil {
		return 0, err
	}
	return 1, tx.putStatus(kind, seq, status)
}

// wrapKey writes the copy of the current key for the owner of the recovery key.
func (s *Store) wrapKey() error {
	if len(s.cfg.RecoveryKey) == 0 {
		return nil
	}
	wrapped, err := s.ring.Wrap(s.cfg.RecoveryKey)
	if err != nil {
		return agent.Errorf(agent.CodeBadConfig, err, "A chave pública de recuperação não serve: use uma chave RSA de pelo menos "+
			"2048 bits em formato PEM.")
	}
	return s.rawUpdate(func(tx transaction) error {
		sealed, err := envelope.Seal(nil, envelope.Header{Bucket: bucketMeta.code, Key: metaRecovery}, wrapped)
		if err != nil {
			return err
		}
		return bucketMeta.in(tx).Put(metaRecovery, sealed)
	})
}
