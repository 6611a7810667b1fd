package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
	"pdvagent/mercafacil/mercafacilsim"
)

func newBenchLive(opts *options) *cobra.Command {
	var folder string
	var calls int
	cmd := &cobra.Command{
		Use: "live", Short: "O que o agente acrescenta a uma chamada ao vivo, o circuito aberto e o prazo", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if calls < 10 {
				return usageError{errors.New("--calls deve ser ao menos 10")}
			}
			result, err := benchLive(cmd.Context(), folder, calls)
			if err != nil {
				return err
			}
			return opts.print(result, result.print)
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "pasta no disco a medir; vazio: a pasta atual")
	cmd.Flags().IntVar(&calls, "calls", 1000, "chamadas de cada tipo")
	return cmd
}

// liveResult holds times in milliseconds.
type liveResult struct {
	Calls       int     `json:"calls"`
	Sync        float64 `json:"append_4k_fdatasync_p50_ms"`
	StartDirect float64 `json:"start_direct_p50_ms"`
	StartProxy  float64 `json:"start_proxy_p50_ms"`
	StartAgent  float64 `json:"start_agent_p50_ms"`
	ApplyDirect float64 `json:"apply_direct_p50_ms"`
	ApplyProxy  float64 `json:"apply_proxy_p50_ms"`
	ApplyAgent  float64 `json:"apply_agent_p50_ms"`
	CircuitP99  float64 `json:"circuit_open_p99_ms"`
	Late        float64 `json:"deadline_latest_ms"` // after the deadline
}

func (r liveResult) print(w io.Writer) {
	row := func(what string, value float64, promise string) {
		fmt.Fprintf(w, "%-58s %8.2f ms   %s\n", what, value, promise)
	}
	row("append de 4 KiB + fdatasync, p50", r.Sync, "")
	row("start direto na nuvem simulada, p50", r.StartDirect, "")
	row("start por um ReverseProxy, p50", r.StartProxy, "")
	row("start pelo agente, p50", r.StartAgent, "")
	row("   acrescenta ao proxy", r.StartAgent-r.StartProxy, "<= 0.40")
	row("apply direto, p50", r.ApplyDirect, "")
	row("apply por um ReverseProxy, p50", r.ApplyProxy, "")
	row("apply pelo agente, p50", r.ApplyAgent, "")
	row("   acrescenta ao proxy, menos uma gravação em disco", r.ApplyAgent-r.ApplyProxy-r.Sync, "<= 0.40")
	row("resposta com o circuito aberto, p99", r.CircuitP99, "<= 5")
	row("a resposta mais tardia depois do prazo, nuvem muda", r.Late, "<= 50")
	fmt.Fprintf(w, "%d chamadas de cada tipo, alternadas\n", r.Calls)
}

// benchDeadline is the live deadline of this bench: short, so that silence does not take minutes.
const benchDeadline = 500 * time.Millisecond

// liveBench is a cloud, a plain proxy to it and an agent before it.
type liveBench struct {
	clouds *sandbox.Sandbox
	till   *http.Client
	token  string // of the till
	cloud  string // of the shop
}

func benchLive(ctx context.Context, folder string, calls int) (liveResult, error) {
	temp, remove, err := benchFolder(folder)
	if err != nil {
		return liveResult{}, err
	}
	defer func() { _ = remove() }() // a leftover is named for what it is
	address, err := freeAddress(ctx)
	if err != nil {
		return liveResult{}, err
	}
	clouds, err := sandbox.Start(ctx, sandbox.Config{Listen: address, Seed: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return liveResult{}, err
	}
	defer clouds.Close()
	b := &liveBench{clouds: clouds, till: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}, token: crand.Text(), cloud: crand.Text()}
	defer b.till.CloseIdleConnections()
	proxy, stopProxy, err := b.proxy(ctx)
	if err != nil {
		return liveResult{}, err
	}
	defer stopProxy()
	agentBase, stop, err := b.agent(ctx, temp)
	if err != nil {
		return liveResult{}, err
	}
	r := liveResult{Calls: calls}
	syncs, err := rawAppends(ctx, filepath.Join(temp, "raw"), time.Second)
	r.Sync = 1000 / syncs
	for _, measure := range []func(*liveResult) error{
		func(r *liveResult) error { return b.overhead(ctx, r, proxy, agentBase) },
		func(r *liveResult) error { return b.deadline(ctx, r, agentBase) },
		func(r *liveResult) error { return b.circuit(ctx, r, agentBase) },
	} {
		if err == nil {
			err = measure(&r)
		}
	}
	return r, errors.Join(err, stop())
}

// proxy is what a live call is compared with: it does nothing but pass.
func (b *liveBench) proxy(ctx context.Context) (string, func(), error) {
	target, err := url.Parse(b.clouds.BaseURL())
	if err != nil {
		return "", nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: &httputil.ReverseProxy{
		Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}}
	go func() { _ = server.Serve(listener) }() // it always ends with the error of its closing
	return "http://" + listener.Addr().String() + "/", func() { _ = server.Close(); transport.CloseIdleConnections() }, nil
}

