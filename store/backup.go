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

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	backupFolder = "backup"
	backupsKept  = 3
	// backupFactor is how many times the file's length must be free on the disk before it is copied.
	backupFactor = 2
)

// Backup is a folder with a copy of the database, of the keys that open it and of the large bodies beside it.
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
		at, notOurs := time.Parse(stampFormat, entry.Name())
		info, missing := os.Stat(filepath.Join(path, fileName))
		if notOurs == nil && missing == nil {
			list = append(list, Backup{path, at, info.Size()})
		}
	}
	slices.SortFunc(list, func(a, b Backup) int { return strings.Compare(a.Path, b.Path) })
	return list, err
}

// BackupSize is the length of all backups' databases; their number is limited, not their length.
func (s *Store) BackupSize() (used, limit int64) {
	list, _ := Backups(s.cfg.Dir) // a folder that cannot be read has no size
	for _, backup := range list {
		used += backup.Bytes
	}
	return used, 0
}

// backupAge is how old the newest backup must be for another one: an agent that starts ten times a day has but one of it.
const backupAge = 20 * time.Hour

// BackupIfDue makes a backup unless there is one of this day. It gives the length of the copied database, 0 without one.
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

// Backup copies the database, as it is after the last commit, with its keys and large bodies, checks the copy and lets go
// of the oldest ones. It gives the length of the copied database. It may run while the agent works; on a disk without room
// it does nothing but say so.
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
	keys, err := os.ReadFile(filepath.Join(s.cfg.Dir, keysName))
	if err == nil {
		err = osfile.WriteNew(filepath.Join(folder, keysName), keys) // a second name would be the same sectors of the disk
	}
	if err != nil {
		return err
	}
	found, err := s.verify(copied)
	if err := errors.Join(append([]error{err}, found.Faults...)...); err != nil {
		return err
	}
	return keepAll(filepath.Join(s.cfg.Dir, spoolName), filepath.Join(folder, spoolName))
}

// copyAside writes the file as of its last commit, without waiting for those who commit meanwhile.
func (s *Store) copyAside(path string) error {
	if err := remove(path); err != nil {
		return err
	}
	file, err := osfile.CreatePrivate(path)
	if err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = guarded(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			_, err := tx.WriteTo(file)
			return err
		})
	})
	return errors.Join(err, file.Sync(), file.Close())
}

// keepAll gives every file of a folder a second name in another one.
func keepAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil || len(entries) == 0 {
		return err
	}
	if err := osfile.MakePrivateFolder(to); err != nil {
		return err
	}
	for _, entry := range entries {
		err := keep(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name()))
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrExist) { // settled meanwhile; there already
			return err
		}
	}
	return nil
}

// sameInstallation tells whether two key files are of the same installation, whatever keys it has had since.
func sameInstallation(ours, theirs []byte) bool {
	var a, b struct {
		AgentID string `json:"agent_id"`
	}
	return json.Unmarshal(ours, &a) == nil && json.Unmarshal(theirs, &b) == nil && a.AgentID == b.AgentID
}

func (s *Store) dropBackups() error {
	list, err := Backups(s.cfg.Dir)
	for len(list) > backupsKept {
		err = errors.Join(err, osfile.RemoveTree(list[0].Path))
		list = list[1:]
	}
	return err
}

// Restore brings a backup's jobs into the data folder of a stopped agent. What the file there still has comes first: a
// backup never takes a newer sale away, it only fills in what is missing, and of that nothing is sent without a person's
// word (or the configuration's). A folder without sales takes the backup's keys, too.
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
	letGo, err := takeFolder(cfg.Dir)
	if err != nil {
		return Report{}, err
	}
	defer letGo()
	if err := s.restore(folder); err != nil {
		return Report{}, err
	}
	return *s.Salvaged(), nil
}

func (s *Store) restore(folder string) error {
	if err := s.takeKeys(folder); err != nil {
		return err
	}
	if err := keepAll(filepath.Join(folder, spoolName), filepath.Join(s.cfg.Dir, spoolName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return s.salvage(errAsked, filepath.Join(folder, fileName))
}

// takeKeys takes the backup's keys where the folder has none, or has those of an installation that never sold anything.
func (s *Store) takeKeys(folder string) error {
	from, to := filepath.Join(folder, keysName), filepath.Join(s.cfg.Dir, keysName)
	theirs, err := os.ReadFile(from)
	if err != nil {
		return agent.Errorf(agent.CodeNotFound, err, "A pasta %s não é um backup do pdvagent: falta %s.", folder, keysName)
	}
	ours, err := os.ReadFile(to)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return osfile.WriteNew(to, theirs)
	case err != nil || sameInstallation(ours, theirs):
		return err
	}
	path := filepath.Join(s.cfg.Dir, fileName)
	if err := s.openRing(); err != nil {
		return err
	}
	if found, err := s.verify(path); err == nil && len(found.Faults) == 0 && found.Jobs == 0 {
		s.ring = nil
		stamp := ".replaced-" + s.cfg.Now().UTC().Format(stampFormat)
		return errors.Join(osfile.Rename(path, path+stamp), osfile.Rename(to, to+stamp), osfile.WriteNew(to, theirs))
	}
	return agent.Errorf(agent.CodeConflict, nil, "A pasta %s já tem as chaves de outra instalação. Mova o conteúdo dela para outro lugar, "+
		"ou configure outra data_dir, e repita.", s.cfg.Dir)
}
