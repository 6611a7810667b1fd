package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/keyring"
)

// Report is the result of a salvage, or of a backup's return.
type Report struct {
	At      time.Time `json:"at"`
	Cause   string    `json:"cause"`
	Sources []string  `json:"sources"`           // files that were searched
	Kept    string    `json:"kept,omitempty"`    // path of the damaged file; nothing deletes it
	Tree    int       `json:"tree"`              // values of the newest commit
	Carved  int       `json:"carved"`            // values found elsewhere in the files
	Held    []uint64  `json:"held,omitempty"`    // jobs of which it is unknown whether they were sent
	Lost    []uint64  `json:"lost,omitempty"`    // jobs whose bodies were not found
	Missing []Gap     `json:"missing,omitempty"` // numbers of which nothing was found
	Unsure  bool      `json:"unsure,omitempty"`  // the last number given is unknown: the next ones begin after a jump
	TookMS  int64     `json:"took_ms"`

	Restored string `json:"restored,omitempty"` // folder of the backup: a person asked, nothing was damaged
	Gone     bool   `json:"gone,omitempty"`     // the database was not there at all
	Rescued  bool   `json:"rescued,omitempty"`  // it was deleted or replaced under the running agent, which wrote it anew: nothing is lost
	Joined   bool   `json:"joined,omitempty"`   // the folder had sales of another installation: the backup's were added, with new numbers
	Known    int    `json:"known,omitempty"`    // jobs of the backup that were here already
	Left     int    `json:"left,omitempty"`     // payments, boletos and orders that stay in the backup
}

const (
	salvageFolder = "salvage" // reports and damaged files
	salvageSuffix = ".salvage"
	stampFormat   = "20060102T150405.000"
)

// Salvaged gives the report of the last salvage since the store was opened, or of that opening; nil when there was none.
func (s *Store) Salvaged() *Report { return s.salvaged.Load() }

