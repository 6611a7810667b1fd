package operation

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

// beside is another site of the same shop and cloud: its configuration leads to a copy of the data folder, and to a port of its own.
func beside(t *testing.T, s *e2e.Site) *e2e.Site {
	t.Helper()
	folder := t.TempDir()
	address, err := rig.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(s.DataDir(), filepath.Join(folder, "data"), strings.TrimPrefix(s.Base, "http://"), address).Replace(s.ConfigText())
	copied := &e2e.Site{T: t, Clouds: s.Clouds, Base: "http://" + address, Config: filepath.Join(folder, "config.yaml")}
	if err := os.WriteFile(copied.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied.DataDir(), os.DirFS(s.DataDir())); err != nil {
		t.Fatal(err)
	}
	return copied
}

// A till is killed with unsent sales, its disk is copied, and both run at once on one machine: with the sign of the copied file, and
// without any, where only the cloud's answers tell.
func TestTwoProcessesOnOneTillsDataSellNothingTwice(t *testing.T) {
	e2e.RunAsProgram(t)
	for name, unsigned := range map[string]bool{"the copy knows itself by its files": false, "only the cloud's answers tell": true} {
		t.Run(name, func(t *testing.T) {
			s := e2e.NewSite(t)
			s.Clouds.Leave()
			process := s.StartProcess()
			sold := strings.Split("ABCDEFGHIJKLMNOP", "")
			for _, id := range sold {
				s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt(id, "")))
			}
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			copied := beside(t, s)
			if unsigned {
				if err := os.Remove(filepath.Join(copied.DataDir(), "origin.json")); err != nil {
					t.Fatal(err)
				}
			}
			s.StartProcess()
			s.ReturnClouds()
			s.WaitDrained() // the original's come first
			copied.StartProcess()
			copied.WaitDrained()
			copied.Until("the copy says what it is", func() bool { return strings.Contains(copied.Status().Body, "store_cloned") })
			for site, id := range map[*e2e.Site]string{s: "ORIGINAL", copied: "COPIA"} {
				site.Post("/v2/coupons", agenttest.Today(agenttest.Receipt(id, "")))
				site.WaitDrained()
			}
			s.WantSoldOnce(append(sold, "ORIGINAL", "COPIA")...)
			if held := copied.Status().Field("queue.held"); held == 0.0 {
				t.Error("nothing is held")
			}
			if strings.Contains(s.Status().Body, "store_cloned") {
				t.Error("the original takes itself for a copy")
			}
		})
	}
}

// road is the way to the cloud that can lose every connection that there is, without a word, and carry new ones.
type road struct {
	to string

	mu    sync.Mutex
	lost  chan struct{}
	conns []net.Conn
}

// build carries connections until the test ends, and gives its address.
func build(t *testing.T, to string) (r *road, address string) {
	t.Helper()
	r = &road{to: to, lost: make(chan struct{})}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var carried sync.WaitGroup
	carried.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			carried.Go(func() { r.carry(near) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		for _, conn := range r.conns {
			_ = conn.Close()
		}
		r.mu.Unlock()
		carried.Wait()
	})
	return r, listener.Addr().String()
}

// carry carries one connection, until it is lost: then it takes what comes, and gives nothing.
func (r *road) carry(near net.Conn) {
	far, err := new(net.Dialer).DialContext(context.Background(), "tcp", r.to)
	if err != nil {
		_ = near.Close()
		return
	}
	r.mu.Lock()
	lost := r.lost
	r.conns = append(r.conns, near, far)
	r.mu.Unlock()
	pass := func(to io.Writer, from io.Reader) {
		part := make([]byte, 32<<10)
		for {
			n, err := from.Read(part)
			if err != nil {
				return
			}
			select {
			case <-lost:
				continue
			default:
			}
			if _, err := to.Write(part[:n]); err != nil {
				return
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { pass(far, near); _ = far.Close() })
	both.Go(func() { pass(near, far); _ = near.Close() })
	both.Wait()
}

// swallow loses every connection that there is.
func (r *road) swallow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.lost)
	r.lost = make(chan struct{})
}

// The network swallows the connections of a running process, as after sleep or a change of network: a call on one of them
// waits its deadline, what comes after goes by new connections, and nothing is there twice.
func TestSwallowedConnectionsOfAProcessAreReplaced(t *testing.T) {
	e2e.RunAsProgram(t)
	s := e2e.NewSiteShortDeadline(t)
	r, address := build(t, s.Clouds.Address())
	s.EditConfig(s.Clouds.Address(), address)
	s.StartProcess()
	s.AddMember(e2e.Maria, "Maria")
	for round, id := range []string{"A", "B"} {
		s.Until("the cloud answers", func() bool { return s.Begin("v2", e2e.Maria).ID != "" && s.Status().Field("online") == true })
		r.swallow()
		sale := s.Begin("v2", e2e.Maria)
		s.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", sale.ID))
		if got := s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt(id, sale.ID))); got.Status != http.StatusAccepted {
			t.Fatalf("round %d: %d %s", round, got.Status, got.Body)
		}
		s.Until("the cloud is asked again", func() bool {
			return s.Post("/v2/transaction/start", e2e.StartBody("v2", e2e.Maria)).Header.Get("X-Agent-Delivery") == "live"
		})
		for end := time.Now().Add(time.Minute); s.Status().Field("queue.pending") != 0.0; <-time.After(20 * time.Millisecond) {
			if time.Now().After(end) { // a delivery on a lost connection waits its own deadline of 15 s, too
				t.Fatalf("round %d: the queue is not empty: %s", round, s.Status().Body)
			}
		}
	}
	s.WantSoldOnce("A", "B")
}
