package operation

import (
	"net/http"
	"os"
	"os/exec"
	"testing"

	"pdvagent/cmd/internal/e2e"
)

// A process that may open 64 files, with 120 connections that say nothing or are kept for the next call.
func TestCallsPassWithFewFileDescriptors(t *testing.T) {
	s := e2e.NewSite(t)
	e2e.RunAsProgram(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n 64 && exec "$0" run --config "$1"`, self, s.Config)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	s.Until("the process answers", func() bool { return s.Call(http.MethodGet, "/health", "", "").Status == http.StatusOK })
	for i := range 120 {
		hold(s, i, []string{"", "GET /health HTTP/1.1\nHost: HOST\n\n", "GET /v1/events HTTP/1.1\nHost: HOST\nAuthorization: Bearer " + e2e.TillToken + "\n\n"}[i%3])
	}
	for _, name := range []string{"F-1", "F-2", "F-3"} {
		passes(s, name)
	}
	s.WaitDrained()
	s.WantSoldOnce("F-1", "F-2", "F-3")
}
