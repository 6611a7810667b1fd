package fault

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

var (
	agentPowerCuts = flag.Int("agent-power-cuts", 2, "power cuts of a whole agent, replayed from its recorded system calls; .ci/night takes hundreds")
	powerCutsFrom  = flag.Int("agent-power-cuts-from", 0, "number of the first of them: another number, other instants")
)

// told is what the agent has acknowledged, and how to see that it still knows it.
type told struct {
	request string // X-Request-Id of the answer
	known   func() string
}

// TestNothingThatAWholeAgentAcknowledgedIsLostByAPowerCut records every system call by which an agent changes a file while a till sells, charges
// by Pix, registers boletos, sends a large load and an administrator changes the configuration. Then the power is cut between any two
// calls: what was not synced is lost, in whole or in sectors, and files whose folder was not synced have no name. An agent on what is left knows
// all that was acknowledged, sells it once and charges nothing twice.
func TestNothingThatAWholeAgentAcknowledgedIsLostByAPowerCut(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		agenttest.Missing(t, "strace")
	}
	e2e.RunAsProgram(t)
	p := recordPowerCut(t)
	for n := range *agentPowerCuts {
		random := rand.New(rand.NewPCG(11, uint64(*powerCutsFrom+n)))
		at := random.IntN(len(p.calls))
		if n == 0 {
			at = len(p.calls) // everything was said
		}
		if fault := p.lost(at, random, true); fault != "" {
			t.Fatalf("cut %d, after call %d of %d: %s", *powerCutsFrom+n, at, len(p.calls), fault)
		}
	}
	if fault := p.lost(len(p.calls), rand.New(rand.NewPCG(1, 1)), false); fault == "" {
		t.Error("where syncs do nothing a power cut shows nothing: the test is blind")
	}
	e2e.HTTPClient.CloseIdleConnections()
	t.Logf("%d cuts over %d calls, %d acknowledgements", *agentPowerCuts, len(p.calls), len(p.said))
}

// powerCut is a shop whose agent was recorded.
type powerCut struct {
	*e2e.Site
	before *disk
	calls  []call
	said   []told
}

func recordPowerCut(t *testing.T) *powerCut {
	t.Helper()
	p := &powerCut{Site: e2e.NewSiteWithPayments(t, "per_second: 20 ", "per_second: 200 ", "primary: false", "primary: true")}
	if err := p.StartProcess().Kill(); err != nil { // it has made its files
		t.Fatal(err)
	}
	root := filepath.Dir(p.Config)
	p.before = readDisk(t, root)
	if err := p.Clouds.Mercafacil.Add(simkit.Fault{Route: "*", Fault: "status", Status: http.StatusServiceUnavailable}); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), "strace", "-f", "-qq", "-y", "-xx", "-s", "4000000", "--seccomp-bpf", "-o", trace,
		"-e", "trace=openat,mkdirat,mkdir,rename,renameat,renameat2,unlink,unlinkat,write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,fsync,fdatasync,copy_file_range,sendfile,link,linkat,symlinkat,msync",
		self, "run", "--config", p.Config)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	p.Until("the agent answers", func() bool { return p.Call(http.MethodGet, "/health", "", "").Status == http.StatusOK })
	p.work()
	endTraced(t, process)
	p.calls = readCalls(t, trace)
	if spoken := p.spoken(len(p.calls)); len(spoken) < len(p.said) {
		t.Fatalf("%d answers were recorded, %d given", len(spoken), len(p.said))
	}
	return p
}

// endTraced kills what strace runs: strace itself takes no signal while it does.
func endTraced(t *testing.T, process *exec.Cmd) {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", process.Process.Pid, process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	agent, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(agent, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait() // strace ends as the agent does
}

// acknowledged notes an answer, which must be one of success.
func (p *powerCut) acknowledged(got e2e.Answer, known func() string) {
	p.Helper()
	if got.Status < 200 || got.Status > 299 {
		p.Fatalf("got %d %s", got.Status, got.Body)
	}
	p.said = append(p.said, told{got.Header.Get("X-Request-Id"), known})
}

// work is what a shop does.
func (p *powerCut) work() {
	p.Helper()
	for n := range 6 {
		p.sale(fmt.Sprint("PC-", n))
		p.charge(fmt.Sprint("pix-", n))
		p.boleto(fmt.Sprint(7000 + n))
		p.configure(fmt.Sprint(30 + n))
	}
	p.load()
}

func (p *powerCut) sale(coupon string) {
	p.Helper()
	p.acknowledged(p.Post("/v2/coupons", agenttest.Receipt(coupon, "")), func() string {
		if n := p.Sold()[coupon]; n != 1 {
			return fmt.Sprintf("sale %s is %d times in the cloud", coupon, n)
		}
		return ""
	})
}

