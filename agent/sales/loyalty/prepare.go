package loyalty

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// Unknown says what goes up for a shopper who may be a member or not (loyalty.unknown_member).
type Unknown string

// The choices.
const (
	UnknownResolve Unknown = "resolve"  // ask the cloud before the first attempt
	UnknownZero    Unknown = "zero"     // "0"
	UnknownAsGiven Unknown = "as_given" // as the till gave it
)

// onWire gives a till's body as the cloud takes it (mercafacil.md 3.0, "Ids" and "Numbers"): its own bytes, but for tokens of
// another type than the contract's.
func onWire(kind agent.Kind, dialect agent.Dialect, text []byte) []byte {
	body, err := rawjson.Parse(text)
	if err != nil { // it was parsed when it came
		return text
	}
	var form mercafacil.Form
	switch kind {
	case agent.KindCoupon:
		_, form = mercafacil.ReadSale(body)
	case agent.KindCouponCancellation:
		_, form = mercafacil.ReadID(body, mercafacil.FieldCoupon)
	case agent.KindConfirm, agent.KindCancel:
		_, form = mercafacil.ReadID(body, mercafacil.FieldTransactionID)
	case agent.KindMessage:
		_, form = mercafacil.ReadSaid(body, dialect)
	}
	if !form.Mended() {
		return text
	}
	return form.Wire()
}

// Prepare gives the bytes of a first attempt: the till's own, with the cloud's id of the session, the receipt's id where
// the agent made it, and "0" for a shopper who is no member. [agent.ErrMoot] says that the cloud does not have what the job
// is about, [agent.Postponed] that the cloud must be asked first and did not answer.
func (s *Service) Prepare(ctx context.Context, job agent.Job) ([]byte, error) {
	return s.prepare(ctx, job, s.resolve)
}

// ready gives the bytes of a first attempt that can be made at once: nil when the cloud must be asked before it. The caller
// holds no session.
func (s *Service) ready(ctx context.Context, job agent.Job) []byte {
	errAsks := errors.New("the cloud must be asked")
	body, err := s.prepare(ctx, job, func(context.Context, agent.Dialect, string) (bool, error) { return false, errAsks })
	if err != nil {
		return nil
	}
	return body
}

// resolver tells whether a document is a member's.
type resolver func(ctx context.Context, dialect agent.Dialect, document string) (bool, error)

func (s *Service) prepare(ctx context.Context, job agent.Job, resolve resolver) ([]byte, error) {
	if job.Void() {
		return job.Body, nil
	}
	text := onWire(job.Kind, job.Dialect, job.Body)
	if job.Kind == agent.KindCouponCancellation {
		return text, nil
	}
	if job.Kind == agent.KindCoupon {
		var err error
		if text, err = withCoupon(job, text); err != nil {
			return nil, err
		}
	}
	var session record
	if job.Session != "" {
		var known bool
		var err error
		if session, known, err = s.peek(job.Session); err != nil {
			return nil, err
		}
		if known {
			if text, err = s.withSession(job, session, text); err != nil {
				return nil, err
			}
		}
	}
	if job.Kind != agent.KindCoupon {
		return text, nil
	}
	return s.withClient(ctx, job, session, text, resolve)
}

// withCoupon sets the receipt's id where the agent made it.
func withCoupon(job agent.Job, text []byte) ([]byte, error) {
	body, err := rawjson.Parse(text)
	if err != nil || job.Coupon == "" {
		return text, err
	}
	if field, ok := body.Get(mercafacil.FieldCoupon); ok {
		if given, isText := field.Text(); isText && given != "" {
			return text, nil
		}
	}
	return rawjson.SetMember(text, body, mercafacil.FieldCoupon, rawjson.Quote(job.Coupon)), nil
}

// withSession sets the cloud's id of the session, or removes the id of a session that the cloud never had.
func (s *Service) withSession(job agent.Job, session record, text []byte) ([]byte, error) {
	body, err := rawjson.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case session.Cloud != "":
		return swapTop(text, body, session.Cloud), nil
	case job.Kind != agent.KindCoupon:
		return nil, fmt.Errorf("%w: %s of a session that the cloud has not", agent.ErrMoot, job.Kind)
	case s.cfg.KeepOfflineID:
		return text, nil
	}
	return rawjson.RemoveMember(text, body, mercafacil.FieldTransactionID), nil
}

