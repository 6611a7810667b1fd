//go:build !windows

package osfile

// NetworkMagic is for the test of the table.
var NetworkMagic = networkMagic

// CreateNew and OpenNamed are the second halves of [Folder.Create] and [Folder.Open]: tests come between.
var (
	CreateNew = (*Folder).createNew
	OpenNamed = (*Folder).openNamed
)
