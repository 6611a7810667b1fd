// Package sale tests the sale's way through the whole agent: sessions, messages, offers, coupons, in both dialects.
package sale

import (
	"testing"

	"pdvagent/cmd/internal/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m, "sale") }
