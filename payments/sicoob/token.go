package sicoob

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
	"pdvagent/payments"
)

// tokens keeps the one that is good for some minutes (contract section 2). There is no client secret: the certificate of
// the connection is who we are.
type tokens struct {
	cfg    Config
	scopes string
	cloud  *upstream.Client
	path   string
	turn   chan struct{} // who asks; a mutex would be held over a call

	value string
	ends  time.Time // a while before the bank's own end
}

func newTokens(cfg Config, v dialect, identity func() (*tls.Certificate, error)) (*tokens, error) {
	scopes := cfg.Scopes
	if len(scopes) == 0 {
		scopes = v.scopes
	}
	cut := strings.LastIndexByte(strings.TrimRight(cfg.TokenURL, "/"), '/')
	t := &tokens{cfg: cfg, scopes: strings.Join(scopes, " "), path: cfg.TokenURL[cut+1:], turn: make(chan struct{}, 1)}
	var err error
	t.cloud, err = upstream.New(upstream.Config{
		BaseURL: cfg.TokenURL[:cut], Deadline: 15 * time.Second, Observe: cfg.Observe, Dial: cfg.Dial, Identity: identity, Roots: cfg.Roots, Now: cfg.Now,
	})
	return t, err
}

// put gives the client's next requests a token that is good for a while.
func (t *tokens) put(ctx context.Context, cloud *upstream.Client) error {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return &payments.Failure{Class: payments.Away, Detail: "no time for a token"}
	}
	defer func() { <-t.turn }()
	if t.value == "" || !t.cfg.Now().Before(t.ends) {
		if err := t.ask(ctx); err != nil {
			return err
		}
	}
	cloud.SetHeader("Authorization", "Bearer "+t.value)
	return nil
}

// drop forgets a token that the bank does not take any more.
func (t *tokens) drop() {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	t.value = ""
}

func (t *tokens) ask(ctx context.Context) error {
	asked := t.cfg.Now()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.cfg.ClientID}, "scope": {t.scopes}}
	outcome := t.cloud.Do(ctx, upstream.Request{
		Method: http.MethodPost, Path: t.path, Route: "/token", Body: []byte(form.Encode()), Type: "application/x-www-form-urlencoded", Secret: true,
	})
	if err := payments.Check(outcome); err != nil {
		return t.refused(outcome, err)
	}
	var in struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   text   `json:"expires_in"`
	}
	if json.Unmarshal(outcome.Body, &in) != nil || in.AccessToken == "" || strings.ContainsFunc(in.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return &payments.Failure{Class: payments.Away, Detail: "the token's answer has no token"}
	}
	life := 300 * time.Second
	if seconds, ok := in.ExpiresIn.count(); ok && seconds > 0 {
		life = time.Duration(min(seconds, 86_400)) * time.Second
	}
	t.value, t.ends = in.AccessToken, asked.Add(life-min(life/5, time.Minute))
	return nil
}

// refused says why there is no token: nothing happened at the bank, whatever it was.
func (t *tokens) refused(o agent.Outcome, err error) error {
	f := payments.FailureOf(err)
	if f.Class == payments.Lost {
		f.Class = payments.Away
	}
	var in struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if f.Class == payments.Declined || f.Class == payments.NotFound {
		f.Class = payments.Unauthorized
	}
	why := f.Detail
	if json.Unmarshal(o.Body, &in) == nil && in.Error != "" {
		why = short(cmp.Or(in.Description, in.Error))
	}
	f.Detail = "token: " + why
	if f.Class == payments.Unauthorized {
		f.Says = "O Sicoob não deu acesso a esta loja (" + why + "). Confira o client_id, o certificado e se o aplicativo foi autorizado no Sicoobnet."
	}
	return f
}
