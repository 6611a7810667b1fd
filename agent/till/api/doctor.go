package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/till/web"
)

// Doctor looks at the agent's own installation.
type Doctor interface {
	// Examine runs all checks until ctx ends, and tells checked of each as it ends.
	Examine(ctx context.Context, checked func(doctor.Finding), only ...string) []doctor.Finding
	// Bundle writes the zip of what support needs, with the configuration only for its administrator.
	Bundle(ctx context.Context, w io.Writer, at time.Time, admin bool) error
}

// examineWithin bounds an examination: a network that swallows everything lets each check of it wait.
const examineWithin = 3 * time.Minute

var errExamining = agent.Errorf(agent.CodeBusy, nil, "Já há uma verificação ou um pacote de suporte em andamento. Espere terminar e peça de novo.")

// examination begins an examination of the installation, of which there is one at a time. stop is nil where there is one
// already, and the caller has been told so.
func (a *API) examination(w http.ResponseWriter, r *http.Request) (ctx context.Context, stop func()) {
	if !a.examining.TryLock() {
		problem(w, r, errExamining, "")
		return nil, nil
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(examineWithin + time.Minute)) // the server's is for calls that are soon answered
	lasting, letGo := web.Lasting(w, r)
	ctx, cancel := context.WithTimeout(lasting, examineWithin)
	return ctx, func() { cancel(); letGo(); a.examining.Unlock() }
}

// doctor checks the installation. With Accept: text/event-stream each finding comes as its check ends.
func (a *API) doctor(w http.ResponseWriter, r *http.Request) {
	ctx, stop := a.examination(w, r)
	if stop == nil {
		return
	}
	defer stop()
	if !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		findings := a.cfg.Support.Doctor.Examine(ctx, nil) //nolint:contextcheck // ctx is the request's, see web.Lasting
		web.JSON(w, http.StatusOK, examined{doctor.Worst(findings), findings})
		return
	}
	if err := web.MayStream(r); err != nil {
		problem(w, r, err, "")
		return
	}
	web.Private(r) // the same as the answer without a stream, in pieces
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)
	_ = stream.Flush() // an error means that the caller hung up, and ends ctx
	send := func(event string, data any) {
		text, _ := json.Marshal(data) // of our own types
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text)
		_ = stream.Flush() // see above
	}
	findings := a.cfg.Support.Doctor.Examine(ctx, func(f doctor.Finding) { send("check", f) }) //nolint:contextcheck // ctx is the request's, see web.Lasting
	if ctx.Err() == nil {
		send("end", map[string]doctor.Verdict{"verdict": doctor.Worst(findings)})
	}
}

// examined is what the doctor says.
type examined struct {
	Verdict  doctor.Verdict   `json:"verdict"`
	Findings []doctor.Finding `json:"findings"`
}

// supportBundle gives the zip of what support needs. It is whole before the first byte leaves: the trail is written before.
func (a *API) supportBundle(w http.ResponseWriter, r *http.Request) {
	web.Private(r)
	if _, ok := openForm(w, r); !ok {
		return
	}
	ctx, stop := a.examination(w, r)
	if stop == nil {
		return
	}
	defer stop()
	var zip bytes.Buffer
	at := a.cfg.Agent.Now().In(a.cfg.Agent.Zone)
	err := a.cfg.Support.Doctor.Bundle(ctx, &zip, at, web.Granted(r) >= web.Admin) //nolint:contextcheck // ctx is the request's, see web.Lasting
	if err == nil {
		err = ctx.Err() // the session has ended, or the caller is gone
	}
	if err != nil {
		problem(w, r, err, "")
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="pdvagent-suporte-`+at.Format("20060102-150405")+`.zip"`)
	_, _ = w.Write(zip.Bytes()) // an error means that the caller hung up
}