// agent runs one in this process, as run does.
func (b *liveBench) agent(ctx context.Context, folder string) (base string, stop func() error, err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return "", nil, err
	}
	answers := config.Example()
	answers.Listen, answers.BaseURL = address, b.clouds.BaseURL()
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = b.token, crand.Text(), crand.Text(), b.cloud
	_, cfg, err := benchConfig(folder, answers, "live_deadline: 2500ms", "live_deadline: "+benchDeadline.String())
	if err != nil {
		return "", nil, err
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- run(running, place{Config: cfg, level: new(slog.LevelVar), ready: func() {}}, slog.New(slog.DiscardHandler))
	}()
	base = "http://" + address + "/"
	till := newDemoTill(strings.TrimSuffix(base, "/"), b.token, "")
	if err := till.waitHealthy(ctx); err != nil {
		cancel()
		return "", nil, errors.Join(err, <-done)
	}
	return base, func() error { cancel(); return <-done }, nil
}

// call posts and gives the session's id and the time it took.
func (b *liveBench) call(ctx context.Context, address, body string) (id string, took time.Duration, err error) {
	token := b.cloud
	if !strings.Contains(address, "/mercafacil/") {
		token = b.token // the proxy passes it, and the simulated cloud takes any
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewBufferString(body))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("pdv-version", "1")
	begun := time.Now()
	response, err := b.till.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	text, err := io.ReadAll(response.Body)
	took = time.Since(begun)
	var answer struct {
		ID string `json:"transaction_id"`
	}
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", address, response.StatusCode, text)
	}
	return answer.ID, took, err
}

// shopping is the time between a start and its apply: what was written after the answer is on disk by then.
const shopping = 3 * time.Millisecond

// overhead asks the same three ways in turns, so that a noisy moment meets all of them alike.
func (b *liveBench) overhead(ctx context.Context, r *liveResult, proxy, agentBase string) error {
	ways := []string{b.clouds.BaseURL(), proxy, agentBase}
	starts, applies := make([][]time.Duration, len(ways)), make([][]time.Duration, len(ways))
	for i := range r.Calls {
		for turn := range ways {
			way := (turn + i) % len(ways)
			id, took, err := b.call(ctx, ways[way]+"v2/transaction/start", `{"document_no":"`+demoMember+`"}`)
			if err != nil {
				return err
			}
			starts[way] = append(starts[way], took)
			<-time.After(shopping)
			_, took, err = b.call(ctx, ways[way]+"v2/transaction/apply", fmt.Sprintf(
				`{"transaction_id":%q,"client_id":%q,"items":[{"sku":"80215","ean":"78980215","quantity":3,"total_value":30.00},{"sku":"411","ean":"789411","quantity":1.235,"total_value":36.93}]}`,
				id, demoMember))
			if err != nil {
				return err
			}
			applies[way] = append(applies[way], took)
		}
	}
	r.StartDirect, r.StartProxy, r.StartAgent = percentile(starts[0], 50), percentile(starts[1], 50), percentile(starts[2], 50)
	r.ApplyDirect, r.ApplyProxy, r.ApplyAgent = percentile(applies[0], 50), percentile(applies[1], 50), percentile(applies[2], 50)
	return nil
}

// deadline meets a cloud that accepts and is silent; a good call between keeps the circuit closed.
func (b *liveBench) deadline(ctx context.Context, r *liveResult, agentBase string) error {
	const rounds = 20
	for range rounds {
		if err := b.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "start", Fault: "silence", Times: 1}); err != nil {
			return err
		}
		_, took, err := b.call(ctx, agentBase+"v2/transaction/start", `{"document_no":""}`)
		if err != nil {
			return err
		}
		r.Late = max(r.Late, milliseconds(took-benchDeadline))
		if _, _, err := b.call(ctx, agentBase+"v2/transaction/start", `{"document_no":""}`); err != nil {
			return err
		}
	}
	return nil
}

// circuit takes the cloud away and asks on.
func (b *liveBench) circuit(ctx context.Context, r *liveResult, agentBase string) error {
	b.clouds.Leave()
	var times []time.Duration
	const opens = 5
	for i := range r.Calls + opens {
		_, took, err := b.call(ctx, agentBase+"v2/transaction/start", `{"document_no":"`+demoMember+`"}`)
		if err != nil {
			return err
		}
		if i >= opens {
			times = append(times, took)
		}
	}
	r.CircuitP99 = percentile(times, 99)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// percentile gives the p-th percentile in milliseconds.
func percentile(times []time.Duration, p int) float64 {
	slices.Sort(times)
	return milliseconds(times[min(len(times)*p/100, len(times)-1)])
}
