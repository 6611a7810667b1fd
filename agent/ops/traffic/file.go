package traffic

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/osfile"
)

const (
	suffix = ".ndjson.gz"
	nameOf = "20060102T150405.000000000Z"
)

// file is one journal file being written.
type file struct {
	disk  *os.File
	gzip  *gzip.Writer
	day   string
	size  int
	dirty bool
}

// create makes a private file that is named by its time.
func create(dir string, now time.Time) (*file, error) {
	if err := osfile.MakePrivateFolder(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, now.UTC().Format(nameOf)+suffix)
	disk, err := osfile.CreatePrivate(path)
	if err != nil {
		return nil, err
	}
	return &file{disk: disk, gzip: gzip.NewWriter(disk), day: now.UTC().Format(time.DateOnly)}, nil
}

// fits reports whether the file is of today and smaller than most bytes, uncompressed.
func (f *file) fits(now time.Time, most int) bool {
	return f.size < most && f.day == now.UTC().Format(time.DateOnly)
}

func (f *file) write(line []byte) error {
	f.size += len(line)
	f.dirty = true
	_, err := f.gzip.Write(line)
	return err
}

// flush makes the lines readable. It does not sync: a power cut may lose the last ones.
func (f *file) flush() error {
	if !f.dirty {
		return nil
	}
	f.dirty = false
	return f.gzip.Flush()
}

func (f *file) close() error { return errors.Join(f.gzip.Close(), f.disk.Close()) }

// names returns the journal's files, oldest first.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), suffix) {
			list = append(list, entry.Name())
		}
	}
	slices.Sort(list)
	return list, nil
}

// begunAt returns the time in a file's name; false for a name of another form.
func begunAt(name string) (time.Time, bool) {
	at, err := time.Parse(nameOf, strings.TrimSuffix(name, suffix))
	return at, err == nil
}

// prune removes the files that are too old, and the oldest ones until all together have at most limit bytes.
func prune(dir string, oldest time.Time, limit int64) error {
	list, err := names(dir)
	if err != nil {
		return err
	}
	var total int64
	for _, name := range slices.Backward(list) {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		total += info.Size()
		at, ours := begunAt(name)
		if ours && (at.Before(oldest) || total > limit) {
			if err := osfile.Remove(path); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
			total -= info.Size()
		}
	}
	return nil
}
