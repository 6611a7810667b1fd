package homologation

import (
	"errors"
	"os"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
	"pdvagent/agent/osfile"
	"pdvagent/mercafacil/homologation"
)

// WatchConfig is what a [Watcher] needs.
type WatchConfig struct {
	Script string // of the plan, default [homologation.Script]
	Path   string // of the book; required
	Tap    *Tap   // required
	Facts  homologation.Facts
	Cover  evidence.Cover
	Now    func() time.Time // default time.Now
}

// Watcher looks at what the shop's own till does, and ticks the plan's items off. It only looks. What passed stays in the memory,
// bounded, while it watches; on disk are the verdicts and the masked exchanges that show them. It is safe for concurrent use.
type Watcher struct {
	cfg  WatchConfig
	plan *homologation.Plan

	mu      sync.Mutex
	book    *Book // nil: nobody watches
	current string
	from    map[string]int // mark from which an item is judged
	seen    int            // mark up to which everything is judged
	asked   time.Time      // when somebody looked last
}

// unattended is how long a watch goes on without anybody looking at it.
const unattended = 12 * time.Hour

// NewWatcher checks the configuration. A watch that was on when the agent stopped goes on.
func NewWatcher(cfg WatchConfig) (*Watcher, error) {
	if cfg.Path == "" || cfg.Tap == nil {
		return nil, errors.New("homologation.WatchConfig wants Path and Tap")
	}
	if cfg.Script == "" {
		cfg.Script = homologation.Script
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	plan, err := homologation.Load(cfg.Script)
	if err != nil {
		return nil, err
	}
	w := &Watcher{cfg: cfg, plan: plan}
	if _, missing := os.Lstat(cfg.Path); missing == nil {
		if book, err := OpenBook(cfg.Path, evidence.Watched, cfg.Now()); err == nil && book.Watching { // a file that is none is said at the start of a watch
			w.begin(book)
		}
	}
	return w, nil
}

// WatchState is how a watch stands.
type WatchState struct {
	Watching    bool         `json:"watching"`
	Began       time.Time    `json:"began,omitzero"`
	Current     string       `json:"current,omitempty"` // the item that is being done
	Instruction string       `json:"instruction,omitempty"`
	Needs       []string     `json:"needs,omitempty"` // offers that must run for it
	Stages      []WatchStage `json:"stages,omitempty"`
	Items       []WatchEntry `json:"items"`
}

// WatchStage is a stage of the plan.
type WatchStage struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// WatchEntry is an item of a watch.
type WatchEntry struct {
	ID      string    `json:"id"`
	Stage   string    `json:"stage"`
	Title   string    `json:"title"`
	By      string    `json:"by"`
	Till    bool      `json:"till,omitempty"` // the till can do it when it is asked for
	Verdict string    `json:"verdict"`
	Words   string    `json:"words,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// Asked changes a watch: what to do, and with which item.
type Asked struct {
	Do       string            `json:"do"` // start, item, confirm or stop
	Item     string            `json:"item,omitempty"`
	By       string            `json:"by,omitempty"`       // who confirms
	Says     string            `json:"says,omitempty"`     // what the person says
	Products map[string]string `json:"products,omitempty"` // of the shop, in the place of the plan's: role to sku, or sku:ean
	Fresh    bool              `json:"fresh,omitempty"`    // forgets the verdicts of before
}

// Change does what a person asked, and tells how it stands then.
func (w *Watcher) Change(asked Asked) (WatchState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if asked.Do != "start" && w.book == nil {
		return WatchState{}, agent.Errorf(agent.CodeConflict, nil, "Ninguém está acompanhando a homologação; comece com: pdvagent homologation watch")
	}
	var err error
	switch asked.Do {
	case "start":
		err = w.start(asked)
	case "item":
		err = w.ask(asked.Item)
	case "confirm":
		err = w.confirm(asked)
	case "stop":
		err = w.stop()
	default:
		err = invalid("do", "Use start, item, confirm ou stop.")
	}
	if err != nil {
		return WatchState{}, err
	}
	return w.state()
}

func invalid(field, detail string) error {
	e := agent.Errorf(agent.CodeInvalid, nil, "O pedido tem um campo inválido.")
	e.Fields = []agent.Fault{{Field: field, Code: "invalid", Detail: detail}}
	return e
}

// State judges what has passed since the last look, and tells how the watch stands.
func (w *Watcher) State() (WatchState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state()
}

// Report is the watch as the vendor gets it.
func (w *Watcher) Report() (*evidence.Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.book == nil {
		return nil, agent.Errorf(agent.CodeNotFound, nil, "Ninguém está acompanhando a homologação; comece com: pdvagent homologation watch")
	}
	if _, err := w.state(); err != nil {
		return nil, err
	}
	return w.book.Report(w.plan, w.cfg.Cover, w.cfg.Now()), nil
}

func (w *Watcher) start(asked Asked) error {
	plan, err := homologation.Load(w.cfg.Script)
	if err != nil {
		return err
	}
	if asked.Fresh {
		if err := osfile.Remove(w.cfg.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		w.book = nil
	}
	book := w.book
	if book == nil {
		if book, err = OpenBook(w.cfg.Path, evidence.Watched, w.cfg.Now()); err != nil {
			return err
		}
	}
	if len(asked.Products) > 0 {
		book.Products = asked.Products
	}
	if err := plan.Bind(book.Products); err != nil {
		return invalid("products", err.Error())
	}
	book.Watching = true
	if err := book.save(); err != nil {
		return err
	}
	if w.book == nil {
		w.begin(book)
	}
	w.plan = plan
	return nil
}

// begin watches with a book.
func (w *Watcher) begin(book *Book) {
	if plan, err := homologation.Load(w.cfg.Script); err == nil && plan.Bind(book.Products) == nil {
		w.plan = plan
	}
	w.cfg.Tap.Listen()
	w.book, w.from, w.asked, w.current = book, make(map[string]int), w.cfg.Now(), ""
	w.seen = w.cfg.Tap.Mark()
}

func (w *Watcher) ask(id string) error {
	item, ok := w.plan.Item(id)
	if !ok || !item.Watchable() {
		return invalid("item", "Não há este item no roteiro, ou o caixa não pode fazê-lo.")
	}
	w.current = item.ID
	w.from[item.ID] = w.cfg.Tap.Mark()
	return nil
}

func (w *Watcher) confirm(asked Asked) error {
	item, ok := w.plan.Item(asked.Item)
	switch {
	case !ok:
		return invalid("item", "Não há este item no roteiro.")
	case item.By == homologation.Machine:
		return invalid("item", "Este item é provado pelo que passa; uma pessoa não o confirma.")
	case asked.By == "" || asked.Says == "":
		return invalid("by", "Diga quem confirma (by) e o que viu (says).")
	case namesSomebody(w.plan, asked.By+" "+asked.Says):
		return invalid("says", "O texto vai para o relatório, e tem o CPF de alguém; diga o que viu sem ele.")
	}
	return w.book.Confirm(item.ID, asked.By, asked.Says, w.cfg.Now())
}

func (w *Watcher) stop() error {
	if err := w.judge(); err != nil {
		return err
	}
	w.book.Watching = false
	err := w.book.save()
	w.cfg.Tap.Stop()
	w.book, w.current = nil, ""
	return err
}

// state is called with the lock held.
func (w *Watcher) state() (WatchState, error) {
	state := WatchState{Items: []WatchEntry{}}
	if w.book == nil {
		return state, nil
	}
	if w.cfg.Now().Sub(w.asked) > unattended {
		return state, w.stop()
	}
	w.asked = w.cfg.Now()
	if err := w.judge(); err != nil {
		return state, err
	}
	state.Watching, state.Began, state.Current = true, w.book.Began, w.current
	if item, ok := w.plan.Item(w.current); ok {
		state.Instruction = w.plan.Fill(item.Instruction)
		for _, role := range item.Needs.Offers {
			offer, _ := w.plan.Offer(role)
			state.Needs = append(state.Needs, w.plan.Fill(offer.Title))
		}
	}
	for _, stage := range w.plan.Stages {
		state.Stages = append(state.Stages, WatchStage(stage))
	}
	for _, item := range w.plan.Items {
		entry := w.book.Entries[item.ID]
		if entry.Verdict == "" {
			entry.Verdict = homologation.Open
		}
		state.Items = append(state.Items, WatchEntry{item.ID, item.Stage, item.Title, string(item.By), item.Watchable(), string(entry.Verdict), entry.Words, entry.At})
	}
	return state, nil
}
