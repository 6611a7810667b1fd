package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// Editor changes the file, keeps its latest versions, and never writes an invalid configuration. Several processes may edit
// at a time: a file lock makes them take turns.
type Editor struct {
	Path   string           // of the file
	Folder string           // of the versions; private
	Env    Env              // default os.LookupEnv
	Now    func() time.Time // default time.Now

	mu    sync.Mutex
	after func(step string) // of a try; a test's
}

// step tells a test where a try is.
func (e *Editor) step(name string) {
	if e.after != nil {
		e.after(name)
	}
}

// Edited is the file after a change.
type Edited struct {
	Config   Config
	Version  Version // the one in force
	Warnings []Fault
	Same     bool // the file's text is what it was
}

// Current reads the file. A change that was made by hand becomes a version.
func (e *Editor) Current() (Edited, error) {
	return e.change(false, func(list []stored, _ []byte) (stored, error) { return list[len(list)-1], nil })
}

// Apply makes changes in the name of an author. An invalid result ([Faults]) leaves the file as it was.
func (e *Editor) Apply(changes []Change, author string) (Edited, error) {
	return e.change(false, func(_ []stored, text []byte) (stored, error) {
		edited, err := Edit(text, changes)
		return stored{Version: Version{Author: author}, Text: string(edited)}, err
	})
}

// Undo restores the version before; another Undo restores the one before that. One that reads other files or calls other
// places wants the administrator's word: confirmed.
func (e *Editor) Undo(author string, confirmed bool) (Edited, error) {
	return e.change(true, func(list []stored, text []byte) (stored, error) {
		next, err := undo(list, author)
		if err == nil && !confirmed {
			err = unconfirmed(e.bound(text, []byte(next.Text)))
		}
		return next, err
	})
}

// undo gives the version before as a new one.
func undo(list []stored, author string) (stored, error) {
	earlier, ok := undoTarget(list)
	if !ok {
		return stored{}, agent.Errorf(agent.CodeConflict, nil, "Não há versão anterior da configuração.")
	}
	return stored{Version: Version{Author: author, Restores: earlier.Number}, Text: earlier.Text}, nil
}

// Versions returns the latest versions, oldest first.
func (e *Editor) Versions() ([]Version, error) {
	if _, err := e.Current(); err != nil {
		return nil, err
	}
	list, err := history{e.Folder}.all()
	versions := make([]Version, len(list))
	for i, version := range list {
		versions[i] = version.Version
	}
	return versions, err
}

// change calls decide with the file's text and replaces the file by the result if that is valid. A file that lacks sections is
// refused unless it is accepted.
func (e *Editor) change(accepted bool, decide func(list []stored, text []byte) (stored, error)) (Edited, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	unlock, err := e.lock()
	if err != nil {
		return Edited{}, err
	}
	defer unlock()
	raw, err := osfile.ReadFile(e.Path)
	if err != nil {
		return Edited{}, err
	}
	text := Text(raw) // it is written as UTF-8
	if faults := e.lost(text); len(faults) > 0 && !accepted {
		return Edited{}, faults
	}
	list, err := e.history(text)
	if err != nil {
		return Edited{}, err
	}
	next, err := decide(list, text)
	if err != nil {
		return Edited{}, err
	}
	cfg, warnings, err := Parse([]byte(next.Text), filepath.Dir(e.Path), e.env())
	if err != nil {
		return Edited{}, err
	}
	if next.Text == string(text) {
		if err := e.keepSections(text); err != nil {
			return Edited{}, err
		}
		return Edited{cfg, list[len(list)-1].Version, warnings, true}, nil
	}
	if err := e.mayChange(raw, next, cfg); err != nil {
		return Edited{}, err
	}
	if err := osfile.Replace(e.Path, []byte(next.Text)); err != nil {
		return Edited{}, notWritten(e.Path, err)
	}
	e.step("written")
	if err := e.keepSections([]byte(next.Text)); err != nil {
		return Edited{}, notKept(err)
	}
	next.At, next.Changed = e.now(), differences(text, []byte(next.Text))
	list, err = history{e.Folder}.add(list, next)
	if err != nil {
		return Edited{}, notKept(err)
	}
	return Edited{cfg, list[len(list)-1].Version, warnings, false}, nil
}

// lock makes the other processes wait that edit the file. The caller holds mu.
func (e *Editor) lock() (unlock func(), err error) {
	if err := osfile.MakePrivateFolder(e.Folder); err != nil {
		return nil, notWritten(e.Folder, err)
	}
	if unlock, err = osfile.Lock(filepath.Join(e.Folder, "lock")); err != nil {
		return nil, notWritten(e.Folder, err)
	}
	return unlock, nil
}

// mayChange refuses a change while another one is being tried, and lets a try be prepared. A file that was changed by hand
// meanwhile is no try any more.
func (e *Editor) mayChange(file []byte, next stored, after Config) error {
	t, err := e.trial()
	if err != nil {
		return err
	}
	if t.State == TrialRuns && bytes.Equal(file, t.Tried) {
		return t.refusal()
	}
	if next.prepare == nil {
		return nil
	}
	return next.prepare(after)
}

