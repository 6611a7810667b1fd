package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	doneFolder, rejectedFolder = "done", "rejected"

	reportName = ".report.txt"         // behind the name of a moved file
	movedAt    = "20060102-150405.000" // before it, in UTC
	maxName    = 200                   // bytes of a file's own name in those folders: with the rest it stays below 255
	maxRests   = 6                     // for which a run waits until the files rest
)

// candidate is a file that may be read.
type candidate struct {
	name    string
	path    string // below the folder; it may lie in done, to which it was moved too early
	state   seen
	unready string // why it cannot be read yet; empty: it can
	strange bool   // it is no regular file: it says nothing of the other files
}

// openFolder lists the files that are there and have rested: in the order of their age, or of a full load the newest one.
func openFolder(ctx context.Context, cfg Config, shape agent.LoadShape) ([]Opened, error) {
	folder, err := osfile.OpenFolder(cfg.Path)
	if err != nil {
		return nil, folderError(cfg.Path, err)
	}
	defer func() { _ = folder.Close() }()                       // it was only listed
	for _, name := range []string{doneFolder, rejectedFolder} { // before anything is sent: a file that cannot be moved would be sent every time
		if err := folder.Make(name); err != nil {
			return nil, makeError(cfg.Path, name, err)
		}
	}
	list, others, err := candidates(folder)
	if err != nil {
		return nil, folderError(cfg.Path, err)
	}
	if len(list) == 0 {
		return nil, nothingToRead(folder, cfg.Path, others)
	}
	if err := rest(ctx, cfg.Rest, folder, list); err != nil {
		return nil, err
	}
	strange := func(c candidate) bool { return c.strange }
	groups := inOrder(slices.DeleteFunc(slices.Clone(list), strange), cfg.Mode == "full")
	for _, c := range list {
		if c.strange {
			groups = append(groups, []candidate{c})
		}
	}
	var files []Opened
	for _, group := range groups {
		newest := group[len(group)-1]
		f := &file{cfg: cfg, shape: shape, folder: cfg.Path, at: newest.path, name: newest.name, older: group[:len(group)-1], state: newest.state}
		if newest.unready != "" {
			f.unready = agent.Errorf(agent.CodeInvalid, ErrUnfinished, "O arquivo %s não foi lido: %s.", newest.name, newest.unready)
		}
		files = append(files, f)
	}
	return files, nil
}

// candidates lists the files of the folder, those of done that were written to after they were moved, and the names of
// files that cannot be read because of their kind.
func candidates(folder *osfile.Folder) (list []candidate, others []fs.DirEntry, err error) {
	entries, err := folder.Entries(".")
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		switch {
		case entry.IsDir():
		case wanted(entry.Name()): // a link, too: it is refused by its name
			list = append(list, candidate{name: entry.Name(), path: entry.Name()})
		case entry.Type().IsRegular() && !unfinished(entry.Name()):
			others = append(others, entry)
		}
	}
	entries, err = folder.Entries(doneFolder)
	for _, entry := range entries {
		if name, ok := writtenLater(entry); ok {
			list = append(list, candidate{name: name, path: doneFolder + "/" + entry.Name()})
		}
	}
	return list, others, err
}

// writtenLater gives the own name of a file of done that was changed after it was moved there.
func writtenLater(entry fs.DirEntry) (string, bool) {
	if len(entry.Name()) <= len(movedAt)+1 || !wanted(entry.Name()) {
		return "", false
	}
	moved, err := time.Parse(movedAt, entry.Name()[:len(movedAt)])
	info, infoErr := entry.Info()
	if err != nil || infoErr != nil || !info.ModTime().Truncate(time.Millisecond).After(moved) {
		return "", false
	}
	return entry.Name()[len(movedAt)+1:], true
}

// moved is the free name to which a file goes, below the folder: the time before its own name is never before its last change,
// whatever the clocks say.
func moved(folder *osfile.Folder, fate Fate, name string, s state) (string, error) {
	to := rejectedFolder
	if fate == Taken {
		to = doneFolder
	}
	if err := folder.Make(to); err != nil { // another thing may have taken its place
		return "", err
	}
	at := time.Now().UTC()
	if changed := time.Unix(0, s.changed).UTC(); changed.After(at) {
		at = changed
	}
	const tries = 1000
	for range tries {
		path := to + "/" + at.Format(movedAt) + "-" + fitting(name)
		if folder.Free(path) && folder.Free(path+reportName) {
			return path, nil
		}
		at = at.Add(time.Millisecond)
	}
	return "", fs.ErrExist
}

