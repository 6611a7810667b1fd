package hub_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"pdvagent/agent/chain"
	"pdvagent/cmd/pdvhub/internal/hub"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

func newKey(t *testing.T) string {
	t.Helper()
	keys, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := keys.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// joinWith posts a body to the hub.
func joinWith(t *testing.T, p *place, body string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+p.join+chain.JoinPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

func bodyOf(t *testing.T, r chain.JoinRequest) string {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAnInvitationIsOfOneTillOnceAndForATime(t *testing.T) {
	p := newPlace(t)
	if _, err := hub.Invite(t.Context(), p.dir, "001", "012", time.Hour); err != hub.ErrNeverServed { //nolint:errorlint // it is handed on as it is
		t.Errorf("an invitation to no hub: %v", err)
	}
	p.start()
	invite := func(valid time.Duration) string {
		invitation, err := hub.Invite(t.Context(), p.dir, "001", "012", valid)
		if err != nil {
			t.Fatal(err)
		}
		return invitation.Secret
	}
	good, over := invite(time.Hour), invite(-time.Second)
	ours := chain.JoinRequest{Secret: good, Key: newKey(t), Agent: "agent-one", Shop: "001", Till: "012"}
	with := func(change func(*chain.JoinRequest)) string {
		r := ours
		change(&r)
		return bodyOf(t, r)
	}
	for _, c := range []struct {
		name, body string
		status     int
		words      string
	}{
		{"no JSON", "x", 400, "não é de um pdvagent"},
		{"too long", strings.Repeat("x", 1<<20), 400, "não é de um pdvagent"},
		{"no key", with(func(r *chain.JoinRequest) { r.Key = "UABC" }), 400, "não é de um pdvagent"},
		{"an id that is no word of a subject", with(func(r *chain.JoinRequest) { r.Agent = "agent.one.>" }), 400, "não é de um pdvagent"},
		{"a secret that nobody made", with(func(r *chain.JoinRequest) { r.Secret = "x" }), 403, "não existe"},
		{"too late", with(func(r *chain.JoinRequest) { r.Secret = over }), 403, "venceu"},
		{"another till", with(func(r *chain.JoinRequest) { r.Till = "013" }), 403, "é da loja 001, caixa 012"},
		{"the till", with(func(*chain.JoinRequest) {}), 200, `"jwt"`},
		{"the till again: the answer was lost", with(func(r *chain.JoinRequest) { r.Key = newKey(t) }), 200, `"jwt"`},
		{"another agent with the same code", with(func(r *chain.JoinRequest) { r.Agent = "agent-two" }), 403, "já foi usado"},
	} {
		if status, body := joinWith(t, p, c.body); status != c.status || !strings.Contains(body, c.words) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	l, err := ledger.Open(t.Context(), p.dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if tills, err := l.Tills(t.Context()); err != nil || len(tills) != 1 || tills[0].Agent != "agent-one" {
		t.Errorf("members: %+v, %v", tills, err)
	}
}

func TestWhoGuessesInvitationsWaits(t *testing.T) {
	p := newPlace(t)
	p.start()
	body := bodyOf(t, chain.JoinRequest{Secret: "x", Key: newKey(t), Agent: "agent-one", Shop: "001", Till: "012"})
	var last int
	for range 25 {
		last, _ = joinWith(t, p, body)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 25th guess is answered %d", last)
	}
	if status, text := joinWith(t, p, string(bytes.Repeat([]byte("x"), 10))); status != http.StatusTooManyRequests || !strings.Contains(text, "um minuto") {
		t.Errorf("got %d %s", status, text)
	}
}
