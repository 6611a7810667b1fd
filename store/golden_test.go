package store_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

var updateGolden = flag.Bool("update", false, "write the golden file of the newest schema anew: never for a schema that was released")

// newestGolden is the schema that this program writes; every one from 1 on has a golden file.
const newestGolden = 2

// TestStoreOfEveryReleasedSchemaOpensAsItWas opens a database of every schema, written by a program of that time.
func TestStoreOfEveryReleasedSchemaOpensAsItWas(t *testing.T) {
	if *updateGolden {
		writeGolden(t)
	}
	for schema := 1; schema <= newestGolden; schema++ {
		cfg := store.Config{Dir: storetest.Dir(t)}
		readGolden(t, schema, cfg.Dir)
		s := storetest.OpenIn(t, cfg) // its check at the end is the whole store's
		for seq, want := range goldenJobs() {
			job, err := s.Job(uint64(seq + 1))
			if err != nil || job.Coupon != want.Coupon || job.Status.State != want.Status.State || !bytes.Equal(job.Body, want.Body) {
				t.Errorf("schema %d: job %d is %s %q, %v", schema, seq+1, job.Status.State, job.Body, err)
			}
		}
		if value, _, err := s.Record(store.SessionRecords, "golden"); err != nil || string(value) != "a session" {
			t.Errorf("schema %d: the session is %q, %v", schema, value, err)
		}
		if report := s.Salvaged(); report != nil {
			t.Errorf("schema %d: it was salvaged: %+v", schema, report)
		}
		if at, err := s.Schema(); err != nil || at != newestGolden {
			t.Errorf("schema %d: it is at %d afterwards, %v", schema, at, err)
		}
	}
}

func goldenJobs() []agent.Job {
	var jobs []agent.Job
	for i, state := range agent.States() {
		job := coupon(fmt.Sprint("golden-", i))
		job.Status.State = state
		jobs = append(jobs, job)
	}
	return jobs
}

func goldenFolder(schema int) string { return filepath.Join("testdata", fmt.Sprint("schema-", schema)) }

func readGolden(t *testing.T, schema int, dir string) {
	t.Helper()
	keys, err := os.ReadFile(filepath.Join(goldenFolder(schema), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.Open(filepath.Join(goldenFolder(schema), "pdvagent.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	reader, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(reader)
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(dir, "keys.json"), keys, 0o600), os.WriteFile(filepath.Join(dir, "pdvagent.db"), file, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// writeGolden makes a store of the present schema. Its key names no machine, so that every machine opens it.
func writeGolden(t *testing.T) {
	t.Helper()
	dir, target := storetest.Dir(t), goldenFolder(newestGolden)
	s := storetest.OpenIn(t, store.Config{Dir: dir})
	for _, job := range goldenJobs() {
		add(t, s, job)
	}
	put(t, s, "golden", "a session")
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	keys, err := os.ReadFile(filepath.Join(dir, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys = regexp.MustCompile(`"machine": "[0-9a-f]*"`).ReplaceAll(keys, []byte(`"machine": ""`))
	file, err := os.ReadFile(filepath.Join(dir, "pdvagent.db"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err = writer.Write(file); err == nil {
		err = errors.Join(writer.Close(), os.MkdirAll(target, 0o700))
	}
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(target, "keys.json"), keys, 0o600),
			os.WriteFile(filepath.Join(target, "pdvagent.db.gz"), packed.Bytes(), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}
