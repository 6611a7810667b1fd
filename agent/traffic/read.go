package traffic

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Query says which lines are wanted. Zero values want all.
type Query struct {
	Since time.Time // lines after it
	Route string    // a part of it
	Key   string    // transaction_id, coupon, request id or job
	Side  string    // till or cloud
	Limit int       // the newest, default 100
}

func (q Query) wants(line Line) bool {
	return line.At.After(q.Since) && strings.Contains(line.Route, q.Route) && (q.Side == "" || q.Side == string(line.Side)) &&
		(q.Key == "" || line.Ref == q.Key || slices.Contains(line.Keys, q.Key))
}

// Read gives the newest lines that a query wants, oldest first.
func (j *Journal) Read(q Query) ([]Line, error) {
	if q.Limit == 0 {
		q.Limit = 100
	}
	list, err := names(j.cfg.Dir)
	if err != nil {
		return nil, err
	}
	var found []Line
	for i, name := range slices.Backward(list) {
		lines, err := readFile(filepath.Join(j.cfg.Dir, name), q)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // pruned meanwhile
			return nil, err
		}
		found = append(lines, found...)
		begun, ours := begunAt(list[i])
		if len(found) >= q.Limit || (ours && begun.Before(q.Since)) {
			break
		}
	}
	return found[max(0, len(found)-q.Limit):], nil
}

// maxLine bounds a line that is read: two bodies and their names.
const maxLine = 64 << 10

// readFile gives the wanted lines of a file, which may still be written or end in the middle.
func readFile(path string, q Query) ([]Line, error) {
	disk, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = disk.Close() }() // only read
	unzipped, err := gzip.NewReader(disk)
	if err != nil {
		return nil, ignoreCut(err)
	}
	var found []Line
	scanner := bufio.NewScanner(unzipped)
	scanner.Buffer(make([]byte, 0, maxLine), maxLine)
	for scanner.Scan() {
		var line Line
		if json.Unmarshal(scanner.Bytes(), &line) == nil && q.wants(line) {
			found = append(found, line)
		}
	}
	return found, ignoreCut(scanner.Err())
}

// ignoreCut forgives the end of a file that a power cut, or a writer at work, has left open.
func ignoreCut(err error) error {
	if _, damaged := errors.AsType[flate.CorruptInputError](err); damaged {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return nil
	}
	return err
}
