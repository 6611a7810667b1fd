package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
)

// asMain makes the re-executed test binary be pdvagent itself: what the tests start is a real process.
const asMain = "PDVAGENT_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		os.Exit(execute(os.Args[1:]))
	}
	agenttest.Main(suite{m},
		goleak.IgnoreTopFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"),    // one of each log, for good
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"), // a toxic whose connection was cut
	)
}

const (
	tillToken    = "token-do-caixa-token-do-caixa"
	supportToken = "token-do-suporte-token-do-suporte"
	adminToken   = "token-do-admin-token-do-admin"
	cloudToken   = "CANARY-CLOUD-TOKEN"
)

// site is a shop: clouds, an agent in this process, and calls to it as a till makes them.
type site struct {
	t      *testing.T
	clouds *sandbox.Sandbox
	base   string
	config string
	log    *syncBuffer
	stop   func()
}

// syncBuffer is a buffer that the agent writes while the test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newSite writes a configuration; replace changes lines of it. Nothing runs yet but the clouds.
func newSite(t *testing.T, replace ...string) *site {
	t.Helper()
	return newSiteWith(t, cloudToken, replace...)
}

// newSiteWith is newSite with another token of the cloud's.
func newSiteWith(t *testing.T, token string, replace ...string) *site {
	t.Helper()
	cloudAddress, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clouds, err := sandbox.Start(t.Context(), sandbox.Config{Listen: cloudAddress, Tokens: []string{token}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clouds.Close)
	address, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	answers := config.Example()
	answers.DataDir, answers.Listen, answers.BaseURL = filepath.Join(folder, "data"), address, clouds.BaseURL()
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = tillToken, supportToken, adminToken, token
	replace = append(replace, "retry_min: 5s ", "retry_min: 50ms ", "retry_max: 30m", "retry_max: 300ms", "start_jitter: 60s", "start_jitter: 0s",
		"level: info", "level: debug")
	s := &site{t: t, clouds: clouds, base: "http://" + address, config: filepath.Join(folder, "config.yaml"), log: &syncBuffer{}}
	if err := writeNew(s.config, strings.NewReplacer(replace...).Replace(config.Template(answers))); err != nil {
		t.Fatal(err)
	}
	return s
}

// member puts a shopper into the club.
func (s *site) member(document, name string) {
	s.t.Helper()
	if err := s.clouds.Mercafacil.AddMember(fmt.Sprintf(`{"document_no":%q,"name":%q}`, document, name)); err != nil {
		s.t.Fatal(err)
	}
}

// open starts the agent in this process.
func (s *site) open() *site {
	s.t.Helper()
	cfg, _, err := config.Load(s.config, os.LookupEnv)
	if err != nil {
		s.t.Fatal(err)
	}
	level := new(slog.LevelVar)
	log, closeLog, err := openLog(cfg, level, s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(run(ctx, place{Config: cfg, file: s.config, level: level, ready: func() {}}, log), closeLog())
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("the agent ended with: %v", err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	s.t.Cleanup(s.stop)
	s.until("the agent answers", func() bool { return s.call(http.MethodGet, "/health", "", "").status == http.StatusOK })
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) field(name string) any {
	var fields map[string]any
	if json.Unmarshal([]byte(a.body), &fields) != nil {
		return nil
	}
	var value any = fields
	for _, part := range strings.Split(name, ".") {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[part]
	}
	return value
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

var testHTTP = &http.Client{Timeout: 40 * time.Second}

func (s *site) call(method, path, token, body string, headers ...string) answer {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := testHTTP.Do(request)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	document, err := theContract()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := document.check(request, []byte(body), response, raw); err != nil {
		s.t.Errorf("openapi.yaml, %s %s, answered %d: %v\nrequest: %.2000s\nanswer: %.2000s", method, path, response.StatusCode, err, body, raw)
	}
	return answer{response.StatusCode, response.Header, string(raw)}
}

func (s *site) post(path, body string, headers ...string) answer {
	s.t.Helper()
	return s.call(http.MethodPost, path, tillToken, body, headers...)
}

func (s *site) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain: %s\nstatus: %s", what, s.call(http.MethodGet, "/v1/status", supportToken, "").body)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// drained waits until nothing is left to send.
func (s *site) drained() {
	s.t.Helper()
	s.until("the queue is empty", func() bool {
		return s.call(http.MethodGet, "/v1/status", supportToken, "").field("queue.pending") == 0.0
	})
}

// sold gives how often each coupon took effect in the cloud.
func (s *site) sold() map[string]int {
	count := make(map[string]int)
	for _, arrival := range s.clouds.Mercafacil.Received() {
		if arrival.Route == "coupon" && arrival.Effect {
			count[couponOf(arrival.Body)]++
		}
	}
	return count
}

func (s *site) wantSoldOnce(coupons ...string) {
	s.t.Helper()
	sold := s.sold()
	for _, coupon := range coupons {
		if sold[coupon] != 1 {
			s.t.Errorf("the cloud has sale %s %d times", coupon, sold[coupon])
		}
		delete(sold, coupon)
	}
	if len(sold) > 0 {
		s.t.Errorf("the cloud has sales nobody made: %v", sold)
	}
}

func idBody(name, id string) string { return fmt.Sprintf(`{%q:%q}`, name, id) }
