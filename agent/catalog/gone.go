package catalog

import (
	"context"
	"encoding/json"
	"slices"

	"pdvagent/agent"
)

// Gone is what a full load does not have any more.
type Gone struct {
	Count    int      `json:"count"`
	Keys     []string `json:"keys"`     // some of them
	Inactive int      `json:"inactive"` // of them, sent as out of use
	Withheld bool     `json:"withheld"` // too many to believe, or some records could not even be read: nothing was done about them
}

const (
	someGone = 100 // keys of a report
	// believable is the share, one in so many, of a catalog that may vanish at a time; more is probably half a file.
	believable, alwaysBelieved = 5, 50
)

// Missing gives what the cloud has and this load had not: it was the whole. inactive sends those as out of use.
func (i *Intake) Missing(ctx context.Context, inactive bool) (Gone, error) {
	gone := Gone{Keys: []string{}}
	entries, names, err := i.missing()
	if err != nil || len(entries) == 0 {
		return gone, err
	}
	gone.Count = len(entries)
	for _, name := range names[:min(len(names), someGone)] {
		gone.Keys = append(gone.Keys, keyIn(i.shape, name))
	}
	if gone.Count > max((i.met+gone.Count)/believable, alwaysBelieved) || i.lost > 0 {
		gone.Withheld = true
		return gone, nil
	}
	if !inactive || i.shape.Active == "" {
		i.l.mu.Lock()
		defer i.l.mu.Unlock()
		for n := range entries {
			delete(i.shelf.known, entries[n].Key)
		}
		return gone, i.l.note(i.shelf, entries)
	}
	for n, entry := range entries {
		if names[n][0] != '{' { // only its key is known: a name must not be overwritten with nothing
			continue
		}
		gone.Inactive++
		record := append(append([]byte(nil), names[n]...), `"`+i.shape.Active+`":false}`...)
		if err := i.put(ctx, entry, record); err != nil {
			return gone, err
		}
	}
	return gone, i.Flush(ctx)
}

// missing gives entries that take back what is known and this load had not, and their names.
func (i *Intake) missing() (entries []agent.LoadEntry, names [][]byte, err error) {
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	at := make(map[uint64]int)
	for key, content := range i.shelf.known {
		if _, seen := i.seen[key]; !seen && content&marked == 0 {
			at[key] = len(entries)
			entries, names = append(entries, agent.LoadEntry{Key: key}), append(names, []byte(`""`))
		}
	}
	if len(entries) == 0 {
		return nil, nil, nil
	}
	err = i.l.ledger.Each(i.shelf.kind, func(entry agent.LoadEntry) {
		if n, ok := at[entry.Key]; ok && len(entry.Name) > 0 {
			names[n] = slices.Clone(entry.Name)
		}
	})
	return entries, names, err
}

// keyIn gives the key in a name: the key alone, or the beginning of a record.
func keyIn(shape agent.LoadShape, name []byte) string {
	var key string
	if json.Unmarshal(name, &key) == nil {
		return key
	}
	var record map[string]any
	if json.Unmarshal(append(append([]byte(nil), name...), `"":0}`...), &record) == nil {
		key, _ = record[shape.Key].(string)
	}
	return key
}
