// Package traffic is the journal of requests and answers, of tills and of clouds: masked, in rotating gzip files of one
// JSON line each, with a bound on their age and size. It is written beside the calls, never in their way: a full disk or
// a slow one costs lines, which are counted, and no till notices.
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

// Config says where the journal is kept and how much of it.
type Config struct {
	Dir      string // required; made if missing
	KeepDays int    // default 7
	MaxBytes int64  // of all files together, default 200 MiB
	FileSize int    // of one file before it is compressed, default 8 MiB
	Bodies   bool   // keep masked bodies

	// Mark gives a mark of a long body under a secret of this installation, by which two of them can be told to be the same
	// without either being kept. Optional.
	Mark func(body []byte) string

	Log *slog.Logger     // required
	Now func() time.Time // default time.Now
}

// Journal takes exchanges and writes them down in Run. It is safe for concurrent use.
type Journal struct {
	cfg     Config
	lines   chan handed
	some    chan struct{} // tells Run that there is something
	many    chan struct{} // tells Run not to wait
	held    atomic.Int64  // bytes of bodies that wait
	dropped atomic.Int64  // since the last line that said so
	lost    atomic.Int64  // since the start

	file    *file // of Run alone, as what follows
	polled  map[string][sha256.Size]byte
	failing bool
	retry   time.Time
}

const (
	waiting    = 1024                   // exchanges that may wait to be written
	writeEvery = 250 * time.Millisecond // in batches
	flushEvery = time.Second            // how soon a reader sees a line
	retryEvery = 10 * time.Second       // after a failure of the disk
	pruneEvery = time.Hour              // a till that is not used forgets too
)

// handed is an exchange on its way, with the true length of its bodies.
type handed struct {
	agent.Exchange
	requestBytes, responseBytes int
}

// maxHeld bounds the bodies that wait to be written, in bytes; of one that finds no room only its shape and length are
// kept.
const maxHeld = 16 << 20

// hold keeps a body until it is written.
func (j *Journal) hold(text []byte) []byte {
	if j.held.Add(int64(len(text))) <= maxHeld {
		return text
	}
	j.held.Add(-int64(len(text)))
	cut := bytes.Clone(text[:min(len(text), maxShape)])
	j.held.Add(int64(len(cut)))
	return cut
}

// New fills defaults and checks.
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
	return &Journal{cfg: cfg, lines: make(chan handed, waiting), some: make(chan struct{}, 1), many: make(chan struct{}, 1), polled: make(map[string][sha256.Size]byte)}, nil
}

// Record hands an exchange over and never waits: one that finds no room is dropped and counted.
func (j *Journal) Record(x agent.Exchange) {
	h := handed{x, len(x.Request), max(len(x.Response), x.ResponseBytes)}
	h.Request, h.Response = j.hold(x.Request), j.hold(x.Response)
	select {
	case j.lines <- h:
	default:
		j.letGo(h)
		j.drop()
	}
	signal(j.some)
	if len(j.lines) > waiting/2 {
		signal(j.many)
	}
}

func (j *Journal) letGo(x handed) { j.held.Add(-int64(len(x.Request) + len(x.Response))) }

func (j *Journal) drop() {
	j.dropped.Add(1)
	j.lost.Add(1)
}

// Lost is how many lines found no room or no disk since the start.
func (j *Journal) Lost() int64 { return j.lost.Load() }

// Size is the length of all files in bytes and how large they may become.
func (j *Journal) Size() (used, limit int64) {
	list, _ := names(j.cfg.Dir) // a folder that cannot be read has no size
	for _, name := range list {
		if info, err := os.Stat(filepath.Join(j.cfg.Dir, name)); err == nil {
			used += info.Size()
		}
	}
	return used, j.cfg.MaxBytes
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, then what is left. While nothing is said it sleeps.
func (j *Journal) Run(ctx context.Context) error {
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	var flush <-chan time.Time // nil while there is nothing to flush
	for {
		select {
		case <-j.some:
			j.gather(ctx)
			j.writeAll()
			flush = j.flushWhenDue(flush)
		case <-flush:
			flush = nil
			j.flush()
		case <-prune.C:
			j.prune()
		case <-ctx.Done():
			j.writeAll()
			if j.file != nil {
				j.failed(j.file.close())
			}
			return nil
		}
	}
}

// flushWhenDue flushes what a reader has waited for long enough, however much keeps coming, and gives the next time to.
func (j *Journal) flushWhenDue(due <-chan time.Time) <-chan time.Time {
	if due == nil {
		return time.After(flushEvery)
	}
	select {
	case <-due:
		j.flush()
		return nil
	default:
		return due
	}
}

// gather lets more come before it is written: a till that waits needs the processor more.
func (j *Journal) gather(ctx context.Context) {
	timer := time.NewTimer(writeEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-j.many:
	case <-ctx.Done():
	}
}

// prune removes what is too old though nobody calls any more; also the file of a day long ago that is still open.
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

func (j *Journal) pruneBefore(now time.Time) error {
	return prune(j.cfg.Dir, now.AddDate(0, 0, -j.cfg.KeepDays), j.cfg.MaxBytes-int64(j.cfg.FileSize))
}

// writeAll writes what was handed over.
func (j *Journal) writeAll() {
	for {
		select {
		case x := <-j.lines:
			j.write(x)
			j.letGo(x)
		default:
			return
		}
	}
}

func (j *Journal) write(x handed) {
	if j.poll(x) {
		return
	}
	now := j.cfg.Now()
	if j.failing && now.Before(j.retry) {
		j.drop()
		return
	}
	missing := j.dropped.Load()
	line, err := j.encode(x, missing)
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

// failed gives up the file that could not be written, and says so once.
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
		j.failing, j.retry = true, j.cfg.Now().Add(retryEvery)
	case j.failing:
		j.failing = false
		j.cfg.Log.Info("journal_written_again")
	}
}

// Route is the local route by which the journal is read.
const Route = "/v1/traffic"

// maxPolled bounds the answers that are remembered.
const maxPolled = 1000

// poll tells whether a line is left out: the same question that had the same answer the last time.
func (j *Journal) poll(x handed) bool {
	if x.Method != "GET" || x.Side != agent.SideTill {
		return false
	}
	if x.Route == Route { // the journal does not read itself
		return true
	}
	sum := sha256.Sum256(append([]byte(x.Route+string(rune(x.Status))), x.Response...))
	if j.polled[x.Route] == sum {
		return true
	}
	if len(j.polled) >= maxPolled {
		clear(j.polled)
	}
	j.polled[x.Route] = sum
	return false
}

// open makes sure that there is a file to write to, of today and not too large.
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
