package homologation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/mercafacil/homologation"
)

// Scene is what surrounds the till: the cloud with its offers and members, and the line to it.
type Scene interface {
	Prepare(ctx context.Context, item homologation.Item) error // has ready what the item needs; [Missing]: it is not there
	Away(ctx context.Context) error                            // begins an outage, which ends by itself
	Back(ctx context.Context) error                            // ends it, and waits until the agent has noticed
	Settle(ctx context.Context) error                          // waits until nothing is left to send
}

// Missing is what [Scene.Prepare] says of an item whose offers or members are not there, in Portuguese: it stays open.
type Missing string

func (m Missing) Error() string { return string(m) }

// Config is what a [Runner] needs.
type Config struct {
	Plan  *homologation.Plan
	Book  *Book
	Scene Scene
	Till  *Till
	Cloud Cloud // for probes
	Facts homologation.Facts
	Now   func() time.Time // default time.Now

	// Cancel every coupon that was sent, once its item is judged.
	Cancel bool

	// Show gets each item that was done, with all that passed. Optional.
	Show func(item homologation.Item, found homologation.Finding, exchanges []agent.Exchange)
}

// Runner does the items of a plan, one after the other.
type Runner struct {
	cfg    Config
	prober *prober
}

// NewRunner checks the configuration.
func NewRunner(cfg Config) (*Runner, error) {
	if cfg.Plan == nil || cfg.Book == nil || cfg.Scene == nil || cfg.Till == nil || cfg.Cloud == nil {
		return nil, errors.New("homologation.Config wants Plan, Book, Scene, Till and Cloud")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Till.number = cfg.Book.Number
	if cfg.Cancel {
		cfg.Till.Before = func(coupon string) error {
			cfg.Book.Void, cfg.Book.Number = append(cfg.Book.Void, coupon), cfg.Till.number
			return cfg.Book.save()
		}
	}
	return &Runner{cfg: cfg, prober: &prober{cloud: cfg.Cloud, till: cfg.Till}}, nil
}

// Run does the items with these ids; none: every item that a machine can do and that is not done yet. It goes on after an item
// that failed, and ends with ctx.
func (r *Runner) Run(ctx context.Context, ids ...string) error {
	r.cfg.Till.Tap.Listen()
	defer r.cfg.Till.Tap.Stop()
	if err := r.voidLeft(ctx); err != nil {
		return err
	}
	for _, item := range r.order() {
		if len(item.Steps) == 0 || (len(ids) > 0 && !slices.Contains(ids, item.ID)) || (len(ids) == 0 && r.cfg.Book.Done(item.ID)) {
			continue
		}
		if err := r.item(ctx, item); err != nil {
			return fmt.Errorf("%s: %w", item.ID, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// order is the plan's, but that what would spoil other items comes last: a second offer on a product, and the yes of who is not in
// the club, which may take them into it.
func (r *Runner) order() []homologation.Item {
	weight := func(item homologation.Item) int {
		joins := slices.ContainsFunc(item.Steps, func(s homologation.Step) bool { return s.Say == "yes" })
		switch {
		case joins:
			return 2
		case len(item.Needs.Offers) > 1:
			return 1
		}
		return 0
	}
	items := slices.Clone(r.cfg.Plan.Items)
	slices.SortStableFunc(items, func(a, b homologation.Item) int { return weight(a) - weight(b) })
	return items
}

// item does one item and judges it.
func (r *Runner) item(ctx context.Context, item homologation.Item) error {
	if err := r.cfg.Scene.Prepare(ctx, item); err != nil {
		if missing, ok := errors.AsType[Missing](err); ok {
			r.cfg.Book.note(r.cfg.Plan, item.ID, homologation.Finding{Verdict: homologation.Open, Words: string(missing)}, nil, r.cfg.Now())
			return r.cfg.Book.save()
		}
		return err
	}
	mark := r.cfg.Till.Tap.Mark()
	if err := r.steps(ctx, item); err != nil {
		return errors.Join(err, r.cfg.Scene.Back(context.WithoutCancel(ctx)))
	}
	if err := r.end(ctx); err != nil {
		return err
	}
	exchanges := r.cfg.Till.Tap.Since(mark)
	facts := r.cfg.Facts
	facts.Asked = true
	found := r.cfg.Plan.Judge(item, homologation.Read(exchanges), facts)
	r.cfg.Book.Number = r.cfg.Till.number
	r.cfg.Book.note(r.cfg.Plan, item.ID, found, exchanges, r.cfg.Now())
	if err := r.cfg.Book.save(); err != nil {
		return err
	}
	if r.cfg.Show != nil {
		r.cfg.Show(item, found, exchanges)
	}
	return r.voidLeft(ctx)
}

// steps does the item's steps.
func (r *Runner) steps(ctx context.Context, item homologation.Item) error {
	for _, step := range item.Steps {
		var err error
		switch step.Do {
		case "outage":
			err = r.cfg.Scene.Away(ctx)
		case "restore":
			err = r.cfg.Scene.Back(ctx)
		case "probe":
			err = r.prober.ask(ctx, step)
		case "void":
			if err = r.cfg.Scene.Settle(ctx); err == nil {
				err = r.cfg.Till.do(ctx, step)
			}
		case "load":
			if err = r.cfg.Till.do(ctx, step); err == nil {
				err = r.cfg.Scene.Settle(ctx)
			}
		default:
			err = r.cfg.Till.do(ctx, step)
		}
		if err != nil {
			return fmt.Errorf("step %s: %w", step.Do, err)
		}
	}
	return nil
}

// end gives up the sale that the item left open, and waits until all has gone up.
func (r *Runner) end(ctx context.Context) error {
	if err := r.cfg.Till.abandon(ctx); err != nil {
		return err
	}
	return r.cfg.Scene.Settle(ctx)
}

// voidLeft cancels the coupons that are still in the cloud, also those of a run that was interrupted; what the cloud does not take
// is tried again after the next item, or in the next run.
func (r *Runner) voidLeft(ctx context.Context) error {
	if len(r.cfg.Book.Void) == 0 {
		return nil
	}
	if err := r.cfg.Scene.Settle(ctx); err != nil { // none of them is still to be sent
		return err
	}
	var left []string
	for _, coupon := range r.cfg.Book.Void {
		answer := r.cfg.Cloud.Post(agent.WithRef(ctx, homologation.ProbeRef), "v2/coupons-cancellation/", []byte(`{"coupon":`+quote(coupon)+`}`))
		if answer.Class != agent.ClassOK && answer.Status != http.StatusNotFound { // not found: it never arrived
			left = append(left, coupon)
		}
	}
	r.cfg.Book.Void = left
	return r.cfg.Book.save()
}
