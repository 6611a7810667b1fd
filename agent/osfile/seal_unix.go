//go:build !windows

package osfile

// Seal is not available: systemd's credentials seal secrets here (LoadCredentialEncrypted=).
func Seal(string, []byte) ([]byte, error) { return nil, ErrNoSeal }

// Unseal is not available.
func Unseal(string, []byte) ([]byte, error) { return nil, ErrNoSeal }
