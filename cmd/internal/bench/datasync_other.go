//go:build !linux

package bench

import "os"

// dataSync is the file's own sync where there is no fdatasync.
func dataSync(file *os.File) error { return file.Sync() }
