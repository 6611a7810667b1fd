package simkit

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Dialect is how a cloud spells what every cloud answers.
type Dialect struct {
	Refuse     func(status int, message string) Answer // an error
	Error200   *Answer                                 // an error inside a success; default Refuse(200, "Algo deu errado.")
	StatusType string                                  // Content-Type of a [Status] fault's own body; empty: JSON's, or what net/http detects
}

// Play is the fault that one request meets. nil is a request that meets none: its methods play nothing.
type Play struct {
	Fault
	cfg *FaultConfig
}

// Kind is the fault's, empty for none.
func (p *Play) Kind() string {
	if p == nil {
		return ""
	}
	return p.Fault.Fault
}

const portal = "<!DOCTYPE html><title>Login</title><p>Bem-vindo ao Wi-Fi do shopping."

// Before plays the faults that leave a request without effect, and the wait of a slow one. True: the request was answered, or
// its connection was closed. It returns from a [Silence] when the client has gone.
func (p *Play) Before(w http.ResponseWriter, r *http.Request) bool {
	switch p.Kind() {
	case Status:
		p.status(w)
	case Says:
		Write(w, Answer{Status: http.StatusOK, Raw: []byte(p.Body), Type: "application/json"})
	case HTML:
		Write(w, File("text/html; charset=utf-8", []byte(portal)))
	case Error200:
		if p.cfg.Error200 != nil {
			Write(w, *p.cfg.Error200)
		} else {
			Write(w, p.cfg.Refuse(http.StatusOK, "Algo deu errado."))
		}
	case Redirect:
		w.Header().Set("Location", r.URL.Path+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case Reset:
		reset(w)
	case Silence:
		_, _ = io.Copy(io.Discard, r.Body) // net/http cancels a request's context only once its body is read
		<-r.Context().Done()
		reset(w)
	case Slow:
		wait(r, p.delay())
		return false
	default:
		return false
	}
	return true
}

func (p *Play) status(w http.ResponseWriter) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	switch {
	case p.NoBody:
		w.WriteHeader(p.Status)
		return
	case p.Body != "":
		answer := Answer{Status: p.Status, Raw: []byte(p.Body), Type: p.cfg.StatusType}
		if answer.Type == "" && json.Valid(answer.Raw) {
			answer.Type = "application/json"
		}
		Write(w, answer)
		return
	}
	Write(w, p.cfg.Refuse(p.Status, http.StatusText(p.Status)))
}

// Distort plays a fault of the simulator alone on the fields of a success.
func (p *Play) Distort(fields map[string]any) {
	if p == nil {
		return
	}
	if distort := p.cfg.Distortions[p.Kind()]; distort != nil {
		distort(fields)
	}
}

// After plays the faults that spoil the answer to a request that has had its effect. True: nothing more is to be written.
func (p *Play) After(w http.ResponseWriter, r *http.Request, a Answer) bool {
	switch p.Kind() {
	case Lost:
		reset(w)
	case Cut:
		body := begin(w, a)
		_, _ = w.Write(body[:len(body)*p.percent()/100]) // the answer is spoiled anyway
		_ = http.NewResponseController(w).Flush()        // for the same reason
		reset(w)
	case Trickle:
		for _, b := range begin(w, a) {
			wait(r, p.delay())
			if _, err := w.Write([]byte{b}); err != nil || http.NewResponseController(w).Flush() != nil {
				break // the client is gone
			}
		}
	default:
		return false
	}
	return true
}

// begin writes an answer's head and gives the bytes that are to follow.
func begin(w http.ResponseWriter, a Answer) []byte {
	body := a.encoded()
	if a.Type == "" {
		a.Type = jsonType
	}
	w.Header().Set("Content-Type", a.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.Status)
	return body
}

func (p *Play) percent() int {
	if p.Percent == nil {
		return 50
	}
	return *p.Percent
}

func (p *Play) delay() time.Duration { return time.Duration(p.DelayMS) * time.Millisecond }

// wait lets a time pass, or the request end. No time makes no timer: see agenttest.Takes.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// reset ends a connection at once, without the closing handshake that would let the client read on.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or already taken: net/http closes it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the end is less abrupt
	}
	_ = conn.Close() // nobody uses it any more
}
