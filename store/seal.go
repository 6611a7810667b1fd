package store

import (
	"archive/tar"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// A sealed backup is one file that only the owner of the recovery key reads, on any machine (store.md 16):
//
//	sealedMagic, 2 bytes of length, a file key under RSA-OAEP with SHA-256
//	frames: 4 bytes of length, an envelope with up to sealedFrame bytes; the number of the frame is its sequence, the last one has a tag
//
// The frames' content is a tar: the store's keys in clear, files of others, the database, the large bodies.
const (
	sealedMagic = "pdvagent-sealed-1\n"
	sealedFrame = 256 << 10
	sealedKey   = 32 // bytes
	lastFrame   = 1  // tag

	otherFolder = "other" // in the tar: files that are not the store's
)

// SealedFile is a file that travels in a sealed backup, and that the store does not look into. Its name has no folder.
type SealedFile struct {
	Name    string
	Content []byte
}

// Seal writes the store as it is now for the owner of the recovery key alone, with files of others. Commits go on meanwhile. On
// a disk without room for a copy it refuses.
func (s *Store) Seal(w io.Writer, others []SealedFile) error {
	if err := s.roomForBackup(); err != nil {
		return err
	}
	folder := filepath.Join(s.cfg.Dir, backupFolder, "sealing")
	err := errors.Join(osfile.MakePrivateFolder(filepath.Dir(folder)), osfile.RemoveTree(folder), osfile.MakePrivateFolder(folder))
	if err == nil {
		err = s.backupInto(folder)
	}
	if err == nil {
		err = s.seal(w, folder, others)
	}
	if err = errors.Join(err, osfile.RemoveTree(folder)); err != nil {
		return fmt.Errorf("seal a backup: %w", err)
	}
	return nil
}

// seal writes what a backup's folder has.
func (s *Store) seal(w io.Writer, folder string, others []SealedFile) error {
	frames, err := newFrameWriter(w, s.cfg.RecoveryKey)
	if err != nil {
		return err
	}
	out := tar.NewWriter(frames)
	keys, err := json.Marshal(s.ring.Clear())
	if err == nil {
		err = putBytes(out, keysName, keys)
	}
	for _, file := range others {
		err = errors.Join(err, putBytes(out, otherFolder+"/"+file.Name, file.Content))
	}
	if err == nil {
		err = putFile(out, fileName, filepath.Join(folder, fileName))
	}
	if err == nil {
		err = putSpool(out, filepath.Join(folder, spoolName))
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = frames.Close()
	}
	return err
}

func putSpool(out *tar.Writer, folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			err = errors.Join(err, putFile(out, spoolName+"/"+entry.Name(), filepath.Join(folder, entry.Name())))
		}
	}
	return err
}

func putBytes(out *tar.Writer, name string, content []byte) error {
	if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := out.Write(content)
	return err
}

func putFile(out *tar.Writer, name, path string) error {
	file, err := osfile.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.CopyN(out, file, info.Size())
	return err
}

// frameWriter encrypts what is written in frames.
type frameWriter struct {
	out    io.Writer
	key    *envelope.Key
	held   []byte
	number uint64
}

func newFrameWriter(out io.Writer, publicPEM []byte) (*frameWriter, error) {
	secret := make([]byte, sealedKey)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	wrapped, err := keyring.SealFor(publicPEM, secret)
	if err != nil {
		return nil, err
	}
	key, err := envelope.NewKey(1, secret)
	if err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint16([]byte(sealedMagic), uint16(len(wrapped)))
	_, err = out.Write(append(head, wrapped...))
	return &frameWriter{out: out, key: key}, err
}

// Write keeps the rest of an unfinished frame.
func (w *frameWriter) Write(p []byte) (int, error) {
	w.held = append(w.held, p...)
	for len(w.held) > sealedFrame {
		if err := w.frame(w.held[:sealedFrame], 0); err != nil {
			return 0, err
		}
		w.held = append(w.held[:0], w.held[sealedFrame:]...)
	}
	return len(p), nil
}

// Close writes the last frame.
func (w *frameWriter) Close() error { return w.frame(w.held, lastFrame) }

func (w *frameWriter) frame(content []byte, tag byte) error {
	w.number++
	sealed, err := envelope.Seal(w.key, envelope.Header{Tag: tag, Sequence: w.number}, content)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...))
	return err
}

// frameReader decrypts what a frameWriter wrote. A cut file, and one whose frames were changed or put in another order, is an
// error.
type frameReader struct {
	in     io.Reader
	key    *envelope.Key
	held   []byte
	number uint64
	ended  bool
}

func newFrameReader(in io.Reader, privatePEM []byte) (*frameReader, error) {
	head := make([]byte, len(sealedMagic)+2)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(sealedMagic)]) != sealedMagic {
		return nil, errNotSealed
	}
	wrapped := make([]byte, binary.BigEndian.Uint16(head[len(sealedMagic):]))
	if _, err := io.ReadFull(in, wrapped); err != nil {
		return nil, errNotSealed
	}
	secret, err := keyring.OpenWith(privatePEM, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errWrongRecoveryKey, err)
	}
	key, err := envelope.NewKey(1, secret)
	return &frameReader{in: in, key: key}, err
}

func (r *frameReader) Read(p []byte) (int, error) {
	for len(r.held) == 0 && !r.ended {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	if len(r.held) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.held)
	r.held = r.held[n:]
	return n, nil
}

// next reads a frame.
func (r *frameReader) next() error {
	var head [4]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return fmt.Errorf("%w: it ends too early", errSealDamaged)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > sealedFrame+1024 {
		return fmt.Errorf("%w: a frame of %d bytes", errSealDamaged, size)
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r.in, raw); err != nil {
		return fmt.Errorf("%w: it ends too early", errSealDamaged)
	}
	h, content, err := envelope.Open(raw, func(uint32) *envelope.Key { return r.key })
	r.number++
	if err != nil || h.KeyID != r.key.ID || h.Sequence != r.number {
		return fmt.Errorf("%w: frame %d", errSealDamaged, r.number)
	}
	r.held, r.ended = content, h.Tag == lastFrame
	return nil
}
