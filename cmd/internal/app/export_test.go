package app

import (
	"io"
	"time"
)

// NewRotation makes a rotating log of small files.
func NewRotation(path string, most int64, files int, now func() time.Time) io.WriteCloser {
	return &rotation{path: path, most: most, files: files, now: now}
}
