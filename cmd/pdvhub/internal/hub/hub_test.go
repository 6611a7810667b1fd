package hub_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/chain"
	"pdvagent/agent/ops/uplink"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
	"pdvagent/cmd/pdvhub/internal/broker"
	"pdvagent/cmd/pdvhub/internal/fleet"
	"pdvagent/cmd/pdvhub/internal/hub"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// place is where a hub of a test is: a data folder, and addresses that stay when it is started again.
type place struct {
	*testing.T
	dir          string
	join, broker string
}

func newPlace(t *testing.T) *place {
	return &place{T: t, dir: filepath.Join(t.TempDir(), "hub"), join: freeAddress(t), broker: freeAddress(t)}
}

// start runs the hub until stop is called, at the end of the test at the latest.
func (p *place) start() (stop func()) {
	p.Helper()
	h, err := hub.Open(p.Context(), hub.Config{Dir: p.dir, Join: p.join, Broker: p.broker, Names: []string{"127.0.0.1"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cancel()
			if err := <-done; err != nil {
				p.Errorf("the hub ended with: %v", err)
			}
		}
	}
	p.Cleanup(stop)
	return stop
}

func (p *place) invite(shop, till string) string {
	p.Helper()
	invitation, err := hub.Invite(p.Context(), p.dir, shop, till, time.Hour)
	if err != nil {
		p.Fatal(err)
	}
	code, err := invitation.Code()
	if err != nil {
		p.Fatal(err)
	}
	return code
}

// health is how the only till is.
func (p *place) health() (fleet.Health, string) {
	p.Helper()
	l, err := ledger.Open(p.Context(), p.dir, time.Now)
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	tills, err := l.Tills(p.Context())
	if err != nil || len(tills) != 1 {
		return "", ""
	}
	return fleet.Of(tills[0], time.Now())
}

func (p *place) until(want fleet.Health, words string) {
	p.Helper()
	var health fleet.Health
	var why string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		if health, why = p.health(); health == want && strings.Contains(why, words) {
			return
		}
	}
	p.Fatalf("the till is %q (%s) instead of %q (%s)", health, why, want, words)
}

func TestATillJoinsTellsHowItIsAndComesBackWithoutAnotherInvitation(t *testing.T) {
	p := newPlace(t)
	stop := p.start()
	s := e2e.NewSite(t)
	code := p.invite("001", "012")
	s.EditConfig("\nlog:", "\nchain: {invitation: '"+code+"'}\nlog:")
	s.Start()
	p.until(fleet.Well, "")
	s.Post("/v2/coupons", "{}")
	p.until(fleet.Needs, "1 venda retida")
	s.Stop()
	p.until(fleet.Closed, "parou em ordem")

	stop() // the agent does not need the hub to start, and the hub not the agent
	s.Start()
	s.Post("/v2/coupons", agenttest.Receipt("K-1", ""))
	s.WaitDrained()
	p.start()
	p.until(fleet.Needs, "1 venda retida")

	path := filepath.Join(s.DataDir(), "chain.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the membership is not private: %v, %v", info, err)
	}
	membership, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, seed, _ := strings.Cut(string(membership), `"seed":"`)
	for name, text := range map[string]string{"log": s.AgentLog.String(), "configuration": s.Call("GET", "/v1/config", e2e.AdminToken, "").Body} {
		if strings.Contains(text, code) || strings.Contains(text, seed[:20]) {
			t.Errorf("the %s shows a secret of the chain", name)
		}
	}
}

// A till without its hub is a till: not joined, joined and alone, or in the hands of somebody who takes calls and says nothing.
func TestAnAgentThatIsInvitedSellsWithoutTheHub(t *testing.T) {
	p := newPlace(t)
	stop := p.start()
	code := p.invite("001", "012")
	stop()
	for name, listen := range map[string]func(*testing.T, string){
		"nobody is there": func(*testing.T, string) {},
		"it is mute":      listenMute,
	} {
		t.Run(name, func(t *testing.T) {
			listen(t, p.join)
			s := e2e.NewSite(t)
			s.EditConfig("\nlog:", "\nchain: {invitation: '"+code+"'}\nlog:")
			s.Start()
			s.Post("/v2/coupons", agenttest.Receipt("K-1", ""))
			s.WaitDrained()
			s.WantSoldOnce("K-1")
			begun := time.Now()
			s.Stop()
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("it waits %s for the hub before it stops", took)
			}
		})
	}
}

// member is an uplink that runs by itself, and says how it is so often.
func member(t *testing.T, dir, code string, every time.Duration) (stop func()) {
	t.Helper()
	u, err := uplink.New(uplink.Config{
		Invitation: code, Dir: dir, Agent: "agent-of-the-test", Shop: "001", Till: "012", Version: "1.0.0",
		State: func() chain.State { return chain.State{Online: true} }, Changed: func() <-chan struct{} { return nil },
		Alarms: new(agent.Alarms), Log: slog.New(slog.DiscardHandler),
		Every: every, Calm: 10 * time.Millisecond, Reconnect: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }()
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cancel()
			<-done
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestAHubThatWasAwayIsToldAgain(t *testing.T) {
	p := newPlace(t)
	stop := p.start()
	member(t, t.TempDir(), p.invite("001", "012"), time.Hour) // only a new connection has it speak again
	p.until(fleet.Well, "")
	stop()
	if err := os.Remove(filepath.Join(p.dir, "hub.db")); err != nil { // restored without its history: the keys are enough to connect
		t.Fatal(err)
	}
	p.start()
	p.until(fleet.Well, "")
}

func TestADataFolderOnTwoMachinesIsSaid(t *testing.T) {
	p := newPlace(t)
	p.start()
	one, two := t.TempDir(), t.TempDir()
	code := p.invite("001", "012")
	member(t, one, code, 200*time.Millisecond)
	p.until(fleet.Well, "")
	copied, err := os.ReadFile(filepath.Join(one, "chain.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(two, "chain.json"), copied, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	member(t, two, code, 200*time.Millisecond)
	p.until(fleet.Copied, "duas máquinas")
}

// The hub's own process is not needed to see what the broker allows.
func TestAMemberSpeaksForItselfOnly(t *testing.T) {
	b, err := broker.Start(broker.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Names: []string{"127.0.0.1"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	heard := make(chan string, 10)
	if _, err := b.Hub().Subscribe(">", func(m *nats.Msg) { heard <- m.Subject }); err != nil {
		t.Fatal(err)
	}
	keys, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := keys.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	token, err := b.Member(public, "agent-one")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 10)
	closed := make(chan struct{})
	connection, err := nats.Connect(b.Server(), nats.UserJWT(func() (string, error) { return token, nil }, keys.Sign),
		nats.Secure(trusting(b)), nats.CustomInboxPrefix("_INBOX.agent-one"), nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { connection.Close(); <-closed }()
	for _, subject := range []string{chain.StateSubject("agent-two"), "down.agent-one.order", "$SYS.REQ.SERVER.PING", "$JS.API.INFO"} {
		if err := connection.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if _, err := connection.Subscribe(chain.AllStates, func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := <-refused; !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
		t.Errorf("it listens to others: %v", err)
	}
	if err := connection.Publish(chain.StateSubject("agent-one"), nil); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != chain.StateSubject("agent-one") {
		t.Errorf("the hub heard %s", got)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := rig.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// listenMute takes connections and says nothing.
func listenMute(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var taken []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			taken = append(taken, connection)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		for _, connection := range taken {
			_ = connection.Close()
		}
	})
}

func trusting(b *broker.Broker) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(b.Certificates().PEM()))
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
}
