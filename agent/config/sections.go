package config

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/osfile"
)

// sectionsOf lists the sections that a file has: those of the file, and the vendors and routines in theirs.
func sectionsOf(text []byte) []string {
	var tree map[string]any
	if yaml.Unmarshal(text, &tree) != nil {
		return nil
	}
	var names []string
	for name, value := range tree {
		inner, isSection := value.(map[string]any)
		if !isSection {
			continue
		}
		names = append(names, name)
		if name != "payments" && name != "routines" {
			continue
		}
		for below, value := range inner {
			if _, isSection := value.(map[string]any); isSection {
				names = append(names, name+"."+below)
			}
		}
	}
	slices.Sort(names)
	return names
}

// sectionsFile has the sections of the configuration that the agent ran with last.
func (e *Editor) sectionsFile() string { return filepath.Join(e.Folder, "sections.list") }

// lost lists the sections that the agent ran with and the text has not: a file that was cut looks so. What a command or the
// API removes is not lost.
func (e *Editor) lost(text []byte) Faults {
	raw, err := osfile.ReadFile(e.sectionsFile())
	var known []string
	if err != nil || json.Unmarshal(raw, &known) != nil { // an agent of before did not keep them
		return nil
	}
	present := sectionsOf(text)
	missing := slices.DeleteFunc(known, func(name string) bool { return slices.Contains(present, name) })
	if len(missing) == 0 {
		return nil
	}
	return Faults{{Field: strings.Join(missing, ", "), Detail: "estava no arquivo e não está mais: ele parece cortado. Recoloque o que falta, ou volte à versão anterior com: pdvagent config undo. Se foi retirado de propósito: pdvagent config accept"}}
}

// keepSections notes the sections of a text that holds.
func (e *Editor) keepSections(text []byte) error {
	encoded, err := json.Marshal(sectionsOf(text))
	if err != nil {
		return err
	}
	if old, err := osfile.ReadFile(e.sectionsFile()); err == nil && string(old) == string(encoded) {
		return nil
	}
	return osfile.WriteNew(e.sectionsFile(), encoded)
}

// Lost lists the sections that are missing in the file and were there when the agent started last. The error is [Faults].
func (e *Editor) Lost() error {
	raw, err := osfile.ReadFile(e.Path)
	if err != nil {
		return err
	}
	if faults := e.lost(Text(raw)); len(faults) > 0 {
		return faults
	}
	return nil
}

// Start notes the sections of the file that the agent starts with, unless some are missing: that is the error, [Faults]. The
// file's text is not kept: it may hold secrets.
func (e *Editor) Start() error {
	if err := e.Lost(); err != nil {
		return err
	}
	raw, err := osfile.ReadFile(e.Path)
	if err != nil {
		return err
	}
	return errors.Join(osfile.MakePrivateFolder(e.Folder), e.keepSections(Text(raw)))
}

// Accept takes the file as it is, also with sections missing.
func (e *Editor) Accept() (Edited, error) {
	return e.change(true, func(list []stored, _ []byte) (stored, error) { return list[len(list)-1], nil })
}
