package tillapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/settings"
	"pdvagent/agent/web"
)

// Settings is the configuration of the running agent.
type Settings interface {
	Show() (map[string]any, error)
	Put(patch map[string]any, author string) (settings.Outcome, error)
	Undo(author string) (settings.Outcome, error)
	Versions() ([]config.Version, error)
}

// maxPatch bounds a change of the configuration, in bytes.
const maxPatch = 64 << 10

// configuration shows what the file says, secrets hidden.
func (a *API) configuration(w http.ResponseWriter, r *http.Request) {
	shown, err := a.cfg.Settings.Show()
	if err != nil {
		problem(w, r, wrongFile(err), "")
		return
	}
	web.JSON(w, http.StatusOK, shown)
}

// configure changes fields: an object like the file's with only what shall change.
func (a *API) configure(w http.ResponseWriter, r *http.Request) {
	body, err := web.Body(w, r, maxPatch)
	if err == nil {
		var patch map[string]any
		if patch, err = readPatch(body); err == nil {
			a.configured(w, r, func(author string) (settings.Outcome, error) { return a.cfg.Settings.Put(patch, author) })
			return
		}
	}
	problem(w, r, err, "")
}

// readPatch refuses what rawjson refuses, then reads the object with its numbers as they are.
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

// configUndo brings the version before back.
func (a *API) configUndo(w http.ResponseWriter, r *http.Request) {
	a.configured(w, r, a.cfg.Settings.Undo)
}

func (a *API) configured(w http.ResponseWriter, r *http.Request, change func(author string) (settings.Outcome, error)) {
	outcome, err := change(web.Caller(r))
	if err != nil {
		problem(w, r, wrongFile(err), "")
		return
	}
	web.JSON(w, http.StatusOK, outcome)
}

// configVersions lists the last versions, oldest first.
func (a *API) configVersions(w http.ResponseWriter, r *http.Request) {
	versions, err := a.cfg.Settings.Versions()
	if err != nil {
		problem(w, r, wrongFile(err), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"versions": versions})
}

// wrongFile tells a person every fault of a configuration; none of them repeats a value.
func wrongFile(err error) error {
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
