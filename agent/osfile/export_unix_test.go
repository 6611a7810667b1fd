//go:build !windows

package osfile

// NetworkMagic is for the test of the table.
var NetworkMagic = networkMagic
