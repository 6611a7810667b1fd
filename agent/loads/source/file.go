package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/mask"
	"pdvagent/agent/osfile"
	"pdvagent/agent/rawjson"
)

// maxReport bounds the lines of a report.
const maxReport = 10_000

// ErrUnfinished is a file that its writer has not finished: it is left, and read again.
var ErrUnfinished = errors.New("o arquivo não está completo")

// file is a file to read.
type file struct {
	cfg    Config
	shape  agent.LoadShape
	folder string
	at     string // its name below folder: it may lie in one of its folders
	name   string
	stays  bool        // it is a person's: it is not moved, and gets no report
	older  []candidate // files that this one replaces

	unready error // why it is not read at all
	checked bool  // its numbers were held against the decimal sign
	state   seen  // when it had rested; of a person's file, when it was opened first
	err     error
	report  *os.File
	lines   int

	read, size int64

	mapped []Mapped // of a CSV file, once its heading was read
}

// Mapped is a column of a file and the field that it gives.
type Mapped struct {
	Column string `json:"column"`
	Field  string `json:"field,omitempty"` // empty: it is not used
}

// Mapping gives a CSV file's columns, once its records were asked for.
func Mapping(o Opened) []Mapped {
	f, ok := o.(*file)
	if !ok {
		return nil
	}
	return f.mapped
}

// OpenFile opens one file, which stays where it is and gets no report.
func OpenFile(cfg Config, shape agent.LoadShape, path string) Opened {
	name := filepath.Base(path)
	if target, err := filepath.EvalSymlinks(path); err == nil { // a person's link is meant; reading says what is wrong otherwise
		path = target
	}
	return &file{cfg: cfg, shape: shape, folder: filepath.Dir(path), at: filepath.Base(path), name: name, stays: true}
}

// Position is how far a source is read, in bytes; not known for a query.
func Position(o Opened) (done, total int64, known bool) {
	f, known := o.(*file)
	if !known {
		return 0, 0, false
	}
	return f.read, f.size, true
}

// Superseded are the files that a source replaces: they are older ones of the same full load, and are not read.
func Superseded(o Opened) (names []string) {
	f, ok := o.(*file)
	if !ok {
		return nil
	}
	for _, older := range f.older {
		names = append(names, older.name)
	}
	return names
}

// counted counts the bytes that are read.
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

// Records reads the file from its start. One whose numbers contradict the decimal sign has no records.
func (f *file) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if f.err = f.unready; f.err != nil {
			return
		}
		each := f.elements
		if strings.EqualFold(filepath.Ext(f.name), ".csv") {
			each = f.rows
			if !f.checked {
				f.walk(ctx, f.checkSigns, func(Record) bool { return true })
			}
		}
		if f.checked = f.err == nil; f.checked {
			f.walk(ctx, each, yield)
		}
	}
}

// walk opens the file, reads it, and makes sure that it is the same at the end.
func (f *file) walk(ctx context.Context, each func(r io.Reader, yield func(Record) bool), yield func(Record) bool) {
	opened, now, err := f.open()
	if err != nil {
		f.err = fileError(f.name, err)
		return
	}
	defer func() { _ = opened.Close() }() // it was only read
	if f.read, f.size = 0, now.size; f.state.info == nil {
		f.state = now
	}
	if f.err = f.unchanged(opened); f.err != nil { // another took its place, or it was written to, since it had rested
		return
	}
	each(counted{opened, &f.read}, func(r Record) bool {
		if err := ctx.Err(); err != nil {
			f.err = errors.Join(f.err, err)
			return false
		}
		return yield(r)
	})
	if ctx.Err() == nil {
		f.err = errors.Join(f.err, f.unchanged(opened))
	}
}

// open opens the file and gives its state.
func (f *file) open() (*os.File, seen, error) {
	folder, err := osfile.OpenFolder(f.folder)
	if err != nil {
		return nil, seen{}, err
	}
	defer func() { _ = folder.Close() }() // the file stays open
	opened, err := folder.Open(f.at)
	if err != nil {
		return nil, seen{}, err
	}
	now, err := stateOf(opened)
	if err != nil {
		return nil, seen{}, errors.Join(err, opened.Close())
	}
	return opened, now, nil
}

// unchanged is an error when the open file is not the one that had rested.
func (f *file) unchanged(opened *os.File) error {
	now, err := stateOf(opened)
	if err == nil && now.same(f.state) {
		return nil
	}
	return agent.Errorf(agent.CodeInvalid, ErrUnfinished, "O arquivo %s mudou enquanto era lido; será lido de novo na próxima execução.", f.name)
}

