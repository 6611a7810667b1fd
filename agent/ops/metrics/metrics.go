// Package metrics exposes the agent's state in Prometheus's text format: events are counted as they happen
// ([Metrics.Exchange], [Metrics.Commit], [Metrics.Retry]), the rest is read at each scrape ([Metrics.Read]). Names and units
// follow Prometheus's conventions: base units, _total for counters. No label holds data of a till or of a cloud;
// docs/monitoramento.md lists all metrics.
//
// It decides nothing and keeps nothing on disk. cmd/internal/app wires it: the store, the sender and package web report
// events; the local API serves it as GET /metrics.
package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pdvagent/agent"
)

// Queue is the queue as the metrics read it.
type Queue interface {
	Counters() agent.Counters
	OldestPending() (time.Time, error)
	Clock() agent.Clock
}

// Size returns the size of some files in bytes and its limit; 0 for no limit.
type Size func() (used, limit int64)

// Run returns when the latest run of a routine ended and whether it went well; the zero time before its first.
type Run func() (at time.Time, ok bool)

// Config is what is read at each scrape.
type Config struct {
	Version  string
	Queue    Queue
	Alarms   func() []agent.Alarm // the present ones
	Link     func() agent.Link    // nil when no cloud is configured
	Circuit  func() agent.Circuit // nil with Link
	Sizes    map[string]Size      // by part: database, spool, catalog, backup, journal, log
	Routines map[string]Run       // by name
	Lost     func() int64         // lines that the journal dropped since the start
	Now      func() time.Time     // default time.Now
}

// Metrics counts and reads. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	till     *prometheus.HistogramVec
	cloud    *prometheus.HistogramVec
	commit   prometheus.Histogram
	group    prometheus.Histogram
	retries  *prometheus.CounterVec
}

// New makes the counters. Call [Metrics.Read] before the first scrape.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		till: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pdvagent_till_request_duration_seconds", Help: "Time to answer a call of a till.",
			Buckets: []float64{.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2, 2.6, 5, 10, 30},
		}, []string{"route", "delivery", "code"}),
		cloud: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pdvagent_cloud_request_duration_seconds", Help: "Time a cloud took to answer, or until it was given up.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 2.6, 5, 10, 15},
		}, []string{"route", "result"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pdvagent_store_commit_duration_seconds", Help: "Time to put a group of changes on disk.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pdvagent_store_commit_changes", Help: "Changes that went to disk with one commit.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
		}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pdvagent_delivery_retries_total", Help: "Deliveries that have to be made once more, by why.",
		}, []string{"class"}),
	}
	m.registry.MustRegister(m.till, m.cloud, m.commit, m.group, m.retries, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Read sets what is read at each scrape. Call it once.
func (m *Metrics) Read(cfg Config) error {
	if cfg.Queue == nil || cfg.Alarms == nil || cfg.Lost == nil || (cfg.Link == nil) != (cfg.Circuit == nil) {
		return errors.New("metrics.Config wants Queue, Alarms and Lost, and Link with Circuit")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return m.registry.Register(&reader{cfg})
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
}

// Gatherer gives access to the values, for tests of their names.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Exchange counts a call of a till or to a cloud. Support's calls, a scrape's among them, are nobody's sale and not counted.
func (m *Metrics) Exchange(x agent.Exchange) {
	took := x.Took.Seconds()
	switch x.Side {
	case agent.SideSupport:
		return
	case agent.SideTill:
		m.till.WithLabelValues(x.Route, x.Delivery, fmt.Sprintf("%dxx", x.Status/100)).Observe(took)
		return
	case agent.SideCloud:
	}
	result := "answered"
	switch {
	case x.Status == 0:
		result = "network"
	case x.Status >= http.StatusInternalServerError:
		result = "error"
	case x.Status >= http.StatusBadRequest:
		result = "refused"
	}
	m.cloud.WithLabelValues("/"+strings.Trim(x.Route, "/"), result).Observe(took)
}

// Commit counts a group of changes that went to disk.
func (m *Metrics) Commit(changes int, took time.Duration) {
	m.group.Observe(float64(changes))
	m.commit.Observe(took.Seconds())
}

// Retry counts a delivery that has to be repeated.
func (m *Metrics) Retry(class agent.Class) { m.retries.WithLabelValues(string(class)).Inc() }
