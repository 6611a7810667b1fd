// Package commit gathers the changes of many callers into groups, so that one sync to disk serves a whole group. One
// goroutine runs it. It knows neither bbolt nor jobs: package store, its only caller, hands in the function that applies a
// group.
package commit

import (
	"context"
	"errors"
	"time"
)

// ErrClosed is the error of a change that came after [Committer.Close] or was still queued then.
var ErrClosed = errors.New("committer is closed")

// Limits of a group (store.md 3).
const (
	maxGroup = 512
	maxBytes = 4 << 20
	linger   = 200 * time.Microsecond
	// maxLinger bounds the wait on a slow disk: a fifth of the last commit's time is less than missing the next one.
	maxLinger = 3 * time.Millisecond
)

// Request is one caller's change and, when its group is done, the result.
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

// Do puts the change into a group and returns when the group is done. ctx bounds only the wait for a place in the queue: a
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
		select { // the last group may be done
		case <-request.done:
		default:
			return none, ErrClosed
		}
	}
	return request.Result, request.Err
}

// Close ends the goroutine after the present group. Changes still queued get [ErrClosed].
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
		group := c.gather(first, last, min(max(linger, took/5), maxLinger))
		begun := time.Now()
		c.apply(group)
		last, took = len(group), time.Since(begun)
		for _, request := range group {
			close(request.done)
		}
	}
}

// gather takes the queued changes, and waits a moment for as many as the last group had: its callers are about to commit
// again.
func (c *Committer[C, R]) gather(first *Request[C, R], last int, wait time.Duration) []*Request[C, R] {
	group, size := []*Request[C, R]{first}, first.Size
	var timeout <-chan time.Time
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
		if timeout == nil {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case next := <-c.queue:
			group, size = append(group, next), size+next.Size
		case <-timeout:
			return group
		case <-c.stop:
			return group
		}
	}
	return group
}
