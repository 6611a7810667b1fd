package loyalty

// gate is a mutual exclusion that is held while something is written to disk. Whoever waits for it waits on a channel: a
// shop in fake time (testing/synctest) counts that as waiting, what it does not do with a sync.Mutex.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) Lock() { g <- struct{}{} }

func (g gate) Unlock() { <-g }
