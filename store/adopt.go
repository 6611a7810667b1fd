package store

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
	"pdvagent/store/internal/salvage"
)

// Why a sealed backup does not open.
var (
	errNotSealed        = errors.New("no sealed backup")
	errWrongRecoveryKey = errors.New("another recovery key")
	errSealDamaged      = errors.New("the sealed backup is damaged")
)

// maxSealedFile bounds a file in a sealed backup that is read into memory, in bytes.
const maxSealedFile = 4 << 20

// Brought is another machine's store in a folder of this one, with keys that open here: [Restore] takes it.
type Brought struct {
	AgentID string
	Jobs    int
	Faults  int          // of the database; Restore works around them
	Others  []SealedFile // that came with a sealed backup
}

// NewRecoveryKey makes a recovery key in PEM: the private part for a safe, the public part for the tills.
func NewRecoveryKey() (privatePEM, publicPEM []byte, err error) { return keyring.NewPair() }

// Unseal opens a sealed backup into a folder that does not exist yet. An error meant for a person is an [agent.Error].
func Unseal(from io.Reader, privatePEM []byte, folder string) (Brought, error) {
	frames, err := newFrameReader(from, privatePEM)
	if err == nil {
		err = errors.Join(osfile.MakePrivateFolder(folder), osfile.MakePrivateFolder(filepath.Join(folder, spoolName)))
	}
	if err != nil {
		return Brought{}, sealedInWords(err)
	}
	u := unpacker{folder: folder}
	if err = u.all(frames); err == nil {
		_, err = io.Copy(io.Discard, frames) // to the last frame: a cut file has none
	}
	if err != nil {
		return Brought{}, sealedInWords(err)
	}
	return u.done()
}

// sealedInWords tells a person why a sealed backup does not open.
func sealedInWords(err error) error {
	switch {
	case errors.Is(err, errNotSealed):
		return agent.Errorf(agent.CodeNotFound, nil, "O arquivo não é uma cópia selada do pdvagent (termina em .pdvselado).")
	case errors.Is(err, errWrongRecoveryKey):
		return agent.Errorf(agent.CodeBadConfig, nil, "A chave não abre esta cópia: use a chave privada que faz par com security.recovery_public_key do caixa antigo, em PEM e sem senha.")
	case errors.Is(err, errSealDamaged), errors.Is(err, tar.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return agent.Errorf(agent.CodeDamaged, nil, "A cópia selada está cortada ou alterada, e nada dela foi usado. Use a de outra data.")
	}
	return err
}

// unpacker puts what a sealed backup has into a folder. Only names that this program gives are taken.
type unpacker struct {
	folder string
	keys   keyring.Clear
	others []SealedFile
}

// all takes every file of a tar.
func (u *unpacker) all(from io.Reader) error {
	in := tar.NewReader(from)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = u.take(header, in)
		}
		if err != nil {
			return err
		}
	}
}

