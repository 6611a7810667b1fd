package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/rig"
)

// liveFigures are times in milliseconds.
type liveFigures struct {
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

func (f liveFigures) print(w io.Writer) {
	row := func(what string, value float64, promise string) {
		fmt.Fprintf(w, "%-58s %8.2f ms   %s\n", what, value, promise)
	}
	row("append de 4 KiB + fdatasync, p50", f.Sync, "")
	row("start direto na nuvem simulada, p50", f.StartDirect, "")
	row("start por um ReverseProxy, p50", f.StartProxy, "")
	row("start pelo agente, p50", f.StartAgent, "")
	row("   acrescenta ao proxy", f.StartAgent-f.StartProxy, "<= 0.40")
	row("apply direto, p50", f.ApplyDirect, "")
	row("apply por um ReverseProxy, p50", f.ApplyProxy, "")
	row("apply pelo agente, p50", f.ApplyAgent, "")
	row("   acrescenta ao proxy, menos uma gravação em disco", f.ApplyAgent-f.ApplyProxy-f.Sync, "<= 0.40")
	row("resposta com o circuito aberto, p99", f.CircuitP99, "<= 5")
	row("a resposta mais tardia depois do prazo, nuvem muda", f.Late, "<= 50")
	fmt.Fprintf(w, "%d chamadas de cada tipo, alternadas\n", f.Calls)
}

func newLive(opts *cli.Options) *cobra.Command {
	var calls int
	cmd := newBenchmark(opts, benchmark[liveFigures]{
		use: "live", short: "O que o agente acrescenta a uma chamada ao vivo, o circuito aberto e o prazo",
		check: func() error {
			if calls < 10 {
				return errors.New("--calls deve ser ao menos 10")
			}
			return nil
		},
		run: func(ctx context.Context, folder string) (liveFigures, error) { return measureLive(ctx, folder, calls) },
	})
	cmd.Flags().IntVar(&calls, "calls", 1000, "chamadas de cada tipo")
	return cmd
}

// liveDeadline is the live deadline of this benchmark: short, so that silence does not take minutes.
const liveDeadline = 500 * time.Millisecond

// liveBench is a cloud, a plain proxy to it, and an agent in this process.
type liveBench struct {
	clouds     *sandbox.Sandbox
	http       *http.Client
	proxyURL   string
	agentURL   string
	tillToken  string
	cloudToken string
	figures    liveFigures
}

func measureLive(ctx context.Context, folder string, calls int) (f liveFigures, err error) {
	b := &liveBench{http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}, figures: liveFigures{Calls: calls}}
	defer b.http.CloseIdleConnections()
	if b.clouds, err = rig.StartClouds(ctx, true); err != nil {
		return f, err
	}
	defer b.clouds.Close()
	stopProxy, err := b.startProxy(ctx)
	if err != nil {
		return f, err
	}
	defer stopProxy()
	stopAgent, err := b.startAgent(ctx, folder)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stopAgent()) }()
	syncs, err := rawAppends(ctx, filepath.Join(folder, "raw"), time.Second)
	if err != nil {
		return f, err
	}
	b.figures.Sync = 1000 / syncs
	for _, measure := range []func(context.Context) error{b.overhead, b.deadline, b.circuit} {
		if err := measure(ctx); err != nil {
			return f, err
		}
	}
	return b.figures, nil
}

// startProxy starts what a live call is compared with: a proxy that does nothing but pass calls on.
func (b *liveBench) startProxy(ctx context.Context) (stop func(), err error) {
	target, err := url.Parse(b.clouds.BaseURL())
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	base, stopServer, err := serve(ctx, &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	b.proxyURL = base + "/"
	return func() { _ = stopServer(); transport.CloseIdleConnections() }, err
}

// startAgent runs an agent in this process, as the command run does.
func (b *liveBench) startAgent(ctx context.Context, folder string) (stop func() error, err error) {
	answers, err := rig.Answers(ctx, folder, b.clouds.BaseURL())
	if err != nil {
		return nil, err
	}
	b.tillToken, b.cloudToken, b.agentURL = answers.TillToken, answers.Token, "http://"+answers.Listen+"/"
	path, err := rig.WriteConfig(answers, "live_deadline: 2500ms", "live_deadline: "+liveDeadline.String())
	if err != nil {
		return nil, err
	}
	cfg, _, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- app.Run(running, app.Config{Config: cfg, Level: new(slog.LevelVar), Ready: func() {}}, slog.New(slog.DiscardHandler))
	}()
	if err := rig.NewTill("http://"+answers.Listen, b.tillToken, "").WaitHealthy(ctx); err != nil {
		cancel()
		return nil, errors.Join(err, <-done)
	}
	return func() error { cancel(); return <-done }, nil
}

