package tillapi

import (
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
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
	asked, err := rawjson.Parse(body)
	if err != nil {
		problem(w, r, rawjson.Refusal(err), "")
		return
	}
	document, _ := asked.Get("document")
	text, _ := document.Text()
	forgotten, err := a.cfg.Sessions.Forget(r.Context(), text)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]bool{"forgotten": forgotten})
}
