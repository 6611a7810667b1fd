package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

const (
	spoolOver    = 256 << 10 // bytes; a larger body has a file of its own
	spoolSegment = 64 << 10  // bytes; each segment is an envelope that names its file and place
	spoolCode    = 0x53
)

// spooledBody is the reference from a job to the file with its body.
type spooledBody struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 []byte `json:"sha256"`
}

// spool is the folder of large bodies. A body is written before its job has a number: its file has a random name, and the
// spool bucket gives the job of each file.
type spool struct {
	folder string
	budget int64
	used   atomic.Int64
	ring   *keyring.Ring
}

// openSpool makes the folder, and removes bodies whose jobs were never committed; where aside is not empty they are kept in
// that folder. What cannot be removed, and what no store makes, such as a folder, stays: it keeps no agent from starting.
func openSpool(s *Store, aside string) (*spool, error) {
	p := &spool{folder: filepath.Join(s.cfg.Dir, spoolName), budget: s.cfg.SpoolBytes, ring: s.ring}
	if err := osfile.MakePrivateFolder(p.folder); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(p.folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(p.folder, entry.Name())
		info, err := entry.Info()
		switch {
		case err == nil && !info.Mode().IsRegular():
			err = errors.New("it is no file of the store's")
		case err == nil && s.hasSpooled(entry.Name()):
			p.used.Add(info.Size())
		case err == nil && aside != "":
			err = setAside(path, aside)
		case err == nil:
			err = osfile.Remove(path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.cfg.Log.Warn("spool_entry_stays", "name", entry.Name(), "error", err)
		}
	}
	return p, nil
}

// setAside moves a file into a folder for a person.
func setAside(path, folder string) error {
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return err
	}
	return osfile.Rename(path, filepath.Join(folder, filepath.Base(path)))
}

func (p *spool) full(size int) bool { return p.used.Load()+int64(size) > p.budget }

func (p *spool) write(body []byte) (spooledBody, error) {
	sum := sha256.Sum256(body)
	reference := spooledBody{Name: uuid.NewString(), Size: len(body), SHA256: sum[:]}
	var file bytes.Buffer
	for index := 0; index*spoolSegment < len(body); index++ {
		segment := body[index*spoolSegment : min((index+1)*spoolSegment, len(body))]
		h := envelope.Header{Bucket: spoolCode, Key: []byte(reference.Name), Sequence: uint64(index)}
		sealed, err := envelope.Seal(p.ring.Current, h, segment)
		if err != nil {
			return reference, err
		}
		file.Write(sealed)
	}
	if err := osfile.WriteNew(filepath.Join(p.folder, reference.Name), file.Bytes()); err != nil {
		return reference, fmt.Errorf("spool a body: %w", err)
	}
	p.used.Add(int64(file.Len()))
	return reference, nil
}

func (p *spool) read(reference spooledBody) ([]byte, error) {
	path := filepath.Join(p.folder, filepath.Base(reference.Name))
	file, err := osfile.ReadFile(path)
	if err != nil && (osfile.ContentLost(err) || noFile(path)) {
		return nil, fmt.Errorf("%w: spooled body: %w", agent.ErrDamaged, err)
	}
	if err != nil {
		return nil, fmt.Errorf("spooled body: %w", err)
	}
	body := make([]byte, 0, reference.Size)
	for index := uint64(0); len(file) > 0; index++ {
		h, segment, err := envelope.Open(file, p.ring.Key)
		if errors.Is(err, envelope.ErrUnknownKey) {
			return nil, fmt.Errorf("%w: %w", agent.ErrKeyMissing, err)
		}
		if err != nil || h.Sequence != index || string(h.Key) != reference.Name {
			return nil, fmt.Errorf("%w: segment %d of a spooled body", agent.ErrDamaged, index)
		}
		body = append(body, segment...)
		file = file[envelope.Len(file):]
	}
	if sum := sha256.Sum256(body); len(body) != reference.Size || !bytes.Equal(sum[:], reference.SHA256) {
		return nil, fmt.Errorf("%w: spooled body has %d bytes of %d", agent.ErrDamaged, len(body), reference.Size)
	}
	return body, nil
}

// noFile tells whether something else stands where a file should be. Systems differ in how they refuse to read a folder.
func noFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && !info.Mode().IsRegular()
}

// remove deletes files that no job refers to. One that cannot be deleted now is deleted at the next start.
func (p *spool) remove(names []string) {
	for _, name := range names {
		path := filepath.Join(p.folder, filepath.Base(name))
		if info, err := os.Stat(path); err == nil && osfile.Remove(path) == nil {
			p.used.Add(-info.Size())
		}
	}
}

// body makes sure that a spooled body can be read: a damaged one is set aside, and the newest sound copy in a backup takes
// its place. An error tells that there is none.
func (r *rebuilder) body(reference spooledBody) error {
	own := &spool{folder: filepath.Join(r.cfg.Dir, spoolName), ring: r.ring}
	_, damaged := own.read(reference)
	if !errors.Is(damaged, agent.ErrDamaged) { // it is sound, or cannot be judged at the moment
		return nil
	}
	path := filepath.Join(own.folder, filepath.Base(reference.Name))
	if err := setAside(path, filepath.Join(r.cfg.Dir, salvageFolder, spoolName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.cfg.Log.Warn("spool_entry_stays", "name", reference.Name, "error", err)
		return damaged
	}
	backups, _ := Backups(r.cfg.Dir) // a folder that cannot be read has no copy
	for _, backup := range slices.Backward(backups) {
		copied := &spool{folder: filepath.Join(backup.Path, spoolName), ring: r.ring}
		if _, err := copied.read(reference); err == nil {
			return errors.Join(osfile.MakePrivateFolder(own.folder), linkOrCopy(filepath.Join(copied.folder, reference.Name), path))
		}
	}
	return damaged
}

// spoolLarge writes the large bodies of a change to their files. When the spool is full a body stays in the database: no
// sale is refused for lack of room in the spool.
func (s *Store) spoolLarge(ready prepared) error {
	for i, job := range ready.Jobs {
		if len(job.Body) <= spoolOver || s.spool.full(len(job.Body)) {
			continue
		}
		reference, err := s.spool.write(job.Body)
		if err != nil {
			s.spool.remove(ready.spooledNames())
			return err
		}
		ready.jobs[i].spooled = &reference
	}
	return nil
}
