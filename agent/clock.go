package agent

import "time"

// Clock is how far the machine's wall clock can be trusted.
type Clock struct {
	Suspect bool          // it went back, or jumped against the time that passed
	Since   time.Time     // of the suspicion, by that same clock
	Off     time.Duration // by how much: negative when it is behind
}
