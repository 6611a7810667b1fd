package service

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/windows/svc"
)

// scm is the service manager's side of a service.
type scm struct {
	*testing.T
	requests chan svc.ChangeRequest
	changes  chan svc.Status
	code     chan uint32
}

func start(t *testing.T, program Program) *scm {
	t.Helper()
	m := &scm{t, make(chan svc.ChangeRequest), make(chan svc.Status, 1000), make(chan uint32, 1)}
	h := &handler{ctx: t.Context(), program: program}
	go func() {
		_, code := h.Execute(nil, m.requests, m.changes)
		m.code <- code
	}()
	return m
}

// until reads what the service says until it is in a state, and gives how often it has shown progress before.
func (m *scm) until(state svc.State) (said svc.Status, progress uint32) {
	m.Helper()
	for {
		select {
		case said = <-m.changes:
			if said.State == state {
				return said, progress
			}
			progress = max(progress, said.CheckPoint)
		case <-time.After(10 * time.Second):
			m.Fatalf("it does not come to state %d", state)
		}
	}
}

func TestSlowStartIsReportedAtOnceAndWithProgress(t *testing.T) {
	m := start(t, func(ctx context.Context, ready func()) error {
		<-time.After(3 * progressEvery)
		ready()
		<-ctx.Done()
		return nil
	})
	begin := time.Now()
	m.until(svc.StartPending)
	if took := time.Since(begin); took > progressEvery {
		t.Errorf("reported after %v", took)
	}
	said, progress := m.until(svc.Running)
	if progress < 1 || said.Accepts&svc.AcceptPreShutdown == 0 || said.Accepts&svc.AcceptStop == 0 {
		t.Errorf("progress %d, accepts %b", progress, said.Accepts)
	}
	m.requests <- svc.ChangeRequest{Cmd: svc.PreShutdown}
	m.until(svc.StopPending)
	if code := <-m.code; code != 0 {
		t.Errorf("code %d", code)
	}
}

func TestStopShowsProgressWhileRequestsEnd(t *testing.T) {
	m := start(t, func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		<-time.After(3 * progressEvery)
		return nil
	})
	m.until(svc.Running)
	m.requests <- svc.ChangeRequest{Cmd: svc.Stop}
	m.requests <- svc.ChangeRequest{Cmd: svc.Stop} // impatience changes nothing
	m.requests <- svc.ChangeRequest{Cmd: svc.Interrogate}
	if code := <-m.code; code != 0 {
		t.Errorf("code %d", code)
	}
	close(m.changes)
	var most uint32
	for said := range m.changes {
		most = max(most, said.CheckPoint)
	}
	if most < 2 {
		t.Errorf("progress %d", most)
	}
}

func TestAnErrorCountsAsAFailure(t *testing.T) {
	m := start(t, func(context.Context, func()) error { return errors.New("the port is taken") })
	if code := <-m.code; code == 0 {
		t.Error("an agent that failed ends well")
	}
}

func TestStopIsBounded(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	m := start(t, func(_ context.Context, ready func()) error {
		ready()
		<-release
		return nil
	})
	m.until(svc.Running)
	begin := time.Now()
	m.requests <- svc.ChangeRequest{Cmd: svc.Stop}
	if code := <-m.code; code == 0 {
		t.Error("an agent that hangs ends well")
	}
	if took := time.Since(begin); took < StopBound || took > StopBound+2*time.Second {
		t.Errorf("took %v", took)
	}
}
