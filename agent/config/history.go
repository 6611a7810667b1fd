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

// keepVersions is how many versions of the file are kept, the one in force included.
const keepVersions = 10

// ByHand is the author of what somebody changed with an editor.
const ByHand = "arquivo"

// Version is one content of the file, without the content.
type Version struct {
	Number   int       `json:"number"`
	At       time.Time `json:"at"`
	Author   string    `json:"author"`             // name of a token, user of the machine, or ByHand
	Changed  []string  `json:"changed"`            // fields that differ from the version before
	Restores int       `json:"restores,omitempty"` // number of the version that an undo brought back
}

// stored is a version as it lies in the history folder. Its text holds secrets, as the file itself does.
type stored struct {
	Version
	Text string `json:"text"`
}

// history is the folder of versions.
type history struct{ folder string }

// all gives the versions, oldest first.
func (h history) all() ([]stored, error) {
	entries, err := os.ReadDir(h.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []stored
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(h.folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		var version stored
		if json.Unmarshal(raw, &version) != nil || version.Number < 1 { // a damaged version is no version
			continue
		}
		list = append(list, version)
	}
	slices.SortFunc(list, func(a, b stored) int { return a.Number - b.Number })
	return list, nil
}

// add writes the next version and drops those beyond the last ten.
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
		if err := os.Remove(h.path(list[0].Number)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return list, err
		}
		list = list[1:]
	}
	return list, nil
}

func (h history) path(number int) string {
	return filepath.Join(h.folder, fmt.Sprintf("%06d.json", number))
}

// before gives the version that an undo brings back: the one before the newest, or before what the newest brought back, so
// that undo after undo goes further.
func before(list []stored) (stored, bool) {
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

func numbered(list []stored, number int) (stored, bool) {
	for _, version := range list {
		if version.Number == number {
			return version, true
		}
	}
	return stored{}, false
}
