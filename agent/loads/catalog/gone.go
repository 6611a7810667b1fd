package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
)

// Gone is the records that the cloud has and a full load has not.
type Gone struct {
	Count    int      `json:"count"`
	Keys     []string `json:"keys"`     // some of them
	Inactive int      `json:"inactive"` // of them, sent as out of use
	Withheld bool     `json:"withheld"` // too many to be true, or the keys of some records could not be read: nothing was done
}

const (
	someGone = 100 // keys of a report
	// believable is the share, one in so many, of a catalog that may be gone at a time; more is probably half a file.
	believable = 5
)

// Missing finds the records that the cloud has and this full load has not. inactive sends them as out of use.
func (i *Intake) Missing(ctx context.Context, inactive bool) (Gone, error) {
	gone := Gone{Keys: []string{}}
	entries, names, err := i.missing()
	if err != nil || len(entries) == 0 {
		return gone, err
	}
	gone.Count = len(entries)
	gone.Keys = keysIn(i.shape, names)
	if i.lost > 0 || !i.opt.Confirmed && gone.Count*believable > i.keys+gone.Count {
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

// survey reads a full load once before anything is taken of it. It gives the reasons, in Portuguese, for which nothing is
// taken: a source that cannot be read to its end, or more missing than is believable. Then the sources are closed.
func (i *Intake) survey(ctx context.Context, sources []source.Opened) (faults []string, gone *Gone, err error) {
	faults = []string{}
	fates := make([]source.Fate, len(sources))
	for n, opened := range sources {
		fates[n] = source.Left
		for record := range opened.Records(ctx) {
			i.expect(record)
		}
		if err := opened.Err(); err != nil && ctx.Err() == nil {
			faults = append(faults, agent.Sentence(err))
			if !errors.Is(err, source.ErrUnfinished) {
				fates[n] = source.Faulty
			}
		}
	}
	if err = ctx.Err(); err == nil && len(faults) == 0 {
		var words string
		if gone, words, err = i.doubt(); gone != nil {
			faults = append(faults, words)
		}
	}
	if len(faults) > 0 || err != nil {
		for n, opened := range sources {
			err = errors.Join(err, opened.Close(fates[n]))
		}
	}
	i.anew()
	return faults, gone, err
}

// expect notes that the load has a record, without reading it.
func (i *Intake) expect(record source.Record) {
	key := record.Key
	if record.Fault == nil {
		if peeked, ok := rawjson.Peek(record.Body, i.shape.Key); ok {
			key = string(peeked)
		} else if parsed, err := rawjson.Parse(record.Body); err == nil {
			value, _ := parsed.Get(i.shape.Key)
			key, _ = value.Text()
		}
	}
	if key == "" {
		i.lost++
		return
	}
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	digest := i.keyOf(key)
	content, known := i.shelf.known[digest]
	switch {
	case i.seen != nil:
		i.seen[digest] = content
	case known:
		i.shelf.known[digest] = content | marked
	}
}

// doubt tells what is gone when it is too much to be true; nil: it is not.
func (i *Intake) doubt() (*Gone, string, error) {
	entries, names, err := i.missing()
	if err != nil || i.opt.Confirmed {
		return nil, "", err
	}
	i.l.mu.Lock()
	known := len(i.shelf.known)
	i.l.mu.Unlock()
	if (len(entries)-i.lost)*believable <= known {
		return nil, "", nil
	}
	gone := Gone{Count: len(entries), Keys: keysIn(i.shape, names), Withheld: true}
	return &gone, fmt.Sprintf("Sumiram registros demais para ser verdade: a carga completa não tem %d dos %d registros de %s que a nuvem tem. Nada foi enviado nem dado por inativo, e a origem ficou onde está. Confira-a; se está certa, confirme com: pdvagent routines run %s --confirm",
		len(entries), known, i.shelf.kind, i.shelf.kind), nil
}

// missing makes the entries that remove what is known and this load has not, and reads their names.
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

// keysIn reads the first keys of a list of names.
func keysIn(shape agent.LoadShape, names [][]byte) []string {
	keys := []string{}
	for _, name := range names[:min(len(names), someGone)] {
		keys = append(keys, keyIn(shape, name))
	}
	return keys
}

// keyIn reads the key in a name, which is the key alone or the beginning of a record.
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
