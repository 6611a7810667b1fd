package sender

import (
	"math/rand/v2"
	"time"
)

// backoff gives a random time between a tenth of a ceiling and the ceiling, which doubles with every failure from first up to
// last (full jitter, but never at once).
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
