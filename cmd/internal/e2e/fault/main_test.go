// Package fault tests the whole agent under faults of every kind: of the cloud, the network, the disk and the power.
package fault

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "fault") }
