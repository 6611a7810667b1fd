package agent

import "time"

// Link is how a cloud is seen by the engine that delivers to it.
type Link struct {
	Online bool
	Since  time.Time // of the present state
	Reason Class     // why not online; empty when it is a refused token or nothing
	Paused []string  // "cloud" or kinds whose route refuses everything
}

// Circuit is how a cloud is seen by those who wait for it.
type Circuit struct {
	Open   bool // live calls are answered without it
	Since  time.Time
	Reason Class // of the failure that opened it
}
