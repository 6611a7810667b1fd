package config

import (
	"encoding/base64"
	"errors"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	sealed  = "dpapi:"             // prefix of a secret that only this machine decrypts
	purpose = "pdvagent config v1" // DPAPI entropy: other programs' sealed data are not accepted
)

// Seal encrypts a secret so that only this machine can decrypt it (Windows, DPAPI). On Linux it returns an error that names
// systemd's credentials.
func Seal(text string) (string, error) {
	raw, err := osfile.Seal(purpose, []byte(text))
	if errors.Is(err, osfile.ErrNoSeal) {
		return "", agent.Errorf(agent.CodeBadConfig, nil, "Selar é do Windows (DPAPI). Aqui use uma credencial do systemd: LoadCredentialEncrypted= na unidade e token_file na configuração.")
	}
	return sealed + base64.StdEncoding.EncodeToString(raw), err
}

// unseal decrypts the result of [Seal]; it returns any other secret as it is.
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