// call posts; it gives the session's id and the milliseconds until the answer was read.
func (b *liveBench) call(ctx context.Context, address, body string) (id string, took float64, err error) {
	token := b.cloudToken
	if strings.HasPrefix(address, b.agentURL) {
		token = b.tillToken
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewBufferString(body))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("pdv-version", "1")
	start := time.Now()
	response, err := b.http.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	text, err := io.ReadAll(response.Body)
	took = milliseconds(time.Since(start))
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

// betweenCalls is the time between a start and its apply: what the agent writes after the answer is on disk by then.
const betweenCalls = 3 * time.Millisecond

// overhead makes the same calls three ways in turns, so that a noisy moment meets all of them alike.
func (b *liveBench) overhead(ctx context.Context) error {
	ways := []string{b.clouds.BaseURL(), b.proxyURL, b.agentURL}
	starts, applies := make([][]float64, len(ways)), make([][]float64, len(ways))
	for i := range b.figures.Calls {
		for turn := range ways {
			way := (turn + i) % len(ways)
			id, took, err := b.call(ctx, ways[way]+"v2/transaction/start", `{"document_no":"`+rig.Member+`"}`)
			if err != nil {
				return err
			}
			starts[way] = append(starts[way], took)
			<-time.After(betweenCalls)
			_, took, err = b.call(ctx, ways[way]+"v2/transaction/apply", fmt.Sprintf(
				`{"transaction_id":%q,"client_id":%q,"items":[{"sku":"80215","ean":"78980215","quantity":3,"total_value":30.00},{"sku":"411","ean":"789411","quantity":1.235,"total_value":36.93}]}`,
				id, rig.Member))
			if err != nil {
				return err
			}
			applies[way] = append(applies[way], took)
		}
	}
	b.figures.StartDirect, b.figures.StartProxy, b.figures.StartAgent = median(starts[0]), median(starts[1]), median(starts[2])
	b.figures.ApplyDirect, b.figures.ApplyProxy, b.figures.ApplyAgent = median(applies[0]), median(applies[1]), median(applies[2])
	return nil
}

// deadline calls while the cloud accepts connections and is silent. An answered call after each keeps the circuit closed.
func (b *liveBench) deadline(ctx context.Context) error {
	const rounds = 20
	for range rounds {
		if err := b.clouds.Mercafacil.Add(simkit.Fault{Route: "start", Fault: "silence", Times: 1}); err != nil {
			return err
		}
		_, took, err := b.call(ctx, b.agentURL+"v2/transaction/start", `{"document_no":""}`)
		if err != nil {
			return err
		}
		b.figures.Late = max(b.figures.Late, took-milliseconds(liveDeadline))
		if _, _, err := b.call(ctx, b.agentURL+"v2/transaction/start", `{"document_no":""}`); err != nil {
			return err
		}
	}
	return nil
}

// circuit calls on while the cloud is off the network, and measures once the circuit is open.
func (b *liveBench) circuit(ctx context.Context) error {
	b.clouds.Leave()
	var times []float64
	const opens = 5 // calls until the circuit is open
	for i := range b.figures.Calls + opens {
		_, took, err := b.call(ctx, b.agentURL+"v2/transaction/start", `{"document_no":"`+rig.Member+`"}`)
		if err != nil {
			return err
		}
		if i >= opens {
			times = append(times, took)
		}
	}
	b.figures.CircuitP99 = percentile(times, 99)
	return nil
}