func (f *file) elements(r io.Reader, yield func(Record) bool) {
	elements := NewElements(decoded(r, ""))
	for number := 1; ; number++ {
		body, fault, err := elements.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			words, rest := inWords(err)
			f.err = agent.Errorf(agent.CodeMalformed, rest, "O arquivo %s não pôde ser lido a partir do registro %d, na linha %d: %s.", f.name, number, elements.Line(), words)
			return
		}
		record := Record{Place: fmt.Sprintf("%s, registro %d, linha %d", f.name, number, elements.Line()), Body: body, Fault: fault}
		if fault == nil {
			f.check(&record)
		}
		if !yield(record) {
			return
		}
	}
}

// check makes a fault of a record that is no JSON or whose text is not whole, and decodes one that is no UTF-8.
func (f *file) check(record *Record) {
	text, whole := toUTF8(record.Body, f.cfg.Encoding)
	switch {
	case !whole || lossy(text):
		record.Fault = &agent.Fault{Code: "encoding", Detail: "O texto não está na codificação configurada (encoding), ou já perdeu caracteres antes de chegar aqui (�)."}
	case bytes.IndexByte(text, 0) >= 0:
		record.Fault = &agent.Fault{Code: "malformed", Detail: agent.Sentence(errZeros)}
	case !json.Valid(text):
		record.Fault = &agent.Fault{Code: "malformed", Detail: "O registro não é JSON: confira vírgulas, aspas e números (NaN não existe em JSON)."}
	default:
		record.Body = text
		return
	}
	if key, ok := rawjson.Peek(text, f.shape.Key); ok {
		record.Key = string(key)
	}
	record.Body = nil
}

// inWords says why a text cannot be read on; rest is what the words do not tell.
func inWords(err error) (words string, rest error) {
	switch {
	case errors.Is(err, ErrComma):
		return "não é JSON: há uma vírgula a mais antes do fim da lista", nil
	case errors.Is(err, ErrCut):
		return "ele termina no meio", nil
	case errors.Is(err, ErrShape):
		return "não é JSON como se espera: ele não é uma lista, um objeto com uma lista, nem um objeto por linha", nil
	case errors.Is(err, rawjson.ErrEncoding):
		return "ele não está em UTF-8", nil
	}
	return "a leitura falhou", err
}

// table reads the header of a CSV file; nil for an empty one.
func (f *file) table(r io.Reader) (*csvReader, *object, []string, error) {
	reader := &csvReader{lines: newLines(r, f.cfg.Encoding)}
	if f.cfg.Quote != "none" {
		reader.quote = f.cfg.Quote[0]
	}
	header, err := reader.lines.next()
	if separator, ok := declared(string(header.text)); ok && err == nil {
		reader.separator = separator
		header, err = reader.lines.next()
	}
	if errors.Is(err, io.EOF) {
		return nil, nil, nil, nil
	}
	if reader.separator == 0 {
		reader.separator = f.separator(string(header.text))
	}
	var mapped *object
	columns, faulty := reader.record(header)
	if err = errors.Join(err, faulty); err == nil {
		mapped, err = newObject(f.cfg, f.shape, columns)
	}
	if err != nil {
		return nil, nil, nil, agent.Errorf(agent.CodeInvalid, nil, "O cabeçalho do arquivo %s não serve. %s", f.name, agent.Sentence(err))
	}
	f.mapped = f.mapped[:0]
	for at, column := range columns {
		shown := Mapped{Column: mask.Name(at, column)}
		for _, p := range mapped.places {
			if p.column == at {
				shown.Field = p.field.Name
			}
		}
		f.mapped = append(f.mapped, shown)
	}
	return reader, mapped, columns, nil
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

// checkSigns holds every number of a CSV file against the decimal sign: a file whose sign is another one is not read.
func (f *file) checkSigns(r io.Reader, yield func(Record) bool) {
	var seen signs
	reader, mapped, columns, err := f.table(r)
	for err == nil && reader != nil && yield(Record{}) {
		values, number, fault, readErr := reader.read()
		if errors.Is(readErr, io.EOF) {
			err = seen.verdict(mapped)
			break
		}
		if readErr != nil {
			return // the reader of the records says so
		}
		if fault == nil && len(values) == len(columns) {
			err = seen.look(mapped, values, fmt.Sprintf("linha %d", number))
		}
	}
	if sign, ok := errors.AsType[errSign](err); ok {
		err = agent.Errorf(agent.CodeInvalid, nil, "O arquivo %s foi recusado inteiro e nada dele foi enviado. %s", f.name, agent.Sentence(sign))
	}
	f.err = err
}

func (f *file) rows(r io.Reader, yield func(Record) bool) {
	reader, mapped, columns, err := f.table(r)
	if err != nil || reader == nil {
		f.err = err
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
		case empty(values):
			continue
		case len(values) != len(columns):
			record.Fault = &agent.Fault{Code: "columns", Detail: fmt.Sprintf("A linha tem %d campos e o cabeçalho %d.", len(values), len(columns))}
		default:
			record.Key = mapped.key(values)
			record.Body, record.Fault = mapped.of(values)
			record.Rounded = mapped.rounded
		}
		if !yield(record) {
			return
		}
	}
}

