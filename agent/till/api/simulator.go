package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/till/web"
)

const (
	maxSteering  = 64 << 10 // bytes of a request to the simulated cloud
	maxSimulated = 8 << 20  // bytes of its answer
)

// steering bounds a call of the simulated cloud's control, which is on this machine.
const steering = 10 * time.Second

// simulatorURL is the control of the simulated cloud (pdvagent sandbox) where that is the agent's cloud: plain HTTP to this
// machine, below /mercafacil. A real cloud has no such address.
func (a *API) simulatorURL() (string, bool) {
	base, err := url.Parse(a.cfg.Sales.CloudURL)
	if err != nil || base.Scheme != "http" || base.User != nil || strings.Trim(base.Path, "/") != "mercafacil" {
		return "", false
	}
	if address, err := netip.ParseAddr(base.Hostname()); base.Hostname() != "localhost" && (err != nil || !address.IsLoopback()) {
		return "", false
	}
	return "http://" + base.Host + "/control/", true
}

var errNoSimulator = agent.Errorf(agent.CodeNotConfigured, nil, "A nuvem deste caixa não é a simulada (pdvagent sandbox).")

// simulator tells whether the cloud is the simulated one, and where its control is.
func (a *API) simulator(w http.ResponseWriter, r *http.Request) {
	control, ok := a.simulatorURL()
	if !ok {
		problem(w, r, errNoSimulator, "")
		return
	}
	web.JSON(w, http.StatusOK, map[string]string{"control": control})
}

// steer hands a call on to the simulated cloud's control, and its answer back: a page of the agent may ask no other address.
func (a *API) steer(w http.ResponseWriter, r *http.Request) {
	control, ok := a.simulatorURL()
	if !ok {
		problem(w, r, errNoSimulator, "")
		return
	}
	var body []byte
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		var err error
		if body, err = web.Body(w, r, maxSteering); err == nil {
			if _, fault := rawjson.Parse(body); fault != nil {
				err = rawjson.Refusal(fault)
			}
		}
		if err != nil {
			problem(w, r, err, "")
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), steering)
	defer cancel()
	address := control + url.PathEscape(r.PathValue("cloud")) + "/" + url.PathEscape(r.PathValue("what"))
	request, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(body))
	if err != nil {
		problem(w, r, err, "")
		return
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := simulatorClient.Do(request) //nolint:gosec // its host is the configured cloud, and loopback
	if err != nil {
		problem(w, r, agent.Errorf(agent.CodeCloudAway, err, "A nuvem simulada não responde: o pdvagent sandbox está no ar?"), "")
		return
	}
	defer func() { _ = response.Body.Close() }()
	a.simulated(w, r, response)
}

// simulated gives the answer of the simulated cloud, of which the page trusts nothing: it is JSON or a refusal.
func (a *API) simulated(w http.ResponseWriter, r *http.Request, response *http.Response) {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxSimulated))
	switch {
	case err != nil:
		problem(w, r, agent.Errorf(agent.CodeCloudAway, err, "A nuvem simulada cortou a resposta."), "")
	case response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed:
		problem(w, r, agent.Errorf(agent.CodeNotFound, nil, "A nuvem simulada não tem este comando."), "")
	case response.StatusCode >= http.StatusBadRequest:
		problem(w, r, agent.Errorf(agent.CodeInvalid, nil, "A nuvem simulada não aceitou: %.300s", strings.TrimSpace(string(text))), "")
	default:
		web.Private(r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text) // an error means that the caller hung up
	}
}

// simulatorClient asks no proxy and follows no redirection.
var simulatorClient = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
