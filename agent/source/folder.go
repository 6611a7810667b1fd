package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

const (
	// settling is for how long a file must not have grown: who writes it is through.
	settling = time.Second
	// maxReport bounds the lines of a report.
	maxReport = 10_000

	doneFolder, rejectedFolder = "done", "rejected"
)

// openFolder gives the files that are ready, in the order of their names.
func openFolder(ctx context.Context, cfg Config, shape agent.LoadShape) ([]Opened, error) {
	entries, err := os.ReadDir(cfg.Path)
	if err != nil {
		return nil, folderError(cfg.Path, err)
	}
	for _, name := range []string{doneFolder, rejectedFolder} { // before anything is sent: else each file would come again and again
		if err := os.MkdirAll(filepath.Join(cfg.Path, name), 0o750); err != nil {
			return nil, folderError(cfg.Path, err)
		}
	}
	before := make(map[string]int64)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && entry.Type().IsRegular() && wanted(entry.Name()) {
			before[entry.Name()] = info.Size()
		}
	}
	if len(before) == 0 {
		return nil, nil
	}
	select {
	case <-time.After(settling):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var files []Opened
	for _, entry := range entries {
		size, ready := before[entry.Name()]
		info, err := os.Stat(filepath.Join(cfg.Path, entry.Name()))
		if ready && err == nil && info.Size() == size {
			files = append(files, &file{cfg: cfg, shape: shape, folder: cfg.Path, name: entry.Name()})
		}
	}
	return files, nil
}

// OpenFile gives one file, which stays where it is.
func OpenFile(cfg Config, shape agent.LoadShape, path string) Opened {
	return &file{cfg: cfg, shape: shape, folder: filepath.Dir(path), name: filepath.Base(path), stays: true}
}

// wanted tells a file that is ours from one that is being written.
func wanted(name string) bool {
	lower := strings.ToLower(name)
	if strings.HasPrefix(name, ".") || strings.HasSuffix(lower, ".tmp") || strings.HasSuffix(lower, ".part") {
		return false
	}
	return slices.Contains([]string{".csv", ".json", ".ndjson"}, filepath.Ext(lower))
}

func folderError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return agent.Errorf(agent.CodeInvalid, err, "A pasta %s não existe.", path)
	case errors.Is(err, fs.ErrPermission):
		return agent.Errorf(agent.CodeInvalid, err, "O pdvagent não tem permissão na pasta %s: precisa ler, gravar e mover arquivos nela.", path)
	}
	return agent.Errorf(agent.CodeInvalid, err, "A pasta %s não pôde ser lida.", path)
}

// file is one file of a folder.
type file struct {
	cfg    Config
	shape  agent.LoadShape
	folder string
	name   string
	stays  bool // and no report: it is a person's, who reads the answer

	err    error
	report *os.File
	lines  int

	read, size int64
}

// Position tells how far the reading of a source is, in bytes; false where nobody knows.
func Position(o Opened) (done, total int64, known bool) {
	f, known := o.(*file)
	if !known {
		return 0, 0, false
	}
	return f.read, f.size, true
}

// counted counts what is read.
type counted struct {
	io.Reader
	n *int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += int64(n)
	return n, err
}

func (f *file) Name() string { return f.name }

func (f *file) Err() error { return f.err }

func (f *file) path() string { return filepath.Join(f.folder, f.name) }

// Records reads the file from its start.
func (f *file) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		opened, err := os.Open(f.path())
		if err != nil {
			f.err = agent.Errorf(agent.CodeInvalid, err, "O arquivo %s não pôde ser lido.", f.name)
			return
		}
		defer func() { _ = opened.Close() }() // it was only read
		if info, err := opened.Stat(); err == nil {
			f.size = info.Size()
		}
		each := f.elements
		if strings.EqualFold(filepath.Ext(f.name), ".csv") {
			each = f.rows
		}
		each(counted{opened, &f.read}, func(r Record) bool {
			if err := ctx.Err(); err != nil {
				f.err = errors.Join(f.err, err)
				return false
			}
			return yield(r)
		})
	}
}

