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
)

// Wrapped is a copy of the current secret that only the owner of the recovery key can open:
// openssl pkeyutl -decrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256.
type Wrapped struct {
	KeyID  uint32 `json:"key_id"`
	Secret []byte `json:"secret"` // RSA-OAEP with SHA-256 over the 64 bytes of secret
}

// Wrap makes a [Wrapped] in JSON. publicPEM is an RSA public key of at least 2048 bits in PEM (PKIX).
func (r *Ring) Wrap(publicPEM []byte) ([]byte, error) {
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
	secret, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, r.secret, nil)
	if err != nil {
		return nil, err
	}
	return json.Marshal(Wrapped{KeyID: r.Current.ID, Secret: secret})
}
