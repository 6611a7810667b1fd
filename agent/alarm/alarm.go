// Package alarm gathers what needs a person: the troubles that parts raise and that last, jobs that wait for a decision,
// a clock that cannot be right. The status, the header of every answer and the metrics read it here; the log and the
// system's event log are told once when a trouble begins and once when it ends. It decides nothing and sends nothing.
package alarm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pdvagent/agent"
)

// Jobs is what is known of the queue.
type Jobs interface {
	Counters() agent.Counters
	List(state agent.State, kind agent.Kind, after uint64, limit int) ([]agent.Job, error)
	Changed() <-chan struct{}
	Clock() agent.Clock
}

// Config is what a board needs.
type Config struct {
	Alarms *agent.Alarms
	Jobs   Jobs
	Log    *slog.Logger
	Tell   func(alarm agent.Alarm, ended bool) // the system's event log; optional
	Settle time.Duration                       // how long a trouble may come and go before it is told, default 1 s
	Look   time.Duration                       // how often the clock is looked at, default 1 min
	Now    func() time.Time                    // default time.Now
}

// Board is every alarm. It is safe for concurrent use.
type Board struct{ cfg Config }

// New fills defaults and checks.
func New(cfg Config) (*Board, error) {
	if cfg.Alarms == nil || cfg.Jobs == nil || cfg.Log == nil {
		return nil, errors.New("alarm.Config wants Alarms, Jobs and Log")
	}
	if cfg.Tell == nil {
		cfg.Tell = func(agent.Alarm, bool) {}
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

// waiting are the states in which a job waits for a person.
func waiting() []struct {
	state      agent.State
	code, text string
} {
	return []struct {
		state      agent.State
		code, text string
	}{
		{agent.Dead, agent.AlarmDeadJobs, "%d registro(s) recusado(s) pela Mercafácil. Veja com: pdvagent queue ls --state dead"},
		{agent.Held, agent.AlarmHeldJobs, "%d registro(s) retido(s) até alguém decidir. Veja com: pdvagent queue ls --state held"},
	}
}

// List gives the lasting troubles, oldest first, then the clock's, then the jobs that wait for a decision.
func (b *Board) List() []agent.Alarm {
	alarms := b.cfg.Alarms.List()
	if clock := b.cfg.Jobs.Clock(); clock.Suspect {
		alarms = append(alarms, agent.Alarm{
			Code: agent.AlarmClock, Since: clock.Since,
			Detail: "O relógio desta máquina saltou ou está atrasado. Confira data, hora e a pilha da placa; as vendas continuam guardadas e enviadas.",
		})
	}
	counters := b.cfg.Jobs.Counters()
	for _, w := range waiting() {
		if n := counters.Total(w.state); n > 0 {
			alarms = append(alarms, agent.Alarm{Code: w.code, Detail: fmt.Sprintf(w.text, n), Since: b.firstOf(w.state)})
		}
	}
	return alarms
}

func (b *Board) firstOf(state agent.State) time.Time {
	jobs, err := b.cfg.Jobs.List(state, "", 0, 1)
	if err != nil || len(jobs) == 0 {
		return b.cfg.Now()
	}
	return jobs[0].Status.UpdatedAt
}

// Code is the most pressing alarm, for a header; empty when nobody is needed. It reads no disk.
func (b *Board) Code() string {
	if alarms := b.cfg.Alarms.List(); len(alarms) > 0 {
		return alarms[0].Code
	}
	if b.cfg.Jobs.Clock().Suspect {
		return agent.AlarmClock
	}
	counters := b.cfg.Jobs.Counters()
	for _, w := range waiting() {
		if counters.Total(w.state) > 0 {
			return w.code
		}
	}
	return ""
}

// Run tells of each trouble that begins or ends, until ctx does. What lasts less than Settle is not told.
func (b *Board) Run(ctx context.Context) error {
	told := make(map[string]agent.Alarm)
	clock := time.NewTicker(b.cfg.Look)
	defer clock.Stop()
	for {
		raised, jobs := b.cfg.Alarms.Changed(), b.cfg.Jobs.Changed()
		b.tell(told)
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

// tell compares what is with what was told.
func (b *Board) tell(told map[string]agent.Alarm) {
	now := make(map[string]bool)
	for _, alarm := range b.List() {
		id := alarm.Code + "\x00" + alarm.Subject
		now[id] = true
		if _, known := told[id]; known {
			continue
		}
		told[id] = alarm
		b.cfg.Log.Warn("alarm_begun", "code", alarm.Code, "subject", alarm.Subject, "detail", alarm.Detail)
		b.cfg.Tell(alarm, false)
	}
	for id, alarm := range told {
		if !now[id] {
			delete(told, id)
			b.cfg.Log.Info("alarm_ended", "code", alarm.Code, "subject", alarm.Subject)
			b.cfg.Tell(alarm, true)
		}
	}
}
