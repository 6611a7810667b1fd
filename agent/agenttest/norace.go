//go:build !race

package agenttest

// Raced is false without the race detector.
const Raced = false
