package keyring

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pdvagent/agent/osfile"
	"pdvagent/store/internal/envelope"
)

// Names of the seals in the key file.
const (
	sealNone       = "none"       // the file's rights alone
	sealCredential = "credential" // AES-256-GCM under the systemd credential "pdvagent-store-key"
	sealDPAPI      = "dpapi"      // Windows, machine scope
)

const credentialName = "pdvagent-store-key"

// entropy binds the sealed secret to its purpose: another program needs it too.
const entropy = "pdvagent store key v1"

func seal(secret []byte) (string, []byte, error) {
	if key, err := credentialKey(); err == nil {
		sealed, err := envelope.Seal(key, envelope.Header{}, secret)
		return sealCredential, sealed, err
	}
	sealed, err := osfile.Seal(entropy, secret)
	if errors.Is(err, osfile.ErrNoSeal) {
		return sealNone, secret, nil
	}
	return sealDPAPI, sealed, err
}

func unseal(name string, sealed []byte) ([]byte, error) {
	switch name {
	case sealNone:
		return sealed, nil
	case sealCredential:
		key, err := credentialKey()
		if err != nil {
			return nil, err
		}
		_, secret, err := envelope.Open(sealed, func(uint32) *envelope.Key { return key })
		return secret, err
	case sealDPAPI:
		return osfile.Unseal(entropy, sealed)
	}
	return nil, osfile.ErrNoSeal
}

// credentialKey derives a key from the systemd credential (LoadCredentialEncrypted=), which has at least 16 bytes.
func credentialKey() (*envelope.Key, error) {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" {
		return nil, osfile.ErrNoSeal
	}
	raw, err := os.ReadFile(filepath.Join(folder, credentialName)) //nolint:gosec // systemd sets the folder
	if err != nil {
		return nil, err
	}
	if len(raw) < 16 {
		return nil, fmt.Errorf("credential %s has %d bytes, at least 16 are needed", credentialName, len(raw))
	}
	sum := sha256.Sum256(raw)
	return envelope.NewKey(1, sum[:])
}