func (p *powerCut) charge(reference string) {
	p.Helper()
	charge := func() e2e.Answer {
		return p.Post("/v1/payments", `{"method":"pix","provider":"ideamaker","amount":1500,"reference":"`+reference+`","expires_in":3600}`, "Idempotency-Key", reference)
	}
	first := charge()
	p.acknowledged(first, func() string {
		charges := len(p.Clouds.IdeaMaker.Charges())
		again := charge()
		if again.Field("id") != first.Field("id") || again.Field("pix.brcode") != first.Field("pix.brcode") || len(p.Clouds.IdeaMaker.Charges()) != charges {
			return fmt.Sprintf("payment %s: %d %s, first %s", reference, again.Status, again.Body, first.Body)
		}
		return ""
	})
}

func (p *powerCut) boleto(number string) {
	p.Helper()
	body := fmt.Sprintf(`{"register_only":true,"nosso_numero":"%s","seu_numero":"E-%s","amount":15000,"due_date":"2026-12-05"}`, number, number)
	p.acknowledged(p.Post("/v1/boletos", body), func() string {
		if got := p.Call(http.MethodGet, "/v1/boletos/"+number, e2e.TillToken, ""); got.Status != http.StatusOK || got.Field("amount") != 15000.0 {
			return fmt.Sprintf("boleto %s: %d %s", number, got.Status, got.Body)
		}
		return ""
	})
}

// configure changes an option; the file has this change, or one that was asked for later.
func (p *powerCut) configure(days string) {
	p.Helper()
	p.acknowledged(p.Call(http.MethodPut, "/v1/config", e2e.AdminToken, `{"traffic":{"keep_days":`+days+`}}`), func() string {
		_, after, _ := strings.Cut(p.ConfigText(), "keep_days: ")
		if now, _, _ := strings.Cut(after, "\n"); len(now) < 2 || now[:2] < days {
			return fmt.Sprintf("keep_days is %.10s, and %s was acknowledged", after, days)
		}
		return ""
	})
}

// load sends a list whose body has a file of its own.
func (p *powerCut) load() {
	p.Helper()
	var list strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&list, `{"sku":"%d","ean":"","name":"%s"},`, n, strings.Repeat("PRODUTO ", 12))
	}
	p.acknowledged(p.Post("/v2/products", "["+strings.TrimSuffix(list.String(), ",")+"]"), func() string {
		if n := len(p.Clouds.Mercafacil.Loaded("products")); n != 3000 {
			return fmt.Sprintf("%d products are in the cloud", n)
		}
		return ""
	})
}

// lost cuts the power after so many calls, starts an agent on what is left, and tells what it does not know any more. Without syncs
// nothing of what was written must be there.
func (p *powerCut) lost(after int, random *rand.Rand, syncs bool) string {
	p.Helper()
	at := p.before.clone()
	for _, c := range p.calls[:after] {
		if !syncs && strings.HasSuffix(c.name, "sync") {
			continue
		}
		at.do(p.T, c)
	}
	at.cut(p.T, random)
	p.Clouds.Mercafacil.Reset()
	end, log := p.start()
	defer end()
	if log != "" {
		return "the agent does not start: " + log
	}
	p.WaitDrained()
	var faults []string
	spoken := p.spoken(after)
	for _, t := range p.said {
		if !spoken[t.request] {
			continue
		}
		if fault := t.known(); fault != "" {
			faults = append(faults, fault)
		}
	}
	return strings.Join(faults, "\n")
}

// start starts an agent, and waits until it answers or ends; then it gives what it logged.
func (p *powerCut) start() (end func(), log string) {
	p.Helper()
	self, err := os.Executable()
	if err != nil {
		p.Fatal(err)
	}
	var said bytes.Buffer
	process := exec.CommandContext(context.WithoutCancel(p.Context()), self, "run", "--config", p.Config)
	process.Stderr = &said
	if err := process.Start(); err != nil {
		p.Fatal(err)
	}
	dead := make(chan error, 1)
	go func() { dead <- process.Wait() }()
	for p.Call(http.MethodGet, "/health", "", "").Status != http.StatusOK {
		select {
		case err := <-dead:
			return func() {}, fmt.Sprintf("%v %s", err, said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return func() {
		_ = process.Process.Kill() // it may have ended
		<-dead
	}, ""
}

// spoken gives the requests that were answered before a call.
func (p *powerCut) spoken(after int) map[string]bool {
	out := make(map[string]bool)
	for _, c := range p.calls[:after] {
		if c.name != "write" || !strings.HasPrefix(c.file(), "socket:") {
			continue
		}
		for _, text := range c.texts() {
			if id := requestOf(text); id != "" {
				out[id] = true
			}
		}
	}
	return out
}

// requestOf gives the X-Request-Id of an answer.
func requestOf(answer string) string {
	_, rest, _ := strings.Cut(answer, "X-Request-Id: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}
