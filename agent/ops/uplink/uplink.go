// Package uplink is the agent's side of the chain's hub (docs/spec/hub.md): it joins by an invitation, keeps one connection
// outward, and tells how the agent is every 30 seconds and when that changes.
//
// Nobody waits for it: it reads what others keep, writes one small file when it joins, and holds one state in memory. A hub
// that is away, mute, slow or hostile costs the tills nothing. cmd/internal/app makes and runs it; it calls the hub only.
package uplink

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"pdvagent/agent"
	"pdvagent/agent/chain"
)

// Config is what an uplink needs.
type Config struct {
	Invitation string // the code of pdvhub invite
	Dir        string // the agent's data folder
	Agent      string // its id
	Shop, Till string
	Version    string
	State      func() chain.State     // how the agent is now; the uplink fills in who it is
	Changed    func() <-chan struct{} // closed when the state may have changed
	Alarms     *agent.Alarms
	Log        *slog.Logger

	Every     time.Duration // between two states without a change; default [chain.StateEvery]
	Calm      time.Duration // between two states at least; default 2 s
	Reconnect time.Duration // before the first try to connect again; default 2 s, growing to 30 times that
	Now       func() time.Time
}

// Uplink is one agent's connection to its hub.
type Uplink struct {
	cfg        Config
	invitation chain.Invitation
	run        string
	connected  chan struct{} // gets one when the connection is there, again and again
}

// New checks the configuration and fills defaults.
func New(cfg Config) (*Uplink, error) {
	if cfg.Dir == "" || cfg.Agent == "" || cfg.State == nil || cfg.Changed == nil || cfg.Alarms == nil || cfg.Log == nil {
		return nil, errors.New("uplink.Config lacks a required field")
	}
	invitation, err := chain.ParseInvitation(cfg.Invitation)
	if err != nil {
		return nil, err
	}
	if cfg.Every == 0 {
		cfg.Every = chain.StateEvery
	}
	if cfg.Calm == 0 {
		cfg.Calm = 2 * time.Second
	}
	if cfg.Reconnect == 0 {
		cfg.Reconnect = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Uplink{cfg: cfg, invitation: invitation, run: rand.Text(), connected: make(chan struct{}, 1)}, nil
}

// Run joins if need be, connects, and tells the state until ctx ends. It always returns nil: no trouble of the hub ends an
// agent.
func (u *Uplink) Run(ctx context.Context) error {
	member, err := u.membership(ctx)
	if err != nil {
		return nil //nolint:nilerr // ctx has ended
	}
	closed := make(chan struct{})
	connection, err := u.connect(member, closed)
	if err != nil {
		u.cfg.Log.Error("chain_not_connected", "error", err)
		u.alarm("Este caixa não se liga ao hub da rede: o arquivo chain.json da pasta de dados não serve. Peça outro convite à rede.")
		<-ctx.Done()
		return nil
	}
	u.tell(ctx, connection)
	connection.Close()
	<-closed
	return nil
}

// connect opens the connection, which comes back by itself for ever. Nothing is kept while it is away.
func (u *Uplink) connect(m membership, closed chan struct{}) (*nats.Conn, error) {
	keys, err := nkeys.FromSeed([]byte(m.Seed))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(m.CA)) {
		return nil, errors.New("the hub's certificate authority cannot be read")
	}
	connection, err := nats.Connect(strings.Join(m.Servers, ","),
		nats.Name("pdvagent "+u.cfg.Version),
		nats.UserJWT(func() (string, error) { return m.JWT, nil }, keys.Sign),
		nats.Secure(&tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS13}),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.CustomReconnectDelay(u.delay), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), nats.Timeout(10*time.Second), nats.FlusherTimeout(10*time.Second), nats.PingInterval(time.Minute), nats.MaxPingsOutstanding(2),
		nats.NoEcho(), nats.CustomInboxPrefix("_INBOX."+u.cfg.Agent),
		nats.ConnectHandler(u.isConnected), nats.ReconnectHandler(u.isConnected),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				u.cfg.Log.Info("chain_away", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { u.cfg.Log.Info("chain_refuses", "error", err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to the hub: %w", err)
	}
	return connection, nil
}

// isConnected has the state told anew: the hub may have lost it.
func (u *Uplink) isConnected(*nats.Conn) {
	u.cfg.Log.Info("chain_connected")
	select {
	case u.connected <- struct{}{}:
	default: // the state is about to be published
	}
}

// delay grows to a minute, each agent's by another part: ten thousand tills do not come back at once.
func (u *Uplink) delay(attempts int) time.Duration {
	most := u.cfg.Reconnect * time.Duration(min(1<<min(attempts, 5), 30))
	return most/2 + mathrand.N(most/2+1) //nolint:gosec // spreads tills, hides nothing
}

// tell publishes the state until ctx ends, then once more that the agent stops.
func (u *Uplink) tell(ctx context.Context, connection *nats.Conn) {
	var last chain.State
	var told time.Time
	for {
		changed := u.cfg.Changed()
		state := u.state()
		if now := u.cfg.Now(); state.Urgent(last) || now.Sub(told) >= u.cfg.Every {
			if u.publish(connection, state) { // otherwise the state is published at the next connection
				last, told = state, now
			}
		}
		select {
		case <-time.After(u.cfg.Calm):
		case <-ctx.Done():
			state = u.state()
			state.Stopping = true
			u.publish(connection, state)
			_ = connection.FlushTimeout(time.Second) // who is away hears it by our silence
			return
		}
		select {
		case <-u.connected:
			told = time.Time{}
		case <-changed:
		case <-time.After(u.cfg.Every - u.cfg.Calm):
		case <-ctx.Done():
		}
	}
}

func (u *Uplink) state() chain.State {
	s := u.cfg.State()
	s.Agent, s.Run, s.At, s.Version, s.Shop, s.Till = u.cfg.Agent, u.run, u.cfg.Now().UTC(), u.cfg.Version, u.cfg.Shop, u.cfg.Till
	return s
}

// publish hands a state to the connection, and tells whether it took it.
func (u *Uplink) publish(connection *nats.Conn, state chain.State) bool {
	raw, err := json.Marshal(state)
	return err == nil && len(raw) <= chain.MaxState && connection.IsConnected() && connection.Publish(chain.StateSubject(u.cfg.Agent), raw) == nil
}

func (u *Uplink) alarm(detail string) {
	u.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmChain, Detail: detail, Since: u.cfg.Now()})
}
