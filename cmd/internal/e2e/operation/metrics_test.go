package operation

import (
	"bytes"
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
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

// busy is a shop after a bit of everything, and what it shows a scraper.
func busy(t *testing.T) (s *e2e.Site, scrape func() string) {
	s = e2e.NewSiteShortDeadline(t)
	s.Start()
	s.AddMember(e2e.Maria, "Maria")
	one := s.Begin("v2", e2e.Maria)
	one.Apply(e2e.Units("80215", 2, "10.00"))
	one.Sell("K-1")
	s.WaitDrained()
	s.AddFault(simkit.Fault{Route: "coupon", Fault: "status", Status: 503, Times: 1})
	s.Post("/v2/coupons", agenttest.Receipt("K-2", "T"))
	s.WaitDrained()
	s.Post("/v2/coupons", "{}")
	return s, func() string {
		got := s.Call(http.MethodGet, "/metrics", e2e.SupportToken, "")
		if got.Status != http.StatusOK {
			t.Fatalf("metrics: %d %s", got.Status, got.Body)
		}
		return got.Body
	}
}

func TestMetricsTellOfTheShop(t *testing.T) {
	s, scrape := busy(t)
	text := scrape()
	for _, want := range []string{
		`pdvagent_queue_jobs{kind="coupon",state="sent"} 2`, `pdvagent_queue_jobs{kind="coupon",state="held"} 1`,
		`pdvagent_till_request_duration_seconds_count{code="2xx",delivery="live",route="/v2/transaction/apply"} 1`,
		`pdvagent_till_request_duration_seconds_count{code="2xx",delivery="queued",route="/v2/coupons"} 2`,
		`pdvagent_till_request_duration_seconds_count{code="4xx",delivery="refused",route="/v2/coupons"} 1`,
		`pdvagent_cloud_request_duration_seconds_count{result="error",route="/v2/coupons"} 1`,
		`pdvagent_delivery_retries_total{class="status"} 1`, `pdvagent_alarm_active{code="held_jobs"} 1`,
		"pdvagent_cloud_online 1\n", "pdvagent_circuit_open 0\n", "pdvagent_clock_suspect 0\n", `pdvagent_store_limit_bytes{part="journal"}`, `pdvagent_store_limit_bytes{part="catalog"}`,
		`pdvagent_store_bytes{part="backup"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, canary := range append(e2e.Canaries(), "K-1", sessionIn(text)) {
		if canary != "" && strings.Contains(text, canary) {
			t.Errorf("it shows %s", canary)
		}
	}
	if got := s.Call(http.MethodGet, "/metrics", e2e.TillToken, ""); got.Status != http.StatusForbidden {
		t.Errorf("a till reads it: %d", got.Status)
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
		names := metricName.FindAllString(e2e.Manual(t, name), -1)
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
	if err := json.Unmarshal([]byte(e2e.Manual(t, "grafana-painel.json")), &dashboard); err != nil || len(dashboard.Panels) < 8 {
		t.Errorf("the dashboard has %d panels, %v", len(dashboard.Panels), err)
	}
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(e2e.Manual(t, "prometheus-alertas.yaml")), &alerts); err != nil || len(alerts.Groups) == 0 || len(alerts.Groups[0].Rules) < 6 {
		t.Errorf("alerts: %+v, %v", alerts, err)
	}
	for _, line := range strings.Split(text, "\n") { // the manual leaves none out
		if metric, ok := strings.CutPrefix(line, "# TYPE pdvagent_"); ok {
			if metric, _, _ = strings.Cut(metric, " "); !strings.Contains(e2e.Manual(t, "monitoramento.md"), "`pdvagent_"+metric+"`") {
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
	rules := filepath.Join(agenttest.Root(), "docs", "prometheus-alertas.yaml")
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", rules).CombinedOutput(); err != nil {
		t.Errorf("rules: %v\n%s", err, out)
	}
	cases, err := os.ReadFile(filepath.Join("testdata", "alertas_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "alertas_test.yaml")
	if err := os.WriteFile(file, bytes.ReplaceAll(cases, []byte("RULES"), []byte(rules)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("rules do not fire as they should: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape())
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("metrics: %v\n%s", err, out)
	}
}

func TestLogIsKeptInRotatingFilesThatNobodyElseReads(t *testing.T) {
	s := e2e.NewSite(t, "max_mb: 50  ", "max_mb: 5  ").Start()
	s.Post("/v2/coupons", "{}")
	s.Until("it is told", func() bool { return strings.Contains(s.AgentLog.String(), "alarm_begun") })
	s.Stop()
	folder := filepath.Join(s.DataDir(), "log")
	text, err := os.ReadFile(filepath.Join(folder, "pdvagent.log"))
	if err != nil || !strings.Contains(string(text), "msg=listening") || !strings.Contains(string(text), "msg=alarm_begun code=held_jobs") {
		t.Errorf("got %s, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pdvagent.log"), []byte(strings.Repeat("x\n", 1<<19)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start()
	s.Stop()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v, want the file of before and a new one", entries, err)
	}
}