// fitting is a name that is short enough for a path, with its ending.
func fitting(name string) string {
	if len(name) <= maxName {
		return name
	}
	ending := filepath.Ext(name)
	return strings.ToValidUTF8(name[:maxName-len(ending)], "") + ending
}

// nothingToRead is an error when a folder has only files of another kind, and one came after the last load: the export's format
// is wrong, or has changed.
func nothingToRead(folder *osfile.Folder, path string, others []fs.DirEntry) error {
	done, err := folder.Entries(doneFolder)
	if err != nil {
		return err
	}
	var last time.Time // a load's
	for _, entry := range done {
		if moved, err := time.Parse(movedAt, entry.Name()[:min(len(movedAt), len(entry.Name()))]); err == nil && moved.After(last) {
			last = moved
		}
	}
	others = slices.DeleteFunc(others, func(entry fs.DirEntry) bool {
		info, err := entry.Info()
		return err != nil || !info.ModTime().After(last)
	})
	if len(others) == 0 {
		return nil
	}
	return agent.Errorf(agent.CodeInvalid, nil, "A pasta %s tem %d arquivo(s) e nenhum que se leia (por exemplo %s): exporte como .csv, .json ou .ndjson.", path, len(others), others[0].Name())
}

// unfinished tells the name of a file that is being written, hidden, or another program's own.
func unfinished(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") || slices.Contains([]string{".tmp", ".part", ".partial", ".crdownload", ".lock", ".filepart"}, filepath.Ext(lower)) ||
		lower == "thumbs.db" || lower == "desktop.ini"
}

// wanted tells a file to read from one that is being written or is of another kind.
func wanted(name string) bool {
	return !unfinished(name) && slices.Contains([]string{".csv", ".json", ".ndjson"}, strings.ToLower(filepath.Ext(name)))
}

// state is what changes of a file while it is written: its size, its time, and the bytes at its end.
type state struct {
	size    int64
	changed int64 // Unix time in nanoseconds
	tail    [tailLen]byte
}

// tailLen is how many bytes of a file's end are looked at.
const tailLen = 64

// seen is a file's state, and which file it was.
type seen struct {
	state
	info fs.FileInfo // nil: it was not seen
}

// same tells the same file in the same state.
func (s seen) same(other seen) bool {
	return s.info != nil && other.info != nil && s.state == other.state && os.SameFile(s.info, other.info)
}

func stateOf(opened *os.File) (seen, error) {
	info, err := opened.Stat()
	if err != nil {
		return seen{}, err
	}
	s := state{size: info.Size(), changed: info.ModTime().UnixNano()}
	if _, err := opened.ReadAt(s.tail[:min(s.size, tailLen)], max(0, s.size-tailLen)); err != nil && !errors.Is(err, io.EOF) {
		return seen{}, err
	}
	return seen{s, info}, nil
}

func stateAt(folder *osfile.Folder, path string) (seen, error) {
	opened, err := folder.Open(path)
	if err != nil {
		return seen{}, err
	}
	s, err := stateOf(opened)
	return s, errors.Join(err, opened.Close())
}

// zeros tells a file whose end is not written yet: a copy that took its space first. A text of UTF-16 ends in one zero.
func (s state) zeros() bool {
	end := s.tail[:min(s.size, tailLen)]
	return bytes.HasSuffix(end, []byte{0, 0}) && bytes.IndexByte(end, endOfText) < 0
}

// rest waits until the files have not changed for that long, some times over, and says of each whether it may be read.
func rest(ctx context.Context, long time.Duration, folder *osfile.Folder, list []candidate) error {
	for i := range list {
		list[i].look(folder)
	}
	for range maxRests {
		select {
		case <-time.After(long):
		case <-ctx.Done():
			return ctx.Err()
		}
		moving := false
		for i := range list {
			before := list[i].state
			list[i].look(folder)
			if list[i].unready == "" && !list[i].state.same(before) {
				list[i].unready = fmt.Sprintf("ainda está sendo gravado (mudou há menos de %s); será lido na próxima execução", long)
			}
			moving = moving || list[i].unready != "" && !list[i].strange
		}
		if !moving {
			return nil
		}
	}
	return nil
}

