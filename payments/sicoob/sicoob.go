// Package sicoob speaks with Sicoob's Cobrança Bancária (contracts/sicoob.md): boletos issued, looked up, printed again and
// written off, and the three calls by which it tells which were paid. Version 3 is what lives; version 2, which the shop's
// ticket describes, is the same calls with other names, and stands here as data. Every error is a [payments.Failure]. When
// something is asked or asked again agent/paying/settlement decides.
package sicoob

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
)

// Name is the bank for people.
const Name = "Sicoob"

// perSecond is a little less than what the bank allows of the movement calls (sicoob.md 4.5): 10, and what it calls a second
// need not be ours.
const perSecond = 9

// Config says where the bank is and who we are to it.
type Config struct {
	Version     string // v3 (default) or v2
	BaseURL     string // ends before /boletos
	TokenURL    string
	ClientID    string
	Scopes      []string // default: those that the version needs
	Certificate *Identity
	Roots       *x509.CertPool // who may have signed the bank's certificate; nil: whom the system trusts

	Client   int64 // numeroCliente; in v2 numeroContrato
	Account  int64 // numeroContaCorrente, for issuing
	Modality int   // codigoModalidade, default 1

	PerSecond float64 // calls, default 9

	Observe func(agent.Exchange)
	Dial    upstream.Dial
	Now     func() time.Time // default time.Now
}

// Client speaks with the bank. It is safe for concurrent use.
type Client struct {
	cfg   Config
	v     dialect
	cloud *upstream.Client
	token *tokens
	pace  *rate.Limiter
}

// New checks the configuration. Without a certificate it speaks to a loopback address only.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" || cfg.TokenURL == "" || cfg.ClientID == "" || cfg.Client <= 0 {
		return nil, errors.New("sicoob.Config wants BaseURL, TokenURL, ClientID and Client")
	}
	if cfg.Modality == 0 {
		cfg.Modality = 1
	}
	if cfg.PerSecond == 0 {
		cfg.PerSecond = perSecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, v: v3(), pace: rate.NewLimiter(rate.Limit(cfg.PerSecond), 1)}
	if cfg.Version == "v2" {
		c.v = v2()
	}
	var identity func() (*tls.Certificate, error)
	if cfg.Certificate != nil {
		identity = cfg.Certificate.Load
	}
	var err error
	c.cloud, err = upstream.New(upstream.Config{
		BaseURL: cfg.BaseURL, Deadline: 30 * time.Second, Header: http.Header{"client_id": {cfg.ClientID}},
		Observe: cfg.Observe, Dial: cfg.Dial, Identity: identity, Roots: cfg.Roots, Now: cfg.Now,
	})
	if err == nil {
		c.token, err = newTokens(cfg, c.v, identity)
	}
	return c, err
}

// Close lets go of idle connections.
func (c *Client) Close() {
	c.cloud.Close()
	c.token.cloud.Close()
}

// call is one exchange.
func (c *Client) call(ctx context.Context, r upstream.Request) ([]byte, agent.Outcome, error) {
	outcome, err := c.withToken(ctx, func() agent.Outcome { return c.cloud.Do(ctx, r) })
	return outcome.Body, outcome, err
}

// withToken does an exchange at the bank's pace and with a token; one that the bank does not take any more is renewed once.
func (c *Client) withToken(ctx context.Context, exchange func() agent.Outcome) (agent.Outcome, error) {
	if err := c.identity(); err != nil {
		return agent.Outcome{}, err
	}
	for again := false; ; again = true {
		if err := c.token.put(ctx, c.cloud); err != nil {
			return agent.Outcome{}, err
		}
		if err := c.pace.Wait(ctx); err != nil {
			return agent.Outcome{}, &payments.Failure{Class: payments.Away, Detail: "no time for it"}
		}
		outcome := exchange()
		if outcome.Status == http.StatusUnauthorized && !again {
			c.token.drop()
			continue
		}
		return outcome, failure(outcome)
	}
}

// identity says in words what is wrong with our certificate, before the bank says it without.
func (c *Client) identity() error {
	if c.cfg.Certificate == nil {
		return nil
	}
	_, err := c.cfg.Certificate.Load()
	return err
}

// says is an error of the bank: mensagens, which some of its servers spell otherwise (sicoob.md 3).
type says struct {
	Mensagens []message `json:"mensagens"`
	Mensagems []message `json:"mensagems"`
}

type message struct {
	Mensagem text `json:"mensagem"`
	Codigo   text `json:"codigo"`
}

// saidIn gives the sentences of an answer, with their codes.
func saidIn(body []byte) []message {
	var in says
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	return append(in.Mensagens, in.Mensagems...)
}

// failure says what an answer that is none means, with the bank's own words where it has some.
func failure(o agent.Outcome) error {
	err := payments.Check(o)
	if err == nil {
		return nil
	}
	f := payments.FailureOf(err)
	var words, codes []string
	for _, m := range saidIn(o.Body) {
		words = append(words, string(m.Mensagem))
		codes = append(codes, string(m.Codigo))
	}
	f.Says = short(strings.Join(words, " "))
	if len(codes) > 0 {
		f.Detail += ", code " + short(strings.Join(codes, " "))
	}
	return f
}

// short bounds what a cloud says, in characters.
func short(text string) string {
	const most = 300
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return string(runes[:min(len(runes), most)])
}

// lost says that an answer cannot be read: its shape, never its values.
func lost(shape string) error {
	return payments.Misread("unexpected answer: " + shape)
}

// result opens the wrapper of every answer. v2's documents show it without (sicoob.md 4.1). A member that stands there twice
// makes an answer one that nobody understands.
func result(body []byte, into any) error {
	body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	if _, err := rawjson.Parse(body); err != nil {
		return lost("no JSON object: " + err.Error())
	}
	var in struct {
		Resultado json.RawMessage `json:"resultado"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return lost("no JSON object")
	}
	inner := in.Resultado
	if len(inner) == 0 || string(inner) == "null" {
		inner = body
	}
	if json.Unmarshal(inner, into) != nil {
		return lost("resultado has another shape")
	}
	return nil
}

// who begins the query of every look-up.
func (c *Client) who(more ...string) url.Values {
	query := url.Values{c.v.client: {itoa(c.cfg.Client)}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return query
}
