package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// jobView is a job without its body. A damaged one has perhaps no kind and no times.
type jobView struct {
	ID         string         `json:"id"`
	Kind       agent.Kind     `json:"kind,omitempty"`
	Dialect    agent.Dialect  `json:"dialect,omitempty"`
	State      agent.State    `json:"state"`
	Reason     string         `json:"reason,omitempty"`
	Session    string         `json:"transaction_id,omitempty"`
	Coupon     string         `json:"coupon,omitempty"`
	CreatedAt  time.Time      `json:"created_at,omitzero"`
	UpdatedAt  time.Time      `json:"updated_at,omitzero"`
	Attempts   int            `json:"attempts"`
	Unanswered bool           `json:"unanswered,omitempty"` // an attempt got no answer: the cloud may have the job
	NotBefore  *time.Time     `json:"not_before,omitempty"`
	Revision   int            `json:"revision,omitempty"`
	Notes      []noteView     `json:"notes,omitempty"` // of a receipt
	Failure    *agent.Failure `json:"last_error,omitempty"`
	Answer     *answerView    `json:"last_answer,omitempty"`
}

type answerView struct {
	Status int             `json:"status"`
	At     time.Time       `json:"at"`
	Body   json.RawMessage `json:"body,omitempty"` // masked; only JSON
}

// noteView is a note in words.
type noteView struct {
	agent.Note
	Detail string `json:"detail"`
}

func noteViews(notes []agent.Note) []noteView {
	list := make([]noteView, 0, len(notes))
	for _, note := range notes {
		list = append(list, noteView{note, note.Code.Detail()})
	}
	return list
}

// remark writes notes into the journal's line of the request.
func remark(r *http.Request, notes []agent.Note) {
	for _, note := range notes {
		web.Remark(r, note.Code.Detail())
	}
}

// view makes the view of a job.
func view(job agent.Job) jobView {
	v := jobView{
		ID: job.ID(), Kind: job.Kind, Dialect: job.Dialect, State: job.Status.State, Reason: mask.Text(job.Status.Reason),
		Session: mask.ID(job.Session), Coupon: mask.ID(job.Coupon), CreatedAt: job.CreatedAt, UpdatedAt: job.Status.UpdatedAt,
		Attempts: job.Status.Attempts, Unanswered: job.Status.Unanswered, Revision: job.Status.Revision,
		Notes: noteViews(job.Notes),
	}
	if st := job.Status; st.State == agent.Pending || st.State == agent.Held || (st.State == agent.Dead && st.Reason != agent.ReasonLost) {
		v.Failure = st.Failure // of one that ended otherwise it would be a trouble that is over
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
