package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/agent/osfile"
	"pdvagent/agent/upstream"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/rig"
	"pdvagent/cmd/internal/usage"
	"pdvagent/mercafacil/homologation"
)

// runAgainstCloud does the script in the shop's homologation base, with an agent of its own.
func runAgainstCloud(ctx context.Context, opts *Options, plan *homologation.Plan, run runOptions) error {
	shop, _, err := config.Load(opts.config, os.LookupEnv)
	if err != nil {
		return err
	}
	if shop.Mercafacil == nil {
		return agent.Errorf(agent.CodeBadConfig, nil, "A configuração não tem a seção mercafacil.")
	}
	if base := shop.Mercafacil.BaseURL; homologation.Production(base) {
		return agent.Errorf(agent.CodeBadConfig, nil, "%s não é a base de homologação (%s): lá nada é testado, e só serve \"pdvagent homologation watch\".", base, homologation.BetaHost)
	}
	if err := osfile.MakePrivateFolder(run.folder); err != nil {
		return err
	}
	book, err := kit.OpenBook(filepath.Join(run.folder, "andamento.json"), evidence.AgainstCloud, time.Now())
	if err != nil {
		return err
	}
	if err := book.Bind(plan, run.products); err != nil {
		return usage.Wrong(err)
	}
	scene, err := openCloud(ctx, opts, plan, shop, run, own{run: book.Run, ids: book.IDs()})
	if err != nil {
		return err
	}
	defer scene.stop()
	cfg := kit.Config{Plan: plan, Book: book, Scene: scene, Till: scene.till, Cloud: scene.cloud, Facts: scene.facts(), Cancel: true}
	if err := scene.reach(ctx, cfg); err != nil { // why is said alone: all else is still to be done
		return errors.Join(err, run.write(book.Report(plan, scene.cover(), time.Now())))
	}
	if err := doItems(ctx, opts, cfg, run.items); err != nil {
		return err
	}
	return conclude(opts, plan, book, book.Report(plan, scene.cover(), time.Now()), run)
}

// cloudScene is the shop's homologation base. What it lacks a person registers there.
type cloudScene struct {
	*stage
	line    *line
	plan    *homologation.Plan
	out     io.Writer
	noWait  bool
	present map[string]bool // offers and people that were seen there
}

