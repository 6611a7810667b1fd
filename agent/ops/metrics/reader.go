package metrics

import (
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"pdvagent/agent"
)

// reader is the collector of what is read at each scrape.
type reader struct{ cfg Config }

// desc describes one metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pdvagent_"+name, help, labels, nil)
}

var (
	build      = desc("build_info", "The version that runs; always 1.", "version", "goversion")
	jobs       = desc("queue_jobs", "Jobs of the queue since the first start, by where they stand now.", "state", "kind")
	oldest     = desc("queue_oldest_pending_age_seconds", "Age of the oldest job still to be sent; 0 when there is none.")
	online     = desc("cloud_online", "1 while the cloud answers: deliveries and live calls, and at least once since the start.")
	paused     = desc("delivery_paused", "1 for each kind of job, or the whole cloud, that waits because it is refused.", "what")
	circuit    = desc("circuit_open", "1 while live calls are answered without the cloud.")
	bytes      = desc("store_bytes", "Size of the agent's files.", "part")
	bytesLimit = desc("store_limit_bytes", "How large the files may become.", "part")
	suspect    = desc("clock_suspect", "1 while the machine's clock cannot be right.")
	off        = desc("clock_offset_seconds", "By how much a suspect clock is off; 0 while it is not suspect.")
	active     = desc("alarm_active", "1 for each trouble that needs a person.", "code")
	lastRun    = desc("routine_last_run_timestamp_seconds", "When a routine ended last; 0 before its first run.", "routine")
	failed     = desc("routine_last_run_failed", "1 if the last run of a routine went wrong.", "routine")
	lost       = desc("journal_lost_lines_total", "Lines that the journal found no room or no disk for.")
)

// Describe implements prometheus.Collector.
func (r *reader) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{build, jobs, oldest, online, paused, circuit, bytes, bytesLimit, suspect, off, active, lastRun, failed, lost} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (r *reader) Collect(into chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	put(build, 1, r.cfg.Version, runtime.Version())
	for kind, states := range r.cfg.Queue.Counters().ByKind {
		for state, n := range states {
			put(jobs, float64(n), string(state), string(kind))
		}
	}
	if at, err := r.cfg.Queue.OldestPending(); err == nil { // a store that cannot be read has its own alarm
		age := 0.0
		if !at.IsZero() {
			age = max(r.cfg.Now().Sub(at).Seconds(), 0)
		}
		put(oldest, age)
	}
	if r.cfg.Link != nil {
		link := r.cfg.Link()
		put(online, one(agent.ContactOf(link, r.cfg.Circuit()).Online))
		for _, what := range append([]string{"cloud"}, kinds()...) {
			put(paused, one(slices.Contains(link.Paused, what)), what)
		}
		put(circuit, one(r.cfg.Circuit().Open))
	}
	for part, size := range r.cfg.Sizes {
		used, limit := size()
		put(bytes, float64(used), part)
		if limit > 0 {
			put(bytesLimit, float64(limit), part)
		}
	}
	clock := r.cfg.Queue.Clock()
	put(suspect, one(clock.Suspect))
	put(off, clock.Off.Seconds())
	seen := make(map[string]bool)
	for _, alarm := range r.cfg.Alarms() {
		if !seen[alarm.Code] {
			put(active, 1, alarm.Code)
			seen[alarm.Code] = true
		}
	}
	for name, last := range r.cfg.Routines {
		at, ok := last()
		put(lastRun, float64(max(at.Unix(), 0)), name)
		put(failed, one(!ok && !at.IsZero()), name)
	}
	into <- prometheus.MustNewConstMetric(lost, prometheus.CounterValue, float64(r.cfg.Lost()))
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
