// Package contingency tests what a till gets while the cloud is silent, slow, wrong or away, and what happens afterwards.
package contingency

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "contingency") }
