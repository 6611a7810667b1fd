package app

import (
	"context"
	"io"
	"maps"
	"os"
	"slices"

	"pdvagent/agent/config"
	"pdvagent/agent/ops/offsite"
	"pdvagent/store"
)

// wireOffsite makes what copies the store to another machine, where the configuration names a folder of one.
func (a *Assembly) wireOffsite(context.Context) error {
	if a.cfg.Backup.CopyTo == "" {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "" // it only helps people
	}
	a.offsite, err = offsite.New(offsite.Config{
		Folder: a.cfg.Backup.CopyTo,
		Self: offsite.Self{
			AgentID: a.Store.AgentID(), Shop: a.cfg.Shop.ID, Till: a.cfg.Shop.Till, Primary: a.cfg.Shop.Primary, Version: Version, Host: host,
		},
		Seal:   a.seal,
		Size:   func() int64 { _, size := a.Store.Slack(); return size },
		Alarms: a.alarms, Log: a.log, Now: a.cfg.Now,
	})
	return err
}

// seal writes the store and the configuration with its files for the owner of the recovery key.
func (a *Assembly) seal(w io.Writer) error {
	packed, err := config.Pack(a.cfg.File, false)
	if err != nil {
		return err
	}
	for _, fault := range packed.Missing {
		a.log.Warn("backup_lacks", "field", fault.Field, "detail", fault.Detail)
	}
	return a.Store.Seal(w, SealedConfig(packed))
}

// SealedConfig is a configuration as it travels in a sealed backup.
func SealedConfig(packed config.Packed) []store.SealedFile {
	files := []store.SealedFile{{Name: config.PackedName, Content: packed.Text}}
	for _, name := range slices.Sorted(maps.Keys(packed.Files)) {
		files = append(files, store.SealedFile{Name: name, Content: packed.Files[name]})
	}
	return files
}

// PackedConfig is the configuration of a sealed backup.
func PackedConfig(files []store.SealedFile) config.Packed {
	packed := config.Packed{Files: make(map[string][]byte)}
	for _, file := range files {
		if file.Name == config.PackedName {
			packed.Text = file.Content
		} else {
			packed.Files[file.Name] = file.Content
		}
	}
	return packed
}
