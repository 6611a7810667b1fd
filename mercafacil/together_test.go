package mercafacil_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"pdvagent/agent"
	"pdvagent/mercafacil"
)

// Sixty deliveries are under way at the same time, again and again: each has a connection, and no further one is made.
func TestAsManyConnectionsAreKeptAsDeliveriesGoOnTogether(t *testing.T) {
	const parallel, rounds = 60, 4
	var underWay sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // of our own client
		underWay.Done()
		underWay.Wait() // for the others of the round
	}))
	t.Cleanup(server.Close)
	var dials atomic.Int64
	client, err := mercafacil.New(mercafacil.Config{
		BaseURL: server.URL, Token: "t", PDVVersion: "1", Parallel: parallel,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for range rounds {
		underWay.Add(parallel)
		var delivered sync.WaitGroup
		for range parallel {
			delivered.Go(func() {
				if outcome := client.Deliver(t.Context(), agent.KindCoupon, agent.V2, []byte(`{}`)); outcome.Class != agent.ClassOK {
					t.Errorf("got %+v", outcome)
					underWay.Done()
				}
			})
		}
		delivered.Wait()
	}
	if dials.Load() != parallel {
		t.Errorf("%d connections were made for %d deliveries at a time", dials.Load(), parallel)
	}
}
