package store_test

import (
	"flag"

	"pdvagent/agent/agenttest"
)

// The amounts of store.md, "How it is tested". The defaults are for go test; a night's run sets flags.
var (
	damagedFiles = flag.Int("damaged-files", agenttest.Amount(100, 30), "damaged copies of a store that are opened; on demand 10,000")
	kills        = flag.Int("kills", agenttest.Amount(80, 20), "SIGKILLs of a process with eight writers; on demand 15,000")
	casesFrom    = flag.Uint64("cases-from", 0, "another number, other power cuts and damages; .ci/night goes on with the next")
)
