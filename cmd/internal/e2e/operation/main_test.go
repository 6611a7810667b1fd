// Package operation tests what support, browsers and strangers meet: guard, journal, metrics, doctor, privacy, documents.
package operation

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "operation") }
