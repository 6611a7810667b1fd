package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// trace counts system calls over some more sales, where there is strace and it may look.
func (b *tillBench) trace(ctx context.Context, sales int) error {
	program, err := exec.LookPath("strace")
	if err != nil {
		return nil
	}
	out := filepath.Join(filepath.Dir(b.configPath), "calls")
	strace := exec.CommandContext(ctx, program, "-f", "-y", "-s", "0", "-o", out, "-p", fmt.Sprint(b.process.PID())) //nolint:gosec // the tool that was found, our own process
	said, err := strace.StderrPipe()
	if err == nil {
		err = strace.Start()
	}
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(said)
	attached := lines.Scan() && strings.Contains(lines.Text(), "attached")
	if attached {
		err = b.sell(ctx, "contada", sales)
	}
	_ = strace.Process.Signal(os.Interrupt) // it may have ended
	for lines.Scan() {                      // to its end
	}
	_ = strace.Wait() // it reports the interrupt
	if err != nil || !attached {
		return err
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	seen := countCalls(string(text), b.config.DataDir)
	b.row.costs["system_calls"] = float64(seen.calls) / float64(sales)
	b.row.costs["writes"], b.row.costs["kilobytes"] = float64(seen.writes)/float64(sales), float64(seen.bytes)/1000/float64(sales)
	return nil
}

// callCounts are system calls: all of them, and the writes to files of a folder.
type callCounts struct{ calls, writes, bytes int }

// countCalls reads strace's lines: a process's number and a call, or the end of one that another's line has cut.
func countCalls(text, folder string) (counts callCounts) {
	writing := make(map[string]bool) // by process: its cut call writes to a file of the folder
	for line := range strings.Lines(text) {
		process, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		ends := strings.HasPrefix(call, "<... ")
		if call == "" || strings.HasPrefix(call, "+++") || strings.HasPrefix(call, "---") {
			continue
		}
		if !ends {
			counts.calls++
			name, arguments, _ := strings.Cut(call, "(")
			writing[process] = (name == "pwrite64" || name == "write") && strings.Contains(arguments, "<"+folder)
		}
		at := strings.LastIndex(call, " = ")
		if at < 0 || !writing[process] {
			continue
		}
		written := 0
		if _, err := fmt.Sscan(call[at+len(" = "):], &written); err == nil && written > 0 {
			counts.writes, counts.bytes = counts.writes+1, counts.bytes+written
		}
		writing[process] = false
	}
	return counts
}
