package simkit

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Arrival is one request of a payment cloud as it came in.
type Arrival struct {
	At     time.Time       `json:"at"`
	Route  string          `json:"route"`
	Path   string          `json:"path"` // with the query
	Body   json.RawMessage `json:"body,omitempty"`
	Status int             `json:"status"` // of the answer; 0: none, or a fault's
	Effect bool            `json:"effect"` // the cloud did what was asked, whatever the answer was
	Fault  string          `json:"fault,omitempty"`
}

// ArrivalLog keeps the requests that came, one A each. Its zero value is empty. It is safe for concurrent use.
type ArrivalLog[A any] struct {
	mu   sync.Mutex
	list []A
}

// Note adds a request.
func (l *ArrivalLog[A]) Note(arrival A) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, arrival)
}

// Received gives every request since the start or the last [ArrivalLog.Forget], oldest first.
func (l *ArrivalLog[A]) Received() []A {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// Forget empties the log.
func (l *ArrivalLog[A]) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = nil
}
