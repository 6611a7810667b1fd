package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/settings"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

// Settings shows and changes the configuration of the running agent.
type Settings interface {
	Show() (map[string]any, error)
	Put(patch map[string]any, author string) (settings.Outcome, error)
	Undo(author string) (settings.Outcome, error)
	Versions() ([]config.Version, error)
}

// maxPatch bounds a change of the configuration, in bytes.
const maxPatch = 64 << 10

// configuration shows the file's configuration, secrets hidden.
func (a *API) configuration(w http.ResponseWriter, r *http.Request) {
	shown, err := a.cfg.Support.Settings.Show()
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	web.JSON(w, http.StatusOK, shown)
}

// configure changes fields: the body has the form of the file, with only the fields to change.
func (a *API) configure(w http.ResponseWriter, r *http.Request) {
	body, err := web.Body(w, r, maxPatch)
	if err == nil {
		var patch map[string]any
		if patch, err = readPatch(body); err == nil {
			a.changeConfig(w, r, func(author string) (settings.Outcome, error) { return a.cfg.Support.Settings.Put(patch, author) })
			return
		}
	}
	problem(w, r, err, "")
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
func (a *API) changeConfig(w http.ResponseWriter, r *http.Request, change func(author string) (settings.Outcome, error)) {
	outcome, err := change(web.Caller(r))
	if err != nil {
		problem(w, r, configRefusal(err), "")
		return
	}
	remarksOn(r).fields = outcome.Version.Changed
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
