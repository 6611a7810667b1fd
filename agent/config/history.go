package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/osfile"
)

// keepVersions is how many versions are kept, the present one included.
const keepVersions = 10

// ByHand is the author of a change that was made in the file itself.
const ByHand = "arquivo"

// Version describes one version of the file.
type Version struct {
	Number   int       `json:"number"`
	At       time.Time `json:"at"`
	Author   string    `json:"author"`             // name of a token, user of the machine, or ByHand
	Changed  []string  `json:"changed"`            // fields that differ from the version before
	Restores int       `json:"restores,omitempty"` // number of the version that an undo restored
}

// stored is a version with its text, as a file of the history folder. The text may hold secrets.
type stored struct {
	Version
	Text string `json:"text"`

	prepare func(after Config) error // is called before a try's text is written; nil: it is no try
}

// history is the folder of the versions.
type history struct{ folder string }

// all returns the versions, oldest first.
func (h history) all() ([]stored, error) {
	folder, err := osfile.OpenFolder(h.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // only read
	entries, err := folder.Entries(".")
	if err != nil {
		return nil, err
	}
	var list []stored
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		raw, err := folder.ReadFile(entry.Name())
		if errors.Is(err, osfile.ErrNotRegular) { // no version of ours
			continue
		}
		if err != nil {
			return nil, err
		}
		var version stored
		if json.Unmarshal(raw, &version) != nil || version.Number < 1 { // a damaged file is skipped
			continue
		}
		list = append(list, version)
	}
	slices.SortFunc(list, func(a, b stored) int { return a.Number - b.Number })
	return list, nil
}

// add writes a version and removes those beyond keepVersions.
func (h history) add(list []stored, next stored) ([]stored, error) {
	if err := osfile.MakePrivateFolder(h.folder); err != nil {
		return list, err
	}
	if next.Number = 1; len(list) > 0 {
		next.Number = list[len(list)-1].Number + 1
	}
	raw, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return list, err
	}
	if err := osfile.WriteNew(h.path(next.Number), raw); err != nil {
		return list, err
	}
	list = append(list, next)
	for len(list) > keepVersions {
		if err := osfile.Remove(h.path(list[0].Number)); err != nil {
			return list, err
		}
		list = list[1:]
	}
	return list, nil
}

func (h history) path(number int) string {
	return filepath.Join(h.folder, fmt.Sprintf("%06d.json", number))
}

// undoTarget returns the version that an undo restores: the one before the newest; where the newest is itself an undo, the
// one before the version that it restored.
func undoTarget(list []stored) (stored, bool) {
	if len(list) == 0 {
		return stored{}, false
	}
	at, ok := list[len(list)-1], true
	for ok && at.Restores > 0 {
		at, ok = numbered(list, at.Restores)
	}
	if !ok {
		return stored{}, false
	}
	return numbered(list, at.Number-1)
}

// numbered returns the version with a number.
func numbered(list []stored, number int) (stored, bool) {
	for _, version := range list {
		if version.Number == number {
			return version, true
		}
	}
	return stored{}, false
}
