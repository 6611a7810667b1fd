package uplink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"pdvagent/agent"
	"pdvagent/agent/chain"
	"pdvagent/agent/osfile"
)

// fileName is the membership's file in the data folder.
const fileName = "chain.json"

// maxFile bounds the membership's file and the hub's answer, in bytes.
const maxFile = 64 << 10

// membership is what an agent that has joined keeps. It is private.
type membership struct {
	Invitation string `json:"invitation"` // SHA-256 of the code that was used; with another code the agent joins anew
	Seed       string `json:"seed"`       // of its nkey
	chain.JoinAnswer
}

// errRefused is a hub's answer that asking again does not change.
type errRefused struct{ detail string }

func (e errRefused) Error() string { return e.detail }

// membership reads the file, or joins, again and again until it works or ctx ends.
func (u *Uplink) membership(ctx context.Context) (membership, error) {
	path := filepath.Join(u.cfg.Dir, fileName)
	for attempts := 0; ; attempts++ {
		m, err := u.readOrJoin(ctx, path)
		if err == nil {
			u.cfg.Alarms.Clear(agent.AlarmChain, "")
			return m, nil
		}
		u.cfg.Log.Info("chain_not_joined", "error", err)
		wait := u.delay(attempts)
		var refused errRefused
		if errors.As(err, &refused) {
			u.alarm("O hub da rede não aceita este caixa: " + refused.detail)
			wait = max(wait, 30*u.cfg.Reconnect)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return m, ctx.Err()
		}
	}
}

func (u *Uplink) readOrJoin(ctx context.Context, path string) (m membership, err error) {
	used := sha256.Sum256([]byte(strings.TrimSpace(u.cfg.Invitation)))
	raw, err := osfile.ReadUpTo(path, maxFile)
	if err == nil && json.Unmarshal(raw, &m) == nil && m.Invitation == hex.EncodeToString(used[:]) && m.JWT != "" {
		return m, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	keys, err := nkeys.CreateUser()
	if err != nil {
		return m, err
	}
	seed, err := keys.Seed()
	if err != nil {
		return m, err
	}
	public, err := keys.PublicKey()
	if err != nil {
		return m, err
	}
	answer, err := u.join(ctx, public)
	if err != nil {
		return m, err
	}
	m = membership{Invitation: hex.EncodeToString(used[:]), Seed: string(seed), JoinAnswer: answer}
	if raw, err = json.Marshal(m); err != nil {
		return m, err
	}
	return m, osfile.WriteNew(path, raw)
}

// join asks the hub once. Only the certificate authority of the invitation counts, whatever the machine trusts.
func (u *Uplink) join(ctx context.Context, public string) (answer chain.JoinAnswer, err error) {
	body, err := json.Marshal(chain.JoinRequest{
		Secret: u.invitation.Secret, Key: public, Agent: u.cfg.Agent, Shop: u.cfg.Shop, Till: u.cfg.Till, Version: u.cfg.Version,
	})
	if err != nil {
		return answer, err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(u.invitation.URL, "/")+chain.JoinPath, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: u.pinned()}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return answer, fmt.Errorf("join the hub: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxFile))
	if err != nil {
		return answer, err
	}
	if response.StatusCode != http.StatusOK {
		return answer, refusal(response.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.JWT == "" || len(answer.Servers) == 0 || !u.signs([]byte(answer.CA)) {
		return answer, errors.New("join the hub: its answer is not understood")
	}
	return answer, nil
}

// refusal is the error of an answer that is no 200: one of 4xx does not change by asking again, but 429.
func refusal(status int, raw []byte) error {
	var said chain.Refusal
	if json.Unmarshal(raw, &said) == nil && said.Detail != "" && status/100 == 4 && status != http.StatusTooManyRequests {
		return errRefused{said.Detail}
	}
	return fmt.Errorf("join the hub: status %d", status)
}

// pinned trusts a chain that ends in the invitation's authority.
func (u *Uplink) pinned() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection checks the chain against the invitation's authority, and the name
		VerifyConnection: func(state tls.ConnectionState) error {
			roots, others := x509.NewCertPool(), x509.NewCertPool()
			for _, certificate := range state.PeerCertificates {
				if sum := sha256.Sum256(certificate.Raw); bytes.Equal(sum[:], u.invitation.Pin) {
					roots.AddCert(certificate)
				} else {
					others.AddCert(certificate)
				}
			}
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: state.ServerName, Roots: roots, Intermediates: others})
			return err
		},
	}
}

// signs tells whether a PEM is the invitation's authority.
func (u *Uplink) signs(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	sum := sha256.Sum256(block.Bytes)
	return bytes.Equal(sum[:], u.invitation.Pin)
}
