//go:build !windows

package service

// newCompanion gives none: systemd has a watchdog.
func newCompanion() *companion { return nil }
