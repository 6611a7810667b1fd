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
	"pdvagent/store/internal/envelope"
)

// originName is a small file in the data folder that says where the folder's files were written: on which hardware, and under
// which number the file itself is on its disk. In a copied folder it is another file, and in a copied disk image it is on
// other hardware. A folder of before has none: it is taken as it is.
const originName = "origin.json"

// origin is the content of the file. A sign that could not be read here is empty, and says nothing then.
type origin struct {
	Hardware []string `json:"hardware"` // hashes: see osfile.Hardware
	File     uint64   `json:"file"`     // the file's own number on its disk
	Clone    *Clone   `json:"clone,omitempty"`
}

// Clone tells that the data folder was found to be a copy of another one.
type Clone struct {
	At   time.Time `json:"at"`
	Sign string    `json:"sign"` // see the constants
	Held int       `json:"held"` // jobs that were held then
}

// The signs of a clone.
const (
	SignMachine  = "machine"  // the machine's id is another one
	SignHardware = "hardware" // no known part of the hardware is here: a disk image
	SignCopy     = "copy"     // the files were copied
	SignCloud    = "cloud"    // the cloud has what was never sent from here
)

// LastClone reads when the data folder was last found to be a copy; nil for never.
func LastClone(dir string) (*Clone, error) {
	o, err := readOrigin(dir)
	if err != nil || o == nil {
		return nil, err
	}
	return o.Clone, nil
}

// readOrigin gives nil where there is no file, and where a person wrote something else into it.
func readOrigin(dir string) (*origin, error) {
	raw, err := osfile.ReadFile(filepath.Join(dir, originName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := new(origin)
	if json.Unmarshal(raw, o) != nil {
		return nil, nil
	}
	return o, nil
}

// writeOrigin writes the file with the number that it has. The number is known once the file is there, and a rename keeps it.
func (s *Store) writeOrigin(clone *Clone) error {
	path := filepath.Join(s.cfg.Dir, originName)
	temp := path + ".new"
	file, err := osfile.CreatePrivate(temp)
	if errors.Is(err, os.ErrExist) { // of a run that was killed
		if err = osfile.Remove(temp); err == nil {
			file, err = osfile.CreatePrivate(temp)
		}
	}
	if err != nil {
		return err
	}
	number, err := osfile.FileNumber(file)
	raw, encodeErr := json.Marshal(origin{Hardware: s.cfg.Hardware(), File: number, Clone: clone})
	if err = errors.Join(err, encodeErr); err == nil {
		_, err = file.Write(raw)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, osfile.Remove(temp))
	}
	return errors.Join(osfile.Rename(temp, path), osfile.SyncFolder(s.cfg.Dir))
}

// foreign gives the sign that the data folder is a copy; empty when it is where it was, or when that cannot be known.
func (s *Store) foreign(o *origin) (sign string, err error) {
	if here := s.cfg.Hardware(); len(o.Hardware) > 0 && len(here) > 0 &&
		!slices.ContainsFunc(here, func(part string) bool { return slices.Contains(o.Hardware, part) }) {
		return SignHardware, nil
	}
	file, err := osfile.OpenFile(filepath.Join(s.cfg.Dir, originName), os.O_RDONLY)
	if err != nil {
		return "", err
	}
	number, err := osfile.FileNumber(file)
	if err = errors.Join(err, file.Close()); err == nil && o.File != 0 && number != 0 && o.File != number {
		sign = SignCopy
	}
	return sign, err
}

// judgeOrigin holds every pending job of a data folder that is a copy: the original may have sent them, or will. machine tells
// that the key file says so, and how many jobs it had held. A disk that has no room for the file does not stop the agent.
func (s *Store) judgeOrigin() error {
	o, err := readOrigin(s.cfg.Dir)
	if err != nil {
		return err
	}
	found := s.cloned // by the machine's id, while the file was opened
	if found == nil && o != nil {
		sign, err := s.foreign(o)
		if err != nil {
			return err
		}
		if sign != "" {
			found = &Clone{At: s.cfg.Now().UTC(), Sign: sign}
			if found.Held, err = s.holdPending(agent.ReasonCloned); err != nil {
				return fmt.Errorf("hold the jobs of a copy: %w", err)
			}
		}
	}
	if found == nil && o != nil {
		return nil
	}
	if found != nil {
		s.cfg.Log.Warn("store_cloned", "sign", found.Sign, "held", found.Held)
	}
	if err := s.writeOrigin(found); err != nil && !errors.Is(err, osfile.ErrDiskFull) {
		return err
	}
	return nil
}

// holdPending holds every pending job, and gives their number.
func (s *Store) holdPending(reason string) (int, error) {
	next := *s.meta.Load()
	held := 0
	err := s.rawUpdate(func(tx transaction) error {
		var seqs []uint64
		cursor := bucketReady.in(tx).Cursor()
		for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
			seqs = append(seqs, seqOf(key[8:]))
		}
		if err := tx.emptyBucket(bucketReady); err != nil {
			return err
		}
		for _, seq := range seqs {
			h, _, err := envelope.Peek(bucketState.in(tx).Get(seqKey(seq)))
			kind, state := untag(h.Tag)
			if err != nil || state != agent.Pending { // who reads the queue comes to it, and has it mended
				if err := bucketReady.in(tx).Put(readyKey(time.Time{}, seq), []byte{kind.Code()}); err != nil {
					return err
				}
				continue
			}
			next.Counts[kind.Code()][state.Code()]--
			n, err := s.holdOne(tx, &next, seq, reason)
			if err != nil {
				return err
			}
			held += n
		}
		return tx.putMeta(&next)
	})
	if err == nil {
		s.meta.Store(&next)
	}
	return held, err
}
