package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
)

// Canaries are texts that no file, log line or answer to support may show: documents, a name, a phone, tokens.
func Canaries() []string {
	return []string{Maria, Stranger, agenttest.LetterCNPJ, "CANARIANOME", "SOBRENOMECANARIO", "41987762038", CloudToken, TillToken, SupportToken}
}

// WantNoCanary wants no canary in any file below a folder, which must have enough to search.
func WantNoCanary(t testing.TB, folder string) {
	t.Helper()
	searched, journal := 0, 0
	EachFile(t, folder, func(path string, content []byte) {
		if strings.HasSuffix(path, ".gz") {
			journal += len(content)
		}
		searched += len(content)
		for _, canary := range Canaries() {
			if bytes.Contains(content, []byte(canary)) {
				t.Errorf("%s shows %s", filepath.Base(path), canary)
			}
		}
	})
	if searched < 16<<10 || journal < 4<<10 {
		t.Errorf("searched %d bytes, %d of them of the journal", searched, journal)
	}
}

// EachFile reads every file below a folder; a .gz file is unpacked.
func EachFile(t testing.TB, folder string, do func(path string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".gz") {
			content = unzipped(t, content)
		}
		do(path, content)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func unzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
