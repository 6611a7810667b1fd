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
	Job       string        `json:"job,omitempty"` // that keeps the refused body
}

// Refusal is a code in terms of HTTP.
type Refusal struct {
	Status int
	Origin string // till, agent, network or cloud
	Retry  string // never, same-key or later
}

// refusal translates the codes of the chain itself; each caller of Problem has its own table.
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
	switch code {
	case agent.CodeBusy:
		return Refusal{http.StatusServiceUnavailable, "agent", "same-key"}, true
	case agent.CodeTooMany:
		return Refusal{http.StatusTooManyRequests, "till", "later"}, true
	}
	return Refusal{status, "till", "never"}, status != 0
}

// Problem writes err as application/problem+json. refuse translates the codes that the chain does not have; any other error
// is 500, and its text is for the log only. job names the job that keeps the refused body, or is empty.
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
	if h.Get(HeaderDelivery) == "live" {
		h.Set(HeaderDelivery, "refused")
	}
	if how.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="pdvagent"`)
	}
	if seconds := map[agent.Code]string{agent.CodeBusy: "1", agent.CodeTooMany: "60"}[code]; seconds != "" {
		h.Set("Retry-After", seconds)
	}
	w.WriteHeader(how.Status)
	body := problem{
		Type: "about:blank", Title: http.StatusText(how.Status), Status: how.Status, Code: code, Detail: message,
		Fields: fields, Origin: how.Origin, Retry: how.Retry, RequestID: scopeOf(r).id, Job: job,
	}
	_ = json.NewEncoder(w).Encode(body) // an error means that the till hung up
}

// JSON answers with a value.
func JSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // an error means that the till hung up
}
