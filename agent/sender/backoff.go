package sender

import (
	"math/rand/v2"
	"time"
)

// backoff is full jitter: a random time up to the ceiling that doubles with every failure from first to last. The first
// tenth is left out, so that nothing is tried again at once.
func backoff(first, last time.Duration, failures int) time.Duration {
	ceiling := first
	for range min(failures-1, 30) {
		if ceiling >= last {
			break
		}
		ceiling *= 2
	}
	ceiling = min(ceiling, last)
	return ceiling/10 + jitter(ceiling-ceiling/10)
}

// jitter is a random time up to limit.
func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit) //nolint:gosec // spreading load is no secret
}
