package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/osfile"
	"pdvagent/agent/web"
	"pdvagent/mercafacil/mercafacilsim"
)

// bubble is a shop in fake time: the simulated cloud, the whole agent on a real store, and a till, joined by connections
// in memory. An hour of a dead link costs nothing.
type bubble struct {
	t       *testing.T
	dir     string
	text    string // of the configuration
	network *network
	cloud   *mercafacilsim.Sim
	till    *http.Client
	log     *syncBuffer
	stop    func() // of the agent
}

const bubbleAgent, bubbleCloud = "127.0.0.1:8780", "127.0.0.1:8790"

// inBubble runs a test in fake time with a cloud and an agent.
func inBubble(t *testing.T, test func(*bubble), replace ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, dir: folderInMemory(t), network: &network{listeners: make(map[string]chan net.Conn)}, log: &syncBuffer{}}
		var err error
		if b.cloud, err = mercafacilsim.New(mercafacilsim.Config{Tokens: []string{cloudToken}}); err != nil {
			t.Fatal(err)
		}
		closeCloud := b.network.serve(bubbleCloud, &http.Server{Handler: b.cloud})
		transport := &http.Transport{DialContext: b.network.dialTill, DisableKeepAlives: true}
		b.till = &http.Client{Transport: transport}
		answers := config.Example()
		answers.DataDir, answers.Listen, answers.BaseURL = filepath.Join(b.dir, "data"), bubbleAgent, "http://"+bubbleCloud+"/"
		answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = tillToken, supportToken, adminToken, cloudToken
		b.text = strings.NewReplacer(append(replace, "start_jitter: 60s", "start_jitter: 0s")...).Replace(config.Template(answers))
		defer func() {
			closeCloud()
			transport.CloseIdleConnections()
		}()
		b.start()
		defer func() { b.stop() }()
		test(b)
	})
}

// folderInMemory is a folder of the test's own where a sync costs nothing: in fake time no disk is tried.
func folderInMemory(t *testing.T) string {
	t.Helper()
	const memory, enough = "/dev/shm", 1 << 30
	if free, _, err := osfile.Space(memory); err != nil || free < enough {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "bubble-") //nolint:usetesting // elsewhere than the other folders
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// start begins an agent on what the last one left.
func (b *bubble) start() {
	b.t.Helper()
	file := filepath.Join(b.dir, "config.yaml")
	if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	cfg, _, err := config.Load(file, os.LookupEnv)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	log := slog.New(slog.NewTextHandler(b.log, nil))
	a, err := place{Config: cfg, file: file, level: new(slog.LevelVar), dial: b.network.dialCloud}.assemble(ctx, log)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, part := range a.parts {
		group.Go(func() error { return part(ctx) })
	}
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: a.access, Routes: a.routes.Routes(), Alarm: a.watch.board.Code, NewID: uuid.NewString, Log: log, Observe: a.watch.observe,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	closeDoor := b.network.serve(bubbleAgent, web.Server(handler, log))
	b.stop = sync.OnceFunc(func() {
		cancel()
		closeDoor()
		if err := group.Wait(); err != nil {
			b.t.Error(err)
		}
		if err := a.queue.Check(); err != nil {
			b.t.Error(err)
		}
		a.close()
	})
}

// call is a till's or support's; took is what the till waited, in fake time.
func (b *bubble) call(method, path, token, body string) (got answer, took time.Duration) {
	b.t.Helper()
	begun := time.Now()
	request, err := http.NewRequestWithContext(b.t.Context(), method, "http://"+bubbleAgent+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := b.till.Do(request)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(raw)}, time.Since(begun)
}

// tillDeadline is the longest that a till waits for anything: the live deadline and what promises.md adds.
const tillDeadline = 2500*time.Millisecond + 50*time.Millisecond

// post is a till's call, answered in time and not refused by anything of ours.
func (b *bubble) post(path, body string) answer {
	b.t.Helper()
	got, took := b.call(http.MethodPost, path, tillToken, body)
	if took > tillDeadline {
		b.t.Errorf("%s: the till waited %v", path, took)
	}
	return got
}

// field reads one value of the status.
func (b *bubble) field(name string) any {
	b.t.Helper()
	got, _ := b.call(http.MethodGet, "/v1/status", supportToken, "")
	return got.field(name)
}

// drained lets time pass until nothing is pending, and does what support would: what a route's trouble has condemned is
// repeated, a shopper's answer that came after the end of its session is discarded.
func (b *bubble) drained(most time.Duration) {
	b.t.Helper()
	for end := time.Now().Add(most); ; <-time.After(30 * time.Second) {
		if b.field("queue.dead") != 0.0 {
			b.decideDead()
		}
		if b.field("queue.pending") == 0.0 && b.field("queue.dead") == 0.0 {
			return
		}
		if time.Now().After(end) {
			queue, _ := b.call(http.MethodGet, "/v1/queue?state=pending&limit=500", supportToken, "")
			b.t.Fatalf("still not delivered after %v: %s\n%.3000s", most, queue.body, b.log.String())
		}
	}
}

func (b *bubble) decideDead() {
	b.t.Helper()
	got, _ := b.call(http.MethodGet, "/v1/queue?state=dead&limit=500", supportToken, "")
	var list struct{ Jobs []struct{ ID, Kind string } }
	got.decode(b.t, &list)
	for _, job := range list.Jobs {
		if job.Kind == "message" {
			b.call(http.MethodPost, "/v1/queue/"+job.ID+"/discard", supportToken, `{"reason":"a compra acabou"}`)
			continue
		}
		if again, _ := b.call(http.MethodPost, "/v1/queue/"+job.ID+"/retry", supportToken, ""); again.status == http.StatusConflict {
			b.call(http.MethodPost, "/v1/queue/"+job.ID+"/discard", supportToken, `{"reason":"cancelada no caixa"}`)
		}
	}
}

// network joins those who serve with those who call. The way to the cloud can be down, each in its own way.
type network struct {
	mu        sync.Mutex
	listeners map[string]chan net.Conn
	down      error      // what a connection to the cloud meets
	open      []net.Conn // to the cloud, as long as it is there
}

// Ways in which there is no cloud.
var (
	errRefused  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errNoRoute  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	errNoName   = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "cloud", IsNotFound: true}}
	errNameSlow = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "i/o timeout", Name: "cloud", IsTimeout: true}}
)

