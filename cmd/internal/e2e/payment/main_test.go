// Package payment tests Pix, titles, invoices, boletos with their settlement, and orders by card, with the whole agent.
package payment

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "payment") }