func (u *unpacker) take(header *tar.Header, content io.Reader) error {
	folder, name := path.Split(header.Name)
	if header.Typeflag != tar.TypeReg || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\:`) {
		return fmt.Errorf("%w: %q", errSealDamaged, header.Name)
	}
	switch {
	case (header.Name == keysName || folder == otherFolder+"/") && header.Size > maxSealedFile: // none that we make
		return fmt.Errorf("%w: %q", errSealDamaged, header.Name)
	case header.Name == keysName || folder == otherFolder+"/":
		raw, err := io.ReadAll(io.LimitReader(content, maxSealedFile))
		if err != nil || header.Name != keysName {
			u.others = append(u.others, SealedFile{name, raw})
			return err
		}
		return json.Unmarshal(raw, &u.keys)
	case header.Name == fileName:
		return writeFrom(content, filepath.Join(u.folder, fileName))
	case folder == spoolName+"/":
		return writeFrom(content, filepath.Join(u.folder, spoolName, name))
	}
	return fmt.Errorf("%w: %q", errSealDamaged, header.Name)
}

func (u *unpacker) done() (Brought, error) {
	if err := u.keys.Write(filepath.Join(u.folder, keysName)); err != nil {
		return Brought{}, err
	}
	brought, err := lookAt(u.folder)
	brought.Others = u.others
	return brought, err
}

func writeFrom(content io.Reader, to string) error {
	file, err := osfile.CreatePrivate(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Sync(), file.Close())
}

// Bring copies the data folder of a machine that is gone, or a backup of it, into a folder that does not exist yet, with keys
// that open here. The private recovery key in PEM is needed where the keys were sealed by that machine; else it may be nil.
// What it is copied from stays as it is.
func Bring(from string, privatePEM []byte, folder string) (Brought, error) {
	database := filepath.Join(from, fileName)
	if _, err := os.Stat(database); err != nil {
		return Brought{}, agent.Errorf(agent.CodeNotFound, err, "A pasta %s não é a pasta de dados de um pdvagent nem um backup: falta %s. Se ele se perdeu, use a pasta de um backup, dentro de backup.", from, fileName)
	}
	keys, err := keyring.Reveal(filepath.Join(from, keysName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Brought{}, err
	}
	if !keys.Whole() {
		if err := unwrapFrom(database, privatePEM, &keys); err != nil {
			return Brought{}, err
		}
	}
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return Brought{}, err
	}
	if err := copyFile(database, filepath.Join(folder, fileName)); err != nil {
		return Brought{}, err
	}
	if err := copySpool(filepath.Join(from, spoolName), filepath.Join(folder, spoolName)); err != nil {
		return Brought{}, err
	}
	if err := keys.Write(filepath.Join(folder, keysName)); err != nil {
		return Brought{}, err
	}
	return lookAt(folder)
}

func copyFile(from, to string) error {
	file, err := osfile.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	return writeFrom(file, to)
}

// copySpool copies the large bodies. A link would keep the owner that a file had there.
func copySpool(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) {
		return osfile.MakePrivateFolder(to)
	}
	err = errors.Join(err, osfile.MakePrivateFolder(to))
	for _, entry := range entries {
		if err == nil && entry.Type().IsRegular() {
			err = copyFile(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name()))
		}
	}
	return err
}

// unwrapFrom adds the keys that a database has for the owner of the recovery key. They are searched for in its bytes: its
// pages may be damaged.
func unwrapFrom(database string, privatePEM []byte, keys *keyring.Clear) error {
	if len(privatePEM) == 0 {
		return agent.Errorf(agent.CodeConflict, nil, "As chaves destes dados foram seladas pela máquina antiga e não abrem aqui. Informe com --recovery-key a chave privada que faz par com security.recovery_public_key dela.")
	}
	file, err := salvage.Open(database)
	if err != nil {
		return err
	}
	var found, failed error = agent.ErrKeyMissing, nil
	err = file.Search(func(_ int64, h envelope.Header, raw []byte) error {
		if h.Bucket != bucketMeta.code || string(h.Key) != string(metaRecovery) {
			return nil
		}
		_, payload, err := envelope.Open(raw, func(uint32) *envelope.Key { return nil })
		if err == nil {
			err = keys.Unwrap(payload, privatePEM)
		}
		if err == nil {
			found = nil
		} else {
			failed = err
		}
		return nil
	})
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if found != nil && failed != nil {
		return sealedInWords(fmt.Errorf("%w: %w", errWrongRecoveryKey, failed))
	}
	if found != nil || !keys.Whole() {
		return agent.Errorf(agent.CodeConflict, nil, "Estes dados não têm uma cópia das chaves para a recuperação: security.recovery_public_key não estava na configuração do caixa antigo.")
	}
	return nil
}

// lookAt reads what was brought.
func lookAt(folder string) (Brought, error) {
	ring := keyring.Look(filepath.Join(folder, keysName))
	found, err := verify(filepath.Join(folder, fileName), ring)
	return Brought{AgentID: ring.AgentID, Jobs: found.Jobs, Faults: len(found.Faults)}, err
}
