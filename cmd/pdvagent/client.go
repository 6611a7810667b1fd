package main

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

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/web"
)

// localPatience is how long a command waits for the agent.
const localPatience = 30 * time.Second

// localClient calls the running agent as support does.
type localClient struct {
	base  string
	token string
	http  *http.Client

	delivery string // of the last answer: live, queued or replayed
}

// client finds the agent by its configuration.
func (o *options) client() (*localClient, error) {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	c := &localClient{base: "http://" + cfg.API.Listen, http: &http.Client{Timeout: localPatience}}
	for _, token := range cfg.API.Tokens {
		if token.Scope != "till" {
			c.token = token.Token.Reveal()
		}
	}
	if c.token == "" {
		return nil, agent.Errorf(agent.CodeBadConfig, nil, "A configuração não tem token com scope: support ou admin em api.tokens.")
	}
	return c, nil
}

// call sends body (nil for none) and reads the answer into result.
func (c *localClient) call(ctx context.Context, method, path string, body, result any) error {
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
	if response.StatusCode >= 300 {
		var refusal struct {
			Code   agent.Code
			Detail string
			Fields []agent.Fault
		}
		if err := json.NewDecoder(response.Body).Decode(&refusal); err != nil {
			return fmt.Errorf("agent answered %s", response.Status)
		}
		text := refusal.Detail
		for _, fault := range refusal.Fields {
			text += fmt.Sprintf("\n  %s: %s", fault.Field, fault.Detail)
		}
		return agent.Errorf(refusal.Code, nil, "%s", text)
	}
	return json.NewDecoder(response.Body).Decode(result)
}
