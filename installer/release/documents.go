package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// developers lists the documents of docs that are for who changes or judges the program; all others are guides for who uses it.
func developers() []string {
	return []string{"architecture.md", "contributing.md", "decisions.md", "dependencies.md", "docs.go", "figures.md", "fuzzing.md", "security.md", "spec"}
}

// guides gives what lies below docs for who uses the program (the guides, the examples in six languages, the pictures, and
// what monitoring loads), as paths below docs. Every package but the .msi brings it.
func guides() ([]string, error) {
	docs := os.DirFS("docs")
	var names []string
	err := fs.WalkDir(docs, ".", func(name string, entry fs.DirEntry, err error) error {
		first, _, _ := strings.Cut(name, "/")
		switch {
		case err != nil:
			return err
		case slices.Contains(developers(), first) && entry.IsDir():
			return fs.SkipDir
		case slices.Contains(developers(), first), entry.IsDir():
			return nil
		}
		names = append(names, name)
		return nil
	})
	return names, err
}

// documents collects what the setup program lays down beside the program.
func (b *builder) documents() (string, error) {
	folder := filepath.Join(b.work, "documents")
	names, err := guides()
	if err != nil {
		return "", err
	}
	files := map[string]string{"config.example.yaml": "config.example.yaml"}
	for _, name := range names {
		files[name] = filepath.Join("docs", filepath.FromSlash(name))
	}
	for name, from := range files {
		to := filepath.Join(folder, "docs", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return "", err
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(to, text, 0o600); err != nil { //nolint:gosec // below the release's own folder
			return "", err
		}
	}
	return folder, nil
}
