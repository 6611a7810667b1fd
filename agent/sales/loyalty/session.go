package loyalty

import (
	"fmt"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// record is one loyalty session as the store keeps it. ID is the till's, for the session's whole life; Cloud is the cloud's
// present id, empty while the cloud has no such session.
type record struct {
	ID        string        `json:"id"`
	Cloud     string        `json:"cloud,omitempty"`
	Dialect   agent.Dialect `json:"dialect"`
	Stage     agent.Stage   `json:"stage"`
	Absence   agent.Absence `json:"absence,omitempty"` // why the cloud does not have it, or why the last apply brought nothing
	CreatedAt time.Time     `json:"created_at"`
	TouchedAt time.Time     `json:"touched_at"`
	Round     int           `json:"round,omitempty"` // how often a till's basket opened it again after its cancel

	Document string `json:"document,omitempty"` // as the till gave it
	Member   *bool  `json:"member,omitempty"`   // as the cloud said; nil: it did not say
	Given    bool   `json:"given,omitempty"`    // the last apply was answered by the cloud

	openState // dropped when the session is closed
}

// openState is what only an open session needs, and for AbandonAfter a cancelled one, which a basket may open again.
type openState struct {
	Opening []byte          `json:"opening,omitempty"` // the till's start, to begin anew
	Cart    []byte          `json:"cart,omitempty"`    // the body with the basket: apply in v2, pre-apply in v2.2
	CartUp  bool            `json:"cart_up,omitempty"` // v2.2: the cloud has that basket
	Asked   bool            `json:"asked,omitempty"`   // the cloud was asked for that basket's discounts: it may have given them
	Applied []byte          `json:"applied,omitempty"` // the cloud's discounts for that basket, as the till got them
	Prompt  *prompt         `json:"prompt,omitempty"`  // the question on the till's screen
	Answers []shopperAnswer `json:"answers,omitempty"` // in order
	Script  *scriptAnswer   `json:"script,omitempty"`  // v2
}

// prompt is a question on the till's screen.
type prompt struct {
	Tags  []string `json:"tags,omitempty"`
	Input bool     `json:"input,omitempty"`
	Text  []byte   `json:"text"` // canonical form: the same question is the same text
}

// shopperAnswer is a question and the till's body that answered it.
type shopperAnswer struct {
	Question []byte `json:"question"`
	Body     []byte `json:"body"`
}

// scriptAnswer is the one answer to the script of a v2 start, and the reply to it.
type scriptAnswer struct {
	Print agent.Fingerprint `json:"print"`
	Reply []byte            `json:"reply"`
}

// known tells whether the session was begun here.
func (r *record) known() bool { return r.ID != "" }

// opened notes the cloud's answer to a start.
func (r *record) opened(body []byte, dialect agent.Dialect, opening mercafacil.Opening, opened mercafacil.Opened) {
	r.Cloud, r.Dialect, r.Stage, r.Absence = opened.Session, dialect, agent.StageOpen, ""
	r.identified(opening.Document, body)
	r.Member, r.Prompt = opened.Loyalty, shownPrompt(opened.Prompt)
}

// identified notes whom the session is for. Discounts that were given to somebody else are not the answer to the next
// apply.
func (r *record) identified(document string, opening []byte) {
	if r.Document != document {
		r.Applied, r.Given = nil, false
	}
	r.Document, r.Opening = document, opening
}

func shownPrompt(p mercafacil.Prompt) *prompt {
	if !p.Shown {
		return nil
	}
	return &prompt{Tags: p.Tags, Input: p.Input, Text: p.Text}
}

// maxAnswers bounds how much of a dialogue that does not end is kept.
const maxAnswers = 50

// answered notes the answer to the question on the screen.
func (r *record) answered(body []byte) {
	var question []byte
	if r.Prompt != nil {
		question = r.Prompt.Text
	}
	r.Answers = append(r.Answers, shopperAnswer{question, body})
	r.Answers = r.Answers[max(0, len(r.Answers)-maxAnswers):]
}

// refuses gives the refusal of a tag that the question on the screen does not offer.
func (r *record) refuses(tag string, dialect agent.Dialect) error {
	offered := mercafacil.Prompt{}
	if r.Prompt != nil {
		offered = mercafacil.Prompt{Shown: true, Tags: r.Prompt.Tags, Input: r.Prompt.Input}
	}
	if offered.Takes(tag) {
		return nil
	}
	profile, _ := mercafacil.ProfileOf(dialect)
	detail := "Nenhuma resposta é esperada nesta transação agora."
	if len(offered.Tags) > 0 {
		detail = fmt.Sprintf("Esta resposta não foi oferecida; as oferecidas são: %s.", strings.Join(offered.Tags, ", "))
	}
	return invalid([]agent.Fault{{Field: profile.Tag, Code: "not_offered", Detail: detail}})
}

// view is the session without personal data.
func (r record) view() agent.Session {
	return agent.Session{
		ID: r.ID, Stage: r.Stage, Live: r.Cloud != "", Absence: r.Absence, Applied: r.Given, Dialect: r.Dialect,
		CreatedAt: r.CreatedAt, TouchedAt: r.TouchedAt,
	}
}

// Session tells what is known of a session by the till's transaction_id; false when nothing is.
func (s *Service) Session(id string) (agent.Session, bool, error) {
	r, known, err := s.peek(id)
	return r.view(), known, err
}

// Downward gives what the cloud answered about a session as the till must read it: with the till's own id.
func (s *Service) Downward(id string, text []byte) []byte {
	r, known, err := s.peek(id)
	answer, malformed := rawjson.Parse(text)
	if err != nil || malformed != nil || !known || r.Cloud == "" {
		return text
	}
	return mercafacil.SwapID(text, answer, r.Cloud, r.ID)
}

// peek reads a session's record.
func (s *Service) peek(id string) (record, bool, error) {
	held, err := s.hold(id)
	if err != nil {
		return record{}, false, err
	}
	defer held.release()
	return held.record, held.known(), nil
}

// voidJob is the job by which a session of the cloud is taken back.
func (s *Service) voidJob(session, cloudID string, dialect agent.Dialect) agent.Job {
	job := s.cancelJob(session, cloudID, 0, dialect)
	job.Unique = agent.VoidKey(cloudID)
	return job
}
