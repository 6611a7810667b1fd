package homologation

import (
	"fmt"
	"sync"

	"github.com/google/uuid"
)

// IDs makes every id of a run from its seed: the same questions get the same ids in every run with the seed, in whatever order they
// are asked. It is safe for concurrent use.
type IDs struct {
	seed string

	mu    sync.Mutex
	asked map[string]int
}

// NewIDs begins with a seed.
func NewIDs(seed string) *IDs { return &IDs{seed: seed, asked: make(map[string]int)} }

// ID gives the next id of what it is for.
func (i *IDs) ID(what string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[what]++
	return uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s\n%s\n%d", i.seed, what, i.asked[what])).String()
}
