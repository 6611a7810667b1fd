package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	backupFolder = "backup"
	backupsKept  = 3
	// backupFactor times the file's length must be free on the disk before a backup.
	backupFactor = 2
)

// Backup is a folder with a copy of the database, its keys and the large bodies.
type Backup struct {
	Path  string    `json:"path"`
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes"` // of the database
}

// Backups lists the backups in a data folder, oldest first.
func Backups(dir string) ([]Backup, error) {
	entries, err := os.ReadDir(filepath.Join(dir, backupFolder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []Backup
	for _, entry := range entries {
		path := filepath.Join(dir, backupFolder, entry.Name())
		at, foreign := time.Parse(stampFormat, entry.Name())
		info, missing := os.Stat(filepath.Join(path, fileName))
		if foreign == nil && missing == nil {
			list = append(list, Backup{path, at, info.Size()})
		}
	}
	slices.SortFunc(list, func(a, b Backup) int { return strings.Compare(a.Path, b.Path) })
	return list, err
}

// BackupSize is the length of all backups' databases, in bytes. The limit is 0: their number is limited, not their length.
func (s *Store) BackupSize() (used, limit int64) {
	list, _ := Backups(s.cfg.Dir) // a folder that cannot be read has no size
	for _, backup := range list {
		used += backup.Bytes
	}
	return used, 0
}

// backupAge is the age of the newest backup from which another one is due: ten starts of a day make one backup.
const backupAge = 20 * time.Hour

// BackupIfDue makes a backup unless the newest one is younger than 20 hours. It gives the length of the copied database, 0
// without one.
func (s *Store) BackupIfDue() (int64, error) {
	list, err := Backups(s.cfg.Dir)
	if err != nil {
		return 0, err
	}
	if n := len(list); n > 0 {
		if age := s.cfg.Now().Sub(list[n-1].At); age >= 0 && age < backupAge {
			return 0, nil
		}
	}
	return s.Backup()
}

// Backup copies the database of the last commit with its keys and large bodies, checks the copy and deletes the oldest
// backups. It gives the length of the copied database. Commits go on meanwhile. On a disk without room it refuses.
func (s *Store) Backup() (int64, error) {
	if err := s.roomForBackup(); err != nil {
		return 0, err
	}
	at := s.cfg.Now().UTC()
	folder := filepath.Join(s.cfg.Dir, backupFolder)
	temp := filepath.Join(folder, "making")
	err := errors.Join(osfile.MakePrivateFolder(folder), osfile.RemoveTree(temp), osfile.MakePrivateFolder(temp))
	if err == nil {
		err = s.backupInto(temp)
	}
	if err != nil {
		return 0, fmt.Errorf("backup: %w", errors.Join(err, osfile.RemoveTree(temp)))
	}
	target := filepath.Join(folder, at.Format(stampFormat))
	info, err := os.Stat(filepath.Join(temp, fileName))
	if err := errors.Join(err, osfile.Rename(temp, target), osfile.SyncFolder(folder)); err != nil {
		return 0, err
	}
	return info.Size(), s.dropBackups()
}

func (s *Store) roomForBackup() error {
	_, size := s.Slack()
	free, _, err := osfile.Space(s.cfg.Dir)
	if err == nil && free < uint64(backupFactor*size)+s.cfg.MinFree {
		return agent.Errorf(agent.CodeStoreFull, agent.ErrStoreFull, "Não há espaço em disco para um backup de %d bytes em %s.", size, s.cfg.Dir)
	}
	return nil
}

func (s *Store) backupInto(folder string) error {
	copied := filepath.Join(folder, fileName)
	if err := s.copyAside(copied); err != nil {
		return err
	}
	keys, err := osfile.ReadFile(filepath.Join(s.cfg.Dir, keysName))
	if err == nil {
		err = osfile.WriteNew(filepath.Join(folder, keysName), keys) // a link would be the same sectors of the disk
	}
	if err != nil {
		return err
	}
	found, err := verify(copied, s.ring)
	if err := errors.Join(append([]error{err}, found.Faults...)...); err != nil {
		return err
	}
	return linkAll(filepath.Join(s.cfg.Dir, spoolName), filepath.Join(folder, spoolName))
}

// copyAside copies the file of the last commit. Commits go on meanwhile.
func (s *Store) copyAside(path string) error {
	if err := osfile.Remove(path); err != nil {
		return err
	}
	file, err := osfile.CreatePrivate(path)
	if err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = guarded(func() error {
		return s.rawView(func(tx transaction) error {
			_, err := tx.WriteTo(file)
			return err
		})
	})
	return errors.Join(err, file.Sync(), file.Close())
}

// linkAll gives every file of a folder a second name in another one.
func linkAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil || len(entries) == 0 {
		return err
	}
	if err := osfile.MakePrivateFolder(to); err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() { // no store made it
			continue
		}
		err := linkOrCopy(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name()))
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrExist) { // its job is final meanwhile; it is linked already
			return err
		}
	}
	return nil
}

