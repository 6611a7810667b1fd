package osfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNotRegular is a link, a folder, a pipe or a device where a regular file belongs, ErrNotFolder anything but a folder where
// a folder belongs, ErrForeignLink a link by which root does not go, because another user made it, ErrTooLarge a file with more
// bytes than may be read.
var (
	ErrNotRegular  = errors.New("not a regular file")
	ErrNotFolder   = errors.New("not a folder")
	ErrForeignLink = errors.New("a link that root did not make")
	ErrTooLarge    = errors.New("a file that is too large")
)

// Folder is an open folder that others may write to as well. Its names are paths below it; no link and no ".." leads out of
// it, and a name that is itself a link is never followed. The path by which it was opened may have links.
type Folder struct{ root *os.Root }

func openFolder(path string) (*Folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() { // opening a pipe would wait
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotFolder}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root}, nil
}

// Close closes the folder; the files that were opened in it stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Path is the path of a name, for what has no way through the folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.root.Name(), name) }

// Entries lists a folder below it; "." is itself.
func (f *Folder) Entries(name string) ([]fs.DirEntry, error) { return fs.ReadDir(f.root.FS(), name) }

// Open opens a regular file for reading, without waiting: a pipe has no end.
func (f *Folder) Open(name string) (*os.File, error) { return f.open(name, os.O_RDONLY) }

// open opens a regular file. What is open is what the name was: a link that takes its place meanwhile is no regular file.
func (f *Folder) open(name string, flag int) (*os.File, error) {
	named, err := f.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	return f.openNamed(named, name, flag)
}

// openNamed opens a file that was found under a name.
func (f *Folder) openNamed(named fs.FileInfo, name string, flag int) (*os.File, error) {
	if !named.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	file, err := f.root.OpenFile(name, flag|nonblocking, 0)
	if err != nil {
		return nil, err
	}
	opened, err := file.Stat()
	another := err == nil && (!opened.Mode().IsRegular() || !os.SameFile(named, opened))
	if err == nil && !another {
		another, err = f.foreign(name, opened)
	}
	if another {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// onlyRegular closes an open file that is none.
func onlyRegular(file *os.File) (*os.File, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: file.Name(), Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// ReadFile reads a regular file.
func (f *Folder) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	return text, errors.Join(err, file.Close())
}

// Open opens a regular file by its path, as [Folder.Open] does by its name: a link is none.
func Open(path string) (*os.File, error) {
	folder, err := OpenFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // the file stays open
	return folder.Open(filepath.Base(path))
}

// ReadFile reads a regular file, as [OpenFile] opens it.
func ReadFile(path string) ([]byte, error) {
	file, err := OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	return text, errors.Join(err, file.Close())
}

// ReadUpTo reads a file, as [OpenFile] opens it, of at most that many bytes.
func ReadUpTo(path string, most int64) ([]byte, error) {
	file, err := OpenFile(path, os.O_RDONLY)
	return readUpTo(file, err, most)
}

// ReadUpTo is [ReadUpTo] of a file of the folder.
func (f *Folder) ReadUpTo(name string, most int64) ([]byte, error) {
	file, err := f.Open(name)
	return readUpTo(file, err, most)
}

func readUpTo(file *os.File, err error, most int64) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = &fs.PathError{Op: "read", Path: file.Name(), Err: ErrTooLarge}
	}
	return text, errors.Join(err, file.Close())
}

// Create makes a new file that only its owner can read or write. What has the name is removed: a link, not what it leads to.
func (f *Folder) Create(name string) (*os.File, error) {
	if err := f.Remove(name); err != nil {
		return nil, err
	}
	return f.createNew(name)
}

// createNew makes a file where nothing has its name, no link either.
func (f *Folder) createNew(name string) (*os.File, error) {
	return f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// Remove removes a file or a link. A missing one is no error; a folder is.
func (f *Folder) Remove(name string) error {
	info, err := f.root.Lstat(name)
	if err == nil && info.IsDir() {
		return &fs.PathError{Op: "remove", Path: name, Err: ErrNotRegular}
	}
	if err == nil {
		err = f.root.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Move renames a file or a link itself; a file or link that has the new name is replaced.
func (f *Folder) Move(from, to string) error { return f.root.Rename(from, to) }

// Free tells whether nothing has the name.
func (f *Folder) Free(name string) bool {
	_, err := f.root.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// Make makes a folder below it, which its owner and his group may use; one that is there stays as it is. A link to a folder is
// none.
func (f *Folder) Make(name string) error {
	err := f.root.Mkdir(name, 0o750)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := f.root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: name, Err: ErrNotFolder}
	}
	return err
}
