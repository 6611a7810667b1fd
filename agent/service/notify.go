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

// Notifier tells systemd how the agent is (sd_notify): ready, alive, stopping. Without systemd, or on Windows, it tells
// nobody.
type Notifier struct {
	socket   string        // empty: nobody listens
	watchdog time.Duration // how often it wants to hear that we are alive; 0: never
}

// NewNotifier reads what systemd says in the environment.
func NewNotifier(getenv func(string) string) *Notifier {
	n := &Notifier{socket: getenv("NOTIFY_SOCKET")}
	if pid := getenv("WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
			n.watchdog = time.Duration(us) * time.Microsecond
		}
	}
	return n
}

// Ready says that tills are answered.
func (n *Notifier) Ready() error { return n.tell("READY=1") }

// Stopping says that the end is being made in order.
func (n *Notifier) Stopping() error { return n.tell("STOPPING=1") }

// tell sends one line. A name that begins with @ is in the abstract space.
func (n *Notifier) tell(state string) error {
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

// Alive keeps the watchdog quiet until ctx ends, as long as healthy says so: an agent that hangs is started anew. healthy
// must come back before the watchdog bites.
func (n *Notifier) Alive(ctx context.Context, healthy func(context.Context) error, log *slog.Logger) error {
	if n.watchdog == 0 {
		return nil
	}
	every := n.watchdog / 3
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		asking, cancel := context.WithTimeout(ctx, every)
		err := healthy(asking)
		cancel()
		if err == nil {
			err = n.tell("WATCHDOG=1")
		}
		if err != nil && ctx.Err() == nil {
			log.Error("not_healthy", "error", err)
		}
	}
}
