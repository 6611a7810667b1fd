package agenttest

import (
	"os"
	"path/filepath"
)

// Root is the repository's folder: the nearest one above the test's own with a go.mod. Tests read other packages' files and
// documents below it.
func Root() string {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder
		}
		if filepath.Dir(folder) == folder {
			break
		}
		folder = filepath.Dir(folder)
	}
	panic("no go.mod above the test")
}
