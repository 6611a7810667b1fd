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

// place puts a program where the service runs it, atomically. A program that still runs is renamed first: Windows does not
// replace a running program.
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

// moveAside renames a program, and removes those of earlier times.
func moveAside(program string) error {
	for _, old := range aside(program) {
		_ = os.Remove(old) // one that still runs is removed the next time
	}
	return osfile.Rename(program, fmt.Sprintf("%s.old-%d", program, time.Now().UnixNano()))
}

// aside returns the programs that were moved aside.
func aside(program string) []string {
	list, _ := filepath.Glob(program + ".old-*") // the pattern is valid
	return list
}

// removeProgram removes a program; one that still runs is moved aside, and the next installation removes it.
func removeProgram(program string) error {
	err := os.Remove(program)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = moveAside(program)
	}
	for _, old := range aside(program) {
		_ = os.Remove(old) // one that still runs is removed the next time
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// copyFile copies a program with its mode, and syncs the copy.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	in, err := osfile.OpenFile(from, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	if err := osfile.Remove(to); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	return fill(out, in)
}

// fill copies a file's content into another, which it syncs and closes.
func fill(out, in *os.File) error {
	_, err := io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// copyTree copies a stopped agent's data into private folders and files. What is no file of the agent's own, such as a name
// that its user gave to a file of root's, is left out.
func copyTree(from, to string) error {
	return walk(from, func(below string, entry fs.DirEntry) error {
		target := filepath.Join(to, below)
		if entry.IsDir() {
			return osfile.MakePrivateFolder(target)
		}
		in, err := osfile.Open(filepath.Join(from, below))
		if errors.Is(err, osfile.ErrNotRegular) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }() // only read
		out, err := osfile.CreatePrivate(target)
		if err != nil {
			return err
		}
		return fill(out, in)
	})
}

// size returns how many bytes [copyTree] copies; 0 for a missing folder.
func size(folder string) (uint64, error) {
	var total uint64
	err := walk(folder, func(_ string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if err == nil && !entry.IsDir() {
			total += uint64(info.Size())
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	return total, err
}

// walk visits the folders and files of an agent's data that a rollback needs: not the journal, the log and the ballast.
func walk(folder string, visit func(below string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(folder, path)
		switch {
		case err != nil:
			return err
		case below == "ballast" || (!entry.IsDir() && !entry.Type().IsRegular()):
			return nil
		case below == "traffic" || below == "log":
			return filepath.SkipDir
		}
		return visit(below, entry)
	})
}
