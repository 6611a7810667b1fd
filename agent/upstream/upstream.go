// Package upstream does one HTTP exchange with a cloud: it sends a request with a deadline, reads a bounded answer, and
// classifies the result as an [agent.Outcome]. [Circuit] decides whether live calls are worth a try. It never retries,
// follows no redirect and knows no cloud's routes. The clients of the clouds (mercafacil and the payment vendors) call it;
// it calls net/http, through resty.
package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-resty/resty/v2"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// Config says where a cloud is and how long it may take.
type Config struct {
	BaseURL   string           // required; https, or http on a loopback address
	Deadline  time.Duration    // of one exchange, default 15 s
	MaxAnswer int64            // bytes of an answer that are read, after inflating; default 1 MiB
	Header    http.Header      // of every request; Idempotency-Key is refused, net/http would repeat such a POST by itself
	Now       func() time.Time // default time.Now

	// Observe is called with every exchange, unmasked; it must not block. Optional.
	Observe func(agent.Exchange)

	Dial Dial // default: TCP with a bound of 5 s

	// Together is how many exchanges may go on at the same time without a new connection for each: so many idle ones are kept.
	Together int // default 16

	// Identity gives the client certificate, at every handshake. Optional.
	Identity func() (*tls.Certificate, error)
	Roots    *x509.CertPool // of the cloud's certificate; nil: the system's
}

// Dial makes a connection, as net.Dialer.DialContext does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Client is a client of one cloud. It is safe for concurrent use.
type Client struct {
	cfg       Config
	base      *url.URL
	resty     *resty.Client
	transport *http.Transport
	header    atomic.Pointer[http.Header]
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	base, err := CheckURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	for name := range cfg.Header {
		if strings.HasSuffix(strings.ToLower(name), "idempotency-key") {
			return nil, fmt.Errorf("header %s would make net/http repeat requests", name)
		}
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 15 * time.Second
	}
	if cfg.MaxAnswer == 0 {
		cfg.MaxAnswer = 1 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Together == 0 {
		cfg.Together = 16
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	transport := newTransport(cfg.Dial, cfg.Together)
	transport.TLSClientConfig.RootCAs = cfg.Roots
	if cfg.Identity != nil {
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cfg.Identity() }
	}
	client := resty.New().
		SetTransport(transport).
		SetRetryCount(0).
		SetDoNotParseResponse(true).
		SetRedirectPolicy(resty.RedirectPolicyFunc(func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}))
	c := &Client{cfg: cfg, base: base, resty: client, transport: transport}
	header := make(http.Header)
	for name, values := range cfg.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	c.header.Store(&header)
	return c, nil
}

// SetHeader sets a header of the requests from now on.
func (c *Client) SetHeader(name, value string) {
	header := c.header.Load().Clone()
	header.Set(name, value)
	c.header.Store(&header)
}

// newTransport uses no proxy of the environment: only the configuration says where traffic goes (SEC-11). It speaks HTTP/1.1
// alone: net/http's HTTP/2 hangs for ever on a WINDOW_UPDATE that is too large, whatever the deadline, sends a request again when
// the cloud says that it did nothing, and puts every call on one connection that a network may swallow.
func newTransport(dial Dial, together int) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:              protocols,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    together,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// CheckURL accepts an absolute https URL without credentials, query or fragment; plain http only for loopback.
func CheckURL(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("want scheme, host and path only")
	case base.Scheme == "https":
		return base, nil
	case base.Scheme == "http" && loopback(base.Hostname()):
		return base, nil
	}
	return nil, errors.New("want https, or http on a loopback address")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Post sends body as JSON to path below the base URL and reads the answer. The outcome always has a class; no error
// escapes. ctx may shorten the deadline.
func (c *Client) Post(ctx context.Context, path string, body []byte) agent.Outcome {
	outcome := c.exchange(ctx, func(request *resty.Request) (*resty.Response, error) {
		return request.SetHeader("Content-Type", "application/json").SetBody(body).Post(Join(c.base, path))
	})
	c.observe(ctx, http.MethodPost, path, body, outcome)
	return outcome
}

// Probe gets the base URL, which does nothing in the cloud. Any HTTP answer shows that the cloud can be reached.
func (c *Client) Probe(ctx context.Context) agent.Outcome {
	outcome := c.exchange(ctx, func(request *resty.Request) (*resty.Response, error) { return request.Get(c.base.String()) })
	c.observe(ctx, http.MethodGet, "/", nil, outcome)
	return outcome
}

