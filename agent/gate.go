package agent

// Gate is a mutex that may be locked while something is written to disk. Its waiters wait on a channel, which testing/synctest
// counts as blocked; it does not so for a sync.Mutex.
type Gate chan struct{}

// NewGate makes an unlocked gate.
func NewGate() Gate { return make(Gate, 1) }

// Lock waits until the gate is unlocked, and locks it.
func (g Gate) Lock() { g <- struct{}{} }

// Unlock unlocks the gate.
func (g Gate) Unlock() { <-g }
