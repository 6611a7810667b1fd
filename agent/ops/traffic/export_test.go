package traffic

import "pdvagent/agent"

// Line returns the line of an exchange.
func (j *Journal) Line(x agent.Exchange) ([]byte, error) {
	return j.encode(entry{x, len(x.Request), len(x.Response)}, 0)
}
