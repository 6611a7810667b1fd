package traffic

import "pdvagent/agent"

// Line is an exchange as it is written.
func (j *Journal) Line(x agent.Exchange) ([]byte, error) {
	return j.encode(handed{x, len(x.Request), len(x.Response)}, 0)
}
