package sale

import (
	"fmt"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/reading"
	"pdvagent/cmd/internal/e2e"
)

// apart gives the same goods in one line per unit.
func apart(lines []e2e.Line) []e2e.Line {
	var separate []e2e.Line
	for _, l := range lines {
		var n int
		if _, err := fmt.Sscan(l.Quantity, &n); err != nil || strings.Contains(l.Quantity, ".") {
			separate = append(separate, l)
			continue
		}
		total, _, _ := reading.Milli(l.Total)
		for range n {
			separate = append(separate, e2e.Line{SKU: l.SKU, Quantity: "1", Total: (total / agent.Milli(n)).String()})
		}
	}
	return separate
}

func shares(g e2e.Discounts) []string {
	var shares []string
	for _, l := range g.Agent.Lines {
		shares = append(shares, l.Share)
	}
	return shares
}
