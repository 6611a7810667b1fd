package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent/osfile"
)

// rotatedAt is the time in the name of a log file that is full, such as pdvagent-2026-11-29T00-12-43.123.log.
const rotatedAt = "2006-01-02T15-04-05.000"

// rotation writes to a file; a full one gets its time as its name, and the oldest are removed. Every file is reached through
// package osfile: in the folder, which is the service's user's, nobody leads root elsewhere. It is safe for concurrent use.
type rotation struct {
	path  string
	most  int64 // bytes of a file
	files int   // that there are, the one being written included
	now   func() time.Time

	mu   sync.Mutex
	file *os.File
	size int64
	next int64 // size at which the file is next renamed
}

// Write writes a whole line or nothing. A file that cannot be renamed, because another program has it open, grows to twice its
// size; then lines are lost.
func (r *rotation) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(); err != nil {
		return 0, err
	}
	if r.size > 0 && r.size+int64(len(line)) > r.next {
		if err := r.rotate(); err != nil {
			return 0, err
		}
	}
	if r.size > 2*r.most {
		r.size += int64(len(line)) // counts, so that renaming is tried again
		return len(line), nil
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	return n, err
}

// Close closes the file.
func (r *rotation) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.close()
}

func (r *rotation) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// open opens the file, if it is not open, and makes a missing one.
func (r *rotation) open() error {
	if r.file != nil {
		return nil
	}
	if err := r.clearWay(); err != nil {
		return err
	}
	file, err := osfile.OpenOrCreate(r.path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r.file, r.size, r.next = file, info.Size(), r.most
	return nil
}

// clearWay removes what is no log of ours from its place, such as a link that leads root elsewhere, or a pipe. A folder stays:
// then there is no file.
func (r *rotation) clearWay() error {
	file, err := osfile.OpenFile(r.path, os.O_RDONLY)
	if err == nil {
		return file.Close()
	}
	if !errors.Is(err, osfile.ErrNotRegular) && !errors.Is(err, osfile.ErrForeignLink) {
		return nil // none yet, or the writing says why not
	}
	if err = osfile.Remove(r.path); errors.Is(err, osfile.ErrNotRegular) {
		return nil
	}
	return err
}

// rotate renames the file and begins another one.
func (r *rotation) rotate() error {
	grown := r.size
	if err := r.close(); err != nil {
		return err
	}
	kept := osfile.Rename(r.path, strings.TrimSuffix(r.path, logSuffix)+"-"+r.now().UTC().Format(rotatedAt)+logSuffix)
	if err := r.open(); err != nil {
		return err
	}
	if kept != nil { // a virus scanner or a viewer has it open
		r.size, r.next = grown, grown+r.most/10
		return nil
	}
	return r.prune()
}

// prune removes the oldest files.
func (r *rotation) prune() error {
	folder, err := osfile.OpenFolder(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	entries, err := folder.Entries(".")
	if err = errors.Join(err, folder.Close()); err != nil {
		return err
	}
	full := slices.DeleteFunc(entries, func(entry fs.DirEntry) bool { return !r.isFull(entry) })
	for _, entry := range full[:max(0, len(full)-(r.files-1))] { // sorted by name, which is by time
		if err := osfile.Remove(filepath.Join(filepath.Dir(r.path), entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// isFull tells a full log file.
func (r *rotation) isFull(entry fs.DirEntry) bool {
	prefix := strings.TrimSuffix(filepath.Base(r.path), logSuffix) + "-"
	name, ours := strings.CutPrefix(strings.TrimSuffix(entry.Name(), logSuffix), prefix)
	_, err := time.Parse(rotatedAt, name)
	return ours && err == nil && !entry.IsDir()
}
