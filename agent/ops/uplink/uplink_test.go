package uplink_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/chain"
	"pdvagent/agent/ops/uplink"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// hub is a server that answers who joins as a test says. It counts the requests, and the handshakes that came to nothing.
func hub(t *testing.T, answer http.HandlerFunc) (server *httptest.Server, asked, broken *atomic.Int64) {
	t.Helper()
	asked, broken = new(atomic.Int64), new(atomic.Int64)
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	server.Config.ErrorLog = log.New(counter{broken}, "", 0) // of handshakes
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, asked, broken
}

// invitedTo runs an agent that is invited to a URL, until the test ends.
func invitedTo(t *testing.T, url string, pin []byte) (dir string, alarms *agent.Alarms, said *bytes.Buffer, stop func()) {
	t.Helper()
	code, err := chain.Invitation{URL: url, Secret: "SEGREDO-DO-CONVITE", Pin: pin}.Code()
	if err != nil {
		t.Fatal(err)
	}
	dir, alarms, said = t.TempDir(), new(agent.Alarms), new(bytes.Buffer)
	u, err := uplink.New(uplink.Config{
		Invitation: code, Dir: dir, Agent: "agent-one", Shop: "001", Till: "012", Version: "1",
		State: func() chain.State { return chain.State{} }, Changed: func() <-chan struct{} { return nil },
		Alarms: alarms, Log: slog.New(slog.NewTextHandler(said, nil)), Reconnect: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the agent would end: %v", err)
		}
	}
	return dir, alarms, said, stop
}

// pinOf is what an invitation to the server pins: its only certificate is its own authority.
func pinOf(server *httptest.Server) []byte {
	sum := sha256.Sum256(server.Certificate().Raw)
	return sum[:]
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes: %s", what)
		}
	}
}

func TestAnotherHubIsNotBelieved(t *testing.T) {
	server, asked, broken := hub(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	dir, alarms, _, stop := invitedTo(t, server.URL, bytes.Repeat([]byte{1}, 32))
	waitFor(t, "a handshake that the agent ends", func() bool { return broken.Load() > 2 })
	stop()
	if asked.Load() != 0 {
		t.Error("the secret of the invitation went to a hub with another authority")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 || len(alarms.List()) != 0 {
		t.Errorf("it kept %v, %v, alarms %v", entries, err, alarms.List())
	}
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) { c.n.Add(1); return len(p), nil }

func TestAnAnswerThatIsNoMembershipIsNotKept(t *testing.T) {
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("another authority")})
	for name, answer := range map[string]http.HandlerFunc{
		"a page":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"no end":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20)) },
		"another authority": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"jwt":"x","servers":["tls://x"],"ca":%q}`, other)
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) },
		"an error":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			server, asked, _ := hub(t, answer)
			dir, alarms, said, stop := invitedTo(t, server.URL, pinOf(server))
			waitFor(t, "it asks again", func() bool { return asked.Load() > 2 })
			stop()
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("it kept %v, %v", entries, err)
			}
			if len(alarms.List()) != 0 || strings.Contains(said.String(), "SEGREDO") {
				t.Errorf("alarms %v, log %s", alarms.List(), said)
			}
		})
	}
}

func TestARefusalIsSaidAndNotAskedAboutAllTheTime(t *testing.T) {
	server, asked, _ := hub(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"detail":"este convite venceu; peça outro à rede"}`)
	})
	_, alarms, _, stop := invitedTo(t, server.URL, pinOf(server))
	waitFor(t, "the alarm", func() bool { return len(alarms.List()) == 1 })
	if alarm := alarms.List()[0]; alarm.Code != agent.AlarmChain || !strings.Contains(alarm.Detail, "este convite venceu") {
		t.Errorf("got %+v", alarm)
	}
	waitFor(t, "it asks again, for the clock of a hub may be set", func() bool { return asked.Load() > 1 })
	stop()
}

func TestAFileThatDoesNotServeIsSaid(t *testing.T) {
	server, _, _ := hub(t, func(http.ResponseWriter, *http.Request) {})
	pin := pinOf(server)
	code, err := chain.Invitation{URL: server.URL, Secret: "s", Pin: pin}.Code()
	if err != nil {
		t.Fatal(err)
	}
	dir, alarms := t.TempDir(), new(agent.Alarms)
	sum := sha256.Sum256([]byte(code))
	if err := os.WriteFile(filepath.Join(dir, "chain.json"), fmt.Appendf(nil, `{"invitation":"%x","jwt":"x","seed":"x"}`, sum), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := uplink.New(uplink.Config{
		Invitation: code, Dir: dir, Agent: "agent-one", State: func() chain.State { return chain.State{} }, Changed: func() <-chan struct{} { return nil },
		Alarms: alarms, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	waitFor(t, "the alarm", func() bool { return len(alarms.List()) == 1 })
	cancel()
	<-done
}
