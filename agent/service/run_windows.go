package service

import (
	"context"
	"errors"
	"time"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows/svc"
)

// StopBound is when a stop ends at the latest.
const StopBound = 15 * time.Second

var errStopBound = errors.New("the agent did not stop in time")

const (
	progressEvery = 500 * time.Millisecond
	waitHint      = 5 * time.Second // until the next sign of progress
)

// Run runs the agent under whoever has started it: Windows' service manager, or a person at a console. The service
// manager hears of it before anything slow is done.
func Run(ctx context.Context, program Program) error {
	if service.Interactive() {
		return program(ctx, func() {})
	}
	h := &handler{ctx: ctx, program: program}
	if err := svc.Run(Source, h); err != nil {
		return err
	}
	return h.err
}

// handler answers the service manager.
type handler struct {
	ctx     context.Context //nolint:containedctx // svc.Handler has no place for it
	program Program
	err     error
}

const accepted = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown

// Execute is the service's life: starting with progress until tills are answered, running, stopping with progress.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (bool, uint32) {
	status := svc.Status{State: svc.StartPending, WaitHint: uint32(waitHint / time.Millisecond)}
	changes <- status
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- h.program(ctx, func() { close(ready) }) }()
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	var bound <-chan time.Time
	for {
		select {
		case <-ready:
			ready = nil
			status = svc.Status{State: svc.Running, Accepts: accepted}
		case <-progress.C:
			if status.State == svc.Running {
				continue
			}
			status.CheckPoint++
		case request := <-requests:
			switch request.Cmd {
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				if bound == nil {
					cancel()
					bound = time.After(StopBound)
					status = svc.Status{State: svc.StopPending, WaitHint: uint32(waitHint / time.Millisecond)}
				}
			default: // Interrogate: the answer is the state
			}
		case h.err = <-done:
			changes <- svc.Status{State: svc.StopPending}
			return exit(h.err)
		case <-bound: // what is on disk is on disk: the next start goes on from there
			h.err = errStopBound
			return exit(h.err)
		}
		changes <- status
	}
}

// exit is how the service ends for the service manager, and for who reads the event log. An error counts as a failure: it
// is started again.
func exit(err error) (specific bool, code uint32) {
	if err != nil {
		if events, openErr := OpenEventLog(); openErr == nil {
			events.Failed(err)
			_ = events.Close() // it has been said
		}
		return true, 1
	}
	return false, 0
}
