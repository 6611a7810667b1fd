package sandbox_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/sandbox"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

func start(t *testing.T, cfg sandbox.Config) *sandbox.Sandbox {
	t.Helper()
	cfg.Listen, cfg.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := sandbox.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// call gives the status of one request, 0 when nobody answers.
func call(t *testing.T, method, url, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain: " + what)
		}
	}
}

func TestCloudLeavesTheNetworkAndComesBackOnTheSamePort(t *testing.T) {
	s := start(t, sandbox.Config{})
	base := s.BaseURL()
	if got := call(t, http.MethodGet, base, ""); got != 200 {
		t.Fatalf("got %d", got)
	}
	s.Leave()
	if got := call(t, http.MethodGet, base, ""); got != 0 {
		t.Errorf("gone, and it answers %d", got)
	}
	for range 2 { // a second return changes nothing
		if err := s.Return(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := call(t, http.MethodGet, base, ""); got != 200 || s.BaseURL() != base {
		t.Errorf("back: got %d at %s", got, s.BaseURL())
	}
}

func TestControlSendsTheCloudAwayForAWhile(t *testing.T) {
	s := start(t, sandbox.Config{})
	control := "http://" + s.Address() + "/control/mercafacil/"
	if got := call(t, http.MethodPost, control+"faults", `{"fault":"gone","seconds":1}`); got != 201 {
		t.Fatalf("got %d", got)
	}
	until(t, "it is gone", func() bool { return call(t, http.MethodGet, s.BaseURL(), "") == 0 })
	until(t, "it is back", func() bool { return call(t, http.MethodGet, s.BaseURL(), "") == 200 })
}

func TestSecondControlAddressStaysAndCallsTheCloudBack(t *testing.T) {
	var config net.ListenConfig
	free, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	control := free.Addr().String()
	_ = free.Close()
	s := start(t, sandbox.Config{Control: control})
	s.Leave()
	if got := call(t, http.MethodGet, "http://"+control+"/control/mercafacil/coupons", ""); got != 200 {
		t.Errorf("control is gone too: %d", got)
	}
	if got := call(t, http.MethodPost, "http://"+control+"/control/return", ""); got != 200 {
		t.Errorf("return: got %d", got)
	}
	if got := call(t, http.MethodGet, s.BaseURL(), ""); got != 200 {
		t.Errorf("back: got %d", got)
	}
}

func TestSandboxListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.168.0.1:0", "nonsense"} {
		if s, err := sandbox.Start(t.Context(), sandbox.Config{Listen: address, Log: slog.New(slog.DiscardHandler)}); err == nil {
			s.Close()
			t.Errorf("%s was taken", address)
		}
	}
}
