//go:build !linux && !windows

package osfile

// GiveBack does nothing where the system takes pages back by itself.
func GiveBack(_, _ uintptr) error { return nil }

// GiveBackProgram does nothing either.
func GiveBackProgram() error { return nil }
