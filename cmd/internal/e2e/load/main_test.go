// Package load tests loads, old receipts, reconciliation and routines with the whole agent, and the homologation's first stage.
package load

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "load") }
