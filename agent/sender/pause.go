package sender

import (
	"time"

	"pdvagent/agent"
)

// pause is a stop that tries one job now and then and ends by itself when one passes. A job that failed waits its own
// time, so the next trial is another one's: one bad job does not hold the pause.
type pause struct{ next time.Time }

// route is what is known of one kind's way into the cloud.
type route struct {
	suspects map[uint64]int // job -> status that may be its own fault or the route's
	pause    *pause
}

func (s *Sender) route(kind agent.Kind) *route {
	r := s.routes[kind]
	if r == nil {
		r = &route{suspects: make(map[uint64]int)}
		s.routes[kind] = r
	}
	return r
}

// link is whether the cloud answers at all.
type link struct {
	down      bool
	since     time.Time // of the present state
	reason    agent.Class
	failing   map[uint64]bool // different jobs that met trouble since the last answer
	failures  int             // trials that failed while down
	nextTrial time.Time
}

const (
	// manyFail is how many different jobs must meet trouble in a row before the link counts as down: one poisoned job
	// never stops the shop. A connection that cannot be made is never one job's fault and counts at once.
	manyFail = 3
	// longestTrial bounds the time between two trials of a link that is down: its return should be seen soon.
	longestTrial = 30 * time.Second
	// longestAsked bounds what a cloud may ask for with Retry-After.
	longestAsked = time.Hour
	// oneAsked bounds for how long ONE job's Retry-After stops the others.
	oneAsked = time.Minute
)

// trouble notes a failure that may be the link's. It is called with the lock held.
func (l *link) trouble(seq uint64, class agent.Class, retryAfter time.Duration, cfg *Config) (fell bool) {
	now := cfg.Now()
	if l.failing == nil {
		l.failing = make(map[uint64]bool)
	}
	l.failing[seq] = true
	many := len(l.failing) >= manyFail
	asked := min(retryAfter, longestAsked)
	if !many {
		asked = min(asked, oneAsked)
	}
	switch {
	case l.down || class == agent.ClassUnreachable || many:
		fell = !l.down
		l.fall(now, class)
		l.failures++
		l.nextTrial = now.Add(max(backoff(cfg.RetryMin, min(cfg.RetryMax, longestTrial), l.failures), asked))
	case asked > 0: // one job was told to wait: the others do too, but no longer than a moment
		fell = true
		l.fall(now, class)
		l.nextTrial = now.Add(asked)
	}
	return fell
}

func (l *link) fall(now time.Time, class agent.Class) {
	if !l.down {
		l.down, l.since, l.failures = true, now, 0
	}
	l.reason = class
}

// answered notes that the cloud answered, and tells whether it had been away.
func (l *link) answered(now time.Time) (returned bool) {
	clear(l.failing)
	if !l.down {
		return false
	}
	l.down, l.since, l.failures, l.nextTrial, l.reason = false, now, 0, time.Time{}, ""
	return true
}

// Link gives how the cloud is seen now.
func (s *Sender) Link() agent.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := agent.Link{Online: !s.link.down && s.auth == nil, Since: s.link.since, Reason: s.link.reason, Paused: []string{}}
	if s.auth != nil {
		state.Paused = append(state.Paused, "cloud")
	}
	for _, kind := range agent.Kinds() {
		if r := s.routes[kind]; r != nil && r.pause != nil {
			state.Paused = append(state.Paused, string(kind))
		}
	}
	return state
}
