//go:build !windows

package osfile

// NetworkMagic is for the table of magics.
var NetworkMagic = networkMagic
