package agent

// Gate is a mutual exclusion that is held while something is written to disk. Whoever waits for it waits on a channel: a
// shop in fake time (testing/synctest) counts that as waiting, what it does not do with a sync.Mutex.
type Gate chan struct{}

// NewGate makes one that is open.
func NewGate() Gate { return make(Gate, 1) }

// Lock waits for one's turn.
func (g Gate) Lock() { g <- struct{}{} }

// Unlock lets the next one in.
func (g Gate) Unlock() { <-g }
