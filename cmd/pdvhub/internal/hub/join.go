package hub

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"pdvagent/agent/chain"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

const (
	maxJoin      = 4 << 10 // bytes of a request
	wrongAllowed = 20      // wrong secrets of all callers, within wrongWindow
	wrongWindow  = time.Minute
)

// idForm is an agent's id: one word of a subject.
var idForm = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

func (h *Hub) server() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+chain.JoinPath, h.join)
	return &http.Server{
		Handler: mux, TLSConfig: h.broker.Certificates().Server(), ErrorLog: slog.NewLogLogger(h.cfg.Log.Handler(), slog.LevelDebug),
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
	}
}

// join makes a member of an agent that was invited.
func (h *Hub) join(w http.ResponseWriter, r *http.Request) {
	if h.wrong.tooMany(h.cfg.Now()) {
		refuse(w, http.StatusTooManyRequests, "muitos convites errados; tente de novo em um minuto")
		return
	}
	var request chain.JoinRequest
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJoin))
	if err != nil || json.Unmarshal(raw, &request) != nil || !idForm.MatchString(request.Agent) || !nkeys.IsValidPublicUserKey(request.Key) {
		refuse(w, http.StatusBadRequest, "o pedido não é de um pdvagent")
		return
	}
	err = h.ledger.Join(r.Context(), request)
	var other ledger.ErrOther
	switch {
	case errors.Is(err, ledger.ErrUnknown):
		h.wrong.note(h.cfg.Now())
		refuse(w, http.StatusForbidden, err.Error())
		return
	case errors.Is(err, ledger.ErrOver), errors.Is(err, ledger.ErrUsed), errors.As(err, &other):
		refuse(w, http.StatusForbidden, err.Error())
		return
	}
	var token string
	if err == nil {
		token, err = h.broker.Member(request.Key, request.Agent)
	}
	if err != nil {
		h.cfg.Log.Error("join_failed", "agent", request.Agent, "error", err)
		refuse(w, http.StatusInternalServerError, "o hub não pôde gravar; tente de novo")
		return
	}
	h.cfg.Log.Info("joined", "agent", request.Agent, "shop", request.Shop, "till", request.Till)
	answer(w, http.StatusOK, chain.JoinAnswer{JWT: token, CA: h.broker.Certificates().PEM(), Servers: []string{h.broker.Server()}})
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, chain.Refusal{Detail: detail})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who went away asks again
}

// wrong counts wrong secrets.
type wrong struct {
	mu    sync.Mutex
	times []time.Time
}

func (w *wrong) note(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times = append(w.times, at)
}

func (w *wrong) tooMany(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.times) > 0 && at.Sub(w.times[0]) > wrongWindow {
		w.times = w.times[1:]
	}
	return len(w.times) >= wrongAllowed
}