// LastSalvage reads the newest report in a data folder; nil when there is none.
func LastSalvage(dir string) (*Report, error) {
	files, err := filepath.Glob(filepath.Join(dir, salvageFolder, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	raw, err := osfile.ReadFile(files[len(files)-1]) // named by their time, in order
	if err != nil {
		return nil, err
	}
	report := new(Report)
	return report, json.Unmarshal(raw, report)
}

// salvage writes a new database from what it finds in the present file, in the one before the last compaction and in the
// newest backup, and puts it in the present file's place. The damaged file is kept. No process has it open.
func (s *Store) salvage(cause error, more ...string) error {
	begun := s.cfg.Now()
	path := filepath.Join(s.cfg.Dir, fileName)
	s.cfg.Log.Error("store_salvage", "cause", firstLine(cause))
	s.room.release()
	if err := s.openRing(); err != nil {
		return err
	}
	if s.ring.Born == keyring.First { // what another key sealed is held here already
		s.ring.Born = keyring.Old
	}
	sources, hasPresent := s.sources(more)
	found, err := search(s.ring, sources, hasPresent)
	if err != nil {
		return fmt.Errorf("salvage: %w", err)
	}
	r := &rebuilder{findings: found, cfg: &s.cfg, report: Report{At: begun.UTC(), Cause: firstLine(cause), Sources: sources, Restored: s.restoring, Gone: errors.Is(cause, errMissing)}}
	temp := path + salvageSuffix
	err = errors.Join(r.into(temp), found.close())
	if err == nil {
		err = s.takeOver(temp, path, &r.report)
	}
	if err != nil {
		return fmt.Errorf("salvage: %w", errors.Join(err, osfile.Remove(temp)))
	}
	r.report.TookMS = s.cfg.Now().Sub(begun).Milliseconds()
	s.salvaged.Store(&r.report)
	s.cfg.Log.Warn("store_salvaged", "tree", r.report.Tree, "carved", r.report.Carved, "held", len(r.report.Held),
		"lost", len(r.report.Lost), "missing", r.report.Missing, "kept", r.report.Kept, "took_ms", r.report.TookMS)
	s.cfg.Salvaged(r.report)
	return s.writeReport(&r.report)
}

// firstLine gives the first of many faults, and their number.
func firstLine(cause error) string {
	first, rest, more := strings.Cut(cause.Error(), "\n")
	if more {
		first += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return first
}

// sources lists the files to search. The present file is the first one, where it is there.
func (s *Store) sources(more []string) (paths []string, hasPresent bool) {
	path := filepath.Join(s.cfg.Dir, fileName)
	for _, p := range append([]string{path, path + oldSuffix}, more...) {
		if info, err := os.Stat(p); err == nil && info.Size() > 0 {
			paths, hasPresent = append(paths, p), hasPresent || p == path
		}
	}
	if backups, err := Backups(s.cfg.Dir); err == nil && len(backups) > 0 {
		paths = append(paths, filepath.Join(backups[len(backups)-1].Path, fileName))
	}
	return paths, hasPresent
}

// into writes the new database and verifies it.
func (r *rebuilder) into(path string) error {
	db, err := makeBolt(path, r.cfg.MaxBytes)
	if err != nil {
		return err
	}
	r.db = db
	if err := errors.Join(r.run(), db.Close()); err != nil {
		return err
	}
	found, err := verify(path, r.ring)
	return errors.Join(append([]error{err}, found.Faults...)...)
}

// takeOver gives the present file a second name and renames the new one to its place. There is a file at every moment.
func (s *Store) takeOver(temp, path string, report *Report) error {
	folder := filepath.Join(s.cfg.Dir, salvageFolder)
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		report.Kept = filepath.Join(folder, fileName+"."+report.At.Format(stampFormat))
		if err := linkOrCopy(path, report.Kept); err != nil {
			return err
		}
	}
	return errors.Join(osfile.Rename(temp, path), osfile.SyncFolder(s.cfg.Dir))
}

// linkOrCopy gives a file a second name, or copies it where the file system has no links.
func linkOrCopy(path, kept string) error {
	if os.Link(path, kept) == nil {
		return nil
	}
	from, err := osfile.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	to, err := osfile.CreatePrivate(kept)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Sync(), to.Close())
}

func (s *Store) writeReport(report *Report) error {
	raw, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	name := "salvage-" + report.At.Format(stampFormat) + ".json"
	return osfile.WriteNew(filepath.Join(s.cfg.Dir, salvageFolder, name), raw)
}

// Verify checks a database file that no agent has open: its pages, and every value in its tree. An empty path stands for
// the data folder's own file. Nothing is written to the file.
func Verify(cfg Config, path string) (Faults, error) {
	if err := cfg.fill(); err != nil {
		return Faults{}, err
	}
	if own := filepath.Join(cfg.Dir, fileName); path == "" || path == own {
		path = own
		if _, err := os.Stat(own); err == nil { // a file that changes meanwhile looks damaged
			unlock, err := lockDir(cfg.Dir)
			if err != nil {
				return Faults{}, err
			}
			defer unlock()
		}
	}
	found, err := verify(path, keyring.Look(filepath.Join(cfg.Dir, keysName)))
	if errors.Is(err, os.ErrNotExist) {
		err = agent.Errorf(agent.CodeNotFound, err, "O arquivo %s não existe.", path)
	}
	return found, err
}

// Carve salvages the database of a stopped agent from its own file and the given ones, as an opening after damage does.
func Carve(cfg Config, files ...string) (Report, error) {
	if err := cfg.fill(); err != nil {
		return Report{}, err
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, keysName)); err != nil {
		return Report{}, agent.Errorf(agent.CodeBadConfig, err, "A pasta %s não tem os arquivos de dados de um pdvagent. "+
			"Confira data_dir na configuração.", cfg.Dir)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return Report{}, agent.Errorf(agent.CodeNotFound, err, "O arquivo %s não pode ser lido.", file)
		}
	}
	unlock, err := lockDir(cfg.Dir)
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	s := newStore(cfg)
	if err := s.salvage(errAsked, files...); err != nil {
		return Report{}, err
	}
	return *s.Salvaged(), nil
}

// errAsked is the cause of a salvage that a person asked for.
var errAsked = errors.New("asked for by a person")
