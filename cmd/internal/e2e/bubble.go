package e2e

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent/config"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/osfile"
	"pdvagent/agent/till/web"
	"pdvagent/cmd/internal/app"
	"pdvagent/mercafacil/mercafacilsim"

	"golang.org/x/sync/errgroup"
)

// Bubble is a shop in the fake time of testing/synctest: the simulated cloud, the whole agent on a real store, and a till,
// joined by connections in memory. An hour of a dead link takes no time. It is the test that it was made for, too.
type Bubble struct {
	*testing.T
	Dir     string // of the configuration; the data are in its folder data
	Network *Network
	Cloud   *mercafacilsim.Sim
	Stop    func() // stops the agent that Start started, and checks its store

	configText string
	till       *http.Client
	log        *logBuffer
}

const (
	bubblePort  = 8780 // of the agent
	bubbleAgent = "127.0.0.1:8780"
	bubbleCloud = "127.0.0.1:8790"
)

// InBubble runs a test in fake time, with a cloud and a running agent; replace changes texts of the configuration, in pairs.
func InBubble(t *testing.T, test func(*Bubble), replace ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &Bubble{T: t, Dir: folderInMemory(t), Network: &Network{listeners: make(map[string]chan net.Conn)}, log: &logBuffer{}}
		var err error
		if b.Cloud, err = mercafacilsim.New(mercafacilsim.Config{Tokens: []string{CloudToken}}); err != nil {
			t.Fatal(err)
		}
		closeCloud := b.Network.serve(bubbleCloud, &http.Server{Handler: b.Cloud})
		transport := &http.Transport{DialContext: b.Network.dialTill, DisableKeepAlives: true}
		b.till = &http.Client{Transport: transport}
		answers := config.Example()
		answers.DataDir, answers.Listen, answers.BaseURL = filepath.Join(b.Dir, "data"), bubbleAgent, "http://"+bubbleCloud+"/"
		answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = TillToken, SupportToken, AdminToken, CloudToken
		b.configText = strings.NewReplacer(append(replace, "start_jitter: 60s", "start_jitter: 0s")...).Replace(config.Template(answers))
		defer func() {
			closeCloud()
			transport.CloseIdleConnections()
		}()
		b.Start()
		defer func() { b.Stop() }()
		test(b)
	})
}

// folderInMemory is a folder for the test on a disk in memory, if there is one with enough space: a sync takes no time there.
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

// Start starts an agent on the files that the one before left.
func (b *Bubble) Start() {
	b.Helper()
	file := filepath.Join(b.Dir, "config.yaml")
	if err := os.WriteFile(file, []byte(b.configText), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg, _, err := config.Load(file, os.LookupEnv)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	log := slog.New(slog.NewTextHandler(b.log, nil))
	a, err := app.Assemble(ctx, app.Config{Config: cfg, File: file, Level: new(slog.LevelVar), Dial: b.Network.dialCloud}, log)
	if err != nil {
		b.Fatal(err)
	}
	group.Go(func() error { return a.Run(ctx) })
	handler, err := a.Handler(bubblePort)
	if err != nil {
		b.Fatal(err)
	}
	closeDoor := b.Network.serve(bubbleAgent, web.Server(handler, log))
	b.Stop = sync.OnceFunc(func() {
		cancel()
		closeDoor()
		if err := group.Wait(); err != nil {
			b.Error(err)
		}
		if err := a.Store.Check(); err != nil {
			b.Error(err)
		}
		a.Close()
	})
}

// Call makes a call of the local API; took is the time until its answer, in fake time.
func (b *Bubble) Call(method, path, token, body string) (got Answer, took time.Duration) {
	b.Helper()
	start := time.Now()
	request, err := http.NewRequestWithContext(b.Context(), method, "http://"+bubbleAgent+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := b.till.Do(request)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return Answer{response.StatusCode, response.Header, string(raw)}, time.Since(start)
}

// tillDeadline is how long a till waits at most for any answer: the live deadline and the 50 ms of promises.md.
const tillDeadline = 2500*time.Millisecond + 50*time.Millisecond

// Post makes a call as the till does, which must be answered in time.
func (b *Bubble) Post(path, body string) Answer {
	b.Helper()
	got, took := b.Call(http.MethodPost, path, TillToken, body)
	if took > tillDeadline {
		b.Errorf("%s: the till waited %v", path, took)
	}
	return got
}

// StatusField is a field of the agent's status.
func (b *Bubble) StatusField(name string) any {
	b.Helper()
	got, _ := b.Call(http.MethodGet, "/v1/status", SupportToken, "")
	return got.Field(name)
}

// WaitDrained lets time pass until nothing is pending or dead. It decides about dead jobs as support does: they are retried,
// but a reply whose session has ended is discarded.
func (b *Bubble) WaitDrained(most time.Duration) {
	b.Helper()
	for end := time.Now().Add(most); ; <-time.After(30 * time.Second) {
		if b.StatusField("queue.dead") != 0.0 {
			b.decideDead()
		}
		if b.StatusField("queue.pending") == 0.0 && b.StatusField("queue.dead") == 0.0 {
			return
		}
		if time.Now().After(end) {
			queue, _ := b.Call(http.MethodGet, "/v1/queue?state=pending&limit=500", SupportToken, "")
			b.Fatalf("still not delivered after %v: %s\n%.3000s", most, queue.Body, b.log.String())
		}
	}
}

func (b *Bubble) decideDead() {
	b.Helper()
	got, _ := b.Call(http.MethodGet, "/v1/queue?state=dead&limit=500", SupportToken, "")
	var list struct{ Jobs []struct{ ID, Kind string } }
	got.Decode(b, &list)
	for _, job := range list.Jobs {
		if job.Kind == "message" {
			b.Call(http.MethodPost, "/v1/queue/"+job.ID+"/discard", SupportToken, `{"reason":"a compra acabou"}`)
			continue
		}
		if again, _ := b.Call(http.MethodPost, "/v1/queue/"+job.ID+"/retry", SupportToken, ""); again.Status == http.StatusConflict {
			b.Call(http.MethodPost, "/v1/queue/"+job.ID+"/discard", SupportToken, `{"reason":"cancelada no caixa"}`)
		}
	}
}

// RunRoutine runs a routine and waits for its end.
func (b *Bubble) RunRoutine(name string) routine.Report {
	b.Helper()
	got, _ := b.Call(http.MethodPost, "/v1/routines/"+name+"/run", SupportToken, "{}")
	if got.Status != http.StatusAccepted {
		b.Fatalf("run %s: %d %s", name, got.Status, got.Body)
	}
	var started routine.Report
	got.Decode(b, &started)
	for range 600 {
		<-time.After(time.Second)
		got, _ := b.Call(http.MethodGet, "/v1/routines/"+name+"/runs", SupportToken, "")
		var page struct{ Runs []routine.Report }
		got.Decode(b, &page)
		if i := slices.IndexFunc(page.Runs, func(r routine.Report) bool { return r.ID == started.ID }); i >= 0 && page.Runs[i].State != routine.Running {
			return page.Runs[i]
		}
	}
	b.Fatalf("%s does not end", name)
	return started
}

// RequestCount is how many requests the cloud got on a route.
func (b *Bubble) RequestCount(route string) int {
	n := 0
	for _, arrival := range b.Cloud.Received() {
		if arrival.Route == route {
			n++
		}
	}
	return n
}
