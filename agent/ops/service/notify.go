package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// Notifier reports the agent's state to systemd (sd_notify): ready, alive, stopping. As a service of Windows it reports alive
// to a companion process, see [Watchdog]; else it does nothing.
type Notifier struct {
	socket    string        // empty: no systemd
	watchdog  time.Duration // systemd restarts an agent that is silent for so long; 0: never
	companion *companion    // nil: none
}

// NewNotifier reads systemd's variables of the environment.
func NewNotifier(getenv func(string) string) *Notifier {
	n := &Notifier{socket: getenv("NOTIFY_SOCKET"), companion: newCompanion()}
	if pid := getenv("WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
			n.watchdog = time.Duration(us) * time.Microsecond
		}
	}
	return n
}

// Ready reports that the agent answers tills.
func (n *Notifier) Ready() error { return n.send("READY=1") }

// Stopping reports that the agent is ending by itself.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// send sends one line. A name that begins with @ is an abstract socket.
func (n *Notifier) send(state string) error {
	if n.socket == "" {
		return nil
	}
	name := n.socket
	if name[0] == '@' {
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}

// Alive gives signs of life until ctx ends, each time that healthy returns no error, so that an agent that hangs is started
// again: to systemd's watchdog, or to a companion process where the service manager has none. The context of healthy ends
// before the next sign is due.
func (n *Notifier) Alive(ctx context.Context, healthy func(context.Context) error, log *slog.Logger) error {
	switch {
	case n.companion != nil:
		return n.companion.alive(ctx, healthy, log)
	case n.watchdog != 0:
		return signsOfLife(ctx, n.watchdog/3, healthy, func() error { return n.send("WATCHDOG=1") }, log)
	}
	return nil
}

// signsOfLife calls sign after each check that finds the agent healthy.
func signsOfLife(ctx context.Context, every time.Duration, healthy func(context.Context) error, sign func() error, log *slog.Logger) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		check, cancel := context.WithTimeout(ctx, every)
		err := healthy(check)
		cancel()
		if err == nil {
			err = sign()
		}
		if err != nil && ctx.Err() == nil {
			log.Error("not_healthy", "error", err)
		}
	}
}
