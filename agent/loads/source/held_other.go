//go:build !windows

package source

// heldOpen tells that another program has the file open; only Windows knows.
func heldOpen(string) bool { return false }

// isShared tells the error of a file that another program has open; only Windows has one.
func isShared(error) bool { return false }
