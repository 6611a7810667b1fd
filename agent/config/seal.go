package config

import (
	"encoding/base64"
	"errors"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	sealed  = "dpapi:"             // begins a secret that only this machine opens, in the file or in a file of its own
	purpose = "pdvagent config v1" // ties it to this use
)

// Seal encrypts a secret for the configuration so that only this machine can read it (Windows, DPAPI). On Linux systemd's
// credentials do that, and the error says so.
func Seal(text string) (string, error) {
	raw, err := osfile.Seal(purpose, []byte(text))
	if errors.Is(err, osfile.ErrNoSeal) {
		return "", agent.Errorf(agent.CodeBadConfig, nil, "Selar é do Windows (DPAPI). Aqui use uma credencial do systemd: LoadCredentialEncrypted= na unidade e token_file na configuração.")
	}
	return sealed + base64.StdEncoding.EncodeToString(raw), err
}

// unseal opens what [Seal] made; anything else is the secret itself.
func unseal(secret Secret) (Secret, error) {
	text, ok := strings.CutPrefix(secret.Reveal(), sealed)
	if !ok {
		return secret, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	opened, err := osfile.Unseal(purpose, raw)
	return Secret(opened), err
}
