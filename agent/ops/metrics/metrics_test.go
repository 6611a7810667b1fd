package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/metrics"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type queue struct{ oldest time.Time }

func (queue) Counters() agent.Counters {
	return agent.Counters{ByKind: map[agent.Kind]map[agent.State]uint64{agent.KindCoupon: {agent.Pending: 3, agent.Sent: 5}}}
}

func (q queue) OldestPending() (time.Time, error) { return q.oldest, nil }

func (queue) Clock() agent.Clock { return agent.Clock{Suspect: true, Off: -time.Hour} }

func scraped(t *testing.T) (*metrics.Metrics, func() string) {
	t.Helper()
	m := metrics.New()
	if err := m.Read(metrics.Config{
		Version: "1.2.3", Queue: queue{time.Unix(100, 0)}, Now: func() time.Time { return time.Unix(160, 0) }, Lost: func() int64 { return 4 },
		Alarms: func() []agent.Alarm {
			return []agent.Alarm{{Code: "route_paused", Subject: "a"}, {Code: "route_paused", Subject: "b"}}
		},
		Link:    func() agent.Link { return agent.Link{Paused: []string{"coupon"}} },
		Circuit: func() agent.Circuit { return agent.Circuit{Open: true} },

		Routines: map[string]metrics.Run{
			"retention": func() (time.Time, bool) { return time.Unix(150, 0), true },
			"never":     func() (time.Time, bool) { return time.Time{}, false },
		},
		Sizes: map[string]metrics.Size{
			"database": func() (int64, int64) { return 1000, 2000 },
			"log":      func() (int64, int64) { return 10, 0 },
		},
	}); err != nil {
		t.Fatal(err)
	}
	return m, func() string {
		recorder := httptest.NewRecorder()
		m.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		if recorder.Code != http.StatusOK || !strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/plain") {
			t.Fatalf("got %d %v", recorder.Code, recorder.Header())
		}
		return recorder.Body.String()
	}
}

func TestEveryValueIsShownUnderItsName(t *testing.T) {
	m, scrape := scraped(t)
	m.Exchange(agent.Exchange{Side: agent.SideTill, Route: "/v2/transaction/start", Delivery: "contingency", Status: 200, Took: 3 * time.Millisecond})
	m.Exchange(agent.Exchange{Side: agent.SideSupport, Route: "/metrics", Delivery: "live", Status: 200, Took: time.Second})
	m.Exchange(agent.Exchange{Side: agent.SideCloud, Route: "v2/coupons/", Status: 0, Took: time.Second})
	m.Exchange(agent.Exchange{Side: agent.SideCloud, Route: "v2/coupons/", Status: 503})
	m.Exchange(agent.Exchange{Side: agent.SideCloud, Route: "v2/coupons/", Status: 422})
	m.Exchange(agent.Exchange{Side: agent.SideCloud, Route: "v2/coupons", Status: 201})
	m.Commit(7, 1500*time.Microsecond)
	m.Retry(agent.ClassTimeout)
	text := scrape()
	for _, want := range []string{
		`pdvagent_build_info{goversion="go`, `version="1.2.3"} 1`,
		`pdvagent_queue_jobs{kind="coupon",state="pending"} 3`, `pdvagent_queue_jobs{kind="coupon",state="sent"} 5`,
		"pdvagent_queue_oldest_pending_age_seconds 60\n",
		"pdvagent_cloud_online 0\n", "pdvagent_circuit_open 1\n",
		`pdvagent_delivery_paused{what="coupon"} 1`, `pdvagent_delivery_paused{what="confirm"} 0`, `pdvagent_delivery_paused{what="cloud"} 0`,
		`pdvagent_store_bytes{part="database"} 1000`, `pdvagent_store_limit_bytes{part="database"} 2000`, `pdvagent_store_bytes{part="log"} 10`,
		`pdvagent_routine_last_run_timestamp_seconds{routine="retention"} 150`, `pdvagent_routine_last_run_failed{routine="retention"} 0`, `pdvagent_routine_last_run_timestamp_seconds{routine="never"} 0`, `pdvagent_routine_last_run_failed{routine="never"} 0`,
		"pdvagent_clock_suspect 1\n", "pdvagent_clock_offset_seconds -3600\n",
		`pdvagent_alarm_active{code="route_paused"} 1`, "pdvagent_journal_lost_lines_total 4\n",
		`pdvagent_till_request_duration_seconds_bucket{code="2xx",delivery="contingency",route="/v2/transaction/start",le="0.005"} 1`,
		`pdvagent_till_request_duration_seconds_bucket{code="2xx",delivery="contingency",route="/v2/transaction/start",le="0.002"} 0`,
		`pdvagent_cloud_request_duration_seconds_count{result="network",route="/v2/coupons"} 1`,
		`pdvagent_cloud_request_duration_seconds_count{result="error",route="/v2/coupons"} 1`,
		`pdvagent_cloud_request_duration_seconds_count{result="refused",route="/v2/coupons"} 1`,
		`pdvagent_cloud_request_duration_seconds_count{result="answered",route="/v2/coupons"} 1`,
		`pdvagent_store_commit_duration_seconds_bucket{le="0.001"} 0`, `pdvagent_store_commit_duration_seconds_bucket{le="0.002"} 1`,
		`pdvagent_store_commit_changes_sum 7`, `pdvagent_delivery_retries_total{class="timeout"} 1`,
		"go_goroutines ", "process_start_time_seconds ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, `store_limit_bytes{part="log"}`) || t.Failed() {
		t.Log(text)
	}
}

func TestNamesFollowTheConventions(t *testing.T) {
	m, scrape := scraped(t)
	m.Retry(agent.ClassTimeout)
	m.Exchange(agent.Exchange{Side: agent.SideTill})
	m.Exchange(agent.Exchange{Side: agent.SideCloud})
	problems, err := promlint.New(strings.NewReader(scrape())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestWithoutAnythingPendingTheOldestIsNoAgeAtAll(t *testing.T) {
	m := metrics.New()
	if err := m.Read(metrics.Config{Queue: queue{}, Alarms: func() []agent.Alarm { return nil }, Lost: func() int64 { return 0 }}); err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	m.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if text := recorder.Body.String(); !strings.Contains(text, "pdvagent_queue_oldest_pending_age_seconds 0\n") || strings.Contains(text, "pdvagent_circuit_open") {
		t.Errorf("got %s", text)
	}
}
