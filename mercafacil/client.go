package mercafacil

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/upstream"
)

// Config says where the loyalty cloud is and who we are there.
type Config struct {
	BaseURL    string        // required, with or without a slash at its end
	Token      string        // required, any length: it names the retailer and the shop (R12, R13)
	PDVVersion string        // required, sent with every request (R14)
	Deadline   time.Duration // of one delivery, default 15 s

	Observe func(agent.Exchange) // gets every exchange as it was; it must not wait. Optional
	Dial    upstream.Dial        // default: TCP
}

// Client delivers bodies to the loyalty cloud. It is safe for concurrent use.
type Client struct {
	upstream *upstream.Client
	loads    *upstream.Client // batches of megabytes take their time on a shop's line
}

// loadDeadline is how much longer a batch may take than another delivery.
const loadDeadline = 20

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	if cfg.Token == "" || cfg.PDVVersion == "" {
		return nil, errors.New("mercafacil.Config wants Token and PDVVersion")
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 15 * time.Second
	}
	base := upstream.Config{
		BaseURL:  cfg.BaseURL,
		Deadline: cfg.Deadline,
		Observe:  cfg.Observe,
		Dial:     cfg.Dial,
		Header: http.Header{
			"Authorization": {bearer(cfg.Token)},
			"Pdv-Version":   {cfg.PDVVersion},
		},
	}
	c := &Client{}
	var err error
	if c.upstream, err = upstream.New(base); err != nil {
		return nil, fmt.Errorf("mercafacil base_url: %w", err)
	}
	base.Deadline *= loadDeadline
	c.loads, err = upstream.New(base)
	return c, err
}

func bearer(token string) string { return "Bearer " + token }

// SetToken gives the requests from now on another token.
func (c *Client) SetToken(token string) {
	c.upstream.SetHeader("Authorization", bearer(token))
	c.loads.SetHeader("Authorization", bearer(token))
}

// Close lets go of idle connections.
func (c *Client) Close() {
	c.upstream.Close()
	c.loads.Close()
}

// Deliver posts body to the route of that kind and dialect, once. A 2xx counts only when the cloud can have written it:
// no HTML, nothing cut, no error inside.
func (c *Client) Deliver(ctx context.Context, kind agent.Kind, dialect agent.Dialect, body []byte) agent.Outcome {
	profile, _ := ProfileOf(dialect)
	if kind.Load() {
		return post(ctx, c.loads, profile.Paths[kind], body)
	}
	return post(ctx, c.upstream, profile.Paths[kind], body)
}

// Call posts body to a live route of the dialect, once. Its deadline is ctx's; the client's own is only the bound of one
// whose till has gone on without it.
func (c *Client) Call(ctx context.Context, call agent.Call, dialect agent.Dialect, body []byte) agent.Outcome {
	profile, _ := ProfileOf(dialect)
	return post(ctx, c.upstream, profile.Live[call], body)
}

// post sends body to a path of a profile; an empty one is a route that the dialect does not have.
func post(ctx context.Context, client *upstream.Client, path string, body []byte) agent.Outcome {
	if path == "" {
		return agent.Outcome{Class: agent.ClassUnreachable, Detail: "the dialect has no such route"}
	}
	outcome := client.Post(ctx, path, body)
	if outcome.Class == agent.ClassOK {
		outcome = inside(outcome)
	}
	return outcome
}

// Probe asks whether the cloud can be reached, without opening anything there.
func (c *Client) Probe(ctx context.Context) agent.Outcome { return c.upstream.Probe(ctx) }

// inside looks for an error that came with a 2xx. The vendor documents no answer for these routes, so an empty one and
// plain text are taken as they are (contract 1.2: the client reads only the status).
func inside(outcome agent.Outcome) agent.Outcome {
	if len(outcome.Body) == 0 || (outcome.Body[0] != '{' && outcome.Body[0] != '[') {
		return outcome
	}
	answer, err := rawjson.Parse(outcome.Body)
	if err != nil {
		outcome.Class, outcome.Detail = agent.ClassForeign, "half an answer: "+err.Error()
		return outcome
	}
	if status, ok := answer.Get("statusCode"); ok {
		text, _ := status.Text()
		if code, err := strconv.Atoi(text); err == nil && code >= 300 && code < 600 {
			outcome.Class, outcome.Status, outcome.Detail = agent.ClassStatus, code, "status inside a 2xx"
			return outcome
		}
	}
	for _, name := range []string{"error", "errors"} {
		if problem, ok := answer.Get(name); ok && says(problem) {
			outcome.Class, outcome.Detail = agent.ClassForeign, "a 2xx with an error inside"
		}
	}
	return outcome
}

// says tells whether an error field really holds one: null, false, "" and empty lists do not.
func says(v rawjson.Value) bool {
	switch v.Kind {
	case rawjson.Null, rawjson.False:
		return false
	case rawjson.String:
		return v.End-v.Start > 2
	case rawjson.Array:
		return len(v.Elements) > 0
	case rawjson.Object:
		return len(v.Members) > 0
	}
	return true
}
