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

	"github.com/VictoriaMetrics/metrics"

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
	set    *metrics.Set
	commit *metrics.PrometheusHistogram
	group  *metrics.PrometheusHistogram
	read   *reader // nil before [Metrics.Read]
}

// Upper bounds of the histograms' buckets.
var (
	tillSeconds   = []float64{.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2, 2.6, 5, 10, 30}
	cloudSeconds  = []float64{.01, .025, .05, .1, .25, .5, 1, 2, 2.6, 5, 10, 15}
	commitSeconds = []float64{.0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	commitChanges = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
)

// New makes the counters. Call [Metrics.Read] before the first scrape.
func New() *Metrics {
	metrics.ExposeMetadata(true) // the # TYPE lines; of the whole process
	set := metrics.NewSet()
	return &Metrics{
		set:    set,
		commit: set.NewPrometheusHistogramExt("pdvagent_store_commit_duration_seconds", commitSeconds),
		group:  set.NewPrometheusHistogramExt("pdvagent_store_commit_changes", commitChanges),
	}
}

// Read sets what is read at each scrape. Call it once, before the first scrape.
func (m *Metrics) Read(cfg Config) error {
	if cfg.Queue == nil || cfg.Alarms == nil || cfg.Lost == nil || (cfg.Link == nil) != (cfg.Circuit == nil) {
		return errors.New("metrics.Config wants Queue, Alarms and Lost, and Link with Circuit")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m.read = &reader{cfg}
	return nil
}

// ServeHTTP answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var page page
	m.set.WritePrometheus(&page)
	if m.read != nil {
		m.read.write(&page)
	}
	metrics.WriteProcessMetrics(&page)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(page.explained()) // a scraper that went away misses nothing
}

// Exchange counts a call of a till or to a cloud. Support's calls, a scrape's among them, are nobody's sale and not counted.
func (m *Metrics) Exchange(x agent.Exchange) {
	took := x.Took.Seconds()
	switch x.Side {
	case agent.SideSupport:
		return
	case agent.SideTill:
		name := fmt.Sprintf("pdvagent_till_request_duration_seconds{code=\"%dxx\",delivery=%q,route=%q}", x.Status/100, x.Delivery, x.Route)
		m.set.GetOrCreatePrometheusHistogramExt(name, tillSeconds).Update(took)
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
	name := fmt.Sprintf("pdvagent_cloud_request_duration_seconds{result=%q,route=%q}", result, "/"+strings.Trim(x.Route, "/"))
	m.set.GetOrCreatePrometheusHistogramExt(name, cloudSeconds).Update(took)
}

// Commit counts a group of changes that went to disk.
func (m *Metrics) Commit(changes int, took time.Duration) {
	m.group.Update(float64(changes))
	m.commit.Update(took.Seconds())
}

// Retry counts a delivery that has to be repeated.
func (m *Metrics) Retry(class agent.Class) {
	m.set.GetOrCreateCounter(fmt.Sprintf("pdvagent_delivery_retries_total{class=%q}", class)).Inc()
}
