package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

var entryNumber = regexp.MustCompile(`\[[0-9]+\]`)

// ApplyAfar is [Editor.Apply] for somebody who need not be the machine's administrator, such as a caller of the local API: what
// is read, and the places where anything is sent to or comes from, stay as they are (SEC-20). changes gives the changes of the
// file's text, and may refuse the version that it is.
func (e *Editor) ApplyAfar(changes func(now Version, text []byte) ([]Change, error), author string) (Edited, error) {
	return e.change(false, func(list []stored, text []byte) (stored, error) { return e.changedAfar(changes, list, text, author) })
}

func (e *Editor) changedAfar(changes func(now Version, text []byte) ([]Change, error), list []stored, text []byte, author string) (stored, error) {
	wanted, err := changes(list[len(list)-1].Version, text)
	if err != nil {
		return stored{}, err
	}
	edited, err := Edit(text, wanted)
	if err == nil {
		err = afar(e.bound(text, edited))
	}
	return stored{Version: Version{Author: author}, Text: string(edited)}, err
}

// UndoAfar is [Editor.Undo] under the rule of [Editor.ApplyAfar]; allowed may refuse the version that it would undo.
func (e *Editor) UndoAfar(author string, allowed func(now Version) error) (Edited, error) {
	return e.change(true, func(list []stored, text []byte) (stored, error) {
		if err := allowed(list[len(list)-1].Version); err != nil {
			return stored{}, err
		}
		next, err := undo(list, author)
		if err == nil {
			err = afar(e.bound(text, []byte(next.Text)))
		}
		return next, err
	})
}

// afar refuses what only the machine's administrator changes.
func afar(changed []boundValue, err error) error {
	return refuse(changed, err, func(v boundValue) string {
		return fmt.Sprintf("só o administrador desta máquina muda os arquivos e pastas que são lidos e os endereços que são chamados: rode nela, no terminal, pdvagent config set %s VALOR", v.field)
	})
}

// unconfirmed refuses what the administrator has not confirmed. The versions lie in the service's folder: whoever has the
// service's rights can write one.
func unconfirmed(changed []boundValue, err error) error {
	return refuse(changed, err, func(v boundValue) string {
		return fmt.Sprintf("a versão anterior diz %s, e agora não é isso que vale. Se é o que deve valer, repita com --confirm", v.shown())
	})
}

func refuse(changed []boundValue, err error, detail func(boundValue) string) error {
	if err != nil || len(changed) == 0 {
		return err
	}
	faults := make(Faults, len(changed))
	for i, value := range changed {
		faults[i] = Fault{Field: value.field, Detail: detail(value)}
	}
	return inOrder(faults)
}

// boundValue is a value that names a file or a place.
type boundValue struct{ field, value string }

// shown is the value for a person. A database's address has a password, and an invitation is a secret.
func (v boundValue) shown() string {
	if strings.HasSuffix(v.field, ".dsn") || v.field == "chain.invitation" {
		return "outro endereço"
	}
	return strconv.Quote(v.value)
}

// bound is what a change makes of fields that name a file or a place, as the schema says: a place must be the one before or,
// where the file names none, the default; a file must be the one before, or lie in the configuration's folder.
func (e *Editor) bound(before, after []byte) ([]boundValue, error) {
	known := make(map[string][]string) // by the key's path, without the entries' numbers: a list may be put in another order
	note := func(field, value, _ string) {
		field = entryNumber.ReplaceAllString(field, "")
		known[field] = append(known[field], value)
	}
	eachBound("", rawTree(before), document(), note)
	if cfg, _, err := Parse(before, filepath.Dir(e.Path), e.env()); err == nil {
		tree, err := cfg.Tree()
		if err != nil {
			return nil, err
		}
		eachBound("", tree, document(), note) // with the defaults
	}
	var changed []boundValue
	eachBound("", rawTree(after), document(), func(field, value, names string) {
		if slices.Contains(known[entryNumber.ReplaceAllString(field, "")], value) || value == "" {
			return
		}
		if names == aFile && e.inFolder(value) {
			return
		}
		changed = append(changed, boundValue{field, value})
	})
	return changed, nil
}

// inFolder tells whether a file lies in the configuration's folder, by no link that leads out of it.
func (e *Editor) inFolder(path string) bool {
	own := filepath.Dir(e.Path)
	below, err := filepath.Rel(own, resolve(own, path))
	if err != nil || !filepath.IsLocal(below) {
		return false
	}
	folder, err := osfile.OpenFolder(own)
	if err != nil {
		return false
	}
	defer func() { _ = folder.Close() }() // only looked at
	file, err := folder.Open(filepath.ToSlash(below))
	return err == nil && file.Close() == nil
}

// rawTree is what a file says; nil for one that is no YAML.
func rawTree(text []byte) any {
	var tree any
	if yaml.Unmarshal(Text(text), &tree) != nil {
		return nil
	}
	return tree
}

// aFile is the schema's word "x-names" of a field with the name of a file that is read. The other, "place", is of addresses, of
// folders, and of what is asked of a database, which may name both.
const aFile = "file"

// eachBound calls do for each field of a tree that names a file or a place, sorted. Fields that the schema does not have are
// refused elsewhere.
func eachBound(field string, tree any, schema node, do func(field, value, names string)) {
	switch tree := tree.(type) {
	case nil:
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			if below, known := schema.child(part{name, -1}); known {
				eachBound(strings.TrimPrefix(field+"."+name, "."), tree[name], below, do)
			}
		}
	case []any:
		below, _ := schema.child(part{index: 0})
		for i, value := range tree {
			eachBound(fmt.Sprintf("%s[%d]", field, i), value, below, do)
		}
	default:
		if names, _ := schema["x-names"].(string); names != "" {
			do(field, fmt.Sprint(tree), names)
		}
	}
}

// notWritten is why the file could not be written.
func notWritten(path string, err error) error {
	switch {
	case errors.Is(err, osfile.ErrDiskFull):
		return agent.Errorf(agent.CodeStoreFull, err, "O disco está cheio e a configuração não foi alterada. Libere espaço e tente de novo.")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS): // systemd shows /etc read-only
		return agent.Errorf(agent.CodeConflict, err, "A configuração não foi alterada: o serviço pode ler %s, mas não gravar na pasta dele. O administrador desta máquina altera com: sudo pdvagent config set", path)
	}
	return agent.Errorf(agent.CodeStoreFailed, err, "O arquivo %s não pôde ser gravado; a configuração não foi alterada. Confira o disco.", path)
}

// notKept is why the versions of a file that was written could not be kept.
func notKept(err error) error {
	return agent.Errorf(agent.CodeStoreFailed, err, "A configuração foi alterada e vale depois de reiniciar, mas o histórico dela não pôde ser gravado. Confira o espaço no disco.")
}