// openCloud starts an agent with its data below the run's folder, the shop's address and token, and a line that can be cut. The
// token is written nowhere.
func openCloud(ctx context.Context, opts *Options, plan *homologation.Plan, shop config.Config, run runOptions, own own) (*cloudScene, error) {
	answers, err := rig.Answers(ctx, run.folder, shop.Mercafacil.BaseURL)
	if err != nil {
		return nil, err
	}
	answers.Shop, answers.Till, answers.Primary = shop.Shop.ID, shop.Shop.Till, true
	answers.Token, answers.PDVVersion, answers.Dialect = shop.Mercafacil.Token.Reveal(), shop.Mercafacil.PDVVersion, string(agent.V2)
	text := strings.NewReplacer("start_jitter: 60s", "start_jitter: 0s", "retry_min: 5s ", "retry_min: 1s ", "retry_max: 30m", "retry_max: 10s").Replace(config.Template(answers))
	cfg, _, err := config.Parse([]byte(text), run.folder, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	cfg.Shop, cfg.Network, cfg.Mercafacil.Wrapper = shop.Shop, shop.Network, shop.Mercafacil.Wrapper
	cfg.Shop.Primary = true
	cut := &line{dial: app.Dial(cfg)}
	running, err := startStage(ctx, plan, app.Config{Config: cfg, Dial: cut.Dial}, own)
	if err != nil {
		return nil, err
	}
	return &cloudScene{stage: running, line: cut, plan: plan, out: opts.out, noWait: run.noWait, present: make(map[string]bool)}, nil
}

// reach tries the address and the token, before anything is asked of a person: items H7 and H8.
func (s *cloudScene) reach(ctx context.Context, cfg kit.Config) error {
	runner, err := kit.NewRunner(cfg)
	if err != nil {
		return err
	}
	var ids []string
	for _, id := range []string{"H7", "H8"} {
		if !cfg.Book.Done(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := runner.Run(ctx, ids...); err != nil {
		return err
	}
	for _, verdict := range []homologation.Verdict{homologation.Failed, homologation.Open} {
		for _, id := range ids {
			if entry := cfg.Book.Entries[id]; entry.Verdict == verdict {
				return agent.Errorf(agent.CodeConflict, nil, "A base não atende: %s", entry.Words)
			}
		}
	}
	return nil
}

// Limits of the waits for a cloud on the internet.
const (
	cloudPatience = time.Minute
	askInterval   = 10 * time.Second
)

// Prepare asks for the offers and members that the base lacks, by name, and waits until an apply shows them.
func (s *cloudScene) Prepare(ctx context.Context, item homologation.Item) error {
	if item.Judge == "address" || item.Judge == "token" {
		return nil // whether the base answers at all
	}
	asked := ""
	for {
		missing := s.missing(ctx, item)
		if missing == "" {
			return nil
		}
		if s.noWait {
			return kit.Missing("Falta: " + missing + ".")
		}
		if asked != missing {
			fmt.Fprintf(s.out, "%s: %s. Espero, e confiro a cada %d s (Ctrl+C interrompe; depois continua daqui).\n", item.ID, missing, int(askInterval.Seconds()))
			asked = missing
		}
		timer := time.NewTimer(askInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// missing says what the item needs and the base does not have; empty: nothing.
func (s *cloudScene) missing(ctx context.Context, item homologation.Item) string {
	look := kit.Look{Cloud: s.cloud, Till: s.till}
	for _, role := range item.Needs.People {
		person, _ := s.plan.Person(role)
		if s.present[role] {
			continue
		}
		member, err := look.Member(ctx, person)
		switch {
		case err != nil:
			return "a nuvem não respondeu se o " + s.plan.Fill("{"+role+"}") + " é do clube"
		case person.Member && !member:
			return "cadastre no clube o " + s.plan.Fill("{"+role+"}") + " (" + person.Name + ")"
		case !person.Member && member:
			return "tire do clube o " + s.plan.Fill("{"+role+"}") + ": ele tem de estar fora"
		}
		s.present[role] = true
	}
	key := strings.Join(item.Needs.Offers, "+")
	if key == "" || s.present[key] {
		return ""
	}
	for _, role := range item.Needs.Offers {
		offer, _ := s.plan.Offer(role)
		if runs, err := look.Offer(ctx, item, offer); err != nil || !runs {
			return "cadastre a oferta: " + s.plan.Fill(offer.Title) + " (se já está lá, o limite do cliente pode estar usado)"
		}
	}
	s.present[key] = true
	return ""
}

// Away cuts the line for two minutes at most.
func (s *cloudScene) Away(context.Context) error {
	s.line.cut()
	return nil
}

// Back joins it, and waits until the agent has noticed.
func (s *cloudScene) Back(ctx context.Context) error {
	s.line.join()
	return patiently(ctx, s.online)
}

// Settle waits until the queue is empty, or for a minute: what is not there then the judge misses.
func (s *cloudScene) Settle(ctx context.Context) error {
	_ = patiently(ctx, s.status.WaitDrained) // the judge says what has not arrived
	return ctx.Err()
}

// patiently repeats a wait of a few seconds for a minute.
func patiently(ctx context.Context, wait func(context.Context) error) error {
	err := wait(ctx)
	for end := time.Now().Add(cloudPatience); err != nil && ctx.Err() == nil && time.Now().Before(end); {
		err = wait(ctx)
	}
	return err
}

// longestOutage is after how long a cut line joins by itself.
const longestOutage = 2 * time.Minute

// line is the way to the cloud of the homologation's own agent; the shop's is another.
type line struct {
	dial upstream.Dial // nil: directly

	mu    sync.Mutex
	away  bool
	timer *time.Timer
	conns []net.Conn
}

var errCut = errors.New("the line is cut for the homologation")

// Dial makes a connection, unless the line is cut.
func (l *line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return nil, errCut
	}
	dial := l.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

// cut ends every connection, and refuses new ones until join, or for two minutes.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = true
	for _, conn := range l.conns {
		_ = conn.Close() // it is meant to be cut
	}
	l.conns = nil
	l.timer = time.AfterFunc(longestOutage, l.join)
}

func (l *line) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = false
	if l.timer != nil {
		l.timer.Stop()
	}
}

var _ kit.Scene = (*cloudScene)(nil)
