package service

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/osfile"
)

const (
	outputName = "agora.txt" // the runtime's crash output of the present run
	maxReports = 10
	maxLogTail = 32 << 10 // bytes of the log in a report
	maxOutput  = 1 << 20  // bytes of the crash output in a report
)

// CrashReporter keeps the runtime's output of a crash (an uncaught panic, a deadlock, no memory) as a report of its own
// file. A Windows service has no standard error to write it to.
type CrashReporter struct {
	Folder string              // of the reports; required, made if missing
	Log    string              // the log's file: its end is part of a report
	Mask   func(string) string // masks personal data in a panic's message; required
}

// Watch has the runtime write its crash output to a file until done is called. It first makes the report of the run before
// if that crashed; crashed is the report's path, or empty. Call it before the log is opened: the report has the log's end.
// While another agent runs with the same folder it does nothing.
func (c CrashReporter) Watch() (crashed string, done func(), err error) {
	if err := osfile.MakePrivateFolder(c.Folder); err != nil {
		return "", nil, err
	}
	unlock, taken, err := osfile.TryLock(filepath.Join(c.Folder, "trava"))
	if taken || err != nil {
		return "", func() {}, err
	}
	crashed, err = c.watch(filepath.Join(c.Folder, outputName))
	if err != nil {
		unlock()
		return crashed, nil, err
	}
	return crashed, func() {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{}) // the process is ending
		unlock()
	}, nil
}

// watch makes the report of the run before and a new file for the crash output.
func (c CrashReporter) watch(path string) (crashed string, err error) {
	if crashed, err = c.report(path); err != nil {
		return "", err
	}
	if err := osfile.Remove(path); err != nil {
		return crashed, err
	}
	file, err := osfile.CreatePrivate(path)
	if err != nil {
		return crashed, err
	}
	err = debug.SetCrashOutput(file, debug.CrashOptions{}) // the runtime duplicates the handle
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return crashed, err
}

// report makes the report of a crash output and returns its path; empty after a run that did not crash.
func (c CrashReporter) report(path string) (string, error) {
	text, err := part(path, 0, maxOutput)
	if err != nil || len(text) == 0 {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	log, err := part(c.Log, -maxLogTail, maxLogTail)
	if err != nil {
		return "", err
	}
	message, traces, _ := strings.Cut(string(text), "\ngoroutine ")
	report := fmt.Sprintf("%s\n\ngoroutine %s\n\n--- fim do log ---\n%s", c.Mask(message), traces, log)
	target := filepath.Join(c.Folder, info.ModTime().UTC().Format("20060102T150405.000Z")+".txt")
	if err := osfile.WriteNew(target, []byte(report)); err != nil {
		return "", err
	}
	return target, c.prune()
}

// Reports returns the paths of the reports, oldest first.
func (c CrashReporter) Reports() []string {
	list, _ := filepath.Glob(filepath.Join(c.Folder, "2*.txt")) // the pattern is valid
	slices.Sort(list)
	return list
}

// prune removes the oldest reports.
func (c CrashReporter) prune() error {
	list := c.Reports()
	for _, path := range list[:max(0, len(list)-maxReports)] {
		if err := osfile.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// part reads at most that many bytes of a file from an offset; a negative offset counts from its end. A missing file, and
// what is no file, is empty.
func part(path string, from, most int64) ([]byte, error) {
	file, err := osfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, osfile.ErrNotRegular) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if from < 0 {
		from = max(0, info.Size()+from)
	}
	return io.ReadAll(io.NewSectionReader(file, from, most))
}

// CrashedAt returns the time of a report from its path.
func CrashedAt(path string) (time.Time, bool) {
	at, err := time.Parse("20060102T150405.000Z", strings.TrimSuffix(filepath.Base(path), ".txt"))
	return at, err == nil
}
