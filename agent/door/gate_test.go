package door

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent/agenttest"
)

// conn is a connection that only says whether it was closed.
type conn struct {
	net.Conn
	closed bool
}

func (c *conn) Close() error {
	c.closed = true
	return nil
}

// enters gives a connection its place and says how long it waited.
func enters(t *testing.T, g *gate) (*conn, time.Duration) {
	t.Helper()
	c, came := &conn{}, time.Now()
	if !g.enter(c, make(chan struct{})) {
		t.Fatal("the connection did not enter")
	}
	return c, time.Since(came)
}

func TestConnectionsEnterAtOnceWhileThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3)
		for range 3 {
			if _, waited := enters(t, g); waited != 0 {
				t.Errorf("waited %v", waited)
			}
		}
	})
}

func TestAtAFullDoorTheOneThatWaitedLongestMakesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3)
		first, _ := enters(t, g)
		second, _ := enters(t, g)
		third, _ := enters(t, g)
		g.state(first, http.StateActive)
		agenttest.Takes(t.Context(), time.Second)
		g.state(second, http.StateActive)
		g.state(second, http.StateIdle) // it has just been answered
		if _, waited := enters(t, g); waited != 0 {
			t.Errorf("waited %v although one had waited for a second", waited)
		}
		if first.closed || second.closed || !third.closed {
			t.Errorf("closed: %v %v %v; the third should be", first.closed, second.closed, third.closed)
		}
	})
}

// On a busy machine a connection's request is read some time after it came: it is not closed before.
func TestWhoHasJustComeIsNotClosedForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		handled, _ := enters(t, g)
		g.state(handled, http.StateActive)
		young, _ := enters(t, g)
		go func() {
			agenttest.Takes(t.Context(), grace/2)
			g.state(young, http.StateActive)
		}()
		if _, waited := enters(t, g); waited != grace {
			t.Errorf("waited %v", waited)
		}
		if young.closed || handled.closed {
			t.Errorf("closed: handled %v, young %v", handled.closed, young.closed)
		}
	})
}

// All connections are busy, and each of them is the only one that waits when it comes: nobody is closed.
func TestWhereAllAreHandledANewcomerEntersBeyondTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		var all []*conn
		for range 4 {
			c, waited := enters(t, g)
			if waited > 2*grace {
				t.Errorf("waited %v", waited)
			}
			g.state(c, http.StateActive)
			all = append(all, c)
		}
		go func() {
			agenttest.Takes(t.Context(), time.Minute)
			g.state(all[0], http.StateClosed)
		}()
		if _, waited := enters(t, g); waited != time.Minute {
			t.Errorf("the fifth waited %v; twice the bound is the end", waited)
		}
		for i, c := range all {
			if c.closed {
				t.Errorf("connection %d was closed while its request was handled", i)
			}
		}
	})
}

// Its server had read a request just before the connection made way, and reports it: that takes no place.
func TestAConnectionThatMadeWayIsNotCountedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		gone, _ := enters(t, g)
		agenttest.Takes(t.Context(), grace)
		enters(t, g)
		g.state(gone, http.StateActive)
		g.state(gone, http.StateIdle)
		if !gone.closed || len(g.open) != 1 {
			t.Errorf("closed %v, %d places are taken", gone.closed, len(g.open))
		}
	})
}

func TestAListenerThatClosesLetsNobodyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		only, _ := enters(t, g)
		g.state(only, http.StateActive)
		closed := make(chan struct{})
		close(closed)
		if g.enter(&conn{}, closed) {
			t.Error("entered a closed listener")
		}
	})
}
