package api

import (
	"io"
	"net/http"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
)

// passDocument streams a document if its first bytes are of one of those media types; else it refuses with the text otherwise.
func passDocument(w http.ResponseWriter, r *http.Request, document upstream.Document, otherwise string, kinds ...string) {
	document, kind := upstream.Sniff(document)
	defer func() { _ = document.Close() }() // an error after reading has no effect
	for _, wanted := range kinds {
		if kind != wanted {
			continue
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Security-Policy", "sandbox")
		stream := http.NewResponseController(w)
		_ = stream.SetWriteDeadline(time.Now().Add(2 * time.Minute)) // an error means a writer without deadlines
		if _, err := io.Copy(w, document); err != nil {
			_ = stream.SetWriteDeadline(time.Unix(1, 0)) // break the connection: a truncated document must not look complete
		}
		return
	}
	problem(w, r, agent.Errorf(agent.CodeCloudAway, nil, "%s", otherwise), "")
}
