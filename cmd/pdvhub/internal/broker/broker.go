// Package broker runs the NATS server that the agents of a chain connect to, and signs what each of them may. It keeps the
// chain's keys and the hub's certificates in the hub's data folder.
//
// It knows no fleet and no people. Package hub starts it and reads from its connection; agents meet it as package uplink.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"pdvagent/agent/osfile"
)

// Bounds of one agent on the broker.
const (
	maxPayload       = 128 << 10 // bytes of a message
	maxSubscriptions = 8
)

// Config says where a broker listens and keeps its keys.
type Config struct {
	Dir    string   // the hub's data folder; made if missing
	Listen string   // host:port for agents; port 0: any
	Names  []string // DNS names and addresses by which agents reach the hub; an agent that joins gets the first one
	Log    *slog.Logger
}

// Broker is a server that runs.
type Broker struct {
	server    *server.Server
	authority authority
	tls       Certificates
	name      string
	hub       *nats.Conn
}

// Start opens the keys and starts the server. It returns when agents can connect.
func Start(cfg Config) (*Broker, error) {
	if cfg.Dir == "" || cfg.Listen == "" || len(cfg.Names) == 0 || cfg.Log == nil {
		return nil, errors.New("broker.Config lacks a required field")
	}
	if err := osfile.MakePrivateFolder(cfg.Dir); err != nil {
		return nil, err
	}
	b := &Broker{name: cfg.Names[0]}
	var err error
	if b.authority, err = openAuthority(cfg.Dir); err != nil {
		return nil, err
	}
	if b.tls, err = openCertificates(cfg.Dir, cfg.Names); err != nil {
		return nil, err
	}
	options, err := b.options(cfg.Listen)
	if err != nil {
		return nil, err
	}
	if b.server, err = server.NewServer(options); err != nil {
		return nil, err
	}
	b.server.SetLoggerV2(logger{cfg.Log}, false, false, false)
	go b.server.Start()
	if !b.server.ReadyForConnections(10 * time.Second) {
		b.Close()
		return nil, fmt.Errorf("the broker does not listen on %s", cfg.Listen)
	}
	token, keys, err := b.authority.hub()
	if err == nil {
		b.hub, err = nats.Connect("", nats.InProcessServer(b.server), nats.UserJWT(func() (string, error) { return token, nil }, keys.Sign))
	}
	if err != nil {
		b.Close()
	}
	return b, err
}

func (b *Broker) options(listen string) (*server.Options, error) {
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	operator, accounts, system, err := b.authority.claims()
	if err != nil {
		return nil, err
	}
	resolver := &server.MemAccResolver{}
	for name, token := range accounts {
		if err := resolver.Store(name, token); err != nil {
			return nil, err
		}
	}
	options := &server.Options{
		ServerName: "pdvhub", Host: host, Port: port, TLSConfig: b.tls.Server(), TLSTimeout: 30, AuthTimeout: 60,
		SystemAccount: system, AccountResolver: resolver, MaxPayload: maxPayload, WriteDeadline: 10 * time.Second, NoSigs: true,
	}
	options.TrustedOperators = append(options.TrustedOperators, operator)
	return options, nil
}

// Hub is the hub's own connection, which may everything.
func (b *Broker) Hub() *nats.Conn { return b.hub }

// Server is where an agent connects.
func (b *Broker) Server() string {
	port := "0"
	if address, ok := b.server.Addr().(*net.TCPAddr); ok {
		port = strconv.Itoa(address.Port)
	}
	return "tls://" + net.JoinHostPort(b.name, port)
}

// Member signs what an agent may, for the public half of its nkey.
func (b *Broker) Member(key, agent string) (string, error) { return b.authority.member(key, agent) }

// Certificates are those of the hub's listeners.
func (b *Broker) Certificates() Certificates { return b.tls }

// Close stops the server and waits for it.
func (b *Broker) Close() {
	if b.hub != nil {
		b.hub.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// logger hands the server's words to the hub's log: what it traces and each connection is not kept.
type logger struct{ log *slog.Logger }

func (logger) Noticef(string, ...any) {}
func (logger) Debugf(string, ...any)  {}
func (logger) Tracef(string, ...any)  {}

func (l logger) Warnf(format string, args ...any) {
	l.log.Warn("broker", "what", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("broker", "what", fmt.Sprintf(format, args...))
}

// Fatalf is an error like others: only main ends the process.
func (l logger) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
