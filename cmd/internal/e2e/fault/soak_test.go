package fault

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

// soak is how long the agent lives under mixed faults; .ci/run takes 3 minutes, on demand 30.
var soak = flag.Duration("soak", 4*time.Second, "how long the agent is soaked")

// TestSoakEndsWithMemoryAndGoroutinesWhereTheyBegan lets four tills sell without a pause while the cloud leaves and comes
// back and plays its faults. When everything is delivered, the process holds no more than after its first minute, its
// connections and goroutines are as few, and its file is as long as its sales ask for.
func TestSoakEndsWithMemoryAndGoroutinesWhereTheyBegan(t *testing.T) {
	e2e.RunAsProgram(t)
	s := e2e.NewSite(t, "per_second: 20 ", "per_second: 500 ")
	process := s.StartProcess()
	shop := &killedShop{Site: s, ledger: newLedger(), random: rand.New(rand.NewPCG(1, 1))}
	warm := *soak / 4
	shop.live(warm, "warm")
	before := measured(s, process)
	shop.live(*soak-warm, "soak")
	after := measured(s, process)
	for _, fault := range shop.ledger.faults(s.Clouds.Mercafacil.Received()) {
		t.Error(fault)
	}
	if after.goroutines > before.goroutines+5 {
		t.Errorf("%d goroutines, %d after the first quarter", after.goroutines, before.goroutines)
	}
	if after.memory > before.memory*1.3+4 {
		t.Errorf("%.1f MiB of memory, %.1f after the first quarter", after.memory, before.memory)
	}
	const perSale = 8 << 10 // two jobs with bodies, states, receipts and indexes
	if sales := int64(len(shop.ledger.sessions)); after.file > 4<<20+sales*perSale {
		t.Errorf("the database has %d bytes after %d sales", after.file, sales)
	}
	t.Logf("%v, %d sales: %.1f MiB and %d goroutines after a quarter, %.1f MiB and %d at the end, database %d bytes",
		*soak, len(shop.ledger.sessions), before.memory, before.goroutines, after.memory, after.goroutines, after.file)
	if err := process.Kill(); err != nil {
		t.Error(err)
	}
	e2e.HTTPClient.CloseIdleConnections()
}

// live sells at four tills for a while, under faults, then waits until everything is delivered.
func (k *killedShop) live(d time.Duration, name string) {
	k.Helper()
	ctx, stop := context.WithTimeout(k.Context(), d)
	defer stop()
	var tills sync.WaitGroup
	for till := range 4 {
		tills.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				k.soakSale(fmt.Sprintf("%s-%d-%d", name, till, n)) //nolint:contextcheck // a till says it to the end
				<-time.After(20 * time.Millisecond)
			}
		})
	}
	for round := 0; ctx.Err() == nil; round++ {
		k.weather(round)
		select {
		case <-ctx.Done():
		case <-time.After(d / 12):
		}
	}
	tills.Wait()
	k.Clouds.Mercafacil.Heal()
	k.ReturnClouds()
	k.drainedAndDecided()
}

func (k *killedShop) soakSale(id string) {
	for _, step := range []struct{ path, body string }{
		{"/v2/transaction/confirm", e2e.IDBody("transaction_id", "T-"+id)}, {"/v2/coupons", agenttest.Receipt(id, "T-"+id)},
	} {
		if got := k.Post(step.path, step.body); got.Status != http.StatusAccepted {
			k.Errorf("%s of %s: %d %s", step.path, id, got.Status, got.Body)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger.sold(id, "T-"+id, agenttest.Receipt(id, "T-"+id))
}

// weather is what the cloud and the link do for a while.
func (k *killedShop) weather(round int) {
	k.Helper()
	k.Clouds.Mercafacil.Heal()
	k.ReturnClouds()
	switch round % 4 {
	case 1:
		k.Clouds.Leave()
	case 2:
		list := troubles()
		for what := list[k.random.IntN(len(list))]; ; what = list[k.random.IntN(len(list))] {
			if what.link == nil && what.skew == 0 && !what.refuse && what.fault.RetryAfter == 0 {
				what.fault.Route, what.fault.Times = "*", 20
				k.AddFault(what.fault)
				return
			}
		}
	}
}

// drainedAndDecided waits until nothing is left; what a fault has condemned, support repeats. What has no content is discarded: a
// salvage finds pages of a commit that a kill has cut, which no till got a 202 for. If it were more than that, the check of the ledger would miss a sale.
func (k *killedShop) drainedAndDecided() {
	k.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; <-time.After(100 * time.Millisecond) {
		status := k.Status()
		if status.Field("queue.pending") == 0.0 && status.Field("queue.dead") == 0.0 {
			return
		}
		if status.Field("queue.dead") != 0.0 {
			var list struct{ Jobs []struct{ ID, Reason string } }
			k.Call(http.MethodGet, "/v1/queue?state=dead&limit=500", e2e.SupportToken, "").Decode(k, &list)
			for _, job := range list.Jobs {
				if job.Reason == agent.ReasonLost {
					k.Call(http.MethodPost, "/v1/queue/"+job.ID+"/discard", e2e.SupportToken, `{"reason":"sem conteúdo"}`)
				} else {
					k.Call(http.MethodPost, "/v1/queue/"+job.ID+"/retry", e2e.SupportToken, "")
				}
			}
		}
		if time.Now().After(deadline) {
			k.Fatalf("not drained: %s\n%s", status.Body, k.Call(http.MethodGet, "/v1/queue?state=dead&limit=20", e2e.SupportToken, "").Body)
		}
	}
}

// footprint is what a process holds.
type footprint struct {
	memory     float64 // MiB in use by Go, after a collection
	goroutines int
	file       int64
}

var metricLine = regexp.MustCompile(`(?m)^(go_goroutines|go_memstats_heap_inuse_bytes) ([0-9.e+]+)$`)

func measured(s *e2e.Site, process *rig.Process) footprint {
	s.Helper()
	e2e.HTTPClient.CloseIdleConnections()
	<-time.After(3 * time.Second) // what was under way ends
	f := footprint{memory: 1 << 20}
	for range 10 { // the least of some looks: garbage comes and goes
		text := s.Call(http.MethodGet, "/metrics", e2e.SupportToken, "").Body
		for _, m := range metricLine.FindAllStringSubmatch(text, -1) {
			value, _ := strconv.ParseFloat(m[2], 64)
			if m[1] == "go_goroutines" {
				f.goroutines = int(value)
			} else {
				f.memory = min(f.memory, value/(1<<20))
			}
		}
		<-time.After(100 * time.Millisecond)
	}
	if info, err := os.Stat(filepath.Join(s.DataDir(), "pdvagent.db")); err == nil {
		f.file = info.Size()
	}
	if !process.Running() {
		s.Error("the agent has ended")
	}
	return f
}
