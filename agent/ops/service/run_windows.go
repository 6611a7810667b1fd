package service

import (
	"context"
	"errors"
	"time"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows/svc"
)

// StopBound bounds a stop: an agent that has not ended by then is cut off.
const StopBound = 15 * time.Second

var errStopBound = errors.New("the agent did not stop in time")

const (
	progressEvery = 500 * time.Millisecond
	waitHint      = 5 * time.Second // that the service manager waits for the next checkpoint
)

// Run runs the agent, under the service manager of Windows or at a console. The service manager gets a first status before
// the program starts.
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

// handler is the agent as the service manager controls it.
type handler struct {
	ctx     context.Context //nolint:containedctx // svc.Handler has no context
	program Program
	err     error
}

const accepted = svc.AcceptStop | svc.AcceptShutdown | svc.AcceptPreShutdown

// Execute runs the service: it reports checkpoints while the agent starts, Running once it is ready, and checkpoints while it
// stops.
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
			default: // Interrogate: answered with the status
			}
		case h.err = <-done:
			changes <- svc.Status{State: svc.StopPending}
			return exit(h.err)
		case <-bound: // the next start continues from what is on disk
			h.err = errStopBound
			return exit(h.err)
		}
		changes <- status
	}
}

// exit returns the exit code for the service manager. It writes an error to the event log; the service manager restarts the
// agent after one.
func exit(err error) (specific bool, code uint32) {
	if err != nil {
		if events, openErr := OpenEventLog(); openErr == nil {
			events.Failed(err)
			_ = events.Close() // the event is written
		}
		return true, 1
	}
	return false, 0
}
