package loyalty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/mercafacil"
)

// maxHeld bounds the invalid sales that are held. More are refused and not kept.
const maxHeld = 1000

func fingerprint(body rawjson.Value) agent.Fingerprint { return sha256.Sum256(body.Canonical()) }

// contentGroup is the natural key of a sale that has no id of its own, and of a held one: its content.
func contentGroup(space string, f agent.Fingerprint) string {
	return space + ":" + hex.EncodeToString(f[:])
}

// sale accepts a receipt. An invalid one is held and refused with all its faults. A valid one supersedes the held ones with
// its id.
func (c *call) sale(ctx context.Context) (agent.Receipt, error) {
	sale, form := mercafacil.ReadSale(c.body)
	faults, notes := validate(sale, form, c.local())
	job := c.newJob()
	if c.mended {
		notes = agent.AddNote(notes, agent.NoteMended, "")
	}
	job.Notes = notes
	job.Session, job.Coupon, job.Moment, job.Net = sale.Session, sale.Coupon, moment(sale), sale.Net
	if len(faults) > 0 {
		return c.holdInvalid(ctx, job, faults)
	}
	receipt, err := c.rightSale(ctx, job, sale)
	if err == nil && !receipt.Replayed {
		c.noted.add(sale.Till, sale.Date, notes, job.CreatedAt)
	}
	return receipt, err
}

// rightSale accepts a valid receipt.
func (c *call) rightSale(ctx context.Context, job agent.Job, sale agent.Sale) (agent.Receipt, error) {
	if sale.Coupon == "" {
		return c.saleWithoutID(ctx, job, sale)
	}
	job.Unique = agent.CouponGroup(sale.Coupon)
	if receipt, done, err := c.replay(ctx, job); done || err != nil {
		return receipt, err
	}
	relatives, err := c.cfg.Store.Group(agent.CouponGroup(sale.Coupon))
	if err != nil {
		return agent.Receipt{}, err
	}
	if made, ok := givenID(relatives, job.Unique); ok {
		return c.sameAsGiven(ctx, job, made)
	}
	change := agent.Change{Jobs: []agent.Job{job}}
	for _, other := range relatives {
		if other.Kind == agent.KindCoupon && other.Status.State == agent.Held && other.Status.Reason == agent.ReasonInvalid {
			change.Moves = append(change.Moves, settle(other, agent.Discarded, agent.ReasonSuperseded))
		}
	}
	return c.commit(ctx, change, c.ready(ctx, job))
}

// givenID finds the sale that came without an id and was given this one: its natural key is its content.
func givenID(relatives []agent.Job, group string) (agent.Job, bool) {
	i := slices.IndexFunc(relatives, func(other agent.Job) bool {
		return other.Kind == agent.KindCoupon && accepted(other) && other.Unique != group
	})
	if i < 0 {
		return agent.Job{}, false
	}
	return relatives[i], true
}

// accepted tells whether a job was accepted and has not been taken back since.
func accepted(job agent.Job) bool {
	return job.Status.State == agent.Pending || job.Status.State == agent.Sent || job.Status.State == agent.Dead
}

// sameAsGiven answers a till that repeats a sale with the id that it was given. A sale that differs in nothing else is the
// same sale.
func (c *call) sameAsGiven(ctx context.Context, job, made agent.Job) (agent.Receipt, error) {
	stored, err := c.cfg.Store.Job(made.Seq)
	if err != nil {
		return agent.Receipt{}, err
	}
	text, err := c.Prepare(ctx, stored)
	if err != nil {
		return agent.Receipt{}, err
	}
	if body, err := rawjson.Parse(text); err == nil && fingerprint(body) == job.Fingerprint {
		return agent.Receipt{Job: made.ID(), Coupon: made.Coupon, Replayed: true, Notes: made.Notes}, nil
	}
	return c.holdConflict(ctx, job, otherContent)
}

// moment names till, second and total: two receipts that share it are probably one.
func moment(sale agent.Sale) string {
	return strings.Join([]string{sale.Till, sale.Date, sale.Time, sale.Total.String()}, "|")
}

