package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// A connection that the network has swallowed takes requests and answers nothing. HTTP/2 keeps using it: so it is asked
// whether it is alive when nothing has come for a while, and given up when it does not say so.
const (
	pingAfter    = 3 * time.Second // without a frame
	pingPatience = 3 * time.Second
)

// watched is a connection that counts what it reads.
type watched struct {
	net.Conn
	reads atomic.Int64 // that brought something
}

func (c *watched) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	return n, err
}

func watching(dial Dial) Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watched{Conn: conn}, nil
	}
}

// use is what one request knows of its connection.
type use struct{ now atomic.Pointer[using] }

type using struct {
	conn  *watched
	reads int64 // when the request got it
	since time.Time
}

// silence is how long a connection must have brought nothing to a request that waited in vain, before it is given up: other
// requests may wait on it, too, and one that began just before its deadline tells nothing.
const silence = 300 * time.Millisecond

// begin notes the request's connection.
func (u *use) begin(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if c, ok := conn.(*watched); ok {
		u.now.Store(&using{c, c.reads.Load(), time.Now()})
	}
}

// endUnheard closes the connection of a request whose deadline has passed, if not a byte has come over it since the request got
// it: the next request makes another. A request that its caller gave up before says nothing of the connection.
func (u *use) endUnheard(ctx context.Context) {
	now := u.now.Load()
	if now == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) || now.conn.reads.Load() != now.reads || time.Since(now.since) < silence {
		return
	}
	_ = now.conn.Close() // nothing is read from it any more
}
