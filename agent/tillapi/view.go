package tillapi

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
)

// jobView is a job as people and tills see it, without any body.
type jobView struct {
	ID         string         `json:"id"`
	Kind       agent.Kind     `json:"kind"`
	Dialect    agent.Dialect  `json:"dialect,omitempty"`
	State      agent.State    `json:"state"`
	Reason     string         `json:"reason,omitempty"`
	Session    string         `json:"transaction_id,omitempty"`
	Coupon     string         `json:"coupon,omitempty"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
	Attempts   int            `json:"attempts"`
	Unanswered bool           `json:"unanswered,omitempty"` // an attempt had no answer: the cloud may have it
	NotBefore  *time.Time     `json:"not_before,omitempty"`
	Revision   int            `json:"revision,omitempty"`
	Failure    *agent.Failure `json:"last_error,omitempty"`
	Answer     *answerView    `json:"last_answer,omitempty"`
}

type answerView struct {
	Status int             `json:"status"`
	At     time.Time       `json:"at"`
	Body   json.RawMessage `json:"body,omitempty"` // masked; left out where it is not JSON
}

func view(job agent.Job) jobView {
	v := jobView{
		ID: job.ID(), Kind: job.Kind, Dialect: job.Dialect, State: job.Status.State, Reason: job.Status.Reason,
		Session: job.Session, Coupon: job.Coupon, CreatedAt: job.CreatedAt, UpdatedAt: job.Status.UpdatedAt,
		Attempts: job.Status.Attempts, Unanswered: job.Status.Unanswered, Revision: job.Status.Revision,
		Failure: job.Status.Failure,
	}
	if job.Status.State == agent.Pending && !job.Status.NotBefore.IsZero() {
		v.NotBefore = &job.Status.NotBefore
	}
	if answer := job.Status.Answer; answer != nil {
		v.Answer = &answerView{Status: answer.Status, At: answer.At}
		if body, err := rawjson.Parse(answer.Body); err == nil {
			v.Answer.Body = mask.Answer(answer.Status, answer.Body, body)
		}
	}
	return v
}

func views(jobs []agent.Job) []jobView {
	list := make([]jobView, 0, len(jobs))
	for _, job := range jobs {
		list = append(list, view(job))
	}
	return list
}

func sortBySeq(jobs []agent.Job) {
	slices.SortFunc(jobs, func(a, b agent.Job) int { return cmp.Compare(a.Seq, b.Seq) })
}