// holdInvalid holds an invalid sale, once per content, and refuses it.
func (c *call) holdInvalid(ctx context.Context, job agent.Job, faults []agent.Fault) (agent.Receipt, error) {
	refusal := invalid(faults)
	job.Unique = contentGroup("held", job.Fingerprint)
	job.Session, job.Coupon = bounded(job.Session), bounded(job.Coupon)
	first, err := c.cfg.Store.Unique(job.Kind, job.Unique)
	switch {
	case err == nil:
		return agent.Receipt{Job: first.ID(), Replayed: true}, refusal
	case !errors.Is(err, agent.ErrNotFound):
		return agent.Receipt{}, err
	case c.cfg.Store.Counters().Total(agent.Held) >= maxHeld:
		c.cfg.Log.Warn("held_sales_full", "limit", maxHeld)
		return agent.Receipt{}, refusal
	}
	job.Status.State, job.Status.Reason = agent.Held, agent.ReasonInvalid
	receipt, err := c.commit(ctx, agent.Change{Jobs: []agent.Job{job}}, nil)
	if err != nil {
		return receipt, err
	}
	c.cfg.Log.Warn("sale_held", "job", receipt.Job, "faults", len(faults), "first", faults[0].Field+" "+faults[0].Code)
	return receipt, refusal
}

// bounded drops an id that is too long: the fault itself names no group.
func bounded(id string) string {
	if len(id) > mercafacil.MaxID {
		return ""
	}
	return id
}

// saleWithoutID gives the receipt an id. The same content again is the same sale, so the id is made once.
func (c *call) saleWithoutID(ctx context.Context, job agent.Job, sale agent.Sale) (agent.Receipt, error) {
	job.Unique = contentGroup("sale", job.Fingerprint)
	c.numbers.Lock()
	defer c.numbers.Unlock()
	first, err := c.cfg.Store.Unique(job.Kind, job.Unique)
	if err == nil {
		return agent.Receipt{Job: first.ID(), Coupon: first.Coupon, Replayed: true, Notes: first.Notes}, nil
	}
	if !errors.Is(err, agent.ErrNotFound) {
		return agent.Receipt{}, err
	}
	change := agent.Change{Jobs: []agent.Job{job}}
	if c.cfg.UUIDCoupons {
		change.Jobs[0].Coupon = c.cfg.NewUUID()
	} else {
		record, number, err := c.nextNumber()
		if err != nil {
			return agent.Receipt{}, err
		}
		change.Puts = []agent.Record{record}
		change.Jobs[0].Coupon = c.compose(sale, number)
	}
	receipt, err := c.commit(ctx, change, c.ready(ctx, change.Jobs[0]))
	receipt.Coupon = change.Jobs[0].Coupon
	return receipt, err
}

// numberKey is the record key of the running number of receipts without id.
const numberKey = "coupon"

func (s *Service) nextNumber() (agent.Record, uint64, error) {
	number, row, err := s.numberTable.Get(numberKey)
	if err != nil {
		return agent.Record{}, 0, fmt.Errorf("running number of receipts: %w", err)
	}
	number++
	put, err := row.Put(number)
	return put, number, err
}

// compose is the vendor's LOJA+DATA+HORA+OPERADOR+PDV+ID_CUPOM (R40), with our running number at its end. The till's
// own codes count where the receipt has them.
func (s *Service) compose(sale agent.Sale, number uint64) string {
	till := sale.Till
	if till == "" {
		till = s.cfg.Till
	}
	id := strings.Join([]string{
		s.cfg.Shop, strings.ReplaceAll(sale.Date, "-", ""), strings.ReplaceAll(sale.Time, ":", ""),
		sale.Operator, till, fmt.Sprintf("%09d", number),
	}, "-")
	if len(id) > mercafacil.MaxID { // the till's codes are too long
		return s.cfg.NewUUID()
	}
	return id
}

