package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"pdvagent/agent/chain"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

// addressName is the file in the data folder that says where agents join: serve writes it, an invitation quotes it.
const addressName = "address.json"

const maxAddress = 4 << 10 // bytes

// address is how an invited agent finds the hub, and knows it.
type address struct {
	URL string `json:"url"`
	Pin []byte `json:"pin"`
}

func (h *Hub) writeAddress() error {
	raw, err := json.Marshal(address{h.Address(), h.broker.Certificates().Pin()})
	if err != nil {
		return err
	}
	return osfile.WriteNew(filepath.Join(h.cfg.Dir, addressName), raw)
}

// ErrNeverServed says that a data folder has no hub yet.
var ErrNeverServed = errors.New("nesta pasta ainda não há um hub: inicie-o uma vez com pdvhub serve")

// Invite makes an invitation to the hub of a data folder, which may run meanwhile.
func Invite(ctx context.Context, dir, shop, till string, valid time.Duration) (i chain.Invitation, err error) {
	raw, err := osfile.ReadUpTo(filepath.Join(dir, addressName), maxAddress)
	if errors.Is(err, fs.ErrNotExist) {
		return i, ErrNeverServed
	}
	var a address
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err != nil {
		return i, fmt.Errorf("o endereço do hub não pôde ser lido: %w", err)
	}
	l, err := ledger.Open(ctx, dir, time.Now)
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	secret, err := l.Invite(ctx, shop, till, valid)
	return chain.Invitation{URL: a.URL, Secret: secret, Pin: a.Pin}, err
}
