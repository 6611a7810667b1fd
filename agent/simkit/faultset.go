package simkit

import (
	"slices"
	"sync"
	"time"
)

// FaultConfig is what a simulator's faults are.
type FaultConfig struct {
	Dialect

	Routes []string // that a fault may name
	Kinds  []string // in the order in which a refusal lists them; default [CommonKinds]

	// Distortions are the kinds of this simulator alone: what each does to the fields of a success.
	Distortions map[string]func(fields map[string]any)

	Vary  func(settings []byte) error // refuses what a [Vary] must not have as its settings; wanted with that kind
	Leave func(d time.Duration)       // takes the cloud off the network for a while; nil: [Gone] is refused

	// ListRemaining has [FaultSet.Faults] give in Times how often a fault is still played, instead of how often in all.
	ListRemaining bool
}

// FaultSet is the faults that are on. It is safe for concurrent use.
type FaultSet struct {
	cfg FaultConfig

	mu sync.Mutex
	on []active
}

// active is a fault that is on.
type active struct {
	Fault
	remaining int // plays; meaningless where Times is 0
}

// NewFaultSet makes an empty set.
func NewFaultSet(cfg FaultConfig) *FaultSet {
	if cfg.Kinds == nil {
		cfg.Kinds = CommonKinds()
	}
	return &FaultSet{cfg: cfg}
}

// Add switches a fault on; the first that fits a request is played. [Gone] takes the cloud away at once and is not kept.
func (s *FaultSet) Add(f Fault) error {
	if err := s.cfg.check(f); err != nil {
		return err
	}
	if f.Fault == Gone {
		s.cfg.Leave(time.Duration(f.Seconds) * time.Second)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = append(s.on, active{f, f.Times})
	return nil
}

// Faults gives those that are on, in the order in which they were switched on.
func (s *FaultSet) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, len(s.on))
	for i, f := range s.on {
		list[i] = f.Fault
		if s.cfg.ListRemaining && f.Times > 0 {
			list[i].Times = f.remaining
		}
	}
	return list
}

// Heal switches every fault off.
func (s *FaultSet) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = nil
}

// Play gives the fault that a request of a route meets, and counts it; nil where it meets none.
func (s *FaultSet) Play(route string) *Play {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.on, func(f active) bool { return f.Route == "*" || f.Route == route })
	if i < 0 {
		return nil
	}
	f := s.on[i].Fault
	if s.on[i].remaining--; s.on[i].remaining == 0 {
		s.on = slices.Delete(s.on, i, i+1)
	}
	return &Play{Fault: f, cfg: &s.cfg}
}
