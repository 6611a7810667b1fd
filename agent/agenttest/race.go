//go:build race

package agenttest

// Raced is true under the race detector, where everything takes ten times as long: amounts are smaller there.
const Raced = true
