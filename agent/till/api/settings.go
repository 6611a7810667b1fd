package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/settings"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// Settings shows and changes the configuration of the running agent.
type Settings interface {
	Show() (map[string]any, config.Version, error)
	Put(patch map[string]any, by settings.By) (settings.Outcome, error)
	Undo(by settings.By) (settings.Outcome, error)
	Versions() ([]config.Version, error)

	Try(ctx context.Context, patch map[string]any, by settings.By) (settings.Outcome, config.Trial, error)
	Trial() config.Trial // the zero one: there was none
	Keep(who string) (config.Trial, error)
	TakeBack(who string) (config.Trial, error)
}

// maxPatch bounds a change of the configuration, in bytes.
const maxPatch = 64 << 10

// configuration shows the file's configuration, secrets hidden. Its ETag is the version's.
func (a *API) configuration(w http.ResponseWriter, r *http.Request) {
	shown, version, err := a.cfg.Support.Settings.Show()
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	tagged(w, version)
	web.JSON(w, http.StatusOK, shown)
}

// configure changes fields: the body has the form of the file, with only the fields to change.
func (a *API) configure(w http.ResponseWriter, r *http.Request) {
	if patch, ok := openPatch(w, r); ok {
		a.changeConfig(w, r, func(by settings.By) (settings.Outcome, error) { return a.cfg.Support.Settings.Put(patch, by) })
	}
}

// openPatch reads the fields to change; otherwise it answers.
func openPatch(w http.ResponseWriter, r *http.Request) (patch map[string]any, ok bool) {
	body, err := web.Body(w, r, maxPatch)
	if err == nil {
		patch, err = readPatch(body)
	}
	if err != nil {
		problem(w, r, err, "")
		return nil, false
	}
	return patch, true
}

// tagged gives the answer the version's ETag.
func tagged(w http.ResponseWriter, version config.Version) {
	w.Header().Set("ETag", `"`+settings.Tag(version)+`"`)
}

// author is the caller, and the version that If-Match names; * and none are any.
func author(r *http.Request) settings.By {
	seen := strings.TrimSpace(r.Header.Get("If-Match"))
	if seen == "*" {
		seen = ""
	}
	return settings.By{Name: web.Caller(r), Seen: strings.Trim(seen, `"`)}
}

// readPatch reads a strict JSON object and keeps its numbers as they are written.
func readPatch(body []byte) (map[string]any, error) {
	parsed, err := rawjson.Parse(body)
	if err != nil {
		return nil, rawjson.Refusal(err)
	}
	if parsed.Kind != rawjson.Object {
		return nil, agent.Errorf(agent.CodeMalformed, nil, "Envie um objeto com as seções e os campos a alterar.")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var patch map[string]any
	err = decoder.Decode(&patch)
	return patch, err
}

// configUndo restores the version before.
func (a *API) configUndo(w http.ResponseWriter, r *http.Request) {
	a.changeConfig(w, r, a.cfg.Support.Settings.Undo)
}

// changeConfig makes a change in the caller's name and answers with its outcome.
func (a *API) changeConfig(w http.ResponseWriter, r *http.Request, change func(by settings.By) (settings.Outcome, error)) {
	outcome, err := change(author(r))
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	remarksOn(r).fields = outcome.Version.Changed
	tagged(w, outcome.Version)
	web.JSON(w, http.StatusOK, outcome)
}

// configSchema gives the JSON Schema of the file, which a form can be made of.
func (a *API) configSchema(w http.ResponseWriter, r *http.Request) {
	web.Private(r) // it is long, and always the same
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(config.Schema) // an error means that the caller hung up
}

// configVersions lists the latest versions, oldest first.
func (a *API) configVersions(w http.ResponseWriter, r *http.Request) {
	versions, err := a.cfg.Support.Settings.Versions()
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"versions": versions})
}

// configRefusal translates the faults of a configuration for a person; no fault has a value.
func configRefusal(err error) error {
	faults, ok := errors.AsType[config.Faults](err)
	if !ok {
		return err
	}
	e := agent.Errorf(agent.CodeInvalid, nil, "A configuração ficaria errada; nada foi alterado.")
	for _, fault := range faults {
		e.Fields = append(e.Fields, agent.Fault{Field: fault.Field, Code: "config", Detail: fault.Detail})
	}
	return e
}
