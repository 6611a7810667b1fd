package upstream

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"pdvagent/agent"
)

// Request is a request whose path may hold personal data: the journal gets its route instead.
type Request struct {
	Method string
	Path   string // below the base URL, escaped; may hold personal data
	Route  string // its pattern, for the journal: /invoices/{id}
	Query  url.Values
	Body   []byte // nil: none
	Type   string // of the body, default application/json
	Secret bool   // Config.Observe gets neither body

	Patience time.Duration // for a document, default one minute
}

func (r Request) target(base *url.URL) string {
	target := Join(base, r.Path)
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	return target
}

// Do sends a request and reads the answer. The outcome always has a class; no error escapes. ctx may shorten the deadline.
func (c *Client) Do(ctx context.Context, r Request) agent.Outcome {
	outcome := c.exchange(ctx, func(request *resty.Request) (*resty.Response, error) {
		if r.Body != nil {
			request = request.SetHeader("Content-Type", cmp.Or(r.Type, "application/json")).SetBody(r.Body)
		}
		return request.Execute(r.Method, r.target(c.base))
	})
	if shown := outcome; r.Secret {
		shown.Body = nil
		c.observe(ctx, r.Method, r.Route, nil, shown)
	} else {
		c.observe(ctx, r.Method, r.Route, r.Body, shown)
	}
	return outcome
}

// Document is an answer that is read as it comes. Close it.
type Document struct {
	io.ReadCloser
	Type string // Content-Type of the answer
}

// maxDocument bounds a document, in bytes.
const maxDocument = 32 << 20

// documentDeadline is the default of Request.Patience.
const documentDeadline = time.Minute

// Open begins to read a document. There is one only when the outcome's class is [agent.ClassOK].
func (c *Client) Open(ctx context.Context, r Request) (Document, agent.Outcome) {
	return c.open(ctx, r.target(c.base), *c.header.Load(), r.Route, cmp.Or(r.Patience, documentDeadline))
}

// OpenElsewhere reads a document from an address that the cloud gave, without credentials. It must be https; plain http is
// for a cloud on this machine.
func (c *Client) OpenElsewhere(ctx context.Context, address, route string) (Document, agent.Outcome) {
	target, err := url.Parse(address)
	safe := err == nil && target.User == nil && target.Host != "" &&
		(target.Scheme == "https" || target.Scheme == "http" && loopback(target.Hostname()) && loopback(c.base.Hostname()))
	if !safe {
		return Document{}, agent.Outcome{Class: agent.ClassForeign, Detail: "the cloud gave an address that is not https"}
	}
	return c.open(ctx, address, nil, route, documentDeadline)
}

func (c *Client) open(ctx context.Context, target string, header http.Header, route string, patience time.Duration) (Document, agent.Outcome) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	var reached atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached.Store(true) }})
	start := c.cfg.Now()
	outcome := agent.Outcome{}
	document, err := func() (Document, error) {
		request, err := http.NewRequestWithContext(traced, http.MethodGet, target, nil)
		if err != nil {
			return Document{}, err
		}
		for name, values := range header {
			request.Header[name] = values
		}
		response, err := c.transport.RoundTrip(request) //nolint:bodyclose // whoever reads the document closes it
		if err != nil {
			return Document{}, err
		}
		outcome.Status = response.StatusCode
		outcome.RetryAfter = retryAfter(response.Header.Get("Retry-After"), c.cfg.Now())
		return Document{&bounded{ReadCloser: response.Body, left: maxDocument, end: cancel}, response.Header.Get("Content-Type")}, nil
	}()
	outcome.Reached, outcome.Took = reached.Load(), c.cfg.Now().Sub(start)
	switch {
	case err != nil:
		outcome.Class, outcome.Detail = classify(ctx, err, outcome.Reached)
		if outcome.Class == agent.ClassTimeout {
			c.transport.CloseIdleConnections() // the network may have swallowed them, too
		}
		cancel()
	case outcome.Status != http.StatusOK:
		outcome.Class = agent.ClassStatus
		_ = document.Close() // not read
		document = Document{}
	default:
		outcome.Class = agent.ClassOK
	}
	c.observe(ctx, http.MethodGet, route, nil, outcome)
	return document, outcome
}

// bounded fails after maxDocument bytes.
type bounded struct {
	io.ReadCloser
	left int64
	end  context.CancelFunc
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("document longer than %d bytes", maxDocument)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (b *bounded) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// Sniff gives a document's content type by its first bytes, whatever the cloud called it, and the document unread.
func Sniff(d Document) (Document, string) {
	head := make([]byte, 512)
	n, _ := io.ReadFull(d.ReadCloser, head) // a document may be shorter
	kind := http.DetectContentType(head[:n])
	unread := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(string(head[:n])), d.ReadCloser), d.ReadCloser}
	return Document{unread, d.Type}, kind
}
