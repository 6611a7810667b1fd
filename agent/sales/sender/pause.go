package sender

import (
	"time"

	"pdvagent/agent"
)

// pause stops deliveries, except for a trial now and then, and ends when a trial passes. A failed trial waits for a time of
// its own, so that the next one is another job: one bad job does not prolong the pause.
type pause struct{ next time.Time }

// route is the state of the cloud's route for one kind of job.
type route struct {
	suspects map[uint64]int // by job: HTTP status that is the job's fault or the route's
	pause    *pause
}

// route gives the state of a kind's route. The caller has s.mu.
func (s *Sender) route(kind agent.Kind) *route {
	r := s.routes[kind]
	if r == nil {
		r = &route{suspects: make(map[uint64]int)}
		s.routes[kind] = r
	}
	return r
}

// link is whether the cloud answers.
type link struct {
	down      bool
	since     time.Time // of the present state
	reason    agent.Class
	failing   map[uint64]bool // jobs that failed since the last answer
	failures  int             // failed trials while down
	nextTrial time.Time
	heard     bool          // the cloud has answered since the start
	outage    *agent.Outage // the last one that ended
}

const (
	// manyFail is how many different jobs must fail in a row before the link is down: one poisoned job never stops the
	// shop. A connection that cannot be made is no job's fault and counts at once.
	manyFail = 3
	// longestTrial bounds the time between two trials of a link that is down.
	longestTrial = 30 * time.Second
	// longestAsked bounds the cloud's Retry-After: one job asks again after so long, and the others wait for its answer.
	longestAsked = 5 * time.Minute
	// oneAsked bounds how long the Retry-After for one job stops the others.
	oneAsked = time.Minute
)

// failed notes a failure that may be the link's, and tells whether the link went down. The caller has Sender.mu.
func (l *link) failed(seq uint64, class agent.Class, retryAfter time.Duration, cfg *Config) (fell bool) {
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
	case asked > 0: // the cloud asked for a wait: all jobs wait, but not long for one job's sake
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

// answered notes an answer of the cloud, and tells whether the link was down. The caller has Sender.mu.
func (l *link) answered(now time.Time) (returned bool) {
	clear(l.failing)
	l.heard = true
	if !l.down {
		return false
	}
	l.outage = &agent.Outage{From: l.since, To: now, Reason: l.reason}
	l.down, l.since, l.failures, l.nextTrial, l.reason = false, now, 0, time.Time{}, ""
	return true
}

// Link gives the state of the link and of what is paused.
func (s *Sender) Link() agent.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := agent.Link{
		Online: !s.link.down && s.auth == nil, Silent: !s.link.heard, Since: s.link.since, Reason: s.link.reason, Paused: []string{}, Outage: s.link.outage,
	}
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
