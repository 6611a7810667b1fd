package service

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"
)

// The watchdog where the service manager has none: a companion process that ends a silent agent; the service manager then
// starts it again. Silence is counted in ticks and not by a clock: while the machine sleeps, or is too busy to run the
// companion, no tick comes.
const (
	watchTick  = time.Second
	watchTicks = 60 // without a sign of life
	beatEvery  = 15 * time.Second
	endBound   = 2 * time.Second // for the companion to end by itself
)

// WatchdogCommand is the command of the program that runs [Watchdog].
const WatchdogCommand = "watchdog"

// watch is the work of the companion: it calls end when no sign of life came for so many ticks, and returns when the signs are
// closed.
func watch(signs <-chan struct{}, ticks <-chan time.Time, most int, end func() error) error {
	for silent := 0; silent < most; {
		select {
		case _, alive := <-signs:
			if !alive {
				return nil
			}
			silent = 0
		case <-ticks:
			silent++
		}
	}
	return end()
}

// received gives the signs of life that are read, and closes at the end of their source: the system closes the agent's side
// when the agent ends.
func received(source io.Reader) <-chan struct{} {
	signs := make(chan struct{}, 1)
	go func() {
		defer close(signs)
		buffer := make([]byte, 64)
		for {
			if _, err := source.Read(buffer); err != nil {
				return
			}
			select {
			case signs <- struct{}{}:
			default: // one is there already
			}
		}
	}()
	return signs
}

// Watchdog is the companion's program: it ends the process that started it when that gives no sign of life on standard input
// for a minute of running time.
func Watchdog() error { return watchParent(os.Stdin, watchTick, watchTicks) }

func watchParent(source io.Reader, tick time.Duration, most int) error {
	parent, err := os.FindProcess(os.Getppid())
	if err != nil {
		return err
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	return watch(received(source), ticker.C, most, func() error {
		err := parent.Kill()
		if events, openErr := OpenEventLog(); openErr == nil {
			events.Hung(err)
			_ = events.Close() // the event is written
		}
		return err
	})
}

// companion is the agent's side of the watchdog.
type companion struct {
	command  func() *exec.Cmd
	running  *exec.Cmd
	signs    io.WriteCloser
	patience time.Duration // with its end; default endBound
}

// sign gives a sign of life. It starts the companion when there is none: the first time, or after it was ended.
func (c *companion) sign() error {
	if c.running == nil {
		if err := c.start(); err != nil {
			return err
		}
	}
	if _, err := c.signs.Write([]byte{'.'}); err != nil {
		return errors.Join(err, c.stop())
	}
	return nil
}

func (c *companion) start() error {
	command := c.command()
	signs, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return errors.Join(err, signs.Close())
	}
	c.running, c.signs = command, signs
	return nil
}

// stop ends the companion and waits for its end: its program file can be replaced then.
func (c *companion) stop() error {
	if c.running == nil {
		return nil
	}
	running := c.running
	c.running = nil
	_ = c.signs.Close() // the companion ends
	late := time.AfterFunc(cmp.Or(c.patience, endBound), func() { _ = running.Process.Kill() })
	defer late.Stop()
	return running.Wait()
}

// alive gives signs of life until ctx ends.
func (c *companion) alive(ctx context.Context, healthy func(context.Context) error, log *slog.Logger) error {
	defer func() {
		if err := c.stop(); err != nil {
			log.Warn("watchdog_ended", "error", err)
		}
	}()
	return signsOfLife(ctx, beatEvery, healthy, c.sign, log)
}
