package fault

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
)

// agentKills is how often the whole agent is killed; .ci/run does it 60 times, on demand it may be thousands.
var agentKills = flag.Int("agent-kills", 10, "SIGKILLs of a whole agent")

// servesWithin is how soon a killed agent must answer again, on a machine that does nothing else (PDVAGENT_QUIET=yes, as .ci/night).
const servesWithin = 3 * time.Second

// TestKilledAgentServesSoonAndEndsWithEverySaleThereOnceInItsOrder kills a real process at random instants: in live sales,
// while it drains, while it opens, while its file is compacted and while a damaged one is salvaged. The link comes and
// goes. What the till was told is in the cloud in the end, once, each sale after its confirm.
func TestKilledAgentServesSoonAndEndsWithEverySaleThereOnceInItsOrder(t *testing.T) {
	e2e.RunAsProgram(t)
	s := e2e.NewSite(t, "per_second: 20 ", "per_second: 2000 ")
	shop := &killedShop{Site: s, ledger: newLedger(), random: rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))}
	for round := range *agentKills {
		shop.link(round)
		shop.sellUntilKilled(round)
		switch round % 4 {
		case 1:
			shop.killWhileCompacting()
		case 3:
			shop.damage()
			shop.killWhileOpening()
		}
	}
	shop.account(s.WaitDrained)
	e2e.HTTPClient.CloseIdleConnections()
	t.Logf("%d kills, %d sales, slowest start %v, %d of them after a salvage", *agentKills, len(shop.ledger.sessions), shop.slowest, shop.salvages)
}

// killedShop is a shop whose agent is killed all the time.
type killedShop struct {
	*e2e.Site
	ledger   *ledger
	random   *rand.Rand
	mu       sync.Mutex
	unsaid   []string // sales that were not acknowledged: the till sends them again
	slowest  time.Duration
	salvages int
	trouble  func() // happens while tills sell; optional
}

// account has everything delivered, until drained returns, and holds it against what the tills were told.
func (k *killedShop) account(drained func()) {
	k.Helper()
	k.ReturnClouds()
	process := k.serving()
	k.sendAgain()
	k.releaseHeld()
	drained()
	for _, fault := range k.ledger.faults(k.Clouds.Mercafacil.Received()) {
		k.Error(fault)
	}
	if err := process.Kill(); err != nil {
		k.Error(err)
	}
}

func (k *killedShop) link(round int) {
	k.Helper()
	if round%3 == 1 {
		k.Clouds.Leave()
	} else {
		k.ReturnClouds()
	}
}

// serving starts the agent and waits until it answers, not longer than promised.
func (k *killedShop) serving() *rig.Process {
	k.Helper()
	begun := time.Now()
	process := k.StartProcess()
	took := time.Since(begun)
	if k.slowest = max(k.slowest, took); took > servesWithin && os.Getenv("PDVAGENT_QUIET") == "yes" {
		k.Errorf("the agent answered after %v", took)
	}
	return process
}

// sellUntilKilled sells at four tills until the agent is killed.
func (k *killedShop) sellUntilKilled(round int) {
	k.Helper()
	process := k.serving()
	k.sendAgain()
	ctx, stop := context.WithCancel(k.Context())
	var tills sync.WaitGroup
	for till := range 4 {
		tills.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				k.sell(fmt.Sprintf("R%d-%d-%d", round, till, n)) //nolint:contextcheck // a till says it to the end
			}
		})
	}
	if k.trouble != nil {
		k.trouble()
	}
	<-time.After(time.Duration(k.random.IntN(250)) * time.Millisecond)
	if err := process.Kill(); err != nil {
		k.Fatal(err)
	}
	stop()
	tills.Wait()
}

func (k *killedShop) sell(id string) {
	k.Post("/v2/transaction/confirm", e2e.IDBody("transaction_id", "T-"+id))
	body := agenttest.Receipt(id, "T-"+id)
	said := k.Post("/v2/coupons", body).Status
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ledger.sold(id, "T-"+id, body)
	if said != http.StatusAccepted && said != http.StatusOK {
		k.unsaid = append(k.unsaid, id)
	}
}

// sendAgain does what a till does with a sale that was not acknowledged.
func (k *killedShop) sendAgain() {
	k.Helper()
	for _, id := range k.unsaid {
		if got := k.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id)); got.Status != http.StatusAccepted && got.Status != http.StatusOK {
			k.Fatalf("sale %s sent again: %d %s", id, got.Status, got.Body)
		}
	}
	k.unsaid = nil
}

// killWhileCompacting kills a compaction of the stopped agent's file.
func (k *killedShop) killWhileCompacting() {
	k.Helper()
	self, err := os.Executable()
	if err != nil {
		k.Fatal(err)
	}
	compact := exec.CommandContext(k.Context(), self, "store", "compact", "--config", k.Config)
	k.killSoon(compact, 60)
}

// killWhileOpening kills an agent that has hardly begun, twice: of a damaged file it is in the middle of the salvage.
func (k *killedShop) killWhileOpening() {
	k.Helper()
	for range 2 {
		process, err := rig.StartAgent(k.Context(), k.Config)
		if err != nil {
			k.Fatal(err)
		}
		<-time.After(time.Duration(10+k.random.IntN(50)) * time.Millisecond)
		if err := process.Kill(); err != nil {
			k.Fatal(err)
		}
	}
}

func (k *killedShop) killSoon(cmd *exec.Cmd, most int) {
	k.Helper()
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	<-time.After(time.Duration(k.random.IntN(most)) * time.Millisecond)
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // it reports the kill
}

// damage spoils the head of a page of the stopped agent's file: the page leads nowhere, what is on it can be found. A page that
// continues another one has no head: a sale's content would be lost there, which is another test.
func (k *killedShop) damage() {
	k.Helper()
	file, err := os.OpenFile(filepath.Join(k.DataDir(), "pdvagent.db"), os.O_RDWR, 0)
	if err != nil {
		k.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		k.Fatal(err)
	}
	const page = 4096
	head := make([]byte, 8) // begins with the page's own number
	for {
		at := 2 + k.random.Int64N(min(info.Size()/page-2, 60))
		if _, err := file.ReadAt(head, at*page); err != nil {
			k.Fatal(err)
		}
		if binary.LittleEndian.Uint64(head) != uint64(at) {
			continue
		}
		if _, err := file.WriteAt(bytes.Repeat([]byte{0xFF}, len(head)), at*page); err != nil {
			k.Fatal(err)
		}
		k.salvages++
		return
	}
}

// releaseHeld is support's word: what a salvage was not sure of goes, and the cloud says of what it has that it has it.
func (k *killedShop) releaseHeld() {
	k.Helper()
	for {
		var list struct {
			Jobs []struct {
				ID, Kind, Reason string
				Session          string `json:"transaction_id"`
			}
		}
		k.Call(http.MethodGet, "/v1/queue?state=held&limit=500", e2e.SupportToken, "").Decode(k, &list)
		if len(list.Jobs) == 0 {
			return
		}
		for _, job := range list.Jobs {
			if job.Kind == "confirm" { // its sale did not wait for a person
				k.ledger.late[job.Session] = true
			}
			if got := k.Call(http.MethodPost, "/v1/queue/"+job.ID+"/retry", e2e.SupportToken, ""); job.Reason != "salvaged" || got.Status >= 300 {
				k.Fatalf("held job %s, %s: retry got %d %s", job.ID, job.Reason, got.Status, got.Body)
			}
		}
	}
}
