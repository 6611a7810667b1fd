// Package keyring keeps the keys of the store in a file beside it, which only the agent's account can read; on Windows they
// are sealed by the machine (DPAPI), on Linux by a systemd credential where there is one. It protects a copy of the store's
// file, not the machine: who controls the machine while the agent runs has the keys too. Package store is its only caller.
//
// The file is made at the agent's first start and synced twice before anything is encrypted with it. It gets a new key when
// the machine's id differs (a cloned disk image). Old keys stay in it, for reading only.
package keyring

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
)

const (
	secretLen = 64 // 32 for AES-256, 32 for HMAC-SHA-256
	// HashLen is the length of a hashed bucket key, in bytes: 128 bits are enough for an HMAC.
	HashLen = 16
)

// Ring is the open key file.
type Ring struct {
	AgentID string // UUID, made with the first key
	Current *envelope.Key
	Born    Birth // why this Open made the current key, or Old
	mac     []byte
	macs    sync.Pool // of hash.Hash with mac: setting the key costs more than hashing a name
	keys    map[uint32]*envelope.Key
	clear   Clear // the keys that open here
}

// Birth tells whether [Open] made a key.
type Birth string

// The births of a key.
const (
	Old    Birth = ""       // no key was made
	First  Birth = "first"  // there was no file
	Lost   Birth = "lost"   // the file was there but its current key could not be opened
	Cloned Birth = "cloned" // the file came from another machine
)

type file struct {
	Version int     `json:"version"`
	AgentID string  `json:"agent_id"`
	Current uint32  `json:"current"`
	Keys    []entry `json:"keys"`
}

type entry struct {
	ID         uint32    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	Machine    string    `json:"machine"`    // hash of the machine's id; empty when it has none
	Protection string    `json:"protection"` // name of what sealed the secret
	Secret     []byte    `json:"secret"`
}

// Open reads the key file at path, or makes it.
func Open(path string) (*Ring, error) {
	stored, err := read(path)
	birth := Old
	switch {
	case errors.Is(err, os.ErrNotExist):
		birth = First
	case err != nil: // unreadable: it is kept for a person
		if moved := osfile.Rename(path, path+".unreadable-"+time.Now().UTC().Format("20060102T150405")); moved != nil {
			return nil, fmt.Errorf("set the unreadable key file aside: %w", moved)
		}
		birth, stored = Lost, file{}
	}
	ring := &Ring{keys: make(map[uint32]*envelope.Key), AgentID: stored.AgentID}
	if birth == Old {
		birth = ring.load(stored)
	}
	if birth == Old {
		return ring, osfile.Protect(path)
	}
	return ring, ring.add(path, stored, birth)
}

// Look reads the key file without writing. The ring is for reading only, and has the keys that open here, perhaps none.
func Look(path string) *Ring {
	ring := &Ring{keys: make(map[uint32]*envelope.Key)}
	if stored, err := read(path); err == nil {
		ring.AgentID = stored.AgentID
		_ = ring.load(stored) // reading needs no current key
	}
	return ring
}

func read(path string) (file, error) {
	var stored file
	raw, err := osfile.ReadFile(path)
	if err != nil {
		return stored, err
	}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return file{}, fmt.Errorf("key file: %w", err)
	}
	if stored.Version != 1 {
		return file{}, fmt.Errorf("key file has version %d", stored.Version)
	}
	return stored, nil
}

// load opens the keys, and gives Old when the current one can be used.
func (r *Ring) load(stored file) Birth {
	birth := Lost
	for _, e := range stored.Keys {
		secret, err := unseal(e.Protection, e.Secret)
		if err != nil || len(secret) != secretLen {
			continue
		}
		key, err := envelope.NewKey(e.ID, secret[:32])
		if err != nil {
			continue
		}
		r.keys[e.ID] = key
		r.clear.Keys = append(r.clear.Keys, Secret{e.ID, e.CreatedAt, secret})
		if e.ID != stored.Current {
			continue
		}
		if here := machine(); e.Machine != "" && here != "" && e.Machine != here {
			birth = Cloned
			continue
		}
		r.Current, r.mac, birth = key, secret[32:], Old
	}
	return birth
}

// add makes a new current key and writes the file.
func (r *Ring) add(path string, stored file, birth Birth) error {
	secret := make([]byte, secretLen)
	var id [4]byte
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	e, err := sealed(Secret{binary.BigEndian.Uint32(id[:]) | 1, time.Now().UTC().Truncate(time.Second), secret})
	if err != nil {
		return err
	}
	if birth != Lost || r.AgentID == "" {
		r.AgentID = uuid.NewString()
	}
	stored.Version, stored.AgentID, stored.Current = 1, r.AgentID, e.ID
	stored.Keys = append(stored.Keys, e)
	if err := stored.write(path); err != nil {
		return err
	}
	r.Born, r.mac = birth, secret[32:]
	r.clear.Keys = append(r.clear.Keys, Secret{e.ID, e.CreatedAt, secret})
	if r.Current, err = envelope.NewKey(e.ID, secret[:32]); err == nil {
		r.keys[e.ID] = r.Current
	}
	return err
}

// sealed makes the entry of a key that this machine opens.
func sealed(key Secret) (entry, error) {
	e := entry{ID: key.ID, CreatedAt: key.CreatedAt, Machine: machine()}
	var err error
	if e.Protection, e.Secret, err = seal(key.Secret); err != nil {
		err = fmt.Errorf("seal the store's key: %w", err)
	}
	return e, err
}

// write writes the file, syncs it twice and reads it back.
func (f file) write(path string) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := osfile.WriteNew(path, raw); err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	if back, err := osfile.ReadFile(path); err != nil || !bytes.Equal(back, raw) {
		return fmt.Errorf("key file does not read back as written: %w", err)
	}
	return errors.Join(osfile.Sync(path), osfile.SyncFolder(filepath.Dir(path)))
}

// Key finds a key by its id; nil for a missing one.
func (r *Ring) Key(id uint32) *envelope.Key { return r.keys[id] }

// Readable tells whether any key is there to read with.
func (r *Ring) Readable() bool { return len(r.keys) > 0 }

// Hash gives the bucket key of a name: the file must not show names.
func (r *Ring) Hash(space, name string) []byte {
	mac, ok := r.macs.Get().(hash.Hash) // its key is set
	if !ok {
		mac = hmac.New(sha256.New, r.mac)
	}
	defer r.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(space))
	mac.Write([]byte{0})
	mac.Write([]byte(name))
	return mac.Sum(nil)[:HashLen]
}

// machine is a hash of the machine's id; empty when it has none.
func machine() string {
	id := machineID()
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("pdvagent machine " + id))
	return hex.EncodeToString(sum[:8])
}
