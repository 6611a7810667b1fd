package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// errGone is damage: somebody has deleted or replaced the file, or its folder, under the running agent.
var errGone = fmt.Errorf("%w: the database was deleted or replaced while it was open", agent.ErrDamaged)

// use makes db the open database and notes which file and folder it is of.
func (s *Store) use() error {
	file, err := os.Stat(filepath.Join(s.cfg.Dir, fileName))
	folder, folderErr := os.Stat(s.cfg.Dir)
	s.file, s.folder = file, folder
	return errors.Join(err, folderErr)
}

// stillThere checks, once per commit group and before its changes are acknowledged, that the file that was written is the one
// in the folder. It costs one system call, some microseconds.
func (s *Store) stillThere() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.gone.Load() || !inPlace(filepath.Join(s.cfg.Dir, fileName), s.file) {
		return errGone
	}
	return nil
}

// leave handles a file that is not in its place any more: it acknowledges no change of the group, raises the alarm, writes the
// whole database, which only this process still has, back to its place, and makes the process end, so that the next one
// opens what is there.
func (s *Store) leave(group []*request) {
	for _, r := range group {
		if r.Err == nil {
			r.Err = fmt.Errorf("%w: %w", agent.ErrStoreUnknown, errGone)
		}
	}
	if !s.gone.CompareAndSwap(false, true) {
		return
	}
	s.cfg.Log.Error("store_gone", "error", errGone)
	s.cfg.Damaged(errGone)
	if err := s.rescue(); err != nil {
		s.cfg.Log.Error("store_not_rescued", "error", err)
	}
	s.endBroken.Do(func() { close(s.broken) })
}

// rescue writes the open database, and its keys where they are gone too, to their place. A file of another's that is there is
// set aside. In a folder that another process uses it does nothing.
func (s *Store) rescue() error {
	if err := osfile.MakePrivateFolder(s.cfg.Dir); err != nil {
		return err
	}
	if !inPlace(s.cfg.Dir, s.folder) {
		unlock, taken, err := osfile.TryLock(filepath.Join(s.cfg.Dir, lockName))
		if err != nil || taken {
			return errors.Join(err, errors.New("another process has the folder"))
		}
		former := s.unlockDir
		s.unlockDir = func() { former(); unlock() }
	}
	stamp := s.cfg.Now().UTC().Format(stampFormat)
	path, report := filepath.Join(s.cfg.Dir, fileName), Report{At: s.cfg.Now().UTC(), Cause: errGone.Error(), Rescued: true}
	temp, salvaged := path+salvageSuffix, filepath.Join(s.cfg.Dir, salvageFolder)
	if err := errors.Join(s.copyAside(temp), osfile.MakePrivateFolder(salvaged)); err != nil {
		return errors.Join(err, osfile.Remove(temp))
	}
	if _, err := os.Lstat(path); err == nil {
		report.Kept = filepath.Join(salvaged, fileName+"."+stamp)
		if err := osfile.Rename(path, report.Kept); err != nil {
			return err
		}
	}
	keys := filepath.Join(s.cfg.Dir, keysName)
	if found, err := osfile.ReadFile(keys); !bytes.Equal(found, s.keys) {
		if err == nil {
			err = osfile.Rename(keys, filepath.Join(salvaged, keysName+"."+stamp))
		}
		if errors.Is(err, os.ErrNotExist) || err == nil {
			err = osfile.WriteNew(keys, s.keys)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(osfile.Rename(temp, path), osfile.SyncFolder(s.cfg.Dir), s.writeReport(&report))
}