// cut takes the cloud off the network, with every connection there is; nil brings it back.
func (n *network) cut(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = err
	for _, conn := range n.open {
		_ = conn.Close() // whoever reads it sees its end
	}
	n.open = nil
}

func (n *network) dialCloud(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	down := n.down
	n.mu.Unlock()
	if down != nil {
		return nil, down
	}
	conn, err := n.dial(ctx, address)
	if err == nil {
		n.mu.Lock()
		n.open = append(n.open, conn)
		n.mu.Unlock()
	}
	return conn, err
}

func (n *network) dialTill(ctx context.Context, _, address string) (net.Conn, error) {
	return n.dial(ctx, address)
}

func (n *network) dial(ctx context.Context, address string) (net.Conn, error) {
	n.mu.Lock()
	accept, there := n.listeners[address]
	n.mu.Unlock()
	if !there {
		return nil, errRefused
	}
	near, far := net.Pipe()
	select {
	case accept <- local{far}:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// local is a connection that says that it comes from this machine.
type local struct{ net.Conn }

func (local) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 50000} }
func (local) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8780} }

// serve puts a server on the network until the result is called.
func (n *network) serve(address string, server *http.Server) (stop func()) {
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.listeners[address] = l.conns
	n.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends when it is closed
	}()
	return func() {
		n.mu.Lock()
		delete(n.listeners, address)
		n.mu.Unlock()
		_ = server.Close() // whoever speaks is cut
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

func (l *listener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *listener) Addr() net.Addr { return local{}.LocalAddr() }

func TestSaleInFakeTimeArrivesOnce(t *testing.T) {
	inBubble(t, func(b *bubble) {
		if err := b.cloud.AddMember(fmt.Sprintf(`{"document_no":%q,"name":"Maria"}`, maria)); err != nil {
			t.Fatal(err)
		}
		started := b.post("/v2/transaction/start", startBody("v2", maria))
		id, _ := started.field("transaction_id").(string)
		if started.status != http.StatusOK || id == "" {
			t.Fatalf("start: %d %s", started.status, started.body)
		}
		b.network.cut(errRefused)
		if got := b.post("/v2/coupons", agenttest.Receipt("A", id)); got.status != http.StatusAccepted {
			t.Fatalf("coupon: %d %s", got.status, got.body)
		}
		<-time.After(time.Hour)
		if n := len(b.cloud.Coupons()); n != 0 {
			t.Errorf("%d coupons came through a dead link", n)
		}
		b.network.cut(nil)
		b.drained(time.Hour)
		if n := len(b.cloud.Coupons()); n != 1 {
			t.Errorf("the cloud has %d coupons", n)
		}
	})
}
