// Package traffic is the journal of the exchanges with tills, support and clouds: masked, one JSON line each, in rotating gzip files
// that are bounded in age and size. A call never waits for it: lines that a full or slow disk does not take are dropped and
// counted.
//
// It does not see calls by itself: packages web and upstream hand exchanges to [Journal.Record] through cmd/internal/app,
// [Journal.Run] writes them, and the local API and the commands read them. Package mask hides personal data.
package traffic

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"pdvagent/agent"
)

// Config says where the journal lies and what it keeps.
type Config struct {
	Dir      string // required; made if missing
	KeepDays int    // default 7
	MaxBytes int64  // of all files together, default 200 MiB
	FileSize int    // of one file before it is compressed, default 8 MiB
	Bodies   bool   // keep masked bodies

	// Mark returns a keyed hash of a body that is too long to keep, so that equal bodies can be recognized. Optional.
	Mark func(body []byte) string

	Log *slog.Logger     // required
	Now func() time.Time // default time.Now
}

// Journal takes exchanges and writes them in Run. It is safe for concurrent use.
type Journal struct {
	cfg     Config
	lines   chan entry
	arrived chan struct{} // wakes Run: lines has an entry
	filling chan struct{} // wakes Run at once: lines is half full
	waiting atomic.Int64  // bytes of the bodies in lines
	dropped atomic.Int64  // lines since the last one written
	lost    atomic.Int64  // lines since the start

	// Run's goroutine alone uses what follows.
	file    *file
	answers map[string][sha256.Size]byte // latest answer of a GET to the agent, by side and route
	failing bool                         // the latest write failed
	retryAt time.Time
}

const (
	maxEntries = 1024                   // exchanges that may wait to be written
	writeEvery = 250 * time.Millisecond // a batch is written
	flushEvery = time.Second            // a reader sees the lines
	retryEvery = 10 * time.Second       // after a failed write
	pruneEvery = time.Hour              // old files are removed also without calls
)

// entry is an exchange that waits to be written, with the length of its bodies before they were cut.
type entry struct {
	agent.Exchange
	requestBytes, responseBytes int
}

// maxWaiting bounds the bodies that wait to be written, in bytes. A body beyond it is cut to what its shape needs.
const maxWaiting = 16 << 20

// reserve counts a body as waiting and returns it, cut where there is no room for all of it.
func (j *Journal) reserve(text []byte) []byte {
	if j.waiting.Add(int64(len(text))) <= maxWaiting {
		return text
	}
	j.waiting.Add(-int64(len(text)))
	cut := bytes.Clone(text[:min(len(text), maxShape)])
	j.waiting.Add(int64(len(cut)))
	return cut
}

// release is the inverse of reserve for the bodies of an entry.
func (j *Journal) release(e entry) { j.waiting.Add(-int64(len(e.Request) + len(e.Response))) }

