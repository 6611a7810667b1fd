//go:build !windows

package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// fakeSystemd is its side of the socket.
func fakeSystemd(t *testing.T, name string) (*net.UnixConn, func(string) string) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, func(variable string) string {
		return map[string]string{"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "90000"}[variable]
	}
}

func heard(t *testing.T, conn *net.UnixConn, patience time.Duration) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, 100)
	n, err := conn.Read(buffer)
	if err != nil {
		return ""
	}
	return string(buffer[:n])
}

func TestSystemdHearsReadyAliveAndStopping(t *testing.T) {
	conn, env := fakeSystemd(t, filepath.Join(t.TempDir(), "notify"))
	n := NewNotifier(env)
	if err := n.Ready(); err != nil || heard(t, conn, time.Second) != "READY=1" {
		t.Errorf("ready: %v", err)
	}
	var sick atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- n.Alive(ctx, func(context.Context) error {
			if sick.Load() {
				return errors.New("hangs")
			}
			return nil
		}, slog.New(slog.DiscardHandler))
	}()
	for range 3 {
		if got := heard(t, conn, 5*time.Second); got != "WATCHDOG=1" {
			t.Errorf("heard %q", got)
		}
	}
	sick.Store(true)
	heard(t, conn, 60*time.Millisecond) // one may be on its way
	if got := heard(t, conn, 200*time.Millisecond); got != "" {
		t.Errorf("a sick agent says %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := n.Stopping(); err != nil || heard(t, conn, time.Second) != "STOPPING=1" {
		t.Errorf("stopping: %v", err)
	}
}

func TestWithoutSystemdNobodyIsTold(t *testing.T) {
	n := NewNotifier(func(string) string { return "" })
	if err := errors.Join(n.Ready(), n.Stopping(), n.Alive(t.Context(), nil, nil)); err != nil {
		t.Error(err)
	}
	other := NewNotifier(func(name string) string {
		return map[string]string{"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": strconv.Itoa(1)}[name]
	})
	if other.watchdog != 0 {
		t.Error("another process's watchdog")
	}
	gone := NewNotifier(func(name string) string { return map[string]string{"NOTIFY_SOCKET": "/nowhere/notify"}[name] })
	if gone.Ready() == nil {
		t.Error("a socket that is not there is no error")
	}
}
