package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/mask"
	"pdvagent/agent/ops/audit"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// Audit is the trail of what people did.
type Audit interface {
	Write(ctx context.Context, entry audit.Entry) error
	Read(q audit.Query) (list []audit.Entry, more bool, err error)
}

// headerAudit is in the answer to a deed that could not be written down: it is done all the same, for a full store must not
// keep anybody from mending it.
const headerAudit = "X-Agent-Audit"

// audited is a route of which the trail tells. Before the answer goes out, the trail has who asked for what, what it was
// about before and after, and how it ended. A call of a till route is written down only when support makes it.
func (a *API) audited(route web.Route, d deed) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if route.Scope == web.Till && web.Granted(r) < web.Support {
			route.Handler(w, r)
			return
		}
		told := new(remarks)
		r = r.WithContext(context.WithValue(r.Context(), remarksKey{}, told))
		entry := audit.Entry{At: a.cfg.Agent.Now().UTC(), Action: route.Method + " " + route.Path, Target: target(r), What: d.what + detail(r)}
		before := d.look(a, r)
		answer := &heldAnswer{ResponseWriter: w}
		defer func() { // also of a handler that panics: what it did is not known
			entry.Before, entry.After = told.values(before, d.look(a, r))
			a.writeDown(answer, r, entry, told)
			answer.release()
		}()
		route.Handler(answer, r)
	}
}

// writeDown completes an entry by what came of it, and writes it.
func (a *API) writeDown(answer *heldAnswer, r *http.Request, entry audit.Entry, told *remarks) {
	entry.Who, entry.Session, entry.Via = web.Caller(r), web.SessionID(r), audit.ByProgram
	if told.opened.ID != "" {
		entry.Who, entry.Session = told.opened.Name, told.opened.ID
	}
	switch {
	case entry.Who == "": // a wrong code: who sends many of them must not push the others out of the trail
		return
	case entry.Session != "":
		entry.Via = audit.ByConsole
	case strings.HasPrefix(r.UserAgent(), UserAgent):
		entry.Via = audit.ByCommand
	}
	entry.Outcome, entry.Code = answer.outcome()
	entry.Reason = reasonOf(web.Received(r))
	if err := a.cfg.Support.Audit.Write(r.Context(), entry); err != nil {
		answer.Header().Set(headerAudit, "not_written")
		web.Remark(r, "A trilha não pôde ser gravada.")
		web.Fail(r, err)
	}
}

// UserAgent begins the User-Agent of the commands of this program.
const UserAgent = "pdvagent/"

// reasonOf is the reason that a person gave in the body of a request, masked: it may name somebody.
func reasonOf(body []byte) string {
	parsed, err := rawjson.Parse(body)
	if err != nil {
		return ""
	}
	reason, _ := parsed.Get("reason")
	text, _ := reason.Text()
	return mask.Text(text)
}

// target is what a request's path names. A route whose path could name a person has no other name in it.
func target(r *http.Request) string {
	for _, name := range []string{"id", "name", "nosso_numero", "what"} {
		if value := r.PathValue(name); value != "" {
			return value[:min(len(value), 100)]
		}
	}
	return ""
}

// detail is what the query of a routine's run adds to what was done.
func detail(r *http.Request) (words string) {
	query := r.URL.Query()
	if query.Get("full") == "1" {
		words += ", completa"
	}
	if query.Get("confirm") == "1" {
		words += ", aceitando uma carga menor"
	}
	return words
}

// heldAnswer keeps an answer back until the trail is written.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *heldAnswer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *heldAnswer) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *heldAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// release sends the answer; nothing where a handler has not answered.
func (w *heldAnswer) release() {
	if w.status == 0 {
		return
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.ResponseWriter.Write(w.body.Bytes()) // an error means that the caller hung up
}

// outcome is what an answer says of the deed.
func (w *heldAnswer) outcome() (audit.Outcome, agent.Code) {
	if w.status > 0 && w.status < http.StatusBadRequest {
		return audit.Done, ""
	}
	var problem struct{ Code agent.Code }
	_ = json.Unmarshal(w.body.Bytes(), &problem) // none: it has no code
	if w.status == 0 || w.status >= http.StatusInternalServerError {
		return audit.Failed, problem.Code
	}
	return audit.Refused, problem.Code
}

// remarks are what a handler adds to the entry of its request.
type remarks struct {
	opened web.Session // by the request
	fields []string    // of the configuration that it changed, secrets included
}

type remarksKey struct{}

// remarksOn are those of a request; of a route without a trail they go nowhere.
func remarksOn(r *http.Request) *remarks {
	if told, ok := r.Context().Value(remarksKey{}).(*remarks); ok {
		return told
	}
	return new(remarks)
}

// values are what a deed was about before and after it. Of two configurations they have the fields that differ.
func (told *remarks) values(before, after any) (was, is json.RawMessage) {
	if b, ok := before.(map[string]any); ok {
		a, _ := after.(map[string]any)
		fields := slices.Compact(slices.Sorted(slices.Values(append(config.Differences(b, a), told.fields...))))
		before, after = pick(b, fields), pick(a, fields)
	}
	return encoded(before), encoded(after)
}

// pick takes fields, given by their paths, out of a tree. The tree has no secrets.
func pick(tree map[string]any, fields []string) any {
	if len(fields) == 0 {
		return nil
	}
	picked := make(map[string]any, len(fields))
	for _, field := range fields {
		var value any = tree
		for name := range strings.SplitSeq(field, ".") {
			inner, _ := value.(map[string]any)
			value = inner[name]
		}
		picked[field] = value
	}
	return picked
}

// encoded is a value as JSON; nothing for nil.
func encoded(value any) json.RawMessage {
	if value == nil {
		return nil
	}
	text, _ := json.Marshal(value) // of our own views
	return text
}

// trail lists what people did, the newest first: ?since=&until=&who=&limit=&after=
func (a *API) trail(w http.ResponseWriter, r *http.Request) {
	query, f := r.URL.Query(), &form{}
	q := audit.Query{Who: query.Get("who"), Limit: 100, Since: f.moment("since", query.Get("since"), a.cfg.Agent.Zone), Until: f.moment("until", query.Get("until"), a.cfg.Agent.Zone)}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageLimit {
			f.fault("limit", "range", "Use um número de 1 a 500.")
		}
		q.Limit = n
	}
	if text := query.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 {
			f.fault("after", "invalid", "Use o número da última linha da página anterior.")
		}
		q.After = n
	}
	if err := f.err(); err != nil {
		problem(w, r, err, "")
		return
	}
	list, more, err := a.cfg.Support.Audit.Read(q)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	page := struct {
		Entries []audit.Entry `json:"entries"`
		Next    string        `json:"next,omitempty"`
	}{Entries: append([]audit.Entry{}, list...)}
	if more {
		page.Next = strconv.FormatUint(list[len(list)-1].Number, 10)
	}
	if web.Granted(r) < web.Admin {
		hideConfig(page.Entries)
	}
	web.JSON(w, http.StatusOK, page)
}

// hideConfig leaves the names of changed fields and hides their values: the configuration is the administrator's to see.
func hideConfig(entries []audit.Entry) {
	for i := range entries {
		if !strings.Contains(entries[i].Action, " /v1/config") {
			continue
		}
		for _, value := range []*json.RawMessage{&entries[i].Before, &entries[i].After} {
			var fields map[string]any
			if json.Unmarshal(*value, &fields) != nil {
				*value = nil
				continue
			}
			for name := range fields {
				fields[name] = "***"
			}
			*value = encoded(fields)
		}
	}
}
