package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"

	"pdvagent/agent"
)

// Bounds of the console's sessions and codes (SEC-22, SEC-23).
const (
	SessionIdle  = 30 * time.Minute // without a request of a person
	SessionMost  = 8 * time.Hour    // from its opening, however it is used
	CodeLife     = time.Minute
	maxSessions  = 64
	maxCodes     = 16
	wrongAllowed = 10 // wrong codes and tokens of all callers together, within wrongWindow
	wrongWindow  = time.Minute
)

// HeaderBackground marks a request that the console's page makes by itself, with 1: it does not keep the session alive.
const HeaderBackground = "X-Console-Background"

// Session is a console that is open. Its token is as good as the configured one that opened it, and lives in memory only.
type Session struct {
	ID      string
	Name    string // of the token that opened it
	Scope   Scope
	Opened  time.Time
	Used    time.Time // by a person, last
	Expires time.Time // however it is used
}

// consoles are the sessions that are open and the codes that open one. They are of the configured tokens: what a token
// opened ends with it.
type consoles struct {
	mu       sync.Mutex
	sessions []*console
	codes    []code // the oldest first
	wrong    []time.Time
	watches  []*watch // of answers that last
}

type console struct {
	Session
	hash [sha256.Size]byte // of its token
	by   hashedToken
}

type code struct {
	hash    [sha256.Size]byte
	by      hashedToken
	expires time.Time
}

// grant is what a request's Authorization is worth; the zero grant is none.
type grant struct {
	token   hashedToken // configured, or that which opened the session
	session string      // id; empty for a configured token
}

// secret makes a random text of 256 bits.
func secret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// NewCode makes a code that opens one session, within [CodeLife], in the name and with the scope of the request's token.
// A session makes none: it would never end.
func (a *Access) NewCode(r *http.Request, at time.Time) (text string, expires time.Time, err error) {
	by := scopeOf(r).grant
	if by.session != "" {
		return "", time.Time{}, agent.Errorf(agent.CodeScope, nil, "Uma sessão do console não abre outra: use um token da configuração, ou pdvagent console.")
	}
	c := &a.consoles
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(a.now.Load().tokens, by.token) { // the configuration changed meanwhile
		return "", time.Time{}, errNoToken
	}
	c.expire(at)
	if len(c.codes) >= maxCodes {
		c.codes = c.codes[1:]
	}
	text, expires = secret(), at.Add(CodeLife)
	c.codes = append(c.codes, code{sha256.Sum256([]byte(text)), by.token, expires})
	return text, expires, nil
}

// OpenByCode opens a session by a code, which is worth nothing afterwards. It gives the session's token.
func (a *Access) OpenByCode(text string, at time.Time) (s Session, token string, err error) {
	hash, c := sha256.Sum256([]byte(text)), &a.consoles
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(at)
	found := -1
	for i := range c.codes {
		if subtle.ConstantTimeCompare(hash[:], c.codes[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return s, "", c.refuse(at, "Este endereço do console já foi usado ou passou de um minuto. Abra outro com pdvagent console, ou entre com um token.")
	}
	by := c.codes[found].by
	c.codes = slices.Delete(c.codes, found, found+1)
	s, token = c.open(by, at)
	return s, token, nil
}

// OpenByToken opens a session by a configured token of support or of the administrator. It gives the session's token.
func (a *Access) OpenByToken(text string, at time.Time) (s Session, token string, err error) {
	c := &a.consoles
	c.mu.Lock()
	defer c.mu.Unlock()
	by := a.configured(sha256.Sum256([]byte(text)))
	switch {
	case by.scope == Public:
		return s, "", c.refuse(at, "Este token não está na configuração do pdvagent.")
	case by.scope < Support:
		return s, "", agent.Errorf(agent.CodeScope, nil, "Este é o token do caixa; o console abre com o do suporte ou o do administrador.")
	}
	c.expire(at)
	s, token = c.open(by, at)
	return s, token, nil
}

// refuse counts a wrong code or token. Too many of them are told so; a right one is never refused for it, or whoever sends
// wrong ones could keep support out. The caller holds mu.
func (c *consoles) refuse(at time.Time, sentence string) error {
	c.wrong = slices.DeleteFunc(c.wrong, func(t time.Time) bool { return at.Sub(t) >= wrongWindow })
	if len(c.wrong) >= wrongAllowed {
		return agent.Errorf(agent.CodeTooMany, nil, "Houve tentativas erradas demais; espere um minuto. Um endereço de pdvagent console e um token certo valem mesmo agora.")
	}
	c.wrong = append(c.wrong, at)
	return agent.Errorf(agent.CodeUnauthorized, nil, "%s", sentence)
}

// open opens a session; beyond the bound the one that is idle longest goes. The caller holds mu.
func (c *consoles) open(by hashedToken, at time.Time) (s Session, token string) {
	if len(c.sessions) >= maxSessions {
		idlest := slices.MinFunc(c.sessions, func(a, b *console) int { return a.Used.Compare(b.Used) })
		c.end(idlest.ID)
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	s = Session{ID: hex.EncodeToString(id[:]), Name: by.name, Scope: by.scope, Opened: at, Used: at, Expires: at.Add(SessionMost)}
	token = secret()
	c.sessions = append(c.sessions, &console{s, sha256.Sum256([]byte(token)), by})
	return s, token
}

// expire ends what is over. The caller holds mu.
func (c *consoles) expire(at time.Time) {
	c.codes = slices.DeleteFunc(c.codes, func(one code) bool { return !at.Before(one.expires) })
	c.sessions = slices.DeleteFunc(c.sessions, func(s *console) bool { return at.Sub(s.Used) >= SessionIdle || !at.Before(s.Expires) })
}

// end ends a session. The caller holds mu.
func (c *consoles) end(id string) bool {
	before := len(c.sessions)
	c.sessions = slices.DeleteFunc(c.sessions, func(s *console) bool { return s.ID == id })
	return len(c.sessions) < before
}

// keep ends what tokens opened that are no longer configured as they were.
func (c *consoles) keep(tokens []hashedToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes = slices.DeleteFunc(c.codes, func(one code) bool { return !slices.Contains(tokens, one.by) })
	c.sessions = slices.DeleteFunc(c.sessions, func(s *console) bool { return !slices.Contains(tokens, s.by) })
	c.look(tokens)
}

// grant is what a session's token is worth; renew counts the request as one of a person.
func (c *consoles) grant(hash [sha256.Size]byte, at time.Time, renew bool) grant {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(at)
	var found *console
	for _, s := range c.sessions {
		if subtle.ConstantTimeCompare(hash[:], s.hash[:]) == 1 {
			found = s
		}
	}
	if found == nil {
		return grant{}
	}
	if renew {
		found.Used = at
	}
	return grant{found.by, found.ID}
}

// Sessions lists the sessions that are open, the oldest first.
func (a *Access) Sessions(at time.Time) []Session {
	c := &a.consoles
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(at)
	list := make([]Session, 0, len(c.sessions))
	for _, s := range c.sessions {
		list = append(list, s.Session)
	}
	return list
}

// EndSession ends a session at once; false: there is none of this id.
func (a *Access) EndSession(id string) bool {
	a.consoles.mu.Lock()
	defer a.consoles.mu.Unlock()
	ended := a.consoles.end(id)
	a.consoles.look(a.now.Load().tokens)
	return ended
}
