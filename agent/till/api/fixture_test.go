package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/catalog"
	"pdvagent/agent/ops/audit"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/till/api"
	"pdvagent/agent/till/web"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

const (
	tillToken    = "till-token-till-token-till"
	supportToken = "support-token-support-token"
	adminToken   = "admin-token-admin-token-admin"
	webTill      = "https://pdv.example" // an allowed origin
)

// errFailed is an error that no table knows.
var errFailed = errors.New("CANARY: failed")

// noon is the fixtures' time: 14 May 2026, 12:00 in the shop.
func noon() time.Time { return time.Date(2026, 5, 14, 15, 0, 0, 0, time.UTC) }

func shopZone() *time.Location { return time.FixedZone("shop", -3*60*60) }

// fixture is the API behind the chain of package web, over a real store and fakes of everything else.
type fixture struct {
	t       testing.TB
	cfg     api.Config
	store   *store.Store
	alarms  *agent.Alarms
	loyalty *loyalty
	sender  *sender
	circuit *circuit
	support *support
	paying  *paying
	stop    chan struct{} // Agent.Stopping
	access  *web.Access
	now     time.Time // of the chain and the routes
	handler http.Handler

	mu   sync.Mutex
	seen []agent.Exchange // as the journal gets them
}

// newFixture makes it with all parts configured; change may take some away.
func newFixture(t testing.TB, change ...func(*api.Config)) *fixture {
	t.Helper()
	f := &fixture{
		t: t, store: storetest.Open(t), alarms: new(agent.Alarms), loyalty: &loyalty{}, sender: &sender{}, circuit: &circuit{}, support: newSupport(), paying: newPaying(),
		stop: make(chan struct{}), access: access(), now: noon(),
	}
	f.cfg = api.Config{
		Agent: api.Agent{Store: f.store, Alarms: f.alarms, Version: "1.2.3", Zone: shopZone(), Stopping: f.stop, Now: func() time.Time { return f.now }},
		Sales: api.Sales{Loyalty: f.loyalty, Sender: f.sender, Circuit: f.circuit, Loads: loader(t, f.store), Unread: keeper(t, f.store, f.alarms), Dialect: agent.V22, CloudURL: "https://cloud.example/api/"},
		Paying: api.Paying{
			Payments: f.paying.payments, Titles: f.paying.titles, Invoices: f.paying.invoices, Boletos: f.paying.boletos, IssuesBoletos: true, Orders: f.paying.orders,
		},
		Support: api.Support{
			Board: board{f.support}, Journal: f.support, Routines: timetable{f.support}, Settings: configuration{f.support}, Access: f.access, Audit: trail(t, f.store, func() time.Time { return f.now }), Day: f.support.day, Doctor: &physician{},
			Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") }),
		},
	}
	for _, c := range change {
		c(&f.cfg)
	}
	f.remake()
	return f
}

