package main

import (
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

func TestStoreIsCompactedByCommandWhileTheAgentIsStopped(t *testing.T) {
	s := newSite(t).open()
	s.post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.drained()
	if code, _, errOut := runCommand(t, "store", "compact", "--config", s.config); code != exitFailed || !strings.Contains(errOut, "Pare o serviço") {
		t.Errorf("while it runs: got %d, %s", code, errOut)
	}
	s.stop()
	code, out, errOut := runCommand(t, "store", "compact", "--json", "--config", s.config)
	if code != exitDone || !strings.Contains(out, `"bytes_after"`) {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	s.open()
	if got := s.call("GET", "/v1/sales/K", tillToken, ""); got.status != 200 || !strings.Contains(got.body, `"state":"sent"`) {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}