// sameInstallation tells whether two key files are of the same installation, also with other keys.
func sameInstallation(ours, theirs []byte) bool {
	var a, b struct {
		AgentID string `json:"agent_id"`
	}
	return json.Unmarshal(ours, &a) == nil && json.Unmarshal(theirs, &b) == nil && a.AgentID == b.AgentID
}

// dropBackups deletes the oldest backups.
func (s *Store) dropBackups() error {
	list, err := Backups(s.cfg.Dir)
	for len(list) > backupsKept {
		err = errors.Join(err, osfile.RemoveTree(list[0].Path))
		list = list[1:]
	}
	return err
}

// Restore brings a backup's jobs into the data folder of a stopped agent. It only adds what the folder lacks: no newer sale is
// replaced. Added jobs that were pending are held for a person, unless Config.ResendSalvaged. A folder without sales takes the
// backup's keys, too; where another installation has sold, the backup joins it, see [Report].Joined.
func Restore(cfg Config, folder string) (Report, error) {
	if err := cfg.fill(); err != nil {
		return Report{}, err
	}
	if _, err := os.Stat(filepath.Join(folder, fileName)); err != nil {
		return Report{}, agent.Errorf(agent.CodeNotFound, err, "A pasta %s não é um backup do pdvagent: falta %s.", folder, fileName)
	}
	if err := osfile.MakePrivateFolder(cfg.Dir); err != nil {
		return Report{}, err
	}
	s := newStore(cfg)
	unlock, err := lockDir(cfg.Dir)
	if err != nil {
		return Report{}, err
	}
	foreign, err := s.foreignTo(folder)
	if err == nil && foreign {
		unlock()
		return join(cfg, folder)
	}
	defer unlock()
	if err == nil {
		err = s.restore(folder)
	}
	if err != nil {
		return Report{}, err
	}
	return *s.Salvaged(), nil
}

func (s *Store) restore(folder string) error {
	if err := s.takeKeys(folder); err != nil {
		return err
	}
	if err := linkAll(filepath.Join(folder, spoolName), filepath.Join(s.cfg.Dir, spoolName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.restoring = folder
	return s.salvage(errAsked, filepath.Join(folder, fileName))
}

// takeKeys copies the backup's keys where the folder has none, or those of an installation without sales.
func (s *Store) takeKeys(folder string) error {
	to := filepath.Join(s.cfg.Dir, keysName)
	theirs, err := osfile.ReadFile(filepath.Join(folder, keysName))
	if err != nil {
		return err
	}
	ours, err := osfile.ReadFile(to)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return osfile.WriteNew(to, theirs)
	case err != nil || sameInstallation(ours, theirs):
		return err
	}
	s.ring = nil
	path, stamp := filepath.Join(s.cfg.Dir, fileName), ".replaced-"+s.cfg.Now().UTC().Format(stampFormat)
	if err := osfile.Rename(path, path+stamp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(osfile.Rename(to, to+stamp), osfile.WriteNew(to, theirs))
}
