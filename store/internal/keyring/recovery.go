package keyring

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// Wrapped is a copy of a ring's secrets that only the owner of the recovery key can open:
// openssl pkeyutl -decrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256.
type Wrapped struct {
	KeyID  uint32    `json:"key_id"`
	Secret []byte    `json:"secret"`          // RSA-OAEP with SHA-256 over the 64 bytes of secret
	Older  []Wrapped `json:"older,omitempty"` // of keys that are for reading only
}

// Wrap makes a [Wrapped] in JSON. publicPEM is an RSA public key of at least 2048 bits in PEM (PKIX).
func (r *Ring) Wrap(publicPEM []byte) ([]byte, error) {
	wrapped := Wrapped{KeyID: r.Current.ID}
	for _, key := range r.clear.Keys {
		secret, err := SealFor(publicPEM, key.Secret)
		switch {
		case err != nil:
			return nil, err
		case key.ID == wrapped.KeyID:
			wrapped.Secret = secret
		default:
			wrapped.Older = append(wrapped.Older, Wrapped{KeyID: key.ID, Secret: secret})
		}
	}
	return json.Marshal(wrapped)
}

// Unwrap adds the keys of a [Wrapped] in JSON to those in clear. The wrapped current key is the current one, unless another
// one is that is there.
func (c *Clear) Unwrap(raw, privatePEM []byte) error {
	var wrapped Wrapped
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		return err
	}
	for _, one := range append([]Wrapped{wrapped}, wrapped.Older...) {
		if c.has(one.KeyID) {
			continue
		}
		secret, err := OpenWith(privatePEM, one.Secret)
		if err != nil {
			return err
		}
		c.Keys = append(c.Keys, Secret{ID: one.KeyID, Secret: secret})
	}
	if !c.Whole() {
		c.Current = wrapped.KeyID
	}
	return nil
}

// Whole tells whether the current key is there.
func (c *Clear) Whole() bool { return c.has(c.Current) }

func (c *Clear) has(id uint32) bool {
	return slices.ContainsFunc(c.Keys, func(key Secret) bool { return key.ID == id && len(key.Secret) == secretLen })
}

// SealFor encrypts a short secret for the owner of an RSA key of at least 2048 bits, whose public part is given in PEM (PKIX).
func SealFor(publicPEM, secret []byte) ([]byte, error) {
	block, _ := pem.Decode(publicPEM)
	if block == nil {
		return nil, errors.New("recovery key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("recovery key: %w", err)
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok || public.N.BitLen() < 2048 {
		return nil, errors.New("recovery key is not RSA of at least 2048 bits")
	}
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, public, secret, nil)
}

// OpenWith decrypts what [SealFor] made, with the private key in PEM (PKCS #8 or PKCS #1, without a passphrase).
func OpenWith(privatePEM, sealed []byte) ([]byte, error) {
	block, _ := pem.Decode(privatePEM)
	if block == nil {
		return nil, errors.New("recovery key is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if old, oldErr := x509.ParsePKCS1PrivateKey(block.Bytes); oldErr == nil {
		parsed, err = old, nil
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.Join(errors.New("recovery key is no RSA private key without a passphrase"), err)
	}
	return rsa.DecryptOAEP(sha256.New(), nil, private, sealed, nil)
}

// recoveryBits is the length of a new recovery key.
const recoveryBits = 3072

// NewPair makes a recovery key: its private part for a safe, its public part for the tills, both in PEM.
func NewPair() (privatePEM, publicPEM []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, recoveryBits)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), err
}
