package offsite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"pdvagent/agent/osfile"
)

const (
	// Suffix ends the name of a sealed copy.
	Suffix     = ".pdvselado"
	partSuffix = ".part"
	stamp      = "20060102T150405"

	newestKept = 3 // copies beside the one that was just made, whatever their age
	daysKept   = 7 // of each the last copy
)

// Newest gives when the newest copy of a till was made, whichever of its agents made it; zero for never.
func Newest(folder, shop, till string) (newest time.Time, err error) {
	entries, err := os.ReadDir(folder)
	begin := tillPrefix(shop, till)
	for _, entry := range entries {
		text, whole := strings.CutSuffix(entry.Name(), Suffix)
		_, text, _ = strings.Cut(strings.TrimPrefix(text, begin), "-") // the agent's id
		if at, wrong := time.Parse(stamp, text); whole && strings.HasPrefix(entry.Name(), begin) && wrong == nil && at.After(newest) {
			newest = at
		}
	}
	return newest, err
}

// tillPrefix begins the names of a till's copies.
func tillPrefix(shop, till string) string {
	return fmt.Sprintf("pdvagent-%s-%s-", plain(shop), plain(till))
}

// prefix begins the names of this agent's copies.
func (k *Keeper) prefix() string {
	return fmt.Sprintf("%s%.8s-", tillPrefix(k.cfg.Self.Shop, k.cfg.Self.Till), k.cfg.Self.AgentID)
}

var odd = regexp.MustCompile(`[^A-Za-z0-9_]`)

// plain makes a code part of a file's name.
func plain(code string) string { return odd.ReplaceAllString(code, "_") }

// own lists the times of this agent's copies, oldest first.
func (k *Keeper) own(entries []fs.DirEntry) (times []time.Time) {
	for _, entry := range entries {
		text, ours := strings.CutPrefix(entry.Name(), k.prefix())
		text, whole := strings.CutSuffix(text, Suffix)
		if at, err := time.Parse(stamp, text); ours && whole && err == nil && entry.Type().IsRegular() {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// due tells whether the newest copy is old. Those of a clock that ran ahead do not count.
func (k *Keeper) due(entries []fs.DirEntry) bool {
	for _, at := range slices.Backward(k.own(entries)) {
		if old := k.cfg.Now().Sub(at); old >= 0 {
			return old >= age*time.Duration(1+k.cfg.Size()/ageBytes)
		}
	}
	return true
}

// copy makes a copy, whole under its name or not at all.
func (k *Keeper) copy(folder *osfile.Folder) error {
	name := k.prefix() + k.cfg.Now().UTC().Format(stamp) + Suffix
	part := k.prefix() + partSuffix
	file, err := folder.Create(part)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(&counted{file, &k.wrote}, 1<<20)
	if err = k.cfg.Seal(out); err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = folder.Move(part, name)
	}
	if err != nil {
		return errors.Join(err, folder.Remove(part))
	}
	k.made = name
	k.cfg.Log.Info("backup_copied", "file", name)
	return nil
}

// counted counts what it writes: who waits for a slow copy sees that it goes on.
type counted struct {
	io.Writer
	wrote *atomic.Int64
}

func (c *counted) Write(text []byte) (int, error) {
	n, err := c.Writer.Write(text)
	c.wrote.Add(int64(n))
	return n, err
}

// drop removes this agent's copies beyond the one just made, the three before it and the last of each of seven days.
func (k *Keeper) drop(folder *osfile.Folder) error {
	entries, err := folder.Entries(".")
	kept, days := 0, make(map[string]bool)
	for _, at := range slices.Backward(k.own(entries)) {
		day, name := at.Format(time.DateOnly), k.prefix()+at.Format(stamp)+Suffix
		if name == k.made { // also among those of a clock that ran ahead
			continue
		}
		if kept < newestKept || (!days[day] && len(days) < daysKept) {
			kept++
			days[day] = true
			continue
		}
		err = errors.Join(err, folder.Remove(name))
	}
	return err
}
