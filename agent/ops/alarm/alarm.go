// Package alarm gathers what needs a person: the alarms that parts raise, the jobs that wait for a decision, and a suspect
// clock. It writes each alarm to the log and to the system's event log once when it begins and once when it ends.
//
// It raises no alarm by itself and sends nothing over the network. cmd/internal/app makes the [Board] and runs it; the local
// API (status and X-Agent-Alarm) and the metrics read it; it reads the store's counters and clock.
package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pdvagent/agent"
)

// Jobs is the queue as the board reads it.
type Jobs interface {
	Counters() agent.Counters
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
	Changed() <-chan struct{}
	Clock() agent.Clock
}

// Config is what a Board needs.
type Config struct {
	Alarms *agent.Alarms
	Jobs   Jobs
	Log    *slog.Logger
	Notify func(alarm agent.Alarm, ended bool) // writes to the system's event log; optional
	Settle time.Duration                       // an alarm that ends sooner than this after a change is not announced, default 1 s
	Look   time.Duration                       // how often the clock is checked, default 1 min
	Now    func() time.Time                    // default time.Now
}

// Board lists and announces the alarms of all parts. It is safe for concurrent use.
type Board struct{ cfg Config }

// New checks the configuration and fills defaults.
func New(cfg Config) (*Board, error) {
	if cfg.Alarms == nil || cfg.Jobs == nil || cfg.Log == nil {
		return nil, errors.New("alarm.Config wants Alarms, Jobs and Log")
	}
	if cfg.Notify == nil {
		cfg.Notify = func(agent.Alarm, bool) {}
	}
	if cfg.Settle == 0 {
		cfg.Settle = time.Second
	}
	if cfg.Look == 0 {
		cfg.Look = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Board{cfg}, nil
}

// waitingStates are the states in which a job waits for a person, with the alarm of each.
func waitingStates() []struct {
	state      agent.State
	code, text string
} {
	return []struct {
		state      agent.State
		code, text string
	}{
		{agent.Dead, agent.AlarmDeadJobs, "%d registro(s) recusado(s) pela Mercafácil. Veja com: pdvagent queue ls --state recusado"},
		{agent.Held, agent.AlarmHeldJobs, "%d registro(s) retido(s) até alguém decidir. Veja com: pdvagent queue ls --state retido"},
	}
}

// List returns the alarms that parts have raised, oldest first, then the clock's, then those of the jobs that wait.
func (b *Board) List() []agent.Alarm {
	alarms := b.cfg.Alarms.List()
	if clock := b.cfg.Jobs.Clock(); clock.Suspect {
		alarms = append(alarms, agent.Alarm{
			Code: agent.AlarmClock, Since: clock.Since,
			Detail: "O relógio desta máquina saltou ou está atrasado. Confira data, hora e a pilha da placa; as vendas continuam guardadas e enviadas.",
		})
	}
	counters := b.cfg.Jobs.Counters()
	for _, w := range waitingStates() {
		if n := counters.Total(w.state); n > 0 {
			alarms = append(alarms, agent.Alarm{Code: w.code, Detail: fmt.Sprintf(w.text, n), Since: b.firstOf(w.state)})
		}
	}
	return alarms
}

// firstOf returns when the oldest job in a state came into it.
func (b *Board) firstOf(state agent.State) time.Time {
	jobs, err := b.cfg.Jobs.List(state, "", 0, 1)
	if err != nil || len(jobs) == 0 || jobs[0].Status.State == agent.Damaged { // it has no time
		return b.cfg.Now()
	}
	return jobs[0].Status.UpdatedAt
}

// Code returns the code of the first alarm, for a header; empty without one. It does not read the disk.
func (b *Board) Code() string {
	if alarms := b.cfg.Alarms.List(); len(alarms) > 0 {
		return alarms[0].Code
	}
	if b.cfg.Jobs.Clock().Suspect {
		return agent.AlarmClock
	}
	counters := b.cfg.Jobs.Counters()
	for _, w := range waitingStates() {
		if counters.Total(w.state) > 0 {
			return w.code
		}
	}
	return ""
}

// Run announces each alarm that begins or ends, until ctx ends.
func (b *Board) Run(ctx context.Context) error {
	announced := make(map[string]agent.Alarm)
	clock := time.NewTimer(b.cfg.Look)
	defer clock.Stop()
	for {
		raised, jobs := b.cfg.Alarms.Changed(), b.cfg.Jobs.Changed()
		b.announce(announced)
		clock.Reset(b.cfg.Look) // right before the wait, unlike a ticker: see agenttest.Takes
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		case <-raised:
		case <-jobs:
		}
		timer := time.NewTimer(b.cfg.Settle)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// announce writes the differences between the present alarms and the announced ones, and updates these.
func (b *Board) announce(announced map[string]agent.Alarm) {
	present := make(map[string]bool)
	for _, alarm := range b.List() {
		id := alarm.Code + "\x00" + alarm.Subject
		present[id] = true
		if _, known := announced[id]; known {
			continue
		}
		announced[id] = alarm
		b.cfg.Log.Warn("alarm_begun", "code", alarm.Code, "subject", alarm.Subject, "detail", alarm.Detail)
		b.cfg.Notify(alarm, false)
	}
	for id, alarm := range announced {
		if !present[id] {
			delete(announced, id)
			b.cfg.Log.Info("alarm_ended", "code", alarm.Code, "subject", alarm.Subject)
			b.cfg.Notify(alarm, true)
		}
	}
}
