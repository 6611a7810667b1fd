package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// errMissing is damage: a database that was here is not here any more, as after a virus scanner's work.
var errMissing = fmt.Errorf("%w: the database is gone", agent.ErrDamaged)

// marker is the content of a file outside of the data folder that tells that the folder had a store: who deletes the whole
// folder does not make a new shop of it.
type marker struct {
	DataDir  string   `json:"data_dir"`
	Hardware []string `json:"hardware,omitempty"` // hashes: a configuration is copied from till to till, with this file perhaps
}

// missing gives errMissing when the data folder has no database and its keys, a backup or a marker tell that it had one. Keys
// that are gone too come from the newest backup.
func (s *Store) missing() error {
	backups, gone, err := s.lookForMissing()
	if err != nil || !gone {
		return err
	}
	if n := len(backups); n > 0 && !s.hasKeys() {
		if err := s.takeKeys(backups[n-1].Path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return errMissing
}

// lookForMissing tells whether a database is gone from a folder that had one, and gives the folder's backups.
func (s *Store) lookForMissing() (backups []Backup, gone bool, err error) {
	if _, err := os.Lstat(filepath.Join(s.cfg.Dir, fileName)); !errors.Is(err, os.ErrNotExist) {
		return nil, false, nil // it is there, or the opening says why not
	}
	if backups, err = Backups(s.cfg.Dir); err != nil {
		return nil, false, err
	}
	return backups, s.hasKeys() || len(backups) > 0 || slices.ContainsFunc(s.cfg.Markers, s.marks), nil
}

func (s *Store) hasKeys() bool {
	_, err := os.Stat(filepath.Join(s.cfg.Dir, keysName))
	return !errors.Is(err, os.ErrNotExist)
}

// Missing tells whether a stopped agent's folder had a database that is gone, and the time of the backup from which its next
// start makes it again; zero where there is none. It changes nothing.
func Missing(cfg Config) (missing bool, backup time.Time, err error) {
	if err := cfg.fill(); err != nil {
		return false, time.Time{}, err
	}
	s := newStore(cfg)
	backups, gone, err := s.lookForMissing()
	if gone && len(backups) > 0 {
		backup = backups[len(backups)-1].At
	}
	return gone, backup, err
}

// marks tells whether the marker at a path is of this folder on this machine.
func (s *Store) marks(path string) bool {
	raw, err := osfile.ReadFile(path)
	var m marker
	if err != nil || json.Unmarshal(raw, &m) != nil || m.DataDir != s.cfg.Dir {
		return false
	}
	here := s.cfg.Hardware()
	return len(here) == 0 || len(m.Hardware) == 0 || slices.ContainsFunc(here, func(part string) bool { return slices.Contains(m.Hardware, part) })
}

// mark writes the marker to the first of its places that takes it, unless it is there. Where none does there is none.
func (s *Store) mark() {
	if at := slices.IndexFunc(s.cfg.Markers, s.marks); at >= 0 {
		if err := osfile.Protect(s.cfg.Markers[at]); err != nil {
			s.cfg.Log.Warn("store_marker_not_private", "error", err)
		}
		return
	}
	if len(s.cfg.Markers) == 0 {
		return
	}
	raw, err := json.Marshal(marker{DataDir: s.cfg.Dir, Hardware: s.cfg.Hardware()})
	for _, path := range s.cfg.Markers {
		if err == nil && osfile.WriteNew(path, raw) == nil {
			return
		}
	}
	s.cfg.Log.Info("store_not_marked", "places", s.cfg.Markers)
}

// StartNew makes the next start of a stopped agent a new one, on purpose: everything of the store is moved into a folder in
// the data folder, which it gives, and the markers are removed. Nothing is deleted.
func StartNew(cfg Config) (aside string, err error) {
	if err := cfg.fill(); err != nil {
		return "", err
	}
	unlock, err := lockDir(cfg.Dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	aside = filepath.Join(cfg.Dir, "replaced-"+cfg.Now().UTC().Format(stampFormat))
	if err := osfile.MakePrivateFolder(aside); err != nil {
		return "", err
	}
	for _, name := range []string{backupFolder, spoolName, salvageFolder, fileName + oldSuffix, fileName, originName, keysName} { // the keys last
		if err := osfile.Rename(filepath.Join(cfg.Dir, name), filepath.Join(aside, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return aside, err
		}
	}
	for _, path := range cfg.Markers {
		err = errors.Join(err, osfile.Remove(path))
	}
	return aside, errors.Join(err, osfile.SyncFolder(cfg.Dir))
}
