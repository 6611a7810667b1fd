package service

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/osfile"
)

const (
	lastWords   = "agora.txt" // what the runtime writes when it dies
	keptCrashes = 10
	logTail     = 32 << 10 // bytes of the log that are kept with a crash
	maxCrash    = 1 << 20  // bytes of one
)

// Coroner keeps what the agent said when it died: a panic that nobody caught, a deadlock, memory that ran out. A Windows
// service has no other place for it.
type Coroner struct {
	Folder string              // required; made if missing
	Log    string              // the log's file, whose end is kept with it
	Mask   func(string) string // hides what a message may hold; required
}

// Watch makes the runtime write its last words to a file from now on, until done is called. What the run before left
// becomes a file of its own, with the end of its log; crashed is its path, or empty. Call it before the log is opened.
// Where another agent is running nothing is done.
func (c Coroner) Watch() (crashed string, done func(), err error) {
	if err := osfile.MakePrivateFolder(c.Folder); err != nil {
		return "", nil, err
	}
	unlock, taken, err := osfile.TryLock(filepath.Join(c.Folder, "trava"))
	if taken || err != nil {
		return "", func() {}, err
	}
	crashed, err = c.watch(filepath.Join(c.Folder, lastWords))
	if err != nil {
		unlock()
		return crashed, nil, err
	}
	return crashed, func() {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{}) // it ends anyway
		unlock()
	}, nil
}

func (c Coroner) watch(path string) (crashed string, err error) {
	if crashed, err = c.bury(path); err != nil {
		return "", err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return crashed, err
	}
	file, err := osfile.CreatePrivate(path)
	if err != nil {
		return crashed, err
	}
	err = debug.SetCrashOutput(file, debug.CrashOptions{}) // it keeps a handle of its own
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return crashed, err
}

// bury gives what a run left a name and masks its message; nothing was left by one that ended well.
func (c Coroner) bury(path string) (string, error) {
	text, err := part(path, 0, maxCrash)
	if err != nil || len(text) == 0 {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	log, err := part(c.Log, -logTail, logTail)
	if err != nil {
		return "", err
	}
	message, traces, _ := strings.Cut(string(text), "\ngoroutine ")
	whole := fmt.Sprintf("%s\n\ngoroutine %s\n\n--- fim do log ---\n%s", c.Mask(message), traces, log)
	target := filepath.Join(c.Folder, info.ModTime().UTC().Format("20060102T150405.000Z")+".txt")
	if err := osfile.WriteNew(target, []byte(whole)); err != nil {
		return "", err
	}
	return target, c.forget()
}

// Crashes are the files of those that were kept, oldest first.
func (c Coroner) Crashes() []string {
	list, _ := filepath.Glob(filepath.Join(c.Folder, "2*.txt")) // the pattern is right
	slices.Sort(list)
	return list
}

func (c Coroner) forget() error {
	list := c.Crashes()
	for _, path := range list[:max(0, len(list)-keptCrashes)] {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// part gives bytes of a file, from its end when from is negative; one that is not there is empty.
func part(path string, from, most int64) ([]byte, error) {
	file, err := os.Open(filepath.Clean(path))
	if os.IsNotExist(err) {
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

// CrashedAt is when the run ended whose file this is.
func CrashedAt(path string) (time.Time, bool) {
	at, err := time.Parse("20060102T150405.000Z", strings.TrimSuffix(filepath.Base(path), ".txt"))
	return at, err == nil
}
