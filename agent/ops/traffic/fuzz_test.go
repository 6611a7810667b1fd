package traffic_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/traffic"
)

// FuzzReadJournal: a file of any bytes, whole or cut, costs at most its own lines.
func FuzzReadJournal(f *testing.F) {
	zipped := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.Bytes()
	}
	line := `{"at":"2026-05-14T19:12:46Z","side":"till","method":"POST","route":"/v2/coupons","status":202,"ms":1}` + "\n"
	f.Add(zipped(line))
	f.Add(zipped(line)[:40])
	f.Add(append(zipped(line), zipped("no line")...))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		for name, text := range map[string][]byte{"20260514T000000.000000000Z.ndjson.gz": content, "20260515T000000.000000000Z.ndjson.gz": zipped(line)} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		j, err := traffic.New(traffic.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if lines, err := j.Read(traffic.Query{}); err != nil || len(lines) == 0 {
			t.Fatalf("got %d lines, %v", len(lines), err)
		}
	})
}

// FuzzRecord: any body can be noted, in one line that is JSON and no longer than a line may be.
func FuzzRecord(f *testing.F) {
	agenttest.Seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		j, err := traffic.New(traffic.Config{Dir: "unused", Bodies: true, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		x := sale(1)
		x.Request, x.Response = text, text
		encoded, err := j.Line(x)
		var line traffic.Line
		if err != nil || json.Unmarshal(encoded, &line) != nil || bytes.Count(encoded, []byte("\n")) != 1 || len(encoded) > 64<<10 {
			t.Fatalf("%q became %q, %v", text, encoded, err)
		}
	})
}
