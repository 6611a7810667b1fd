package mercafacil

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/reading"
	"pdvagent/agent/upstream"
)

// Config says where the loyalty cloud is and who we are there.
type Config struct {
	BaseURL    string        // required, with or without a slash at its end
	Token      string        // required, any length: it names the retailer and the shop (R12, R13)
	PDVVersion string        // required, sent with every request (R14)
	Deadline   time.Duration // of one delivery, default 15 s
	Parallel   int           // deliveries at the same time, whose connections are kept beside those of live calls. Optional

	Observe func(agent.Exchange) // gets every exchange as it was; it must not wait. Optional
	Dial    upstream.Dial        // default: TCP
	Now     func() time.Time     // default time.Now
}

// Client delivers bodies to the loyalty cloud. It is safe for concurrent use.
type Client struct {
	upstream *upstream.Client
	loads    *upstream.Client // batches of megabytes take their time on a shop's line
}

// loadDeadline is how much longer a batch may take than another delivery.
const loadDeadline = 20

// liveTogether is how many live calls at the same time find a connection open; the tills behind one agent are few.
const liveTogether = 16

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
		Now:      cfg.Now,
		Together: liveTogether + cfg.Parallel,
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
		outcome = inside(mended(outcome))
	}
	return outcome
}

// mended gives an outcome whose answer is almost JSON as strict JSON, and says so in its Detail: some of the vendor's own
// examples have commas too many, comments, or two buttons in one object. Such a message is dropped; what else the answer says
// counts. An answer with no plain meaning stays as it came.
func mended(outcome agent.Outcome) agent.Outcome {
	text, answer, repairs, err := reading.DocumentWithout(outcome.Body, fieldMessage)
	if err != nil || len(repairs) == 0 {
		return outcome
	}
	if slices.Contains(repairs, reading.RepairDropped) {
		text = rawjson.RemoveMember(text, answer, fieldShow)
	}
	outcome.Body, outcome.Detail = text, fmt.Sprintf("answer mended: %v", repairs)
	return outcome
}

// Probe asks whether the cloud can be reached, without opening anything there.
func (c *Client) Probe(ctx context.Context) agent.Outcome { return c.upstream.Probe(ctx) }
