package agenttest

// Amount is how much of something a test does: plain, or raced under the race detector, where everything takes ten times as
// long. What the smaller amount leaves out, go test ./... does.
func Amount(plain, raced int) int {
	if Raced {
		return raced
	}
	return plain
}
