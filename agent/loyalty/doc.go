// Package loyalty is what the till's loyalty calls mean: which of them say the same, which contradict what was said
// before, what a sale must be, and which jobs follow from it. It writes each decision as one change, so that a till's
// 2xx always stands on disk first. It knows no HTTP and no bbolt; the queue is drained by package sender, which asks
// Prepare here for the bytes of a first attempt.
package loyalty