func (f *file) elements(r io.Reader, yield func(Record) bool) {
	elements := NewElements(r)
	for number := 1; ; number++ {
		body, fault, err := elements.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			f.err = agent.Errorf(agent.CodeMalformed, err, "O arquivo %s não pôde ser lido a partir do registro %d: %s.", f.name, number, inWords(err))
			return
		}
		if !yield(Record{Place: fmt.Sprintf("%s, registro %d", f.name, number), Body: body, Fault: fault}) {
			return
		}
	}
}

func inWords(err error) string {
	switch {
	case errors.Is(err, ErrCut):
		return "ele termina no meio"
	case errors.Is(err, ErrShape):
		return "ele não é uma lista, um objeto com uma lista, nem um objeto por linha"
	case errors.Is(err, rawjson.ErrEncoding):
		return "ele não está em UTF-8"
	}
	return "a leitura falhou"
}

func (f *file) rows(r io.Reader, yield func(Record) bool) {
	reader := &csvReader{lines: newLines(r, f.cfg.Encoding)}
	if f.cfg.Quote != "none" {
		reader.quote = f.cfg.Quote[0]
	}
	header, err := reader.lines.next()
	if errors.Is(err, io.EOF) {
		return
	}
	reader.separator = f.separator(string(header.text))
	var mapped *object
	columns, faulty := reader.record(header)
	if err = errors.Join(err, faulty); err == nil {
		mapped, err = newObject(f.cfg, f.shape, columns)
	}
	if err != nil {
		f.err = agent.Errorf(agent.CodeInvalid, nil, "O cabeçalho do arquivo %s não serve. %s", f.name, agent.Sentence(err))
		return
	}
	for {
		values, number, fault, err := reader.read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			f.err = agent.Errorf(agent.CodeInvalid, err, "A leitura do arquivo %s falhou na linha %d.", f.name, reader.lines.number)
			return
		}
		record := Record{Place: fmt.Sprintf("%s, linha %d", f.name, number), Fault: fault}
		switch {
		case fault != nil:
		case len(values) != len(columns):
			record.Fault = &agent.Fault{Code: "columns", Detail: fmt.Sprintf("A linha tem %d campos e o cabeçalho %d.", len(values), len(columns))}
		default:
			record.Key = mapped.key(values)
			record.Body, record.Fault = mapped.of(values)
		}
		if !yield(record) {
			return
		}
	}
}

func (f *file) separator(header string) byte {
	switch f.cfg.Separator {
	case "":
		return separatorOf(header)
	case `\t`:
		return '\t'
	}
	return f.cfg.Separator[0]
}

// Refuse writes a line of the report that will lie beside the moved file.
func (f *file) Refuse(place string, fault agent.Fault) {
	if f.stays {
		return
	}
	if f.report == nil && f.lines == 0 {
		var err error
		if f.report, err = os.Create(f.reportPath()); err != nil {
			f.err = errors.Join(f.err, folderError(f.folder, err))
		}
	}
	f.lines++
	if f.report == nil || f.lines > maxReport {
		return
	}
	w := bufio.NewWriter(f.report)
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", place, fault.Field, fault.Code, fault.Detail)
	if f.lines == maxReport {
		fmt.Fprintln(w, "… e outros")
	}
	if err := w.Flush(); err != nil {
		f.err = errors.Join(f.err, folderError(f.folder, err))
	}
}

func (f *file) reportPath() string { return filepath.Join(f.folder, "."+f.name+".report") }

// Close moves the file to done or rejected, its report beside it.
func (f *file) Close(fate Fate) error {
	var err error
	if f.report != nil {
		err = f.report.Close()
	}
	if f.stays || fate == Left {
		return errors.Join(err, removeIfThere(f.reportPath()))
	}
	to := filepath.Join(f.folder, rejectedFolder)
	if fate == Taken {
		to = filepath.Join(f.folder, doneFolder)
	}
	to = filepath.Join(to, time.Now().UTC().Format("20060102-150405.000")+"-"+f.name)
	if f.report != nil {
		err = errors.Join(err, os.Rename(f.reportPath(), to+".report.txt"))
	}
	if err = errors.Join(err, os.Rename(f.path(), to)); err != nil {
		return folderError(f.folder, err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