// history returns the versions. The last one is the present file: a change by hand is added.
func (e *Editor) history(text []byte) ([]stored, error) {
	list, err := history{e.Folder}.all()
	if err != nil {
		return nil, err
	}
	byHand := stored{Version: Version{At: e.now(), Author: ByHand, Changed: []string{}}, Text: string(text)}
	if len(list) > 0 {
		if list[len(list)-1].Text == string(text) {
			return list, nil
		}
		byHand.Changed = differences([]byte(list[len(list)-1].Text), text)
	}
	list, err = history{e.Folder}.add(list, byHand)
	if err != nil {
		return nil, notWritten(e.Folder, err)
	}
	return list, nil
}

func (e *Editor) env() Env {
	if e.Env == nil {
		return os.LookupEnv
	}
	return e.Env
}

func (e *Editor) now() time.Time {
	if e.Now == nil {
		return time.Now().UTC().Truncate(time.Second)
	}
	return e.Now()
}

// differences returns the names of the fields in which two files differ.
func differences(a, b []byte) []string {
	var before, after any
	_, _ = yaml.Unmarshal(a, &before), yaml.Unmarshal(b, &after) // invalid YAML is an empty tree
	return Differences(before, after)
}

// Differences returns the names of the fields in which two trees differ, sorted.
func Differences(before, after any) []string {
	paths := differ("", before, after, []string{})
	slices.Sort(paths)
	return paths
}

func differ(path string, before, after any, paths []string) []string {
	if reflect.DeepEqual(before, after) {
		return paths
	}
	a, isMap := before.(map[string]any)
	b, isMapToo := after.(map[string]any)
	if (isMap || before == nil) && (isMapToo || after == nil) && (isMap || isMapToo) {
		names := maps.Clone(a)
		if names == nil {
			names = make(map[string]any)
		}
		maps.Copy(names, b)
		for name := range names {
			paths = differ(strings.TrimPrefix(path+"."+name, "."), a[name], b[name], paths)
		}
		return paths
	}
	return append(paths, path)
}

// Tree returns the configuration as an object, secrets hidden.
func (c Config) Tree() (map[string]any, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	err = yaml.Unmarshal(text, &tree)
	return tree, err
}

// Marked is [Config.Tree] with a hash in place of each secret: for comparisons, never for output.
func (c Config) Marked() (map[string]any, error) {
	tree, err := c.Tree()
	if err != nil {
		return nil, err
	}
	if section, ok := tree["api"].(map[string]any); ok {
		list, _ := section["tokens"].([]any)
		for i, entry := range list {
			if token, ok := entry.(map[string]any); ok && i < len(c.API.Tokens) {
				token["token"] = mark(c.API.Tokens[i].Token)
			}
		}
	}
	if section, ok := tree["mercafacil"].(map[string]any); ok && c.Mercafacil != nil {
		section["token"] = mark(c.Mercafacil.Token)
	}
	if section, ok := tree["network"].(map[string]any); ok && c.Network.Login != "" {
		section["proxy_login"] = mark(c.Network.Login)
	}
	values, _ := c.Payments.secrets()
	section, _ := tree["payments"].(map[string]any)
	for path, secret := range values {
		name, key, _ := strings.Cut(path, ".")
		if vendor, ok := section[name].(map[string]any); ok && secret != "" {
			vendor[key] = mark(secret)
		}
	}
	routines, _ := tree["routines"].(map[string]any)
	for name, source := range c.sourceSecrets() {
		routine, _ := routines[name].(map[string]any)
		if section, ok := routine["source"].(map[string]any); ok {
			section["dsn"] = mark(source.DSN)
		}
	}
	return tree, nil
}

// mark is the hash that stands for a secret.
func mark(secret Secret) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Patch turns a merge patch of the file (RFC 7396: null removes a field) into changes. A secret that is still hidden keeps
// the file's value.
func Patch(patch map[string]any, file []byte) ([]Change, error) {
	var tree map[string]any
	if err := yaml.Unmarshal(Text(file), &tree); err != nil {
		return nil, Faults{{Detail: "o arquivo não é um YAML válido; corrija-o à mão"}}
	}
	var changes []Change
	var walk func(path string, patch map[string]any, old any)
	walk = func(path string, patch map[string]any, old any) {
		section, _ := old.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(patch)) {
			field := strings.TrimPrefix(path+"."+name, ".")
			switch value := patch[name].(type) {
			case map[string]any:
				walk(field, value, section[name])
			case string:
				if value != hidden {
					changes = append(changes, Change{field, value})
				}
			default:
				changes = append(changes, Change{field, fillHidden(value, section[name])})
			}
		}
	}
	walk("", patch, tree)
	return changes, nil
}

// fillHidden replaces the hidden secrets of a list by those of the file's entry with the same name.
func fillHidden(value, old any) any {
	list, isList := value.([]any)
	olds, _ := old.([]any)
	if !isList {
		return value
	}
	out := make([]any, len(list))
	for i, entry := range list {
		object, ok := entry.(map[string]any)
		if out[i] = entry; !ok {
			continue
		}
		filled := maps.Clone(object)
		for field, text := range object {
			if text != hidden {
				continue
			}
			delete(filled, field)
			for _, candidate := range olds {
				if known, ok := candidate.(map[string]any); ok && fmt.Sprint(known["name"]) == fmt.Sprint(object["name"]) && known[field] != nil {
					filled[field] = known[field]
				}
			}
		}
		out[i] = filled
	}
	return out
}
