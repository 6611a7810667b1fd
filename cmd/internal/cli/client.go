package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/till/api"
	"pdvagent/agent/till/web"
	"pdvagent/cmd/internal/app"
)

// clientTimeout is how long a command waits for the agent's answer.
const clientTimeout = 30 * time.Second

// Client calls the running agent as support does.
type Client struct {
	base  string // URL, without a slash at the end
	token string
	http  *http.Client

	delivery string // of the last answer: live, queued or replayed
}

// NewClient makes a client of the agent at base.
func NewClient(base, token string) *Client {
	return &Client{base: base, token: token, http: &http.Client{Timeout: clientTimeout}}
}

// client finds the agent and a token for it in the configuration.
func (o *Options) client() (*Client, error) {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	tellTimesOf(cfg)
	secret, err := app.SupportToken(cfg)
	if err != nil {
		return nil, err
	}
	return NewClient("http://"+cfg.API.Listen, secret), nil
}

// request is a call of the agent's API; body is nil or what [Client.Call] takes.
type request struct {
	method, path string
	body         any
}

// ask sends a request to the running agent and prints its answer.
func ask[T any](cmd *cobra.Command, opts *Options, r request, print func(w io.Writer, answer T)) error {
	client, err := opts.client()
	if err != nil {
		return err
	}
	var answer T
	if err := client.Call(cmd.Context(), r.method, r.path, r.body, &answer); err != nil {
		return err
	}
	return opts.Print(answer, func(w io.Writer) { print(w, answer) })
}

// Call sends body, as JSON unless it is a json.RawMessage or nil, and reads the answer into result. A refusal is an
// agent.Error with the answer's words.
func (c *Client) Call(ctx context.Context, method, path string, body, result any) error {
	var reader io.Reader
	if body != nil {
		encoded, ok := body.(json.RawMessage)
		if !ok {
			var err error
			if encoded, err = json.Marshal(body); err != nil {
				return err
			}
		}
		reader = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("User-Agent", api.UserAgent+app.Version) // the trail says that a command did it
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return agent.Errorf(agent.CodeAgentNotRunning, nil, "O pdvagent não está em execução em %s.", c.base)
	}
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read to its end or given up
	c.delivery = response.Header.Get(web.HeaderDelivery)
	if response.StatusCode >= http.StatusMultipleChoices {
		return refusal(response)
	}
	return json.NewDecoder(response.Body).Decode(result)
}

// refusal reads an application/problem+json.
func refusal(response *http.Response) error {
	var problem struct {
		Code   agent.Code
		Detail string
		Fields []agent.Fault
	}
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
		return agent.Errorf(agent.CodeNotFound, nil, "O programa que atende em %s não é o pdvagent, ou é de outra versão: respondeu %d.", response.Request.URL.Host, response.StatusCode)
	}
	text := problem.Detail
	for _, fault := range problem.Fields {
		text += fmt.Sprintf("\n  %s: %s", fault.Field, fault.Detail)
	}
	return agent.Errorf(problem.Code, nil, "%s", text)
}

// get reads what the agent shows, as it is. Paths below /health get no token.
func (c *Client) get(ctx context.Context, path string) (int, []byte, error) {
	return app.AskAgent(ctx, c.base, c.token, path)
}
