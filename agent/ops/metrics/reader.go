package metrics

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"pdvagent/agent"
)

// reader writes what is read at each scrape.
type reader struct{ cfg Config }

// family writes the values of one metric, one after the other.
type family struct {
	w      io.Writer
	name   string
	kind   string
	labels []string // names of the labels
	begun  bool
}

func (p *page) gauge(name string, labels ...string) *family {
	return &family{w: p, name: "pdvagent_" + name, kind: "gauge", labels: labels}
}

// put writes a value with its labels, the first time with what the metric is.
func (f *family) put(value float64, labels ...string) {
	if !f.begun {
		metrics.WriteMetadataIfNeeded(f.w, f.name, f.kind)
		f.begun = true
	}
	pairs := make([]string, len(labels))
	for i, label := range labels {
		pairs[i] = fmt.Sprintf("%s=%q", f.labels[i], label)
	}
	name := f.name
	if len(pairs) > 0 {
		name += "{" + strings.Join(pairs, ",") + "}"
	}
	fmt.Fprintf(f.w, "%s %s\n", name, strconv.FormatFloat(value, 'g', -1, 64))
}

// write reads everything.
func (r *reader) write(p *page) {
	p.gauge("build_info", "goversion", "version").put(1, runtime.Version(), r.cfg.Version)
	r.queue(p)
	r.cloud(p)
	r.sizes(p)
	clock := r.cfg.Queue.Clock()
	p.gauge("clock_suspect").put(one(clock.Suspect))
	p.gauge("clock_offset_seconds").put(clock.Off.Seconds())
	active, seen := p.gauge("alarm_active", "code"), make(map[string]bool)
	for _, alarm := range r.cfg.Alarms() {
		if !seen[alarm.Code] {
			active.put(1, alarm.Code)
			seen[alarm.Code] = true
		}
	}
	r.routines(p)
	lost := p.gauge("journal_lost_lines_total")
	lost.kind = "counter"
	lost.put(float64(r.cfg.Lost()))
}

func (r *reader) queue(p *page) {
	jobs := p.gauge("queue_jobs", "kind", "state")
	for kind, states := range r.cfg.Queue.Counters().ByKind {
		for state, n := range states {
			jobs.put(float64(n), string(kind), string(state))
		}
	}
	if at, err := r.cfg.Queue.OldestPending(); err == nil { // a store that cannot be read has its own alarm
		age := 0.0
		if !at.IsZero() {
			age = max(r.cfg.Now().Sub(at).Seconds(), 0)
		}
		p.gauge("queue_oldest_pending_age_seconds").put(age)
	}
}

func (r *reader) cloud(p *page) {
	if r.cfg.Link == nil {
		return
	}
	link := r.cfg.Link()
	p.gauge("cloud_online").put(one(agent.ContactOf(link, r.cfg.Circuit()).Online))
	paused := p.gauge("delivery_paused", "what")
	for _, what := range append([]string{"cloud"}, kinds()...) {
		paused.put(one(slices.Contains(link.Paused, what)), what)
	}
	p.gauge("circuit_open").put(one(r.cfg.Circuit().Open))
}

func (r *reader) sizes(p *page) {
	used, limits := p.gauge("store_bytes", "part"), make(map[string]int64)
	for _, part := range slices.Sorted(maps.Keys(r.cfg.Sizes)) {
		size, limit := r.cfg.Sizes[part]()
		used.put(float64(size), part)
		if limit > 0 {
			limits[part] = limit
		}
	}
	most := p.gauge("store_limit_bytes", "part")
	for _, part := range slices.Sorted(maps.Keys(limits)) {
		most.put(float64(limits[part]), part)
	}
}

func (r *reader) routines(p *page) {
	type ended struct {
		at float64
		ok bool
	}
	names, last := slices.Sorted(maps.Keys(r.cfg.Routines)), make(map[string]ended)
	for _, name := range names {
		at, ok := r.cfg.Routines[name]()
		last[name] = ended{float64(max(at.Unix(), 0)), ok || at.IsZero()}
	}
	when, failed := p.gauge("routine_last_run_timestamp_seconds", "routine"), p.gauge("routine_last_run_failed", "routine")
	for _, name := range names {
		when.put(last[name].at, name)
	}
	for _, name := range names {
		failed.put(one(!last[name].ok), name)
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func kinds() []string {
	var names []string
	for _, kind := range agent.Kinds() {
		names = append(names, string(kind))
	}
	return names
}
