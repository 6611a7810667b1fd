package store_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
)

// A producer is this test binary in a process of its own, which a test kills or injects faults into. Its standard output is
// the ledger: it writes a line for each acknowledgement before it does anything else.
const (
	producerEnv = "PDVAGENT_TEST_PRODUCER" // the data folder
	modeEnv     = "PDVAGENT_TEST_PRODUCER_MODE"

	crowdMode  = "crowd"  // eight writers, for ever
	eagerMode  = "eager"  // the same, but acknowledged before the commit: a control that must fail
	scriptMode = "script" // some dozens of changes one after the other, with a compaction in the middle
	plainMode  = "plain"  // the same without the compaction

	latencyMode = "latency" // 64 writers for two seconds; it says the median time of a commit
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(producerEnv); dir != "" {
		produce(dir, os.Getenv(modeEnv))
		return
	}
	_ = flag.Set("rapid.checks", strconv.Itoa(agenttest.Amount(50, 20))) // by default: a command line says another
	os.Exit(m.Run())
}

// producer is the command line of such a process.
func producer(ctx context.Context, dir, mode string, before ...string) *exec.Cmd {
	args := append(before, os.Args[0], "-test.run=^$")
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), producerEnv+"="+dir, modeEnv+"="+mode)
	return cmd
}

func produce(dir, mode string) {
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		panic(err)
	}
	p := &producing{store: s}
	p.say("open")
	if mode == scriptMode || mode == plainMode {
		p.script(mode == scriptMode)
		if err := s.Close(); err != nil {
			p.say("error close %v", err)
		}
		return
	}
	if mode == latencyMode {
		p.say("p50 %f", p.latency())
		return
	}
	p.crowd(mode == eagerMode)
}

type producing struct {
	store  *store.Store
	output sync.Mutex
}

// say writes one line, with one system call.
func (p *producing) say(format string, args ...any) {
	p.output.Lock()
	defer p.output.Unlock()
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) // whoever listens is gone, then nothing matters
}

func (p *producing) crowd(eager bool) {
	start := time.Now().UnixNano()
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d-%d", start, writer, n)
				if eager {
					p.say("job %s 0", id)
				}
				committed, err := p.store.Commit(context.Background(), tried(id))
				if err != nil {
					panic(err)
				}
				p.say("job %s %d", id, committed.Seqs[0])
			}
		})
	}
	group.Wait()
}

// latency gives the median time of a commit in milliseconds.
func (p *producing) latency() float64 {
	var group sync.WaitGroup
	times := make([][]float64, 64)
	begun := time.Now()
	for writer := range times {
		group.Go(func() {
			for n := 0; time.Since(begun) < 2*time.Second; n++ {
				start := time.Now()
				if _, err := p.store.Commit(context.Background(), agent.Change{Jobs: []agent.Job{coupon(fmt.Sprintf("%d-%d", writer, n))}}); err != nil {
					panic(err)
				}
				times[writer] = append(times[writer], float64(time.Since(start).Microseconds())/1000)
			}
		})
	}
	group.Wait()
	all := slices.Concat(times...)
	slices.Sort(all)
	return all[len(all)/2]
}

// tried is a sale whose first attempt is written with it, with the bytes that go up.
func tried(id string) agent.Change {
	job := coupon(id)
	job.Status.Attempts, job.Status.Unanswered = 1, true
	return agent.Change{Jobs: []agent.Job{job}, Wires: []agent.Wire{{New: 1, Body: wireOf(id)}}}
}

func wireOf(id string) []byte { return append(coupon(id).Body, " for the cloud"...) }

// scriptJobs is how many sales the script makes; every second one is sent.
const scriptJobs = 40

func (p *producing) script(compact bool) {
	for n := range scriptJobs {
		id := fmt.Sprint("script-", n)
		committed, err := p.store.Commit(context.Background(), tried(id))
		if err != nil {
			p.say("error job %v", err)
			continue
		}
		p.say("job %s %d", id, committed.Seqs[0])
		if n%2 == 1 {
			p.send(committed.Seqs[0])
		}
		if compact && n == scriptJobs/2 {
			if err := p.store.Compact(); err != nil {
				p.say("error compact %v", err)
			}
		}
	}
}

func (p *producing) send(seq uint64) {
	job, err := p.store.Job(seq)
	if err == nil {
		job.Status.State = agent.Sent
		_, err = p.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: seq, Status: job.Status}}})
	}
	if err != nil {
		p.say("error send %v", err)
		return
	}
	p.say("sent %d", seq)
}

// acknowledged is what a producer's output acknowledges.
type acknowledged struct {
	jobs   map[string]uint64 // coupon -> number
	sent   map[uint64]bool
	errors []string
	opened bool
}

func newAcknowledged() *acknowledged {
	return &acknowledged{jobs: make(map[string]uint64), sent: make(map[uint64]bool)}
}

// hear reads lines. A line that a kill cut is no acknowledgement.
func (a *acknowledged) hear(output io.Reader, opened func()) {
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if a.line(strings.TrimSuffix(line, "\n")); line == "open\n" && opened != nil {
			opened()
		}
	}
}

func (a *acknowledged) line(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "open":
		a.opened = true
	case "job":
		id, number, _ := strings.Cut(rest, " ")
		a.jobs[id], _ = strconv.ParseUint(number, 10, 64)
	case "sent":
		seq, _ := strconv.ParseUint(rest, 10, 64)
		a.sent[seq] = true
	case "error":
		a.errors = append(a.errors, rest)
	}
}

// lost opens the folder and gives the first acknowledged thing that is missing or different. The store must pass its own
// checks, too.
func (a *acknowledged) lost(t *testing.T, dir string) string {
	t.Helper()
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		return fmt.Sprint("it does not open: ", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Check(); err != nil {
		return fmt.Sprint("it is not sound: ", err)
	}
	if report := s.Salvaged(); report != nil {
		return fmt.Sprintf("it had to be salvaged: %+v", report)
	}
	for id, seq := range a.jobs {
		job, err := s.Unique(agent.KindCoupon, agent.CouponGroup(id))
		if err == nil {
			job, err = s.Job(job.Seq)
		}
		if err != nil || (seq != 0 && job.Seq != seq) || string(job.Body) != string(coupon(id).Body) {
			return fmt.Sprintf("sale %s, acknowledged as %d: got %d, %v", id, seq, job.Seq, err)
		}
		if !a.sent[job.Seq] && (job.Status.Attempts != 1 || !job.Status.Unanswered) && job.Status.State == agent.Pending {
			return fmt.Sprintf("sale %d may have been sent, and its attempt is lost: %+v", job.Seq, job.Status)
		}
		if wire, err := s.Wire(job.Seq, 0); err != nil || string(wire) != string(wireOf(id)) {
			return fmt.Sprintf("sale %d: goes up as %s, %v", job.Seq, wire, err)
		}
		if a.sent[job.Seq] && job.Status.State != agent.Sent {
			return fmt.Sprintf("sale %d was sent and is %s", job.Seq, job.Status.State)
		}
	}
	return ""
}
