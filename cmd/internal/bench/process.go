package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent/config"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/rig"
)

// agentProcess is an agent in a process of its own, with a till and a client of support.
type agentProcess struct {
	till    *rig.Till
	support *cli.Client
	config  config.Config

	configPath string
	process    *rig.Process // nil until it is started
}

// newAgentProcess writes the configuration of an agent whose data are in folder; replace changes texts of it, in pairs.
func newAgentProcess(ctx context.Context, folder, cloudURL string, replace ...string) (*agentProcess, error) {
	answers, err := rig.Answers(ctx, folder, cloudURL)
	if err != nil {
		return nil, err
	}
	base := "http://" + answers.Listen
	a := &agentProcess{till: rig.NewTill(base, answers.TillToken, answers.SupportToken), support: cli.NewClient(base, answers.SupportToken)}
	replace = append(replace, "level: info", "level: error", "start_jitter: 60s", "start_jitter: 0s")
	if a.configPath, err = rig.WriteConfig(answers, replace...); err != nil {
		return nil, err
	}
	a.config, _, err = config.Load(a.configPath, os.LookupEnv)
	return a, err
}

// start starts the process; took is the time until its first answer.
func (a *agentProcess) start(ctx context.Context) (took time.Duration, err error) {
	start := time.Now()
	if a.process, err = rig.StartAgent(ctx, a.configPath); err != nil {
		return 0, err
	}
	return a.untilHealthy(ctx, start)
}

// untilHealthy gives the time from start to the first answer of a process that was started.
func (a *agentProcess) untilHealthy(ctx context.Context, start time.Time) (took time.Duration, err error) {
	for !a.till.Healthy(ctx) {
		if time.Since(start) > time.Minute {
			_ = a.process.Kill() // its log is complete then
			return 0, fmt.Errorf("the agent does not answer: %s", a.process.Log.String())
		}
		if err := sleep(ctx, 2*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// stop kills the process, if it was started.
func (a *agentProcess) stop() error {
	if a.process == nil {
		return nil
	}
	return a.process.Kill()
}

// sell posts a sale without a session; it gives the milliseconds until the answer.
func (a *agentProcess) sell(ctx context.Context, coupon string) (float64, error) {
	start := time.Now()
	err := a.till.Post(ctx, "venda", "/v2/coupons", rig.SaleBody(coupon, ""))
	return milliseconds(time.Since(start)), err
}

// ownMemory is what the process holds without the mapped pages of its files, in MB; 0 where the system does not say.
func (a *agentProcess) ownMemory() float64 { return a.memory("RssAnon") }

// peakMemory is the most that the process has held, mapped pages included, in MB; 0 where the system does not say.
func (a *agentProcess) peakMemory() float64 { return a.memory("VmHWM") }

// residentMemory is what the process holds, mapped pages included, in MB; 0 where the system does not say.
func (a *agentProcess) residentMemory() float64 { return a.memory("VmRSS") }

func (a *agentProcess) memory(name string) float64 {
	return memoryOf(fmt.Sprintf("/proc/%d/status", a.process.PID()), name)
}

// pageFaults is how often a page came into the process's memory without the disk; 0 where the system does not say.
func (a *agentProcess) pageFaults() int {
	const field = 7 // behind the program's name in brackets
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.process.PID()))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= field {
		return 0
	}
	n, _ := strconv.Atoi(fields[field]) // a line of another form counts nothing
	return n
}

// memoryOf reads an amount of memory of Linux's status file, in MB.
func memoryOf(path, name string) float64 { return mb(int64(processStatus(path, name)) << 10) }

// contextSwitches is how often threads of the process have begun to wait.
func (a *agentProcess) contextSwitches() int {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", a.process.PID())) // the pattern is right
	sum := 0
	for _, thread := range threads {
		sum += processStatus(thread, "voluntary_ctxt_switches")
	}
	return sum
}

// processStatus reads a number of Linux's status file of a process or thread; 0 where there is none.
func processStatus(path, name string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			n := 0
			_, _ = fmt.Sscan(value, &n) // a line of another form counts nothing
			return n
		}
	}
	return 0
}

// ownMemory is what this process holds without mapped pages, in MB.
func ownMemory() float64 { return memoryOf("/proc/self/status", "RssAnon") }

// residentMemory is what this process holds, mapped pages included, in MB.
func residentMemory() float64 { return memoryOf("/proc/self/status", "VmRSS") }

// serve runs a server on a free address until stop is called.
func serve(ctx context.Context, handler http.Handler) (base string, stop func() error, err error) {
	address, err := rig.FreeAddress(ctx)
	if err != nil {
		return "", nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // it ends with Close
	return "http://" + address, server.Close, nil
}
