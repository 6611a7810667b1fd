package agent

import "time"

// Clock is the judgement of the machine's wall clock.
type Clock struct {
	Suspect bool          // it went back, or jumped against the monotonic clock
	Since   time.Time     // of the suspicion, by that same clock
	Off     time.Duration // by how much: negative when it is behind
}
