package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"pdvagent/agent/till/web"
)

const (
	heartbeat  = 15 * time.Second
	eventsPage = 100
	slowReader = 30 * time.Second // a reader that takes no data for so long is disconnected
)

// events streams the store's events as server-sent events. ?after= or Last-Event-ID gives the last one that the caller has,
// of at most 7 days ago; without either the stream begins with the next event.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	after := a.cfg.Agent.Store.LastEvent()
	text := r.Header.Get("Last-Event-ID")
	if given := r.URL.Query().Get("after"); given != "" {
		text = given
	}
	if text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			problem(w, r, oneFault("after", "invalid", "Use o número do último evento recebido; 0 para todos os que há."), "")
			return
		}
		after = n
	}
	if err := web.MayStream(r); err != nil {
		problem(w, r, err, "")
		return
	}
	ctx, stop := web.Lasting(w, r)
	defer stop()
	stream := http.NewResponseController(w)
	_ = stream.SetReadDeadline(time.Time{}) // the server's read timeout is for requests that end
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	for {
		changed := a.cfg.Agent.Store.Changed()
		list, err := a.cfg.Agent.Store.Events(after, eventsPage)
		if err != nil {
			return // the caller reconnects with the last id that it has
		}
		_ = stream.SetWriteDeadline(time.Now().Add(slowReader))
		for _, event := range list {
			after = event.ID
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", event.ID, event.Type, event.Data)
		}
		if stream.Flush() != nil {
			return
		}
		if len(list) == eventsPage {
			continue
		}
		select {
		case <-changed:
		case <-time.After(heartbeat):
			if _, err := w.Write([]byte(": ok\n\n")); err != nil {
				return
			}
		case <-a.cfg.Agent.Stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}
