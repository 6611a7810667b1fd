// Package inbox keeps the files that a person drops on the console for an hour, each in a private folder of its own, and shows
// what a load would make of one. It takes a file as bytes; package source reads it, by the same rules as one of a shop's
// folder.
//
// Its caller is till/api; it calls source, mask and osfile.
package inbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/mask"
	"pdvagent/agent/osfile"
	"pdvagent/agent/rawjson"
)

const (
	kept      = 5 // files at a time; the oldest makes way
	keptFor   = time.Hour
	firstRows = 10 // records that a preview shows
	someFault = 50 // faults that it shows
)

// Inbox is the folder of the files.
type Inbox struct {
	dir string
	now func() time.Time
	mu  sync.Mutex
}

// New makes one; its folder is made with the first file.
func New(dir string, now func() time.Time) *Inbox { return &Inbox{dir: dir, now: now} }

// Kinds of files, by how their names end.
func endings() []string { return []string{".csv", ".json", ".ndjson", ".jsonl"} }

var strange = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Take keeps a file and gives its id. A file that no source reads is refused.
func (b *Inbox) Take(name string, body io.Reader) (id string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ending := strings.ToLower(filepath.Ext(name))
	if ending == ".txt" {
		ending = ".csv"
	}
	if !slices.Contains(endings(), ending) {
		return "", agent.Errorf(agent.CodeMediaType, nil, "Só se lê CSV ou JSON. Uma planilha se salva como CSV (UTF-8) no próprio programa de planilhas.")
	}
	if err := b.sweep(kept - 1); err != nil {
		return "", err
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // it never fails
	id = hex.EncodeToString(raw)
	folder := filepath.Join(b.dir, id)
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return "", err
	}
	stem := strange.ReplaceAllString(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), "_")
	file, err := osfile.CreatePrivate(filepath.Join(folder, strings.TrimLeft(stem[:min(len(stem), 60)]+ending, ".")))
	if err != nil {
		return "", err
	}
	n, err := io.Copy(file, body)
	if err = errors.Join(err, file.Close()); err == nil && n == 0 {
		err = agent.Errorf(agent.CodeInvalid, nil, "O arquivo está vazio.")
	}
	if err != nil {
		return "", errors.Join(err, osfile.RemoveTree(folder))
	}
	return id, nil
}

// sweep removes the files that are old, and the oldest of more than so many.
func (b *Inbox) sweep(most int) error {
	entries, err := os.ReadDir(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return osfile.MakePrivateFolder(b.dir)
	}
	if err != nil {
		return err
	}
	age := func(entry fs.DirEntry) time.Duration {
		info, err := entry.Info()
		if err != nil {
			return keptFor
		}
		return b.now().Sub(info.ModTime())
	}
	slices.SortFunc(entries, func(a, c fs.DirEntry) int { return int(age(c) - age(a)) }) // the oldest first
	for i, entry := range entries {
		if len(entries)-i > most || age(entry) >= keptFor {
			if err := osfile.RemoveTree(filepath.Join(b.dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

var known = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Folder is where a file lies, alone.
func (b *Inbox) Folder(id string) (string, error) {
	folder := filepath.Join(b.dir, id)
	if info, err := os.Lstat(folder); !known.MatchString(id) || err != nil || !info.IsDir() {
		return "", agent.Errorf(agent.CodeNotFound, nil, "Este arquivo não está mais aqui: solte-o de novo.")
	}
	return folder, nil
}

// Open opens a file to be read by a source's rules.
func (b *Inbox) Open(id string, cfg source.Config, shape agent.LoadShape) (source.Opened, error) {
	folder, err := b.Folder(id)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			return source.OpenFile(cfg, shape, filepath.Join(folder, entry.Name())), nil
		}
	}
	return nil, agent.Errorf(agent.CodeNotFound, nil, "Este arquivo já foi enviado; solte-o de novo.")
}

// Preview is what a load would make of a file.
type Preview struct {
	Columns []source.Mapped   `json:"columns"` // of a CSV file
	Records int               `json:"records"` // that can be read
	Faulty  int               `json:"faulty"`
	First   []json.RawMessage `json:"first"`
	Faults  []Fault           `json:"faults"`            // the first ones
	Refused string            `json:"refused,omitempty"` // why the file is refused as a whole
}

// Fault is a record that a load would refuse.
type Fault struct {
	Place string `json:"place"`
	agent.Fault
}

// Look reads an open file to its end, and sends nothing. wrong says what is wrong with a record. Of the first ones the fields
// named open are shown as they are, and all others masked.
func Look(ctx context.Context, opened source.Opened, wrong func(body []byte) *agent.Fault, open ...string) Preview {
	p := Preview{Columns: []source.Mapped{}, First: []json.RawMessage{}, Faults: []Fault{}}
	for record := range opened.Records(ctx) {
		fault := record.Fault
		if fault == nil {
			fault = wrong(record.Body)
		}
		if fault != nil {
			if p.Faulty++; len(p.Faults) < someFault {
				p.Faults = append(p.Faults, Fault{record.Place, *fault})
			}
			continue
		}
		if p.Records++; len(p.First) < firstRows {
			p.First = append(p.First, shown(record.Body, open))
		}
	}
	p.Columns = append(p.Columns, source.Mapping(opened)...)
	if err := opened.Err(); err != nil {
		p.Refused = agent.Sentence(err)
	} else if p.Records+p.Faulty == 0 {
		p.Refused = "O arquivo não tem registros."
	}
	return p
}

// shown is a record with all but some fields masked.
func shown(body []byte, open []string) json.RawMessage {
	var plain, masked map[string]json.RawMessage
	value, err := rawjson.Parse(body)
	if err = errors.Join(err, json.Unmarshal(body, &plain)); err != nil {
		return json.RawMessage("{}")
	}
	if err := json.Unmarshal(mask.Body(body, value), &masked); err != nil {
		return json.RawMessage("{}")
	}
	for _, name := range open {
		if text, there := plain[name]; there {
			masked[name] = text
		}
	}
	text, _ := json.Marshal(masked) // it was JSON
	return text
}
