package web

import (
	"encoding/json"
	"net/http"

	"pdvagent/agent"
)

// problem is RFC 9457 with the members of till-api.md section 1.
type problem struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Code      agent.Code    `json:"code"`
	Detail    string        `json:"detail"`
	Fields    []agent.Fault `json:"fields,omitempty"`
	Origin    string        `json:"origin"`
	Retry     string        `json:"retry"`
	RequestID string        `json:"request_id"`
	Job       string        `json:"job,omitempty"` // of what was kept all the same
}

// Refusal is how a code is told over HTTP.
type Refusal struct {
	Status int
	Origin string // till, agent, network or cloud
	Retry  string // never, same-key or later
}

// refusals of the chain itself; the routes bring their own.
func refusal(code agent.Code) (Refusal, bool) {
	status := map[agent.Code]int{
		agent.CodeMalformed:    http.StatusBadRequest,
		agent.CodeDuplicateKey: http.StatusBadRequest,
		agent.CodeEncoding:     http.StatusBadRequest,
		agent.CodeTooDeep:      http.StatusBadRequest,
		agent.CodeBrowser:      http.StatusBadRequest,
		agent.CodeUnauthorized: http.StatusUnauthorized,
		agent.CodeScope:        http.StatusForbidden,
		agent.CodeOrigin:       http.StatusForbidden,
		agent.CodeNotLoopback:  http.StatusForbidden,
		agent.CodeNotFound:     http.StatusNotFound,
		agent.CodeMethod:       http.StatusMethodNotAllowed,
		agent.CodeTooLarge:     http.StatusRequestEntityTooLarge,
		agent.CodeMediaType:    http.StatusUnsupportedMediaType,
		agent.CodeHost:         http.StatusMisdirectedRequest,
	}[code]
	return Refusal{status, "till", "never"}, status != 0
}

// Problem writes err as a problem. refuse translates the codes of the routes; the chain's own are known here, and
// everything else is 500 without a word of its inside.
func Problem(w http.ResponseWriter, r *http.Request, err error, refuse func(agent.Code) (Refusal, bool), job string) {
	code, message := agent.CodeOf(err), "O pdvagent encontrou um erro interno. Repita a mesma chamada; se continuar, chame o suporte."
	how, known := refusal(code)
	if !known && refuse != nil {
		how, known = refuse(code)
	}
	var fields []agent.Fault
	if e, ok := asError(err); ok && known {
		message, fields = e.Message, e.Fields
	}
	if !known {
		code, how = agent.CodeInternal, Refusal{http.StatusInternalServerError, "agent", "same-key"}
		scopeOf(r).fail(err)
	}
	scopeOf(r).origin = how.Origin
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if how.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="pdvagent"`)
	}
	w.WriteHeader(how.Status)
	body := problem{
		Type: "about:blank", Title: http.StatusText(how.Status), Status: how.Status, Code: code, Detail: message,
		Fields: fields, Origin: how.Origin, Retry: how.Retry, RequestID: scopeOf(r).id, Job: job,
	}
	_ = json.NewEncoder(w).Encode(body) // the till is gone: nobody to tell
}

// JSON writes a value as the answer.
func JSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the till is gone: nobody to tell
}