// observe hands an exchange to Config.Observe. path is a route, never a value that a caller chose.
func (c *Client) observe(ctx context.Context, method, path string, body []byte, outcome agent.Outcome) {
	if c.cfg.Observe == nil {
		return
	}
	exchange := agent.Exchange{
		At: c.cfg.Now().Add(-outcome.Took), Side: agent.SideCloud, Method: method, Route: path, Ref: agent.RefOf(ctx), Status: outcome.Status,
		Took: outcome.Took, Detail: outcome.Detail, Request: body, Response: outcome.Body,
	}
	if outcome.Class != agent.ClassOK {
		exchange.Origin = "cloud"
		if outcome.Status == 0 {
			exchange.Origin = "network"
		}
	}
	c.cfg.Observe(exchange)
}

func (c *Client) exchange(ctx context.Context, send func(*resty.Request) (*resty.Response, error)) agent.Outcome {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Deadline)
	defer cancel()
	var reached atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// net/http uses a second connection for a POST only when the first one was closed before anything was written to it.
		GetConn: func(string) { reached.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { reached.Store(true) },
	})
	start := c.cfg.Now()
	request := c.resty.R().SetContext(ctx).SetHeader("Accept", "application/json")
	for name, values := range *c.header.Load() {
		request.Header[name] = values
	}
	response, err := send(request)
	outcome := agent.Outcome{Reached: reached.Load()}
	if err != nil {
		outcome.Class, outcome.Detail = classify(ctx, err, outcome.Reached)
	} else {
		c.read(ctx, response.RawResponse, &outcome)
	}
	if outcome.Class == agent.ClassTimeout { // the network may have swallowed the idle connections, too
		c.transport.CloseIdleConnections()
	}
	outcome.Took = c.cfg.Now().Sub(start)
	return outcome
}

// Join puts exactly one slash between the base and the path, and keeps a slash at the path's end.
func Join(base *url.URL, path string) string {
	return strings.TrimRight(base.String(), "/") + "/" + strings.TrimLeft(path, "/")
}

func (c *Client) read(ctx context.Context, response *http.Response, outcome *agent.Outcome) {
	defer func() { _ = response.Body.Close() }() // its error is the read's
	outcome.Status = response.StatusCode
	outcome.RetryAfter = retryAfter(response.Header.Get("Retry-After"), c.cfg.Now())
	if response.StatusCode == http.StatusSwitchingProtocols { // what follows is read without the deadline
		outcome.Class, outcome.Detail = agent.ClassForeign, "another protocol, which nobody asked for"
		return
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, c.cfg.MaxAnswer+1))
	body = utf8Text(body, response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode < 200 || response.StatusCode > 299:
		outcome.Class, outcome.Body = agent.ClassStatus, body // an error page may be cut
	case err != nil:
		outcome.Class, outcome.Detail = classify(ctx, err, true)
	case int64(len(body)) > c.cfg.MaxAnswer:
		outcome.Class, outcome.Detail = agent.ClassForeign, "answer larger than the limit"
	case looksLikeHTML(response.Header.Get("Content-Type"), body):
		outcome.Class, outcome.Detail = agent.ClassForeign, "HTML instead of the cloud's answer"
	default:
		outcome.Class, outcome.Body = agent.ClassOK, body
	}
}

// utf8Text gives an answer that is declared to be windows-1252 or iso-8859-1, and is not UTF-8 all the same, as UTF-8.
func utf8Text(body []byte, contentType string) []byte {
	if utf8.Valid(body) {
		return body
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || !reading.Latin(params["charset"]) {
		return body
	}
	if text, ok := reading.FromLatin(body); ok {
		return text
	}
	return body
}

// looksLikeHTML recognises the page of a captive portal or a proxy, also under another content type.
func looksLikeHTML(contentType string, body []byte) bool {
	return strings.Contains(strings.ToLower(contentType), "html") || strings.HasPrefix(strings.TrimSpace(string(body[:min(len(body), 256)])), "<")
}

// classify gives the class of a failed request: whether it may have reached the cloud or not.
func classify(ctx context.Context, err error, reached bool) (agent.Class, string) {
	if !reached {
		return agent.ClassUnreachable, reason(err)
	}
	var timeout net.Error
	if ctx.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout()) {
		return agent.ClassTimeout, "no answer in time"
	}
	return agent.ClassBroken, reason(err)
}

// reason says what went wrong without the URL that net/http puts in front of it.
func reason(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return err.Error()
}

// retryAfter reads seconds or an HTTP date; 0 when there is neither or it is past.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return time.Duration(max(min(seconds, 86_400), 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(min(at.Sub(now), 24*time.Hour), 0)
	}
	return 0
}