// New checks the configuration and fills defaults.
func New(cfg Config) (*Journal, error) {
	if cfg.Dir == "" || cfg.Log == nil {
		return nil, errors.New("traffic.Config wants Dir and Log")
	}
	if cfg.KeepDays == 0 {
		cfg.KeepDays = 7
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 200 << 20
	}
	if cfg.FileSize == 0 {
		cfg.FileSize = 8 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Journal{cfg: cfg, lines: make(chan entry, maxEntries), arrived: make(chan struct{}, 1), filling: make(chan struct{}, 1), answers: make(map[string][sha256.Size]byte)}, nil
}

// Record hands an exchange to Run without waiting; one that finds no room is dropped and counted.
func (j *Journal) Record(x agent.Exchange) {
	e := entry{x, len(x.Request), max(len(x.Response), x.ResponseBytes)}
	e.Request, e.Response = j.reserve(x.Request), j.reserve(x.Response)
	select {
	case j.lines <- e:
	default:
		j.release(e)
		j.drop()
	}
	signal(j.arrived)
	if len(j.lines) > maxEntries/2 {
		signal(j.filling)
	}
}

// drop counts a line that is not written.
func (j *Journal) drop() {
	j.dropped.Add(1)
	j.lost.Add(1)
}

// Lost returns how many lines were dropped since the start.
func (j *Journal) Lost() int64 { return j.lost.Load() }

// Size returns the size of all files in bytes and its limit.
func (j *Journal) Size() (used, limit int64) {
	list, _ := names(j.cfg.Dir) // a folder that cannot be read has no size
	for _, name := range list {
		if info, err := os.Stat(filepath.Join(j.cfg.Dir, name)); err == nil {
			used += info.Size()
		}
	}
	return used, j.cfg.MaxBytes
}

// signal wakes the receiver of a channel of capacity 1.
func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// Run writes entries until ctx ends, then the remaining ones. Without entries it sleeps.
func (j *Journal) Run(ctx context.Context) error {
	pruneAt := j.cfg.Now().Add(pruneEvery)
	var flushAt time.Time // zero while there is nothing to flush
	timer := time.NewTimer(pruneEvery)
	defer timer.Stop()
	for {
		now := j.cfg.Now()
		if !flushAt.IsZero() && !now.Before(flushAt) { // also while entries keep coming
			j.flush()
			flushAt = time.Time{}
		}
		if !now.Before(pruneAt) {
			j.prune()
			pruneAt = now.Add(pruneEvery)
		}
		timer.Reset(untilFirst(now, pruneAt, flushAt)) // right before the wait: see agenttest.Takes
		select {
		case <-j.arrived:
			j.gather(ctx)
			j.writeAll()
			if flushAt.IsZero() {
				flushAt = j.cfg.Now().Add(flushEvery)
			}
		case <-timer.C:
		case <-ctx.Done():
			j.writeAll()
			if j.file != nil {
				j.failed(j.file.close())
			}
			return nil
		}
	}
}

// untilFirst returns the time from now until the earlier of two times; a zero b is never.
func untilFirst(now, a, b time.Time) time.Duration {
	if !b.IsZero() && b.Before(a) {
		a = b
	}
	return a.Sub(now)
}

// gather waits for more entries before a write, which leaves the processor to the tills.
func (j *Journal) gather(ctx context.Context) {
	timer := time.NewTimer(writeEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-j.filling:
	case <-ctx.Done():
	}
}

// prune closes a file that is too old or too large, and removes old files.
func (j *Journal) prune() {
	now := j.cfg.Now()
	if j.file != nil && !j.file.fits(now, j.cfg.FileSize) {
		j.failed(j.file.close())
		j.file = nil
	}
	if err := j.pruneBefore(now); err != nil {
		j.failed(err)
	}
}

// pruneBefore removes files that are too old, and the oldest ones until a new file fits.
func (j *Journal) pruneBefore(now time.Time) error {
	return prune(j.cfg.Dir, now.AddDate(0, 0, -j.cfg.KeepDays), j.cfg.MaxBytes-int64(j.cfg.FileSize))
}

// writeAll writes the entries that wait.
func (j *Journal) writeAll() {
	for {
		select {
		case e := <-j.lines:
			j.write(e)
			j.release(e)
		default:
			return
		}
	}
}

// write writes the line of an entry, or drops it while the disk fails.
func (j *Journal) write(e entry) {
	if j.repeated(e) {
		return
	}
	now := j.cfg.Now()
	if j.failing && now.Before(j.retryAt) {
		j.drop()
		return
	}
	missing := j.dropped.Load()
	line, err := j.encode(e, missing)
	if err == nil {
		err = j.open(now)
	}
	if err == nil {
		err = j.file.write(line)
	}
	if err == nil {
		j.dropped.Add(-missing)
	} else {
		j.drop()
	}
	j.failed(err)
}

func (j *Journal) flush() {
	if j.file != nil {
		j.failed(j.file.flush())
	}
}

// failed closes the file after an error, and logs the first error of a row and its end.
func (j *Journal) failed(err error) {
	switch {
	case err != nil:
		if j.file != nil {
			_ = j.file.close() // it failed already
			j.file = nil
		}
		if !j.failing {
			j.cfg.Log.Warn("journal_not_written", "error", err)
		}
		j.failing, j.retryAt = true, j.cfg.Now().Add(retryEvery)
	case j.failing:
		j.failing = false
		j.cfg.Log.Info("journal_written_again")
	}
}

// Route is the local route by which the journal is read.
const Route = "/v1/traffic"

// maxAnswers bounds the answers that are remembered.
const maxAnswers = 1000

// repeated reports whether an entry is left out: a GET with the same answer as the side's one before it on the route, or a
// reading of the journal.
func (j *Journal) repeated(e entry) bool {
	if e.Method != "GET" || e.Side == agent.SideCloud {
		return false
	}
	if e.Route == Route {
		return true
	}
	from := string(e.Side) + e.Route
	sum := sha256.Sum256(append([]byte(e.Route+string(rune(e.Status))), e.Response...))
	if j.answers[from] == sum {
		return true
	}
	if len(j.answers) >= maxAnswers {
		clear(j.answers)
	}
	j.answers[from] = sum
	return false
}

// open makes a new file unless the present one is of today and not too large.
func (j *Journal) open(now time.Time) error {
	if j.file != nil && j.file.fits(now, j.cfg.FileSize) {
		return nil
	}
	if j.file != nil {
		if err := j.file.close(); err != nil {
			return err
		}
		j.file = nil
	}
	if err := j.pruneBefore(now); err != nil {
		return err
	}
	var err error
	j.file, err = create(j.cfg.Dir, now)
	return err
}
