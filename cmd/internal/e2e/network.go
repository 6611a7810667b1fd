package e2e

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Network joins servers and clients in memory. Its way to the cloud can be cut.
type Network struct {
	mu        sync.Mutex
	listeners map[string]chan net.Conn
	down      error   // of every new connection to the cloud; nil: none
	open      []*hole // connections to the cloud
}

// Errors of connections to a cloud that cannot be reached.
var (
	ErrRefused  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	ErrNoRoute  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	ErrNoName   = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "cloud", IsNotFound: true}}
	ErrNameSlow = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "i/o timeout", Name: "cloud", IsTimeout: true}}
)

// Cut closes every connection to the cloud and makes new ones fail with err, until Cut(nil).
func (n *Network) Cut(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = err
	for _, conn := range n.open {
		_ = conn.Close() // its reader gets an error
	}
	n.open = nil
}

// Swallow takes every connection to the cloud that there is: what is written to it vanishes, nothing comes, and nobody is told. New
// ones are made as ever. So does a router that has forgotten them.
func (n *Network) Swallow() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, conn := range n.open {
		conn.swallow()
	}
}

// hole is a connection that the network can swallow.
type hole struct {
	net.Conn
	swallowed, closed chan struct{}
	swallow, end      func()
}

func newHole(conn net.Conn) *hole {
	h := &hole{Conn: conn, swallowed: make(chan struct{}), closed: make(chan struct{})}
	h.swallow, h.end = sync.OnceFunc(func() { close(h.swallowed) }), sync.OnceFunc(func() { close(h.closed) })
	return h
}

func (h *hole) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	select {
	case <-h.swallowed:
		<-h.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (h *hole) Write(p []byte) (int, error) {
	select {
	case <-h.swallowed:
		return len(p), nil
	default:
		return h.Conn.Write(p)
	}
}

func (h *hole) Close() error {
	h.end()
	return h.Conn.Close()
}

func (n *Network) dialCloud(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	down := n.down
	n.mu.Unlock()
	if down != nil {
		return nil, down
	}
	conn, err := n.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	h := newHole(conn)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = append(n.open, h)
	return h, nil
}

func (n *Network) dialTill(ctx context.Context, _, address string) (net.Conn, error) {
	return n.dial(ctx, address)
}

func (n *Network) dial(ctx context.Context, address string) (net.Conn, error) {
	n.mu.Lock()
	accept, there := n.listeners[address]
	n.mu.Unlock()
	if !there {
		return nil, ErrRefused
	}
	near, far := net.Pipe()
	select {
	case accept <- local{far}:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// local is a connection with addresses of this machine.
type local struct{ net.Conn }

func (local) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000} }

func (local) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bubblePort} }

// server is a cloud's or the agent's.
type server interface {
	Serve(l net.Listener) error
	Close() error
}

// serve puts a server on the network until stop is called.
func (n *Network) serve(address string, server server) (stop func()) {
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.listeners[address] = l.conns
	n.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends with Close
	}()
	return func() {
		n.mu.Lock()
		delete(n.listeners, address)
		n.mu.Unlock()
		_ = server.Close() // calls in progress are cut
		<-done
	}
}

type listener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

func (l *listener) Addr() net.Addr { return local{}.LocalAddr() }
