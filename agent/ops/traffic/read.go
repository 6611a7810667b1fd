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

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

// Query selects lines. A zero field selects all.
type Query struct {
	Since time.Time // lines after it
	Route string    // a part of it
	Key   string    // transaction_id, coupon, request id or job
	Side  string    // see agent.Sides
	Limit int       // the newest, default 100
}

// wants reports whether the query selects a line.
func (q Query) wants(line Line) bool {
	return line.At.After(q.Since) && strings.Contains(line.Route, q.Route) && (q.Side == "" || q.Side == string(line.Side)) &&
		(q.Key == "" || line.Ref == q.Key || slices.Contains(line.Keys, q.Key))
}

// Read returns the newest lines that a query selects, oldest first.
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

// LastTill returns when the journal begins and when a till called last; zero times for never. The answer to a till that asks
// the same again and again is in it once.
func (j *Journal) LastTill() (begun, last time.Time, err error) {
	list, err := names(j.cfg.Dir)
	if err != nil || len(list) == 0 {
		return begun, last, err
	}
	begun, _ = begunAt(list[0]) // of a file that is not ours there is no beginning
	lines, err := j.Read(Query{Side: string(agent.SideTill), Limit: 1})
	if len(lines) > 0 {
		last = lines[0].At
	}
	return begun, last, err
}

// maxLine bounds a line, in bytes: two bodies and the other fields.
const maxLine = 64 << 10

// readFile returns the selected lines of a file. The file may still be written, or end within a line.
func readFile(path string, q Query) ([]Line, error) {
	disk, err := osfile.Open(path)
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

// ignoreCut drops the errors of a file that is still written, or was cut by a power failure.
func ignoreCut(err error) error {
	if _, damaged := errors.AsType[flate.CorruptInputError](err); damaged {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return nil
	}
	return err
}