// cancelSale accepts the cancellation of a receipt. When the receipt was never tried both are annulled, its unsent confirm
// too, and the session is cancelled.
func (c *call) cancelSale(ctx context.Context) (agent.Receipt, error) {
	id, form := mercafacil.ReadID(c.body, mercafacil.FieldCoupon)
	if len(form.Faults) > 0 {
		return agent.Receipt{}, invalid(form.Faults)
	}
	job := c.newJob()
	job.Coupon, job.Unique = id, agent.CouponGroup(id)
	if receipt, done, err := c.replay(ctx, job); done || err != nil {
		return receipt, err
	}
	relatives, err := c.atRest(ctx, agent.CouponGroup(id))
	if err != nil {
		return agent.Receipt{}, err
	}
	change := agent.Change{Jobs: []agent.Job{job}}
	sale, ok := neverTried(relatives)
	if !ok {
		return c.commit(ctx, change, c.ready(ctx, job))
	}
	change.Jobs[0].Status.State, change.Jobs[0].Status.Reason = agent.Annulled, agent.ReasonCancelled
	change.Moves = append(change.Moves, settle(sale, agent.Annulled, agent.ReasonCancelled))
	if sale.Session == "" {
		return c.commit(ctx, change, nil)
	}
	held, err := c.hold(sale.Session)
	if err != nil {
		return agent.Receipt{}, err
	}
	defer held.release()
	undone, err := c.undoSession(ctx, held, &change, sale)
	if err != nil || !undone || !held.known() {
		if err != nil {
			return agent.Receipt{}, err
		}
		return c.commit(ctx, change, nil)
	}
	held.Stage = agent.StageCancelled
	committed, err := held.save(ctx, change)
	if err != nil {
		return agent.Receipt{}, err
	}
	return agent.Receipt{Job: agent.Job{Seq: committed.Seqs[0]}.ID()}, nil
}

// firstAttemptWait is how long a cancellation waits for the end of a first attempt: a refused connection is no attempt.
const firstAttemptWait = 300 * time.Millisecond

// atRest gives the jobs of a group when none of them is in its first attempt, at the latest after firstAttemptWait.
func (c *call) atRest(ctx context.Context, group string) ([]agent.Job, error) {
	timer := time.NewTimer(firstAttemptWait)
	defer timer.Stop()
	for {
		changed := c.cfg.Store.Changed()
		jobs, err := c.cfg.Store.Group(group)
		if err != nil || !slices.ContainsFunc(jobs, inFirstAttempt) {
			return jobs, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return jobs, nil
		case <-ctx.Done():
			return jobs, nil
		}
	}
}

// inFirstAttempt tells that the first request is under way, or was at a power cut.
func inFirstAttempt(job agent.Job) bool {
	st := job.Status
	return st.State == agent.Pending && st.Attempts == 1 && st.Unanswered && st.Failure == nil
}

// neverTried finds the sale that a cancellation annuls because it was never sent: the accepted one, or a held one when the
// id has no other job.
func neverTried(relatives []agent.Job) (agent.Job, bool) {
	var held agent.Job
	for _, other := range relatives {
		st := other.Status
		switch {
		case other.Kind != agent.KindCoupon || st.State == agent.Discarded:
		case st.State == agent.Held:
			if st.Reason == agent.ReasonInvalid {
				held = other
			}
		default:
			return other, st.State == agent.Pending && !st.Attempted()
		}
	}
	return held, held.Seq != 0
}

// undoSession annuls the session's unsent confirm and queues a cancel of the session, unless the cloud may know of the
// confirm (a confirmed session is never cancelled, mercafacil.md 3.6), the till cancelled it already, or another sale refers
// to it. It tells whether the session is undone.
func (c *call) undoSession(ctx context.Context, held *heldSession, change *agent.Change, sale agent.Job) (bool, error) {
	relatives, err := c.atRest(ctx, agent.SessionGroup(sale.Session))
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(relatives, func(other agent.Job) bool {
		return other.Kind == agent.KindCoupon && other.Seq != sale.Seq && accepted(other)
	}) {
		return false, nil
	}
	dialect := sale.Dialect
	for _, other := range relatives {
		switch {
		case other.Kind == agent.KindCancel && !other.Void() && other.Status.State != agent.Held && other.Unique == agent.EndKey(sale.Session, held.Round):
			return false, nil
		case other.Kind != agent.KindConfirm || other.Status.Reason == agent.ReasonConflict:
			continue
		case other.Status.Attempted() || other.Status.State == agent.Sent:
			return false, nil
		case other.Status.State == agent.Pending || other.Status.State == agent.Held:
			change.Moves = append(change.Moves, settle(other, agent.Annulled, agent.ReasonCancelled))
		}
		dialect = other.Dialect
	}
	if held.known() && held.Cloud == "" {
		return true, nil // nothing in the cloud to cancel
	}
	if held.known() {
		dialect = held.Dialect
	}
	change.Jobs = append(change.Jobs, c.cancelJob(sale.Session, sale.Session, held.Round, dialect))
	return true, nil
}
