//go:build !windows

package store

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store/internal/envelope"
	"pdvagent/store/internal/keyring"
)

// FuzzDecodeJob: any payload is a job or damaged, and a job is encoded as it was decoded.
func FuzzDecodeJob(f *testing.F) {
	for _, sample := range agenttest.Samples() {
		payload, err := encodeJob(agent.Job{Kind: agent.KindCoupon, Coupon: "C", Session: "T", Body: []byte(sample), CreatedAt: time.Unix(1, 0)}, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, '{', '}'})
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, payload []byte) {
		job, spooled, err := decodeJob(1, payload)
		if err != nil {
			return
		}
		again, err := encodeJob(job, spooled)
		if err != nil { // a year beyond 9999 cannot be written
			return
		}
		back, _, err := decodeJob(1, again)
		if err != nil || back.Kind != job.Kind || back.Coupon != job.Coupon || (spooled == nil && string(back.Body) != string(job.Body)) {
			t.Fatalf("%+v came back as %+v, %v", job, back, err)
		}
	})
}

// FuzzReadSpooled: any spool file is the body that was written, or damaged.
func FuzzReadSpooled(f *testing.F) {
	folder := f.TempDir()
	ring, err := keyring.Open(filepath.Join(folder, "keys.json"))
	if err != nil {
		f.Fatal(err)
	}
	p := &spool{folder: filepath.Join(folder, "spool"), budget: 1 << 30, ring: ring}
	if err := os.Mkdir(p.folder, 0o700); err != nil {
		f.Fatal(err)
	}
	body := make([]byte, 3*spoolSegment/2)
	reference, err := p.write(body)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(p.folder, reference.Name))
	if err != nil {
		f.Fatal(err)
	}
	first := envelope.Len(whole)
	for _, seed := range [][]byte{whole, whole[:first], whole[first:], append(whole[first:len(whole):len(whole)], whole[:first]...), whole[:len(whole)-1], nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(filepath.Join(p.folder, reference.Name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := p.read(reference); err == nil && string(got) != string(body) {
			t.Fatalf("gave %d bytes that were never written", len(got))
		}
	})
}

// FuzzSealedContent: anybody can seal something for the recovery key: what is in it stays in the folder, under the names that the
// store gives.
func FuzzSealedContent(f *testing.F) {
	for _, name := range []string{keysName, fileName, "spool/a", "other/config.yaml", "spool/../../out", "/out", "other/..", "pdvagent.db/x", `spool/C:\out`} {
		var buffer bytes.Buffer
		out := tar.NewWriter(&buffer)
		if err := errors.Join(putBytes(out, name, []byte("{}")), out.Close()); err != nil {
			f.Fatal(err)
		}
		f.Add(buffer.Bytes())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		parent := t.TempDir()
		u := unpacker{folder: filepath.Join(parent, "brought")}
		if err := os.MkdirAll(filepath.Join(u.folder, spoolName), 0o700); err != nil {
			t.Fatal(err)
		}
		_ = u.all(bytes.NewReader(content)) // most is refused
		for folder, allowed := range map[string][]string{parent: {"brought"}, u.folder: {spoolName, fileName}} {
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				if !slices.Contains(allowed, entry.Name()) {
					t.Errorf("it wrote %s", entry.Name())
				}
			}
		}
	})
}
