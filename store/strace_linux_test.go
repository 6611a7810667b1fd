package store_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

// The amounts of store.md for what only Linux does; see amount_test.go.
var (
	fullDisks   = flag.Int("full-disks", 3, "times that a disk is filled to its last byte and drained; on demand 500")
	powerCuts   = flag.Int("power-cuts", agenttest.Amount(100, 20), "power cuts replayed from the recorded writes; on demand 20,000")
	faultPoints = flag.Int("fault-points", agenttest.Amount(20, 4), "system calls that fail, one at a time; every one of the script is about 300")
)

// needStrace skips the test where there is no strace.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		agenttest.Missing(t, "strace")
	}
}

// call is a system call that changes a file or writes an acknowledgement.
type call struct {
	name string // pwrite64, fdatasync, fsync, ftruncate, say
	at   int64
	data []byte // of a write, or what was said
	size int64  // of a truncation
}

// recording runs a producer under strace and gives its calls to the database file in their order. The committer is one
// goroutine: its calls never overlap.
func recording(t *testing.T, dir, mode string) []call {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	process := producer(t.Context(), dir, mode, "strace", "-f", "-qq", "-y", "-xx", "-s", "4000000",
		"-e", "trace=pwrite64,write,fdatasync,fsync,ftruncate", "-o", trace)
	if output, err := process.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return readTrace(t, trace, dir)
}

var (
	callLine = regexp.MustCompile(`^(\d+) +(pwrite64|write|fdatasync|fsync|ftruncate)\((\d+)<([^>]*)>(.*)$`)
	quoted   = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
)

func readTrace(t *testing.T, trace, dir string) []call {
	t.Helper()
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 32<<20)
	var calls []call
	for lines.Scan() {
		m := callLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue // the end of a call that was said in two lines, or a signal
		}
		name, fd, path, rest := m[2], m[3], unhex(m[4]), m[5]
		switch {
		case name == "write" && fd == "1":
			calls = append(calls, call{name: "say", data: []byte(data(t, rest))})
		case path == filepath.Join(dir, "pdvagent.db"):
			calls = append(calls, parseCall(t, name, rest))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

func parseCall(t *testing.T, name, rest string) call {
	t.Helper()
	c := call{name: name}
	switch name {
	case "pwrite64":
		c.data = []byte(data(t, rest))
		numbers := strings.Split(rest[strings.LastIndex(rest, `"`)+1:], ", ") // "", size, offset) = n
		offset, _, _ := strings.Cut(numbers[2], ")")
		c.at = number(t, strings.TrimSuffix(offset, " <unfinished ...>"))
	case "ftruncate":
		size, _, _ := strings.Cut(strings.TrimPrefix(rest, ", "), ")")
		c.size = number(t, strings.TrimSuffix(size, " <unfinished ...>"))
	}
	return c
}

func data(t *testing.T, rest string) string {
	t.Helper()
	m := quoted.FindStringSubmatch(rest)
	if m == nil {
		t.Fatalf("no data in %.80s", rest)
	}
	return unhex(m[1])
}

// unhex reads strace's \x61\x62; a path may also be in clear.
func unhex(text string) string {
	if !strings.HasPrefix(text, `\x`) {
		return text
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		return text
	}
	return string(raw)
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// injected runs the script with one failing system call, and gives the producer's acknowledgements.
func injected(t *testing.T, dir, fault string) *acknowledged {
	t.Helper()
	name, _, _ := strings.Cut(fault, ":")
	process := producer(t.Context(), dir, scriptMode, "strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace="+name, "-e", "inject="+fault,
		"-o", filepath.Join(t.TempDir(), "trace"))
	var said, complaints bytes.Buffer
	process.Stdout, process.Stderr = &said, &complaints
	err := process.Run()
	heard := newAcknowledged()
	heard.hear(&said, nil)
	if err != nil && heard.opened {
		t.Errorf("%s: the process died: %v\n%s", fault, err, complaints.String())
	}
	return heard
}

func faultOf(name, errno string, when int) string {
	return fmt.Sprintf("%s:error=%s:when=%d", name, errno, when)
}
