package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pdvagent/agent/osfile"
)

const (
	// maxPackedFile bounds a file that goes along with a configuration, in bytes: a token, a certificate.
	maxPackedFile = 1 << 20
	// PackedName is the name of the configuration among its files.
	PackedName = "config.yaml"
)

// Packed is a configuration on its way to another machine. Its text names its files by their names alone, and they come with
// it; what the machine had sealed is in clear.
type Packed struct {
	Text    []byte
	Files   map[string][]byte
	Missing []Fault // what cannot come along
}

// Pack reads a configuration and the files that it names. moved tells that it lies in a copy of another machine's folder: its
// files are those beside it, whatever folder they are named with.
func Pack(path string, moved bool) (Packed, error) {
	raw, err := osfile.ReadFile(path)
	if err != nil {
		return Packed{}, err
	}
	p := packer{folder: filepath.Dir(path), moved: moved, Packed: Packed{Text: Text(raw), Files: make(map[string][]byte)}}
	eachBound("", rawTree(raw), document(), func(field, value, names string) {
		if names == aFile && value != "" {
			p.file(field, value)
		}
	})
	p.open("", rawTree(raw))
	return p.Packed, nil
}

type packer struct {
	Packed
	folder string
	moved  bool
}

// open puts the values that the machine has sealed into the text in clear.
func (p *packer) open(field string, tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			p.open(strings.TrimPrefix(field+"."+name, "."), tree[name])
		}
	case []any:
		for i, value := range tree {
			p.open(fmt.Sprintf("%s[%d]", field, i), value)
		}
	case string:
		opened, err := unseal(Secret(tree))
		switch {
		case err != nil:
			p.miss(field, "foi selado pela máquina antiga e não abre aqui; escreva o valor de novo no arquivo antes")
		case opened.Reveal() != tree:
			p.set(field, opened.Reveal())
		}
	}
}

// file takes the file that a field names.
func (p *packer) file(field, path string) {
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	content, err := p.read(path, name)
	if err != nil {
		p.miss(field, fmt.Sprintf("o arquivo %s não pôde ser lido; copie-o para %s", name, p.folder))
		return
	}
	for n, plain := 1, name; strings.EqualFold(name, PackedName) || p.taken(name, content); n++ {
		name = strconv.Itoa(n) + "-" + plain
	}
	if p.set(field, name) {
		p.Files[name] = content
	}
}

// read reads a file that the configuration names. One of another machine's folder is no link: it would lead into this machine.
func (p *packer) read(path, name string) ([]byte, error) {
	if !p.moved {
		return osfile.ReadUpTo(resolve(p.folder, path), maxPackedFile)
	}
	folder, err := osfile.OpenFolder(p.folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // only read
	return folder.ReadUpTo(name, maxPackedFile)
}

// taken tells whether another file has the name.
func (p *packer) taken(name string, content []byte) bool {
	for known, other := range p.Files {
		if strings.EqualFold(known, name) && string(other) != string(content) {
			return true
		}
	}
	return false
}

func (p *packer) set(field, value string) bool {
	edited, err := Edit(p.Text, []Change{{field, value}})
	if err != nil {
		p.miss(field, "este campo não pode ser alterado sem perder a forma do arquivo")
		return false
	}
	p.Text = edited
	return true
}

func (p *packer) miss(field, detail string) {
	p.Missing = append(p.Missing, Fault{Field: field, Detail: detail})
}

// Check parses the configuration as it would be in a place of its own: folder is an empty one, for its files. Its data folder
// is that of here.
func (p *Packed) Check(folder, dataDir string, env Env) (Config, error) {
	if len(p.Missing) > 0 {
		return Config{}, Faults(p.Missing)
	}
	edited, err := Edit(p.Text, []Change{{"data_dir", dataDir}})
	if err != nil {
		return Config{}, err
	}
	p.Text = edited
	for name, content := range p.Files {
		if err := osfile.WriteNew(filepath.Join(folder, name), content); err != nil {
			return Config{}, err
		}
	}
	cfg, _, err := Parse(p.Text, folder, env)
	return cfg, err
}

// Adopt puts another machine's configuration, which was checked, in the place of this file, and its files beside it. What
// they replace is kept: the configuration as a version, a file under another name.
func (e *Editor) Adopt(p Packed, author string) (Edited, error) {
	stamp := e.now().UTC().Format("20060102T150405")
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		path := filepath.Join(filepath.Dir(e.Path), name)
		if old, err := osfile.ReadFile(path); err == nil && string(old) == string(p.Files[name]) {
			continue
		}
		if err := osfile.Rename(path, path+".replaced-"+stamp); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Edited{}, notWritten(path, err)
		}
		if err := osfile.WriteLike(path, e.Path, p.Files[name]); err != nil {
			return Edited{}, notWritten(path, err)
		}
	}
	return e.change(true, func([]stored, []byte) (stored, error) {
		return stored{Version: Version{Author: author}, Text: string(p.Text)}, nil
	})
}
