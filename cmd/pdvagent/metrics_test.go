package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

// busy is a shop after a bit of everything, and what it shows a scraper.
func busy(t *testing.T) (s *site, scrape func() string) {
	s = hasty(t)
	s.open()
	s.member(maria, "Maria")
	one := s.begin("v2", maria)
	one.apply(units("80215", 2, "10.00"))
	one.sell("K-1")
	s.drained()
	s.fault(mercafacilsim.Fault{Route: "coupon", Fault: "status", Status: 503, Times: 1})
	s.post("/v2/coupons", agenttest.Receipt("K-2", "T"))
	s.drained()
	s.post("/v2/coupons", "{}")
	return s, func() string {
		got := s.call(http.MethodGet, "/metrics", supportToken, "")
		if got.status != http.StatusOK {
			t.Fatalf("metrics: %d %s", got.status, got.body)
		}
		return got.body
	}
}

func TestMetricsTellOfTheShop(t *testing.T) {
	s, scrape := busy(t)
	text := scrape()
	for _, want := range []string{
		`pdvagent_queue_jobs{kind="coupon",state="sent"} 2`, `pdvagent_queue_jobs{kind="coupon",state="held"} 1`,
		`pdvagent_till_request_duration_seconds_count{code="2xx",delivery="live",route="/v2/transaction/apply"} 1`,
		`pdvagent_till_request_duration_seconds_count{code="2xx",delivery="queued",route="/v2/coupons"} 2`,
		`pdvagent_till_request_duration_seconds_count{code="4xx",delivery="live",route="/v2/coupons"} 1`,
		`pdvagent_cloud_request_duration_seconds_count{result="error",route="/v2/coupons"} 1`,
		`pdvagent_delivery_retries_total{class="status"} 1`, `pdvagent_alarm_active{code="held_jobs"} 1`,
		"pdvagent_cloud_online 1\n", "pdvagent_circuit_open 0\n", "pdvagent_clock_suspect 0\n", `pdvagent_store_limit_bytes{part="journal"}`, `pdvagent_store_limit_bytes{part="catalog"}`,
		`pdvagent_store_bytes{part="backup"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, canary := range append(canaries(), "K-1", sessionIn(text)) {
		if canary != "" && strings.Contains(text, canary) {
			t.Errorf("it shows %s", canary)
		}
	}
	if got := s.call(http.MethodGet, "/metrics", tillToken, ""); got.status != http.StatusForbidden {
		t.Errorf("a till reads it: %d", got.status)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// sessionIn finds an id of a session in a text: none belongs into a label.
func sessionIn(text string) string {
	return regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).FindString(text)
}

var metricName = regexp.MustCompile(`\bpdvagent_[a-z_]+\b`)

// What alerts, the dashboard and the manual speak of exists.
func TestAlertsAndDashboardAskForMetricsThatExist(t *testing.T) {
	_, scrape := busy(t)
	text := scrape()
	for _, name := range []string{"prometheus-alertas.yaml", "grafana-painel.json", "monitoramento.md"} {
		names := metricName.FindAllString(manual(t, name), -1)
		if len(names) < 5 {
			t.Errorf("%s names %d metrics", name, len(names))
		}
		for _, metric := range names {
			if !strings.Contains(text, "\n"+metric+"{") && !strings.Contains(text, "\n"+metric+" ") && !strings.Contains(text, "# TYPE "+metric+" ") {
				t.Errorf("%s asks for %s", name, metric)
			}
		}
	}
	var dashboard struct{ Panels []struct{ Title string } }
	if err := json.Unmarshal([]byte(manual(t, "grafana-painel.json")), &dashboard); err != nil || len(dashboard.Panels) < 8 {
		t.Errorf("the dashboard has %d panels, %v", len(dashboard.Panels), err)
	}
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(manual(t, "prometheus-alertas.yaml")), &alerts); err != nil || len(alerts.Groups) == 0 || len(alerts.Groups[0].Rules) < 6 {
		t.Errorf("alerts: %+v, %v", alerts, err)
	}
	for _, line := range strings.Split(text, "\n") { // the manual leaves none out
		if metric, ok := strings.CutPrefix(line, "# TYPE pdvagent_"); ok {
			if metric, _, _ = strings.Cut(metric, " "); !strings.Contains(manual(t, "monitoramento.md"), "`pdvagent_"+metric+"`") {
				t.Errorf("the manual does not have pdvagent_%s", metric)
			}
		}
	}
}

// Prometheus itself reads the alerts and the scrape, where it is installed.
func TestPrometheusTakesTheAlertsAndTheMetrics(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		agenttest.Missing(t, "promtool")
	}
	_, scrape := busy(t)
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", filepath.Join("..", "..", "docs", "prometheus-alertas.yaml")).CombinedOutput(); err != nil {
		t.Errorf("rules: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", filepath.Join("testdata", "alertas_test.yaml")).CombinedOutput(); err != nil {
		t.Errorf("rules do not fire as they should: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape())
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("metrics: %v\n%s", err, out)
	}
}

func TestLogIsKeptInRotatingFilesThatNobodyElseReads(t *testing.T) {
	s := newSite(t, "max_mb: 50  ", "max_mb: 5  ").open()
	s.post("/v2/coupons", "{}")
	s.until("it is told", func() bool { return strings.Contains(s.log.String(), "alarm_begun") })
	s.stop()
	folder := filepath.Join(filepath.Dir(s.config), "data", "log")
	text, err := os.ReadFile(filepath.Join(folder, "pdvagent.log"))
	if err != nil || !strings.Contains(string(text), "msg=listening") || !strings.Contains(string(text), "msg=alarm_begun code=held_jobs") {
		t.Errorf("got %s, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pdvagent.log"), []byte(strings.Repeat("x\n", 1<<19)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.open()
	s.stop()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v, want the file of before and a new one", entries, err)
	}
}