// withClient puts "0" in place of a document that the club does not know (R37, R38).
func (s *Service) withClient(ctx context.Context, job agent.Job, session record, text []byte, resolve resolver) ([]byte, error) {
	body, err := rawjson.Parse(text)
	if err != nil {
		return nil, err
	}
	field, _ := body.Get(mercafacil.FieldClientID)
	document, _ := field.Text()
	if document == "" || document == "0" {
		return text, nil
	}
	member, err := s.isMember(ctx, job, session, document, resolve)
	if err != nil || member {
		return text, err
	}
	return rawjson.SetMember(text, body, mercafacil.FieldClientID, []byte(`"0"`)), nil
}

// isMember tells whether a document goes up as it was given: the cloud said so in the sale's session, or not long ago, or
// says so now.
func (s *Service) isMember(ctx context.Context, job agent.Job, session record, document string, resolve resolver) (bool, error) {
	switch {
	case session.Member != nil && session.Document == document:
		return *session.Member, nil
	case s.member(document).Loyalty:
		return true, nil
	case s.cfg.UnknownMember == UnknownAsGiven:
		return true, nil
	case s.cfg.UnknownMember == UnknownZero:
		return false, nil
	}
	return resolve(ctx, job.Dialect, document)
}

const (
	// sameOutage is how long an answer about a document is valid for the other sales of one outage.
	sameOutage = 30 * time.Minute
	// maxUnresolved is how often a cloud that can be reached may fail to identify a document. Then its sales go up as they
	// were given: a receipt without the right member is better than none.
	maxUnresolved = 5
)

// resolved is the cloud's answer about a document, or how often there was none.
type resolved struct {
	member bool
	at     time.Time
	failed int
}

// resolve asks the cloud whether a document is a member's, with a start; the cancel of the session that it opens is queued.
func (s *Service) resolve(ctx context.Context, dialect agent.Dialect, document string) (bool, error) {
	s.identity.Lock()
	defer s.identity.Unlock()
	known := s.identified[document]
	if !known.at.IsZero() && s.cfg.Now().Sub(known.at) < sameOutage {
		return known.member, nil
	}
	outcome := s.cfg.Cloud.Call(ctx, agent.CallStart, dialect, mercafacil.OpeningBody(dialect, document))
	answer, err := rawjson.Parse(outcome.Body)
	opened := mercafacil.ReadOpened(answer)
	if outcome.Class == agent.ClassOK && err == nil && opened.Session != "" {
		return s.identifiedAs(ctx, dialect, document, opened)
	}
	if outcome.Class == agent.ClassOK || agent.AbsenceOf(outcome) == agent.AbsenceRefused || known.failed >= maxUnresolved {
		s.cfg.Log.Warn("member_unresolved", "class", outcome.Class, "status", outcome.Status)
		s.identified[document] = resolved{member: true, at: s.cfg.Now()} // as given
		return true, nil
	}
	if outcome.Reached && (outcome.Status == 0 || outcome.Status >= 500 || outcome.Class == agent.ClassForeign) {
		known.failed++
		s.identified[document] = known
	}
	return false, &agent.Postponed{Outcome: outcome}
}

// identifiedAs writes down the cloud's answer and the cancel of the session that the question opened.
func (s *Service) identifiedAs(ctx context.Context, dialect agent.Dialect, document string, opened mercafacil.Opened) (bool, error) {
	change := agent.Change{Jobs: []agent.Job{s.voidJob("", opened.Session, dialect)}, Puts: s.memberRecord(document, opened)}
	if _, err := s.cfg.Store.Commit(context.WithoutCancel(ctx), change); err != nil && !errors.Is(err, agent.ErrKeyTaken) {
		return false, err
	}
	answer := resolved{member: opened.Loyalty == nil || *opened.Loyalty, at: s.cfg.Now()}
	for other, old := range s.identified { // a document is not kept longer than it is needed
		if s.cfg.Now().Sub(old.at) >= sameOutage && old.failed == 0 {
			delete(s.identified, other)
		}
	}
	s.identified[document] = answer
	return answer.member, nil
}
