package store_test

import (
	"flag"

	"pdvagent/agent/agenttest"
)

// The amounts of store.md, "How it is tested": what CI runs is the default, what is meant for a night is given by flag.
var (
	damagedFiles = flag.Int("damaged-files", amount(300), "damaged copies of a store that are opened; on demand 10,000")
	kills        = flag.Int("kills", amount(200), "SIGKILLs of a process with eight writers; on demand 15,000")
)

func amount(perRun int) int {
	if agenttest.Raced {
		return perRun / 10
	}
	return perRun
}
