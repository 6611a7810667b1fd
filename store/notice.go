package store

import "sync"

// notice is the one broadcast after each commit: waiting costs a receive, telling costs a close.
type notice struct {
	mu      sync.Mutex
	changed chan struct{}
}

func (n *notice) init() { n.changed = make(chan struct{}) }

func (n *notice) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

func (n *notice) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.changed)
	n.changed = make(chan struct{})
}