// look reads the file's state, and finds what forbids to read it at all.
func (c *candidate) look(folder *osfile.Folder) {
	var err error
	c.unready = ""
	c.state, err = stateAt(folder, c.path)
	c.strange = errors.Is(err, osfile.ErrNotRegular)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.unready = "foi retirado da pasta"
	case c.strange:
		c.unready = notRegular
	case isShared(err) || heldOpen(folder.Path(c.path)):
		c.unready = "está aberto em outro programa; feche-o lá (uma planilha, ou quem o grava)"
	case errors.Is(err, fs.ErrPermission):
		c.unready = "o pdvagent não tem permissão de ler o arquivo"
	case err != nil:
		c.unready = "não pôde ser lido; confira o disco ou a rede"
	case c.state.zeros():
		c.unready = "termina em bytes zero: a cópia dele não terminou; copie de novo"
	}
}

// inOrder puts the files in the order of their age. Of a full load each group has one that brings everything, its last, or
// is split into its parts: the files before it are older exports of the same name; the newest group comes first, since the first of two records holds.
// Otherwise each file is a group.
func inOrder(list []candidate, full bool) (groups [][]candidate) {
	dated := !slices.ContainsFunc(list, func(c candidate) bool { return dateIn(c.name) == "" })
	slices.SortStableFunc(list, func(a, b candidate) int {
		if dated {
			if byDate := strings.Compare(dateIn(a.name), dateIn(b.name)); byDate != 0 {
				return byDate
			}
		}
		return cmp.Or(cmp.Compare(a.state.changed/coarse, b.state.changed/coarse), natural(a.name, b.name), cmp.Compare(a.state.changed, b.state.changed))
	})
	at := make(map[string]int)
	for i, c := range list {
		stem := fmt.Sprint(i)
		if full {
			stem = stemOf(c.name)
		}
		n, known := at[stem]
		if !known {
			n = len(groups)
			at[stem], groups = n, append(groups, nil)
		}
		groups[n] = append(groups[n], c)
	}
	if full {
		position := func(g []candidate) int {
			return slices.IndexFunc(list, func(c candidate) bool { return c.path == g[len(g)-1].path })
		}
		slices.SortFunc(groups, func(a, b []candidate) int { return position(b) - position(a) })
		var split [][]candidate
		for _, group := range groups {
			split = append(split, parts(group)...)
		}
		groups = split
	}
	return groups
}

// coarse is how exact a file's time is at least, in nanoseconds: FAT counts in two seconds.
const coarse = int64(2 * time.Second)

var (
	yearFirst = regexp.MustCompile(`(20[0-9]{2})[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12][0-9]|3[01])(?:[-_.T ]*([0-9]{4,6}))?`)
	dayFirst  = regexp.MustCompile(`(0[1-9]|[12][0-9]|3[01])[-_.]?(0[1-9]|1[0-2])[-_.]?(20[0-9]{2})(?:[-_.T ]*([0-9]{4,6}))?`)
)

// dateIn is the date, with a time if there is one, that a file's name tells, so that it can be compared; empty: none.
func dateIn(name string) string {
	if match := yearFirst.FindStringSubmatch(name); match != nil {
		return match[1] + match[2] + match[3] + match[4]
	}
	if match := dayFirst.FindStringSubmatch(name); match != nil {
		return match[3] + match[2] + match[1] + match[4]
	}
	return ""
}

var (
	notStem = regexp.MustCompile(`[^\pL]+`)
	copied  = regexp.MustCompile(`(?i)\bc[oó]p(ia|y)\b`)
)

// stemOf is what the names of the exports of one load have in common: their letters.
func stemOf(name string) string {
	name = ofTotal.ReplaceAllString(strings.TrimSuffix(name, filepath.Ext(name)), "")
	return notStem.ReplaceAllString(copied.ReplaceAllString(strings.ToLower(name), ""), "")
}

var runs = regexp.MustCompile(`[0-9]+|[^0-9]+`)

// natural compares names with their numbers as numbers: carga2 comes before carga10.
func natural(a, b string) int {
	as, bs := runs.FindAllString(a, -1), runs.FindAllString(b, -1)
	for i := range min(len(as), len(bs)) {
		x, y := as[i], bs[i]
		if isDigit(x) && isDigit(y) {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if longer := len(x) - len(y); longer != 0 {
				return longer
			}
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return cmp.Or(len(as)-len(bs), strings.Compare(a, b))
}

func isDigit(text string) bool { return text[0] >= '0' && text[0] <= '9' }
