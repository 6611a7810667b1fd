package fault

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// call is a system call of the agent, as strace tells it.
type call struct {
	name       string
	args       string // what stands between the parentheses
	result     string
	begun, end int // lines of the trace
}

var (
	wholeCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (.*)$`)
	begunCall   = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
	resumedCall = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (.*)$`)
	quotedText  = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
	openFile    = regexp.MustCompile(`^(AT_FDCWD|\d+)<([^>]*)>`)
)

// readCalls reads a trace, in the order in which calls ended.
func readCalls(t *testing.T, trace string) []call {
	t.Helper()
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	begun := make(map[string]call) // by thread
	var calls []call
	for n := 0; lines.Scan(); n++ {
		text := lines.Text()
		if m := begunCall.FindStringSubmatch(text); m != nil {
			begun[m[1]] = call{name: m[2], args: m[3], begun: n}
		} else if m := resumedCall.FindStringSubmatch(text); m != nil {
			c := begun[m[1]]
			c.args, c.result, c.end = c.args+m[3], m[4], n
			calls = append(calls, c)
		} else if m := wholeCall.FindStringSubmatch(text); m != nil {
			calls = append(calls, call{name: m[2], args: m[3], result: m[4], begun: n, end: n})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

// texts gives the strings of a call.
func (c call) texts() []string {
	var out []string
	for _, m := range quotedText.FindAllStringSubmatch(c.args, -1) {
		raw, _ := hex.DecodeString(strings.ReplaceAll(m[1], `\x`, "")) // the pattern has nothing else
		out = append(out, string(raw))
	}
	return out
}

// file gives the path of the call's first descriptor.
func (c call) file() string {
	m := openFile.FindStringSubmatch(c.args)
	if m == nil {
		return ""
	}
	return plainPath(m[2])
}

func plainPath(text string) string {
	if !strings.HasPrefix(text, `\x`) {
		return text
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		return text
	}
	return string(raw)
}

// numbers gives the last n numbers of a call.
func (c call) last(n int) int64 {
	parts := strings.Split(c.args, ", ")
	value, _ := strconv.ParseInt(parts[len(parts)-n], 0, 64) // strace wrote it
	return value
}

// content is what is in a file, on the disk and on its way there.
type content struct {
	durable []byte
	waiting []write
	at      int64 // where the next write goes on
}

// write is a change of a file's content; data of nil cuts it at its place.
type write struct {
	at   int64
	data []byte
	done int // line of the trace where the call ended
}

// change is a change of a folder: a name that goes, a name that comes.
type change struct {
	gone, came string
	file       *content
	done       int
}

// disk is a folder as the disk has it. Names are on it once their folder is synced, contents once their file is.
type disk struct {
	root    string
	names   map[string]*content // as the program sees them
	durable map[string]*content
	waiting map[string][]change // by folder
	folders map[string]bool
}

// readDisk takes a folder as it is, with all of it on the disk.
func readDisk(t *testing.T, root string) *disk {
	t.Helper()
	d := &disk{root: root, names: make(map[string]*content), waiting: make(map[string][]change), folders: make(map[string]bool)}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			d.folders[path] = true
			return nil
		}
		data, err := os.ReadFile(path)
		d.names[path] = &content{durable: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.durable = maps.Clone(d.names)
	return d
}

func (d *disk) clone() *disk {
	out := &disk{root: d.root, names: make(map[string]*content), durable: make(map[string]*content), waiting: make(map[string][]change), folders: maps.Clone(d.folders)}
	copied := make(map[*content]*content)
	one := func(c *content) *content {
		if copied[c] == nil {
			copied[c] = &content{durable: bytes.Clone(c.durable), waiting: slices.Clone(c.waiting), at: c.at}
		}
		return copied[c]
	}
	for name, c := range d.names {
		out.names[name] = one(c)
	}
	for name, c := range d.durable {
		out.durable[name] = one(c)
	}
	for folder, list := range d.waiting {
		for _, c := range list {
			if c.file != nil {
				c.file = one(c.file)
			}
			out.waiting[folder] = append(out.waiting[folder], c)
		}
	}
	return out
}

// do applies a call that has ended.
func (d *disk) do(t *testing.T, c call) {
	t.Helper()
	if strings.HasPrefix(c.result, "-1") {
		return
	}
	switch c.name {
	case "openat":
		d.open(c)
	case "mkdirat", "mkdir":
		if path := c.path(0); d.has(path) {
			d.folders[path] = true
		}
	case "renameat", "renameat2", "rename":
		d.rename(c.path(0), c.path(1), c.end)
	case "unlinkat", "unlink":
		if path := c.path(0); d.names[path] != nil {
			delete(d.names, path)
			d.note(change{gone: path, done: c.end})
		}
	case "write", "pwrite64", "ftruncate", "fsync", "fdatasync":
		d.change(c)
	default:
		if strings.Contains(c.args, d.root) {
			t.Fatalf("a call that the test does not know: %s(%.200s", c.name, c.args)
		}
	}
}

func (d *disk) has(path string) bool { return strings.HasPrefix(path, d.root+"/") }

func (d *disk) note(c change) {
	folder := filepath.Dir(c.gone + c.came)
	if c.gone != "" && c.came != "" {
		folder = filepath.Dir(c.came)
	}
	d.waiting[folder] = append(d.waiting[folder], c)
}

// path gives the n-th path of a call that may name it from an open folder.
func (c call) path(n int) string {
	text := c.texts()
	if n >= len(text) {
		return ""
	}
	if filepath.IsAbs(text[n]) {
		return text[n]
	}
	folders := regexp.MustCompile(`(?:AT_FDCWD|\d+)<([^>]*)>`).FindAllStringSubmatch(c.args, -1)
	if n >= len(folders) {
		return ""
	}
	return filepath.Join(plainPath(folders[n][1]), text[n])
}

func (d *disk) open(c call) {
	path := c.path(0)
	if !d.has(path) {
		return
	}
	file := d.names[path]
	if file == nil && strings.Contains(c.args, "O_CREAT") {
		file = &content{}
		d.names[path] = file
		d.note(change{came: path, file: file, done: c.end})
	}
	if file == nil {
		return
	}
	file.at = 0
	if strings.Contains(c.args, "O_APPEND") {
		file.at = int64(len(file.now()))
	}
	if strings.Contains(c.args, "O_TRUNC") {
		file.waiting = append(file.waiting, write{done: c.end})
	}
}

func (d *disk) rename(from, to string, done int) {
	file := d.names[from]
	if file == nil {
		return
	}
	delete(d.names, from)
	d.names[to] = file
	d.note(change{gone: from, came: to, file: file, done: done})
}

func (d *disk) change(c call) {
	path := c.file()
	if d.folders[path] {
		var left []change
		for _, change := range d.waiting[path] {
			if change.done < c.begun { // a sync is of what was there when it began
				d.settle(change)
			} else {
				left = append(left, change)
			}
		}
		d.waiting[path] = left
		return
	}
	file := d.names[path]
	if file == nil {
		return
	}
	switch c.name {
	case "write":
		data := []byte(strings.Join(c.texts(), ""))
		file.waiting = append(file.waiting, write{file.at, data, c.end})
		file.at += int64(len(data))
	case "pwrite64":
		file.waiting = append(file.waiting, write{c.last(1), []byte(strings.Join(c.texts(), "")), c.end})
	case "ftruncate":
		file.waiting = append(file.waiting, write{at: c.last(1), done: c.end})
	default:
		file.sync(c.begun)
	}
}

func (d *disk) settle(c change) {
	if c.gone != "" {
		delete(d.durable, c.gone)
	}
	if c.came != "" {
		d.durable[c.came] = c.file
	}
}

// sync has the disk take what was written when the sync began.
func (c *content) sync(begun int) {
	var left []write
	for _, w := range c.waiting {
		if w.done < begun {
			c.durable = w.apply(c.durable)
		} else {
			left = append(left, w)
		}
	}
	c.waiting = left
}

// now is the content with everything that was written.
func (c *content) now() []byte {
	out := bytes.Clone(c.durable)
	for _, w := range c.waiting {
		out = w.apply(out)
	}
	return out
}

func (w write) apply(file []byte) []byte {
	end := w.at + int64(len(w.data))
	if w.data == nil {
		if end < int64(len(file)) {
			return file[:end]
		}
	}
	if grow := end - int64(len(file)); grow > 0 {
		file = append(file, make([]byte, grow)...)
	}
	copy(file[w.at:], w.data)
	return file
}

// torn is the content after a power cut: of what was not synced each write is there, not there, or there in some sectors.
func (c *content) torn(random *rand.Rand) []byte {
	const sector = 512
	out := bytes.Clone(c.durable)
	for _, w := range c.waiting {
		switch fate := random.IntN(3); {
		case fate == 0 || w.data == nil && fate == 1:
			out = w.apply(out)
		case fate == 1:
			for at := 0; at < len(w.data); at += sector {
				if random.IntN(2) == 0 {
					out = write{at: w.at + int64(at), data: w.data[at:min(at+sector, len(w.data))]}.apply(out)
				}
			}
		}
	}
	return out
}

// cut writes the folder as a power cut leaves it, in the place where it is: files keep their numbers.
func (d *disk) cut(t *testing.T, random *rand.Rand) {
	t.Helper()
	for _, folder := range slices.Sorted(maps.Keys(d.waiting)) { // of changes that were not synced the first ones may be there
		for _, change := range d.waiting[folder][:random.IntN(len(d.waiting[folder])+1)] {
			d.settle(change)
		}
	}
	for path := range readDisk(t, d.root).names {
		if d.durable[path] == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.durable)) {
		file := d.durable[path]
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.torn(random), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
