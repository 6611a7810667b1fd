package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"pdvagent/agent/chain"
	"pdvagent/agent/osfile"
)

// keysName is the file of the chain's keys in the hub's data folder. Who has it is the chain.
const keysName = "keys.json"

const maxKeys = 64 << 10 // bytes

// seeds are the keys on disk, private: the operator signs accounts, the chain's account signs agents.
type seeds struct {
	Operator string `json:"operator"`
	Account  string `json:"account"`
	System   string `json:"system"`
}

// authority signs what the broker believes.
type authority struct {
	operator, account, system nkeys.KeyPair
}

// openAuthority reads the keys of a data folder, and makes them in a new one.
func openAuthority(dir string) (a authority, err error) {
	path := filepath.Join(dir, keysName)
	raw, err := osfile.ReadUpTo(path, maxKeys)
	var s seeds
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if a, err = newAuthority(); err != nil {
			return a, err
		}
		if raw, err = a.marshal(); err != nil {
			return a, err
		}
		return a, osfile.WriteNew(path, raw)
	case err != nil:
		return a, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	for _, k := range []struct {
		pair *nkeys.KeyPair
		seed string
	}{{&a.operator, s.Operator}, {&a.account, s.Account}, {&a.system, s.System}} {
		if *k.pair, err = nkeys.FromSeed([]byte(k.seed)); err != nil {
			return a, fmt.Errorf("%s: %w", path, err)
		}
	}
	return a, nil
}

func newAuthority() (a authority, err error) {
	if a.operator, err = nkeys.CreateOperator(); err != nil {
		return a, err
	}
	if a.account, err = nkeys.CreateAccount(); err != nil {
		return a, err
	}
	a.system, err = nkeys.CreateAccount()
	return a, err
}

func (a authority) marshal() ([]byte, error) {
	var s seeds
	for _, k := range []struct {
		pair nkeys.KeyPair
		seed *string
	}{{a.operator, &s.Operator}, {a.account, &s.Account}, {a.system, &s.System}} {
		seed, err := k.pair.Seed()
		if err != nil {
			return nil, err
		}
		*k.seed = string(seed)
	}
	return json.Marshal(s)
}

// claims are the broker's view of the authority: the operator, and the JWTs of its accounts by their public keys.
func (a authority) claims() (operator *jwt.OperatorClaims, accounts map[string]string, system string, err error) {
	names := make([]string, 3)
	for i, pair := range []nkeys.KeyPair{a.operator, a.account, a.system} {
		if names[i], err = pair.PublicKey(); err != nil {
			return nil, nil, "", err
		}
	}
	operator = jwt.NewOperatorClaims(names[0])
	operator.SystemAccount = names[2]
	if _, err = operator.Encode(a.operator); err != nil { // fills in who issued it
		return nil, nil, "", err
	}
	accounts = make(map[string]string)
	for _, name := range names[1:] {
		if accounts[name], err = jwt.NewAccountClaims(name).Encode(a.operator); err != nil {
			return nil, nil, "", err
		}
	}
	return operator, accounts, names[2], nil
}

// member signs what an agent may: its own subjects.
func (a authority) member(key, agent string) (string, error) {
	claims := jwt.NewUserClaims(key)
	claims.Name = agent
	claims.Pub.Allow.Add(chain.MayPublish(agent))
	claims.Sub.Allow.Add(chain.MaySubscribe(agent), "_INBOX."+agent+".>")
	claims.Limits.Payload = maxPayload
	claims.Subs = maxSubscriptions
	return claims.Encode(a.account)
}

// hub signs a user of the hub's own process, which may everything in the account.
func (a authority) hub() (token string, keys nkeys.KeyPair, err error) {
	if keys, err = nkeys.CreateUser(); err != nil {
		return "", nil, err
	}
	public, err := keys.PublicKey()
	if err != nil {
		return "", nil, err
	}
	token, err = jwt.NewUserClaims(public).Encode(a.account)
	return token, keys, err
}
