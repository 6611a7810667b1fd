package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/inbox"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/till/web"
)

// maxFile bounds a file that is dropped on the console, in bytes (SEC-08). It goes to disk as it comes.
const maxFile = 100_000_000

// erp is the use of a file that is compared with the day's sales; the others are the kinds of loads.
const erp = "erp"

// fileView answers a file: what a load would make of it, or the differences to an ERP's list.
type fileView struct {
	ID string `json:"id"`
	inbox.Preview
	Differences []reconcile.Difference `json:"differences,omitempty"`
}

// takeFile keeps a file that a person has dropped, and shows it: ?name=, and of an ERP's list &day=&decimal=&encoding=&separator=
func (a *API) takeFile(w http.ResponseWriter, r *http.Request) {
	cfg, shape, err := a.readingOf(r.PathValue("use"), r.URL.Query())
	if err != nil {
		problem(w, r, err, "")
		return
	}
	body, err := web.File(w, r, maxFile)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	id, err := a.cfg.Support.Inbox.Take(r.URL.Query().Get("name"), body)
	if refusal := web.StreamError(err); refusal != nil {
		err = refusal
	}
	if err != nil {
		problem(w, r, err, "")
		return
	}
	opened, err := a.cfg.Support.Inbox.Open(id, cfg, shape)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	defer func() { _ = opened.Close(source.Left) }() // it stays
	v := fileView{ID: id, Preview: inbox.Look(r.Context(), opened, a.wrong(r.PathValue("use")), open(r.PathValue("use"), shape)...)}
	if r.PathValue("use") == erp && v.Refused == "" {
		v.First = v.First[:0]
		if v.Differences, err = a.compare(r.Context(), opened, r.URL.Query().Get("day")); err != nil {
			problem(w, r, err, "")
			return
		}
	}
	web.Private(r)
	web.JSON(w, http.StatusOK, v)
}

// wrong says what is wrong with a record of a file; what an ERP's list must have is said when it is compared.
func (a *API) wrong(use string) func(body []byte) *agent.Fault {
	if use == erp {
		return func([]byte) *agent.Fault { return nil }
	}
	return func(body []byte) *agent.Fault { return a.cfg.Sales.Loads.Fault(agent.Kind(use), body) }
}

// open are the fields that a preview may show: a product is nobody.
func open(use string, shape agent.LoadShape) (names []string) {
	if use == string(agent.KindProducts) {
		for _, field := range shape.Fields {
			names = append(names, field.Name)
		}
	}
	return names
}

// readingOf is how a file of a use is read: a load's by the rules of its source, an ERP's list as the query says.
func (a *API) readingOf(use string, query url.Values) (source.Config, agent.LoadShape, error) {
	cfg, shape := source.Default(), reconcile.Columns()
	switch kind := agent.Kind(use); {
	case a.cfg.Support.Inbox == nil || a.cfg.Support.Reading == nil || !a.cfg.Sales.configured():
		return cfg, shape, errNotConfigured(noLoyalty)
	case use == erp:
	case kind == agent.KindProducts || kind == agent.KindOperators:
		return a.cfg.Support.Reading(kind), a.cfg.Sales.Loads.Shape(kind), nil
	default:
		return cfg, shape, agent.Errorf(agent.CodeNotFound, nil, "Um arquivo serve para products, operators ou erp.")
	}
	for _, option := range []struct {
		name string
		into *string
		may  []string
	}{{"decimal", &cfg.Decimal, []string{"point", "comma"}}, {"encoding", &cfg.Encoding, []string{"utf-8", "windows-1252"}}, {"separator", &cfg.Separator, []string{";", ",", "|", `\t`}}} {
		given := query.Get(option.name)
		if given == "" {
			continue
		}
		if !slices.Contains(option.may, given) {
			e := agent.Errorf(agent.CodeInvalid, nil, "A consulta tem parâmetros inválidos.")
			e.Fields = []agent.Fault{{Field: option.name, Code: "unknown", Detail: "Este valor não existe."}}
			return cfg, shape, e
		}
		*option.into = given
	}
	return cfg, shape, nil
}

// compare holds an ERP's list against a day.
func (a *API) compare(ctx context.Context, opened source.Opened, day string) ([]reconcile.Difference, error) {
	if day == "" {
		day = a.cfg.Agent.Now().In(a.cfg.Agent.Zone).Format(time.DateOnly)
	}
	report, err := a.cfg.Support.Day(day)
	if err != nil {
		return nil, err
	}
	lines, err := reconcile.ReadERP(ctx, opened)
	if err != nil {
		return nil, err
	}
	return append([]reconcile.Difference{}, reconcile.Compare(report, lines)...), nil
}

// loadFile starts the load of a file that was taken: 202 with the routine's run.
func (a *API) loadFile(w http.ResponseWriter, r *http.Request) {
	use := r.PathValue("use")
	if _, _, err := a.readingOf(use, nil); err != nil {
		problem(w, r, err, "")
		return
	}
	if use == erp || a.cfg.Support.Confirm == nil {
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "Este arquivo não é de uma carga."), "")
		return
	}
	folder, err := a.cfg.Support.Inbox.Folder(r.PathValue("id"))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	run, err := a.cfg.Support.Confirm(use, routine.Asked{Everything: r.URL.Query().Get("full") == "1", Folder: folder})
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusAccepted, run)
}