// Refuse writes a line of the report, which Close puts beside the moved file.
func (f *file) Refuse(place string, fault agent.Fault) {
	f.say(fmt.Sprintf("%s\t%s\t%s\t%s", place, fault.Field, fault.Code, fault.Detail))
}

// say writes a line of the report.
func (f *file) say(line string) {
	if f.stays {
		return
	}
	if f.report == nil && f.lines == 0 {
		var err error
		if f.report, err = f.newReport(); err != nil {
			f.err = errors.Join(f.err, reportError(f.folder, f.name, err))
		}
	}
	f.lines++
	if f.report == nil || f.lines > maxReport {
		return
	}
	w := bufio.NewWriter(f.report)
	fmt.Fprintln(w, line)
	if f.lines == maxReport {
		fmt.Fprintln(w, "… e outros")
	}
	if err := w.Flush(); err != nil {
		f.err = errors.Join(f.err, folderError(f.folder, err))
	}
}

// ownReport is the report's name while the file is read.
func (f *file) ownReport() string { return "." + fitting(f.name) + ".report" }

// newReport makes the report. What a run before left in its place is removed.
func (f *file) newReport() (*os.File, error) {
	folder, err := osfile.OpenFolder(f.folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // the report stays open
	return folder.Create(f.ownReport())
}

// Close moves the file to done or rejected, its report beside it. A file that was written to meanwhile stays.
func (f *file) Close(fate Fate) error {
	var err error
	if f.report != nil {
		err = f.report.Close()
	}
	if f.stays {
		return err
	}
	folder, openErr := osfile.OpenFolder(f.folder)
	if openErr != nil {
		return errors.Join(err, folderError(f.folder, openErr))
	}
	defer func() { _ = folder.Close() }() // what was done in it is done
	to := ""
	if fate != Left {
		var moveErr error
		if to, moveErr = f.move(folder, fate); moveErr != nil {
			fate, err = Left, errors.Join(err, moveErr)
		}
	}
	switch {
	case f.report == nil:
		_ = folder.Remove(f.ownReport()) // that of a run that was killed is nobody's
	case fate == Left:
		err = errors.Join(err, folder.Remove(f.ownReport()))
	default:
		err = errors.Join(err, folder.Move(f.ownReport(), to+reportName))
	}
	if fate == Taken {
		err = errors.Join(err, f.supersede(folder))
	}
	return err
}

// move moves the file and gives its new name. A file that is not what was read goes back.
func (f *file) move(folder *osfile.Folder, fate Fate) (string, error) {
	if f.state.info == nil {
		f.state, _ = stateAt(folder, f.at) // it is only compared with what it is after the move
	}
	to, err := moved(folder, fate, f.name, f.state.state)
	if err == nil {
		err = folder.Move(f.at, to)
	}
	if err != nil {
		return "", moveError(f.folder, f.name, err)
	}
	if now, statErr := stateAt(folder, to); statErr != nil || now.state != f.state.state { // a moved file may have another number
		return "", errors.Join(folder.Move(to, f.name), agent.Errorf(agent.CodeInvalid, ErrUnfinished, "O arquivo %s ainda era gravado quando foi lido; será lido de novo na próxima execução.", f.name))
	}
	return to, nil
}

// supersede moves the older files of the same load to done, each with a line that says why it was not read.
func (f *file) supersede(folder *osfile.Folder) error {
	var err error
	for _, older := range f.older {
		to, moveErr := moved(folder, Taken, older.name, older.state.state)
		if moveErr == nil {
			moveErr = folder.Move(older.path, to)
		}
		if moveErr != nil {
			err = errors.Join(err, moveError(f.folder, older.name, moveErr))
			continue
		}
		report, createErr := folder.Create(to + reportName)
		if createErr != nil {
			err = errors.Join(err, reportError(f.folder, older.name, createErr))
			continue
		}
		_, writeErr := fmt.Fprintf(report, "Não foi lido: foi substituído por %s, que é mais novo e traz tudo (mode: full).\n", f.name)
		err = errors.Join(err, writeErr, report.Close())
	}
	return err
}
