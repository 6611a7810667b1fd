package api_test

import (
	"context"
	"fmt"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/ops/routine"
	"pdvagent/agent/ops/settings"
	"pdvagent/agent/ops/traffic"
)

// support answers for the parts that support sees: alarms, journal, routines and days.
type support struct {
	alarms  []agent.Alarm
	lines   []traffic.Line
	query   traffic.Query
	entries []routine.Entry
	runs    []routine.Report
	started string
	report  reconcile.Report
	outcome settings.Outcome
	show    map[string]any // the configuration
	change  func()         // what a change of it does
	patch   map[string]any
	author  string
	seen    string // If-Match
	trial   config.Trial
	err     error
}

func newSupport() *support {
	return &support{show: map[string]any{"log": map[string]any{"level": "info"}}, change: func() {}}
}

func (s *support) Read(q traffic.Query) ([]traffic.Line, error) {
	s.query = q
	return s.lines, s.err
}

func (s *support) day(day string) (reconcile.Report, error) {
	s.report.Day = day
	return s.report, s.err
}

// board is support as the list of alarms.
type board struct{ *support }

func (b board) List() []agent.Alarm { return b.alarms }

// timetable is support as the scheduler.
type timetable struct{ *support }

func (s timetable) List() []routine.Entry { return s.entries }

func (s timetable) Runs(name string) ([]routine.Report, error) {
	s.started = name
	return s.runs, s.err
}

func (s timetable) Start(name string, everything bool) (routine.Report, error) {
	s.started = fmt.Sprint(name, " ", everything)
	return routine.Report{ID: "run-1", Routine: name, State: routine.Running}, s.err
}

// configuration is support as the settings of the running agent.
type configuration struct{ *support }

func (c configuration) Show() (map[string]any, config.Version, error) {
	return c.show, c.outcome.Version, c.err
}

func (c configuration) Put(patch map[string]any, by settings.By) (settings.Outcome, error) {
	c.patch, c.author, c.seen = patch, by.Name, by.Seen
	c.change()
	return c.outcome, c.err
}

func (c configuration) Undo(by settings.By) (settings.Outcome, error) {
	c.author, c.seen = by.Name, by.Seen
	return c.outcome, c.err
}

func (c configuration) Try(_ context.Context, patch map[string]any, by settings.By) (settings.Outcome, config.Trial, error) {
	c.patch, c.author, c.seen = patch, by.Name, by.Seen
	return c.outcome, c.trial, c.err
}

func (c configuration) Trial() config.Trial { return c.trial }

func (c configuration) Keep(who string) (config.Trial, error) {
	c.author = "keep " + who
	return c.trial, c.err
}

func (c configuration) TakeBack(who string) (config.Trial, error) {
	c.author = "back " + who
	return c.trial, c.err
}

func (c configuration) Versions() ([]config.Version, error) {
	return []config.Version{{Number: 7, Author: "suporte"}}, c.err
}
