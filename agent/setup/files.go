package setup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pdvagent/agent/osfile"
)

// place puts a program where the service runs it, whole or not at all. One that somebody still runs is moved aside:
// Windows lets a running program be renamed, not replaced.
func (p Plan) place(from string) error {
	if err := osfile.MakeProgramFolder(filepath.Dir(p.Program)); err != nil {
		return err
	}
	fresh := p.Program + ".new"
	if err := copyFile(from, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, p.Program); err == nil {
		return osfile.SyncFolder(filepath.Dir(p.Program))
	}
	if err := moveAside(p.Program); err != nil {
		return err
	}
	return osfile.Rename(fresh, p.Program)
}

func moveAside(program string) error {
	for _, old := range aside(program) {
		_ = os.Remove(old) // one that still runs goes the next time
	}
	return osfile.Rename(program, fmt.Sprintf("%s.old-%d", program, time.Now().UnixNano()))
}

func aside(program string) []string {
	list, _ := filepath.Glob(program + ".old-*") // the pattern is right
	return list
}

// removeAway removes a program; one that still runs is moved aside, and the next installation removes it.
func removeAway(program string) error {
	err := os.Remove(program)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = moveAside(program)
	}
	for _, old := range aside(program) {
		_ = os.Remove(old) // see above
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// copyFile copies with the rights that programs have in their folder, synced.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// copyTree copies a stopped agent's data; its journal and log stay where they are.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case skipped(below) && entry.IsDir():
			return filepath.SkipDir
		case skipped(below):
			return nil
		case entry.IsDir():
			return osfile.MakePrivateFolder(filepath.Join(to, below))
		case !entry.Type().IsRegular():
			return nil
		}
		return copyPrivate(path, filepath.Join(to, below))
	})
}

func skipped(below string) bool { return below == "traffic" || below == "log" || below == "ballast" }

// copyPrivate copies a file of the data; nobody but the agent may read the copy either.
func copyPrivate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := osfile.CreatePrivate(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// size is how many bytes [copyTree] copies.
func size(folder string) (uint64, error) {
	var total uint64
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		if skipped(below) && entry.IsDir() {
			return filepath.SkipDir
		}
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() {
			total += uint64(info.Size())
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return total, err
}
