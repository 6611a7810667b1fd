//go:build !windows

package osfile

// Seal is not to be had here: systemd's credentials do it (LoadCredentialEncrypted=).
func Seal(string, []byte) ([]byte, error) { return nil, ErrNoSeal }

// Unseal is not to be had here.
func Unseal(string, []byte) ([]byte, error) { return nil, ErrNoSeal }
