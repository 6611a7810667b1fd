package store

import "os"

// inPlace is true: Windows neither deletes, renames nor replaces a file that is open, nor a folder with such a file.
func inPlace(string, os.FileInfo) bool { return true }
