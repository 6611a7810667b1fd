package store_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"pdvagent/store"
	"pdvagent/store/storetest"
)

// BenchmarkEnqueueOn64WritersWithASyncOf5ms gives the median time of a sale's commit when every sync of the disk takes
// 5 ms (strace delays it) and 64 tills write; promises.md promises 13 ms at most.
func BenchmarkEnqueueOn64WritersWithASyncOf5ms(b *testing.B) {
	for b.Loop() {
		dir := storetest.Dir(b)
		s, err := store.Open(store.Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		process := producer(b.Context(), dir, latencyMode, "strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fdatasync",
			"-e", "inject=fdatasync:delay_enter=5000", "-o", filepath.Join(b.TempDir(), "trace"))
		var said bytes.Buffer
		process.Stdout = &said
		if err := process.Run(); err != nil {
			b.Fatal(err)
		}
		var median float64
		if _, err := fmt.Sscanf(said.String(), "open\np50 %f", &median); err != nil {
			b.Fatalf("%v: %s", err, said.String())
		}
		b.ReportMetric(median, "p50-ms")
	}
}
