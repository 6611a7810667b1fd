package agent

// Submission is one call of a till that ends in a job.
type Submission struct {
	Kind    Kind
	Dialect Dialect
	Body    []byte // UTF-8 JSON, as it came
}

// Receipt is what the till is told about a submission.
type Receipt struct {
	Job      string   // id; empty when nothing was kept
	Coupon   string   // set when the agent made the id
	Replayed bool     // it was all said before
	Warnings []string // Portuguese, for the person who repaired something
}
