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

// Report says what a salvage has found.
type Report struct {
	At      time.Time `json:"at"`
	Cause   string    `json:"cause"`
	Sources []string  `json:"sources"`           // files that were searched
	Kept    string    `json:"kept,omitempty"`    // the damaged file, for ever
	Tree    int       `json:"tree"`              // values of the newest commit
	Carved  int       `json:"carved"`            // values found elsewhere in the files
	Held    []uint64  `json:"held,omitempty"`    // jobs of which it is not known whether they were sent
	Lost    []uint64  `json:"lost,omitempty"`    // jobs whose bodies are gone
	Missing []Gap     `json:"missing,omitempty"` // numbers of which nothing was found
	Unsure  bool      `json:"unsure,omitempty"`  // the last number given is not known: numbers go on after a jump
	TookMS  int64     `json:"took_ms"`
}

const (
	salvageFolder = "salvage" // reports, and the files they are about
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
	raw, err := os.ReadFile(files[len(files)-1]) // named by their time, in order
	if err != nil {
		return nil, err
	}
	report := new(Report)
	return report, json.Unmarshal(raw, report)
}

// salvage writes the database anew from everything that is found in the file at hand, in the one before the last
// compaction and in the newest backup, and puts it in the file's place. The damaged file is kept. Nothing has the file
// open.
func (s *Store) salvage(cause error, more ...string) error {
	begun := s.cfg.Now()
	path := filepath.Join(s.cfg.Dir, fileName)
	s.cfg.Log.Error("store_salvage", "cause", firstOf(cause))
	s.room.release()
	if err := s.openRing(); err != nil {
		return err
	}
	sources, atHand := s.sources(more)
	w, err := s.newWreck(sources, atHand)
	if err != nil {
		return fmt.Errorf("salvage: %w", err)
	}
	r := &rebuilder{wreck: w, report: Report{At: begun.UTC(), Cause: firstOf(cause), Sources: sources}}
	temp := path + salvageSuffix
	err = errors.Join(r.into(temp), w.close())
	if err == nil {
		err = s.takeOver(temp, path, &r.report)
	}
	if err != nil {
		return fmt.Errorf("salvage: %w", errors.Join(err, remove(temp)))
	}
	r.report.TookMS = s.cfg.Now().Sub(begun).Milliseconds()
	s.salvaged.Store(&r.report)
	s.cfg.Log.Warn("store_salvaged", "tree", r.report.Tree, "carved", r.report.Carved, "held", len(r.report.Held),
		"lost", len(r.report.Lost), "missing", r.report.Missing, "kept", r.report.Kept, "took_ms", r.report.TookMS)
	s.cfg.Salvaged(r.report)
	return s.writeReport(&r.report)
}

// firstOf bounds what is said of a file that may be wrong everywhere.
func firstOf(cause error) string {
	first, rest, more := strings.Cut(cause.Error(), "\n")
	if more {
		first += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return first
}

// sources lists what is searched; the file at hand is the first, where it is there.
func (s *Store) sources(more []string) (paths []string, atHand bool) {
	path := filepath.Join(s.cfg.Dir, fileName)
	for _, p := range append([]string{path, path + oldSuffix}, more...) {
		if info, err := os.Stat(p); err == nil && info.Size() > 0 {
			paths, atHand = append(paths, p), atHand || p == path
		}
	}
	if backups, err := Backups(s.cfg.Dir); err == nil && len(backups) > 0 {
		paths = append(paths, filepath.Join(backups[len(backups)-1].Path, fileName))
	}
	return paths, atHand
}

// into writes the new database and looks whether it is sound.
func (r *rebuilder) into(path string) error {
	db, err := makeBolt(path, r.cfg.MaxBytes)
	if err != nil {
		return err
	}
	r.db = db
	if err := errors.Join(r.run(), db.Close()); err != nil {
		return err
	}
	found, err := r.verify(path)
	return errors.Join(append([]error{err}, found.Faults...)...)
}

// takeOver keeps the file at hand under another name and puts the new one in its place; in between there is always one.
func (s *Store) takeOver(temp, path string, report *Report) error {
	folder := filepath.Join(s.cfg.Dir, salvageFolder)
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		report.Kept = filepath.Join(folder, fileName+"."+report.At.Format(stampFormat))
		if err := keep(path, report.Kept); err != nil {
			return err
		}
	}
	return errors.Join(osfile.Rename(temp, path), osfile.SyncFolder(s.cfg.Dir))
}

// keep gives a file a second name, or copies it where files have but one.
func keep(path, kept string) error {
	if os.Link(path, kept) == nil {
		return nil
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was read only
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

// Verify looks at a database file that no agent has open: its pages, and every value that its tree leads to. An empty
// path is the data folder's own. Nothing is written to it.
func Verify(cfg Config, path string) (Faults, error) {
	if err := cfg.fill(); err != nil {
		return Faults{}, err
	}
	if own := filepath.Join(cfg.Dir, fileName); path == "" || path == own {
		path = own
		if _, err := os.Stat(own); err == nil { // what changes meanwhile looks damaged
			letGo, err := takeFolder(cfg.Dir)
			if err != nil {
				return Faults{}, err
			}
			defer letGo()
		}
	}
	s := newStore(cfg)
	s.ring = keyring.Look(filepath.Join(cfg.Dir, keysName))
	found, err := s.verify(path)
	if errors.Is(err, os.ErrNotExist) {
		err = agent.Errorf(agent.CodeNotFound, err, "O arquivo %s não existe.", path)
	}
	return found, err
}

// Carve writes the database of a stopped agent anew from everything that is found in its file and in the given ones, as
// an opening after damage does.
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
	letGo, err := takeFolder(cfg.Dir)
	if err != nil {
		return Report{}, err
	}
	defer letGo()
	s := newStore(cfg)
	if err := s.salvage(errAsked, files...); err != nil {
		return Report{}, err
	}
	return *s.Salvaged(), nil
}

var errAsked = errors.New("asked for by a person")
