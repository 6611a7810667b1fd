package loyalty

import "sync"

// busy counts the tills that wait for the cloud.
type busy struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closes when n is zero again
}

// enter counts one more. Call the result when that till waits no more.
func (b *busy) enter() (leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n++; b.n == 1 {
		b.idle = make(chan struct{})
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.n--; b.n == 0 {
			close(b.idle)
		}
	}
}

// wait gives a channel that closes when none waits; nil when none does.
func (b *busy) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == 0 {
		return nil
	}
	return b.idle
}
