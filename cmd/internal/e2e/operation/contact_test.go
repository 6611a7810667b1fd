package operation

import (
	"strings"
	"testing"

	"pdvagent/agent/ops/doctor"
	"pdvagent/cmd/internal/e2e"
)

// TestNobodySaysThatACloudAnswersWhichHasNotSinceTheStart: status, doctor and metrics agree, before, during and after.
func TestNobodySaysThatACloudAnswersWhichHasNotSinceTheStart(t *testing.T) {
	s := e2e.NewSite(t)
	s.Clouds.Leave()
	s.Start()
	metric := func() string {
		for _, line := range strings.Split(s.Call("GET", "/metrics", e2e.SupportToken, "").Body, "\n") {
			if value, ok := strings.CutPrefix(line, "pdvagent_cloud_online "); ok {
				return value
			}
		}
		return "missing"
	}
	s.Until("the outage is seen", func() bool { return strings.Contains(s.Status().Body, `"online":false,"reason":"unreachable"`) })
	if got := s.Status(); got.Field("online") != false || metric() != "0" {
		t.Errorf("%s, metric %s", got.Body, metric())
	}
	if text := s.Command(0, "status"); !strings.Contains(text, "sem contato com a Mercafácil desde") {
		t.Error(text)
	}
	if _, findings := s.Doctor(); findings["deliveries"].Verdict != doctor.Warn {
		t.Errorf("doctor: %+v", findings["deliveries"])
	}
	s.ReturnClouds()
	s.Until("the cloud answers", func() bool { return s.Status().Field("online") == true })
	if got := s.Status(); got.Field("last_outage.reason") != "unreachable" || metric() != "1" {
		t.Errorf("%s, metric %s", got.Body, metric())
	}
	if text := s.Command(0, "status"); !strings.Contains(text, "em contato com a Mercafácil desde") || !strings.Contains(text, "última queda: de ") {
		t.Error(text)
	}
	if _, findings := s.Doctor(); !strings.Contains(findings["deliveries"].Evidence, "a última queda foi de") {
		t.Errorf("doctor: %+v", findings["deliveries"])
	}
}
