// Package commit gathers the changes of many callers into groups, so that one sync to disk serves them all. It knows
// neither bbolt nor jobs: package store hands in what applies a group. One goroutine runs it.
package commit

import (
	"context"
	"errors"
	"time"
)

// ErrClosed is what a caller gets after the end.
var ErrClosed = errors.New("committer is closed")

// Limits of a group (store.md 3).
const (
	maxGroup = 512
	maxBytes = 4 << 20
	linger   = 200 * time.Microsecond
	// longest bounds the wait on a slow disk, where a fifth of the last commit is little against missing the next one.
	longest = 3 * time.Millisecond
)

// Request is one caller's change and, after the group is through, its result.
type Request[C, R any] struct {
	Change C
	Size   int // bytes, to bound a group
	Result R
	Err    error
	done   chan struct{}
}

// Committer runs groups one after the other.
type Committer[C, R any] struct {
	apply func([]*Request[C, R])
	queue chan *Request[C, R]
	stop  chan struct{}
	ended chan struct{}
}

// Start begins the goroutine. apply sets Result and Err of every request of its group before it returns.
func Start[C, R any](apply func([]*Request[C, R])) *Committer[C, R] {
	c := &Committer[C, R]{
		apply: apply,
		queue: make(chan *Request[C, R], maxGroup),
		stop:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	go c.run()
	return c
}

// Do puts the change into a group and returns when the group is through. ctx counts only until the change is queued: a
// durable write outlives its caller.
func (c *Committer[C, R]) Do(ctx context.Context, change C, size int) (R, error) {
	request := &Request[C, R]{Change: change, Size: size, done: make(chan struct{})}
	var none R
	select {
	case <-c.stop:
		return none, ErrClosed
	default:
	}
	select {
	case c.queue <- request:
	case <-ctx.Done():
		return none, ctx.Err()
	case <-c.stop:
		return none, ErrClosed
	}
	select {
	case <-request.done:
	case <-c.ended:
		select { // the last group may have been through before the end
		case <-request.done:
		default:
			return none, ErrClosed
		}
	}
	return request.Result, request.Err
}

// Close ends the goroutine after the group at hand. Changes still queued get [ErrClosed]: they were never acknowledged.
func (c *Committer[C, R]) Close() {
	close(c.stop)
	<-c.ended
}

func (c *Committer[C, R]) run() {
	defer close(c.ended)
	last, took := 1, time.Duration(0)
	for {
		var first *Request[C, R]
		select {
		case first = <-c.queue:
		case <-c.stop:
			return
		}
		group := c.gather(first, last, min(max(linger, took/5), longest))
		begun := time.Now()
		c.apply(group)
		last, took = len(group), time.Since(begun)
		for _, request := range group {
			close(request.done)
		}
	}
}

// gather takes what is there, and waits a moment for as many as were in the last group: whoever was answered with it is
// about to come again.
func (c *Committer[C, R]) gather(first *Request[C, R], last int, wait time.Duration) []*Request[C, R] {
	group, size := []*Request[C, R]{first}, first.Size
	var patience <-chan time.Time
	for len(group) < maxGroup && size < maxBytes {
		select {
		case next := <-c.queue:
			group, size = append(group, next), size+next.Size
			continue
		default:
		}
		if len(group) >= last {
			return group
		}
		if patience == nil {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case next := <-c.queue:
			group, size = append(group, next), size+next.Size
		case <-patience:
			return group
		case <-c.stop:
			return group
		}
	}
	return group
}
