package api

import (
	"net/http"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// maxCredential bounds the body that opens a session, in bytes.
const maxCredential = 4 << 10

// sessionView is a session of the console.
type sessionView struct {
	ID          string    `json:"id"`
	Token       string    `json:"token,omitempty"` // only in the answer that opens it
	Name        string    `json:"name"`
	Scope       string    `json:"scope"`
	OpenedAt    time.Time `json:"opened_at"`
	UsedAt      time.Time `json:"used_at"`
	ExpiresAt   time.Time `json:"expires_at"` // however it is used
	IdleSeconds int       `json:"idle_seconds"`
	Current     bool      `json:"current"` // it is the caller's own
}

func viewSession(s web.Session, own string) sessionView {
	return sessionView{
		ID: s.ID, Name: s.Name, Scope: s.Scope.String(), OpenedAt: s.Opened.UTC(), UsedAt: s.Used.UTC(), ExpiresAt: s.Expires.UTC(),
		IdleSeconds: int(web.SessionIdle / time.Second), Current: s.ID == own,
	}
}

// ownPage refuses a page of another origin, listed or not: the console is of this agent's own page, and of programs.
func ownPage(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if web.Foreign(r) {
			problem(w, r, agent.Errorf(agent.CodeOrigin, nil, "O console só atende a página do próprio pdvagent."), "")
			return
		}
		next(w, r)
	}
}

// consoleCode makes the code of an address that opens the console once. Neither it nor the address reaches the journal.
func (a *API) consoleCode(w http.ResponseWriter, r *http.Request) {
	web.Private(r)
	if _, ok := openForm(w, r); !ok {
		return
	}
	code, expires, err := a.cfg.Support.Access.NewCode(r, a.cfg.Agent.Now())
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusCreated, map[string]any{"code": code, "url": "http://" + r.Host + "/console/#codigo=" + code, "expires_at": expires.UTC()})
}

// openConsole opens a session by a code or by a configured token. Neither reaches the journal.
func (a *API) openConsole(w http.ResponseWriter, r *http.Request) {
	web.Private(r)
	web.Unseen(r)
	session, token, err := a.readCredential(w, r)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	remarksOn(r).opened = session
	v := viewSession(session, session.ID)
	v.Token = token
	web.JSON(w, http.StatusCreated, v)
}

func (a *API) readCredential(w http.ResponseWriter, r *http.Request) (session web.Session, token string, err error) {
	text, err := web.Body(w, r, maxCredential)
	if err != nil {
		return session, "", err
	}
	body, err := rawjson.Parse(text)
	if err != nil {
		return session, "", rawjson.Refusal(err)
	}
	code, byCode := body.Get("code")
	given, byToken := body.Get("token")
	value, open := code, a.cfg.Support.Access.OpenByCode
	if byToken {
		value, open = given, a.cfg.Support.Access.OpenByToken
	}
	if byCode == byToken || value.Kind != rawjson.String {
		return session, "", agent.Errorf(agent.CodeInvalid, nil, "Envie o código do endereço (code) ou um token (token), como texto.")
	}
	secret, _ := value.Text()
	return open(secret, a.cfg.Agent.Now())
}

// errNoSession is for a caller that has a configured token.
var errNoSession = agent.Errorf(agent.CodeNotFound, nil, "Esta sessão do console não existe, ou já terminou.")

// consoleSession shows the caller's own session.
func (a *API) consoleSession(w http.ResponseWriter, r *http.Request) {
	own := web.SessionID(r)
	for _, session := range a.cfg.Support.Access.Sessions(a.cfg.Agent.Now()) {
		if session.ID == own {
			web.JSON(w, http.StatusOK, viewSession(session, own))
			return
		}
	}
	problem(w, r, errNoSession, "")
}

// leaveConsole ends the caller's own session.
func (a *API) leaveConsole(w http.ResponseWriter, r *http.Request) {
	a.endSession(w, r, web.SessionID(r))
}

// consoleSessions lists the sessions that the caller may end: all of them for an administrator, else those of its own token.
func (a *API) consoleSessions(w http.ResponseWriter, r *http.Request) {
	list := []sessionView{}
	for _, session := range a.cfg.Support.Access.Sessions(a.cfg.Agent.Now()) {
		if mayEnd(r, session) {
			list = append(list, viewSession(session, web.SessionID(r)))
		}
	}
	web.JSON(w, http.StatusOK, map[string]any{"sessions": list})
}

// endConsole ends a session that the caller may end.
func (a *API) endConsole(w http.ResponseWriter, r *http.Request) {
	sessions := a.cfg.Support.Access.Sessions(a.cfg.Agent.Now())
	at := slices.IndexFunc(sessions, func(s web.Session) bool { return s.ID == r.PathValue("id") })
	if at >= 0 && !mayEnd(r, sessions[at]) {
		problem(w, r, agent.Errorf(agent.CodeScope, nil, "Esta sessão é de outro token; só o administrador a encerra."), "")
		return
	}
	a.endSession(w, r, r.PathValue("id"))
}

func mayEnd(r *http.Request, s web.Session) bool {
	return web.Granted(r) >= web.Admin || s.Name == web.Caller(r)
}

func (a *API) endSession(w http.ResponseWriter, r *http.Request, id string) {
	if !a.cfg.Support.Access.EndSession(id) {
		problem(w, r, errNoSession, "")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