// keeper keeps bodies that cannot be read in the store.
func keeper(t testing.TB, s *store.Store, alarms *agent.Alarms) *unread.Keeper {
	t.Helper()
	k, err := unread.New(unread.Config{Store: s, Bucket: store.UnreadRecords, Alarms: alarms, Log: slog.New(slog.DiscardHandler), Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// trail is the trail of what people do, in the store.
func trail(t testing.TB, s *store.Store, now func() time.Time) *audit.Trail {
	t.Helper()
	made, err := audit.New(audit.Config{Store: s, Bucket: store.AuditRecords, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// remake makes the routes anew after a change of cfg.
func (f *fixture) remake() {
	f.t.Helper()
	a, err := api.New(f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.handler = f.guarded(a, 8780)
}

// access admits a token of each scope, and one web till.
func access() *web.Access {
	return web.NewAccess([]web.Token{
		{Name: "caixa", Scope: web.Till, Secret: tillToken}, {Name: "suporte", Scope: web.Support, Secret: supportToken}, {Name: "chefe", Scope: web.Admin, Secret: adminToken},
	}, []string{webTill})
}

// guarded puts the chain of package web before the routes.
func (f *fixture) guarded(a *api.API, port int) http.Handler {
	f.t.Helper()
	handler, err := web.Handler(web.Config{
		Port: port, Routes: a.Routes(), Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "request-1" },
		Now: f.cfg.Agent.Now, Access: f.cfg.Support.Access, Observe: f.observe,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return handler
}

// observe keeps what the journal gets.
func (f *fixture) observe(exchange agent.Exchange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, exchange)
}

// answer is what a caller gets.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// call sends a request with the administrator's token. headers are pairs; an empty value removes one.
func (f *fixture) call(method, path, body string, headers ...string) answer {
	f.t.Helper()
	return f.callWith(context.Background(), method, path, body, headers...)
}

func (f *fixture) callWith(ctx context.Context, method, path, body string, headers ...string) answer {
	f.t.Helper()
	request := httptest.NewRequestWithContext(ctx, method, "http://127.0.0.1:8780"+path, strings.NewReader(body))
	request.RemoteAddr = "127.0.0.1:1000"
	request.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if request.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			request.Header.Del(headers[i])
		}
	}
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, request)
	return answer{f.t, recorder.Code, recorder.Header(), recorder.Body.String()}
}

func (f *fixture) get(path string) answer { f.t.Helper(); return f.call(http.MethodGet, path, "") }

func (f *fixture) post(path, body string, headers ...string) answer {
	f.t.Helper()
	return f.call(http.MethodPost, path, body, headers...)
}

// serve listens on a port of its own and gives the base URL: for answers that are read while they are written.
func (f *fixture) serve() string {
	f.t.Helper()
	a, err := api.New(f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	address, _ := server.Listener.Addr().(*net.TCPAddr)
	server.Config.Handler = f.guarded(a, address.Port)
	server.Start()
	f.t.Cleanup(server.Close)
	return server.URL
}

// decode reads the answer's JSON.
func (a answer) decode(into any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		a.t.Fatalf("%v in %d %s", err, a.status, a.body)
	}
}

// field gives a member of the answer's object by its path: queue.pending, fields.0.code.
func (a answer) field(path string) any {
	a.t.Helper()
	var value any
	a.decode(&value)
	for name := range strings.SplitSeq(path, ".") {
		switch in := value.(type) {
		case map[string]any:
			value = in[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return nil
			}
			value = in[i]
		default:
			return nil
		}
	}
	return value
}

// wantProblem wants a refusal with that status and code, and with faults of those fields.
func (a answer) wantProblem(status int, code string, fields ...string) {
	a.t.Helper()
	var problem struct {
		Code   string
		Status int
		Fields []struct{ Field string }
	}
	if a.header.Get("Content-Type") != "application/problem+json" {
		a.t.Errorf("got %d %s, want %d %s", a.status, a.body, status, code)
		return
	}
	a.decode(&problem)
	var got []string
	for _, fault := range problem.Fields {
		got = append(got, fault.Field)
	}
	if a.status != status || problem.Status != status || problem.Code != code || fmt.Sprint(got) != fmt.Sprint(fields) {
		a.t.Errorf("got %d %s, want %d %s with faults of %v", a.status, a.body, status, code, fields)
	}
	if strings.Contains(a.body, "CANARY") {
		a.t.Errorf("the till reads the inside: %s", a.body)
	}
}

// want wants a status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d %s, want %d", a.status, a.body, status)
	}
	return a
}

// wantField wants a member of the answer, as fmt prints it.
func (a answer) wantField(path string, want any) {
	a.t.Helper()
	if got := a.field(path); fmt.Sprint(got) != fmt.Sprint(want) {
		a.t.Errorf("%s is %v, want %v: %s", path, got, want, a.body)
	}
}

// loyalty answers as a test says and keeps what it was asked.
type loyalty struct {
	receipt   agent.Receipt
	reply     agent.Reply
	session   agent.Session
	forgotten bool
	faults    []agent.Fault
	err       error
	down      func(id string, answer []byte) []byte

	talks       []agent.Talk
	submissions []agent.Submission
	repaired    []byte
	acts        []string // "retry 1", "discard 1 reason", "forget 52998224725"
	act         func(seq uint64)
}

func (l *loyalty) Talk(talk agent.Talk) (agent.Reply, error) {
	l.talks = append(l.talks, talk)
	return l.reply, l.err
}

func (l *loyalty) Faults(agent.Kind, []byte) []agent.Fault { return l.faults }

func (l *loyalty) Accept(_ context.Context, sub agent.Submission) (agent.Receipt, error) {
	l.submissions = append(l.submissions, sub)
	return l.receipt, l.err
}

func (l *loyalty) Repair(_ context.Context, seq uint64, body []byte) (agent.Receipt, error) {
	l.acts, l.repaired = append(l.acts, fmt.Sprint("repair ", seq)), body
	return l.receipt, l.err
}

func (l *loyalty) Retry(_ context.Context, seq uint64) error {
	return l.note(seq, fmt.Sprint("retry ", seq))
}

func (l *loyalty) Discard(_ context.Context, seq uint64, reason string) error {
	return l.note(seq, fmt.Sprint("discard ", seq, " ", reason))
}

func (l *loyalty) note(seq uint64, act string) error {
	l.acts = append(l.acts, act)
	if l.act != nil {
		l.act(seq)
	}
	return l.err
}

func (l *loyalty) Session(id string) (agent.Session, bool, error) {
	return l.session, l.session.ID == id, l.err
}

func (l *loyalty) Forget(_ context.Context, document string) (bool, error) {
	l.acts = append(l.acts, "forget "+document)
	return l.forgotten, l.err
}

func (l *loyalty) Downward(id string, answer []byte) []byte {
	if l.down != nil {
		return l.down(id, answer)
	}
	return answer
}

// sender counts what it is asked.
type sender struct {
	link    agent.Link
	resumed int
	hurried []uint64
	done    int
}

func (s *sender) Hurry(seq uint64) func() {
	s.hurried = append(s.hurried, seq)
	return func() { s.done++ }
}

func (s *sender) Resume() { s.resumed++ }

func (s *sender) Link() agent.Link { return s.link }

type circuit struct{ state agent.Circuit }

func (c *circuit) State() agent.Circuit { return c.state }

// loader takes loads into the real store: a record needs a sku.
func loader(t testing.TB, s *store.Store) *catalog.Loader {
	t.Helper()
	batches := 0
	l, err := catalog.New(catalog.Config{
		Store: s, Ledger: func(whole bool) (catalog.Ledger, error) { return s.OpenCatalog(whole) }, Digest: s.Digest,
		NewID: func() string { batches++; return fmt.Sprint("batch-", batches) }, Bucket: store.BatchRecords, Dialect: agent.V2, Log: slog.New(slog.DiscardHandler),
		Shape: func(agent.Kind) agent.LoadShape { return agent.LoadShape{Key: "sku", Label: "name"} },
		Read: func(_ agent.LoadShape, v rawjson.Value) (string, []byte, []agent.Fault) {
			if sku, ok := v.Get("sku"); ok {
				key, _ := sku.Text()
				return key, v.Source(), nil
			}
			return "", nil, []agent.Fault{{Field: "sku", Code: "required", Detail: "Falta."}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// add puts a job into the store and gives its number.
func (f *fixture) add(job agent.Job) uint64 {
	f.t.Helper()
	if job.Status.State == "" {
		job.Status.State = agent.Pending
	}
	if job.CreatedAt.IsZero() {
		job.CreatedAt = noon()
	}
	if job.Dialect == "" {
		job.Dialect = agent.V2
	}
	committed, err := f.store.Commit(context.Background(), agent.Change{Jobs: []agent.Job{job}})
	if err != nil {
		f.t.Fatal(err)
	}
	return committed.Seqs[0]
}

// move gives a job another state, as the sender or a person would.
func (f *fixture) move(seq uint64, change func(*agent.Status)) {
	f.t.Helper()
	job, err := f.store.Head(seq)
	if err != nil {
		f.t.Fatal(err)
	}
	change(&job.Status)
	if _, err := f.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}}); err != nil {
		f.t.Fatal(err)
	}
}

// sent settles a job with an answer of the cloud.
func (f *fixture) sent(seq uint64, body string) {
	f.t.Helper()
	f.move(seq, func(s *agent.Status) {
		s.State, s.Attempts, s.Answer = agent.Sent, 1, &agent.Answer{Status: 201, Body: []byte(body), At: noon()}
	})
}
