package tillapi

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"pdvagent/agent"
)

// Events is the change stream.
type Events interface {
	Events(after uint64, limit int) ([]agent.Event, error)
	LastEvent() uint64
	Changed() <-chan struct{}
}

const (
	heartbeat  = 15 * time.Second
	eventsPage = 100
	slowReader = 30 * time.Second // that takes nothing for so long is let go
)

// events streams what changes, as server-sent events: ?after= or Last-Event-ID goes on where it was, for 7 days; without
// either it begins with what comes next.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	after := a.cfg.Events.LastEvent()
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
	stream := http.NewResponseController(w)
	_ = stream.SetReadDeadline(time.Time{}) // the chain's bound is for requests that end
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	for {
		changed := a.cfg.Events.Changed()
		list, err := a.cfg.Events.Events(after, eventsPage)
		if err != nil {
			return // the till comes again, with the last id it saw
		}
		_ = stream.SetWriteDeadline(a.cfg.Now().Add(slowReader)) // as above
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
		case <-a.cfg.Stopping:
			return
		case <-r.Context().Done():
			return
		}
	}
}
