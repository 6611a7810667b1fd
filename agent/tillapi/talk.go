package tillapi

import (
	"encoding/json"
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/web"
)

// talk answers a live call: with the cloud's own bytes, or in its place. The status is 200 either way; the header and
// the body's member "agent" tell which.
func (a *API) talk(call agent.Call, dialect agent.Dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := a.loyaltyBody(w, r)
		if !ok {
			return
		}
		reply, err := a.cfg.Sessions.Talk(agent.Talk{Call: call, Dialect: dialect, Body: body, Ref: web.RequestID(r)})
		web.SpentInCloud(r, reply.Cloud)
		a.fullness(err)
		if err != nil {
			problem(w, r, err, "")
			return
		}
		w.Header().Set(web.HeaderDelivery, string(reply.Delivery))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply.Body) // the till is gone: nobody to tell
	}
}

// forget removes a shopper from the member cache. The document comes in the body: addresses end up in logs.
func (a *API) forget(w http.ResponseWriter, r *http.Request) {
	body, ok := a.loyaltyBody(w, r)
	if !ok {
		return
	}
	var asked struct {
		Document string `json:"document"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		problem(w, r, agent.Errorf(agent.CodeMalformed, err, "Envie {\"document\": \"CPF ou CNPJ\"}."), "")
		return
	}
	forgotten, err := a.cfg.Sessions.Forget(r.Context(), asked.Document)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]bool{"forgotten": forgotten})
}
