package history

import (
	"encoding/json"
	"errors"
	"io/fs"

	"pdvagent/agent/osfile"
)

// File is a bookmark in a file of its own, named by its path.
type File string

// Load implements Bookmark.
func (f File) Load() (cursor Cursor, err error) {
	raw, err := osfile.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return cursor, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &cursor)
	}
	return cursor, err
}

// Save implements Bookmark.
func (f File) Save(cursor Cursor) error {
	raw, err := json.Marshal(cursor)
	if err != nil {
		return err
	}
	return osfile.WriteNew(string(f), raw)
}

// Remove makes the next import begin at the source's start.
func (f File) Remove() error {
	return osfile.Remove(string(f))
}
