package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/keyring"
)

// join brings what another installation's backup had not finished into the store of one that has sales of its own: these
// stay as they are, and go on. Each of the backup's jobs gets a number of here. What was pending is held, for it may have been
// sent since; what is here already, by its natural key and content, is left out, so that a second join adds nothing. Batches of
// loads come again from their source. Payments, boletos and sessions stay in the backup: they are counted.
func join(cfg Config, folder string) (report Report, err error) {
	s, err := Open(cfg)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ring := keyring.Look(filepath.Join(folder, keysName))
	if !ring.Readable() {
		return Report{}, agent.Errorf(agent.CodeConflict, nil, "As chaves do backup %s não abrem nesta máquina, e a pasta de dados já tem vendas daqui, que ficam como estão. "+
			"Guarde o backup e leia-o na máquina em que foi feito.", folder)
	}
	found, err := search(ring, []string{filepath.Join(folder, fileName)}, false)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, found.close()) }()
	theirs := cfg
	theirs.Dir = folder
	j := joiner{
		rebuilder: &rebuilder{findings: found, cfg: &theirs, report: Report{
			At: cfg.Now().UTC(), Cause: errAsked.Error(), Sources: []string{filepath.Join(folder, fileName)}, Restored: folder, Joined: true,
		}},
		into: s, spool: &spool{folder: filepath.Join(folder, spoolName), ring: ring},
	}
	for _, seq := range found.seqs() {
		if err := j.job(seq); err != nil {
			return j.report, err
		}
	}
	for _, name := range []string{PaymentRecords, BoletoRecords, OrderRecords} {
		b, err := recordBucket(name)
		if err != nil {
			return j.report, err
		}
		j.report.Left += len(found.parts[b.code])
	}
	if err := osfile.MakePrivateFolder(filepath.Join(cfg.Dir, salvageFolder)); err != nil {
		return j.report, err
	}
	return j.report, s.writeReport(&j.report)
}

// joiner puts the jobs of a backup into another store.
type joiner struct {
	*rebuilder
	into  *Store
	spool *spool
}

// job joins one job that is not final.
func (j *joiner) job(seq uint64) error {
	kind, status, _ := j.decide(seq)
	job, spooled, err := j.decoded(seq, kind)
	if status.State.Final() || job.Kind.Load() {
		return nil
	}
	if err == nil && spooled != nil {
		job.Body, err = j.spool.read(*spooled)
	}
	if err != nil {
		j.report.Lost = append(j.report.Lost, seq)
		return nil //nolint:nilerr // its body is lost: the backup stays where it is
	}
	status.Version, job.Status = 0, status
	change := agent.Change{Jobs: []agent.Job{job}}
	next := j.into.LastSeq() + 1 // nobody else commits
	if p, there := j.parts[bucketWire.code][string(wireKey(seq, status.Revision))]; there {
		_, body, err := j.payload(p)
		if err != nil {
			j.report.Lost = append(j.report.Lost, seq)
			return nil //nolint:nilerr // the bytes that went up are lost
		}
		change.Wires = []agent.Wire{{Seq: next, Revision: status.Revision, Body: body}}
	}
	known, err := j.known(job)
	if err != nil || known {
		return err
	}
	_, err = j.into.Commit(context.Background(), change)
	if errors.Is(err, agent.ErrKeyTaken) { // by another content
		job = change.Jobs[0]
		job.Unique, job.Status.State, job.Status.Reason = "", agent.Held, agent.ReasonConflict
		change.Jobs[0] = job
		_, err = j.into.Commit(context.Background(), change)
	}
	if err == nil && job.Status.State == agent.Held {
		j.report.Held = append(j.report.Held, next)
	}
	return err
}

// known tells whether the store has the job: of the same session or receipt, with the same content.
func (j *joiner) known(job agent.Job) (bool, error) {
	for _, group := range job.Groups() {
		list, err := j.into.Group(group)
		if err != nil {
			return false, err
		}
		for _, ours := range list {
			if ours.Kind == job.Kind && ours.Fingerprint == job.Fingerprint && (ours.Unique == job.Unique || ours.Unique == "") {
				j.report.Known++
				return true, nil
			}
		}
	}
	return false, nil
}

// foreignTo tells whether a backup is of another installation than a folder that has sales.
func (s *Store) foreignTo(folder string) (bool, error) {
	theirs, err := osfile.ReadFile(filepath.Join(folder, keysName))
	if err != nil {
		return false, agent.Errorf(agent.CodeNotFound, err, "A pasta %s não é um backup do pdvagent: falta %s.", folder, keysName)
	}
	ours, err := osfile.ReadFile(filepath.Join(s.cfg.Dir, keysName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil || sameInstallation(ours, theirs) {
		return false, err
	}
	if err := s.openRing(); err != nil {
		return false, err
	}
	path := filepath.Join(s.cfg.Dir, fileName)
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return false, nil //nolint:nilerr // the keys alone: there is nothing of ours to keep
	}
	found, err := verify(path, s.ring)
	return err != nil || len(found.Faults) > 0 || found.Jobs > 0, nil //nolint:nilerr // a damaged file is mended at the opening
}
