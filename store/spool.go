package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

const (
	spoolOver    = 256 << 10 // larger bodies go to a file of their own
	spoolSegment = 64 << 10  // each is an envelope: encrypted, checksummed, bound to its file and place
	spoolCode    = 0x53
)

// spooledBody is what the small job says about its large body.
type spooledBody struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 []byte `json:"sha256"`
}

// spool is the folder of large bodies. Its files have random names, because a body is written before its job has a
// number; the spool bucket says whose they are.
type spool struct {
	folder string
	budget int64
	used   atomic.Int64
	ring   *keyring.Ring
}

// openSpool makes the folder, and removes what no job refers to: a body whose job was never committed.
func openSpool(folder string, budget int64, ring *keyring.Ring, owned func(name string) bool) (*spool, error) {
	p := &spool{folder: folder, budget: budget, ring: ring}
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		if owned(entry.Name()) {
			p.used.Add(info.Size())
		} else if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil {
			return nil, err
		}
	}
	return p, nil
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
	file, err := os.ReadFile(filepath.Join(p.folder, filepath.Base(reference.Name)))
	if err != nil {
		return nil, fmt.Errorf("%w: spooled body: %w", agent.ErrDamaged, err)
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

// remove deletes files that nobody refers to any more. One that stays is removed at the next start.
func (p *spool) remove(names []string) {
	for _, name := range names {
		path := filepath.Join(p.folder, filepath.Base(name))
		if info, err := os.Stat(path); err == nil && os.Remove(path) == nil {
			p.used.Add(-info.Size())
		}
	}
}

// spoolLarge writes the large bodies of a change to their files. A sale is never refused for lack of room there: its
// body then stays inside the database.
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

// spooledKey is the bucket key of a file name: the name is random, its hash serves like every other key.
func (s *Store) spooledKey(name string) []byte { return s.ring.Hash("spool", name) }
