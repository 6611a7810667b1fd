package api

import (
	"net/http"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/till/web"
)

// talk answers a live call with the cloud's body, or with a contingency answer. The status is 200 for both; the header
// X-Agent-Delivery and the body's member "agent" tell them apart.
func (a *API) talk(call agent.Call, dialect agent.Dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind := agent.Kind("") // a start or an apply that cannot be read is of no use later
		if call == agent.CallMessage {
			kind = agent.KindMessage
		}
		body, ok := a.loyaltyBody(w, r, kind, dialect)
		if !ok {
			return
		}
		reply, err := a.cfg.Sales.Loyalty.Talk(agent.Talk{Call: call, Dialect: dialect, Body: body, Ref: web.RequestID(r)})
		web.SpentInCloud(r, reply.Cloud)
		a.noteStoreFull(err)
		if err != nil {
			kept, err := a.keepUnread(r, unread.Body{Kind: kind, Dialect: dialect, Text: body}, err)
			problem(w, r, err, kept)
			return
		}
		w.Header().Set(web.HeaderDelivery, string(reply.Delivery))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(reply.Body) // an error means that the till hung up
	}
}

// forget removes a shopper from the member cache. The document is in the body because logs keep URLs.
func (a *API) forget(w http.ResponseWriter, r *http.Request) {
	body, ok := a.loyaltyBody(w, r, "", "")
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
	forgotten, err := a.cfg.Sales.Loyalty.Forget(r.Context(), text)
	if err != nil {
		problem(w, r, err, "")
		return
	}
	if _, err := a.cfg.Sales.Unread.Clear(r.Context()); err != nil { // whose they are cannot be known
		problem(w, r, agent.ForTill(err), "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]bool{"forgotten": forgotten})
}
