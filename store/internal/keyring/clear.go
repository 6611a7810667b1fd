package keyring

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// Secret is one key in clear.
type Secret struct {
	ID        uint32    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Secret    []byte    `json:"secret"`
}

// Clear are an installation's keys in clear, on their way to another machine: who has them reads everything.
type Clear struct {
	AgentID string   `json:"agent_id"`
	Current uint32   `json:"current"`
	Keys    []Secret `json:"keys"`
}

// Clear gives the keys that open here.
func (r *Ring) Clear() Clear {
	c := Clear{AgentID: r.AgentID, Keys: r.clear.Keys}
	if r.Current != nil {
		c.Current = r.Current.ID
	}
	return c
}

// Reveal reads the key file at path and gives the keys that open here, perhaps none; also those of another machine.
func Reveal(path string) (Clear, error) {
	stored, err := read(path)
	if err != nil {
		return Clear{}, err
	}
	ring := Look(path)
	return Clear{AgentID: stored.AgentID, Current: stored.Current, Keys: ring.clear.Keys}, nil
}

// Write writes the keys to a key file that this machine opens, as its own.
func (c Clear) Write(path string) error {
	if !c.Whole() {
		return errors.New("the current key is missing")
	}
	stored := file{Version: 1, AgentID: c.AgentID, Current: c.Current}
	if stored.AgentID == "" {
		stored.AgentID = uuid.NewString()
	}
	for _, key := range c.Keys {
		e, err := sealed(key)
		if err != nil {
			return err
		}
		stored.Keys = append(stored.Keys, e)
	}
	return stored.write(path)
}
