// Package console tests the console's page in a real browser, over a whole agent: every page, in both colours, by keyboard.
package console

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "console") }
