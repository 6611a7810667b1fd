// Package envelope wraps a value so that it is encrypted, checksummed, recognised when a damaged file is searched byte by
// byte, and understood without any other page of the file. It knows keys and bytes, not what a bucket means. Package store
// and its parts call it; it calls only crypto.
//
// Layout, big-endian (store.md 4):
//
//	 0  4  magic
//	 4  1  format version
//	 5  1  bucket code
//	 6  1  tag: readable without the key (state and kind of a job), 0 otherwise
//	 7  1  length of the bucket key
//	 8  4  length of the payload
//	12  8  sequence
//	20  8  version of the value
//	28  4  key id; 0 means that the payload is in clear
//	32 12  nonce
//	44     bucket key, payload (AES-256-GCM, all before it is additional data), CRC-32C of everything before it
package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	format    = 1
	headerLen = 44
	crcLen    = 4
	maxKeyLen = 255
	// MaxPayload bounds a payload, in bytes: larger bodies are spooled.
	MaxPayload = 2 << 20
)

var (
	magic      = [4]byte{0xA7, 'P', 'D', 'V'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Why an envelope does not open.
var (
	ErrDamaged    = errors.New("envelope is damaged")
	ErrUnknownKey = errors.New("envelope's key is not here")
)

// Header is the part of an envelope that is readable without a key. It holds no personal data.
type Header struct {
	Bucket   byte
	Tag      byte
	Key      []byte // of the bucket
	Sequence uint64
	Version  uint64
	KeyID    uint32
}

// Key is an AES-256 key and its id.
type Key struct {
	ID   uint32
	aead cipher.AEAD
}

// NewKey takes 32 bytes of secret. id 0 is reserved for clear payloads.
func NewKey(id uint32, secret []byte) (*Key, error) {
	if id == 0 {
		return nil, errors.New("key id 0 is reserved")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Key{ID: id, aead: aead}, nil
}

// Seal wraps payload. With a nil key the payload is in clear, which is only for ciphertext.
func Seal(key *Key, h Header, payload []byte) ([]byte, error) {
	if len(h.Key) > maxKeyLen || len(payload) > MaxPayload {
		return nil, fmt.Errorf("envelope of %d bytes under a key of %d is too large", len(payload), len(h.Key))
	}
	size, overhead := len(payload), 0
	if key != nil {
		overhead = key.aead.Overhead()
	}
	out := make([]byte, headerLen+len(h.Key), headerLen+len(h.Key)+size+overhead+crcLen)
	copy(out, magic[:])
	out[4], out[5], out[6], out[7] = format, h.Bucket, h.Tag, byte(len(h.Key))
	binary.BigEndian.PutUint32(out[8:], uint32(size+overhead))
	binary.BigEndian.PutUint64(out[12:], h.Sequence)
	binary.BigEndian.PutUint64(out[20:], h.Version)
	copy(out[headerLen:], h.Key)
	if key == nil {
		out = append(out, payload...)
	} else {
		binary.BigEndian.PutUint32(out[28:], key.ID)
		nonce := out[32:headerLen]
		if _, err := rand.Read(nonce); err != nil {
			return nil, err
		}
		out = key.aead.Seal(out, nonce, payload, out) //nolint:gosec // the nonce was read from crypto/rand two lines up
	}
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli)), nil
}

// Peek checks the checksum and gives the header and the payload as stored. data may be longer than the envelope.
func Peek(data []byte) (Header, []byte, error) {
	if len(data) < headerLen+crcLen || !bytes.Equal(data[:4], magic[:]) || data[4] != format {
		return Header{}, nil, ErrDamaged
	}
	keyLen, size := int(data[7]), binary.BigEndian.Uint32(data[8:])
	if size > MaxPayload+64 {
		return Header{}, nil, ErrDamaged
	}
	end := headerLen + keyLen + int(size)
	if len(data) < end+crcLen || crc32.Checksum(data[:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return Header{}, nil, ErrDamaged
	}
	return Header{
		Bucket:   data[5],
		Tag:      data[6],
		Key:      data[headerLen : headerLen+keyLen],
		Sequence: binary.BigEndian.Uint64(data[12:]),
		Version:  binary.BigEndian.Uint64(data[20:]),
		KeyID:    binary.BigEndian.Uint32(data[28:]),
	}, data[headerLen+keyLen : end], nil
}

// Magic gives the first bytes of every envelope.
func Magic() []byte { return magic[:] }

// Len is the length of the envelope at the beginning of data, which [Peek] has accepted.
func Len(data []byte) int {
	return headerLen + int(data[7]) + int(binary.BigEndian.Uint32(data[8:])) + crcLen
}

// Open checks and decrypts. key finds a key by its id, and gives nil for a missing one. The payload is a copy.
func Open(data []byte, key func(id uint32) *Key) (Header, []byte, error) {
	h, stored, err := Peek(data)
	if err != nil {
		return h, nil, err
	}
	if h.KeyID == 0 {
		return h, bytes.Clone(stored), nil
	}
	k := key(h.KeyID)
	if k == nil {
		return h, nil, fmt.Errorf("%w: key %08x", ErrUnknownKey, h.KeyID)
	}
	payload, err := k.aead.Open(nil, data[32:headerLen], stored, data[:headerLen+len(h.Key)])
	if err != nil {
		return h, nil, fmt.Errorf("%w: it does not authenticate", ErrDamaged)
	}
	return h, payload, nil
}
