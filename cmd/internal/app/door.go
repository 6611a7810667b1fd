package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"pdvagent/agent/door"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/till/console"
	"pdvagent/agent/till/web"
)

// stopTimeout is how long requests in progress may take when the agent stops.
const stopTimeout = 10 * time.Second

// openDoor listens on 127.0.0.1 and ::1 and serves tills until ctx ends. It tells the service manager when the agent is
// ready, that it is alive, and when it stops.
func (a *Assembly) openDoor(ctx context.Context, group *errgroup.Group) error {
	listeners, noIPv6, err := web.Listen(ctx, a.cfg.API.Listen)
	if err != nil {
		return err
	}
	if noIPv6 != nil {
		a.log.Warn("no_ipv6", "error", noIPv6)
	}
	tcp, ok := listeners[0].Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("listener has the address %v", listeners[0].Addr())
	}
	handler, err := a.Handler(tcp.Port)
	if err != nil {
		return err
	}
	server := web.Server(handler, a.log)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	a.cfg.Ready()
	notifier := service.NewNotifier(os.Getenv)
	if err := notifier.Ready(); err != nil {
		a.log.Warn("systemd_not_told", "error", err)
	}
	group.Go(func() error { return notifier.Alive(ctx, healthProbe(tcp.Port), a.log) })
	group.Go(func() error {
		<-ctx.Done()
		_ = notifier.Stopping() // systemd notices the end of the process as well
		return a.shutDown(ctx, server)
	})
	a.log.Info("listening", "address", listeners[0].Addr().String(), "version", Version)
	return nil
}

// Handler serves the local API to tills that reach it on this port.
func (a *Assembly) Handler(port int) (http.Handler, error) {
	return web.Handler(web.Config{
		Port: port, Access: a.access, Charset: a.cfg.Till.Charset, Routes: append(a.api.Routes(), console.Routes()...),
		Alarm: a.board.Code, NewID: uuid.NewString, Log: a.log, Observe: a.observe, Now: a.cfg.Now,
	})
}

// shutDown waits for the requests in progress, and cuts those that take too long.
func (a *Assembly) shutDown(ctx context.Context, server *door.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		a.log.Warn("requests_cut", "error", err)
		return server.Close()
	}
	return nil
}

// healthProbe asks the agent for its health over its own port, as a till does.
func healthProbe(port int) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/health", port), http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close() // the status is enough
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("health answers %s", response.Status)
		}
		return nil
	}
}
