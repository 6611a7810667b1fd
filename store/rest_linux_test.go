package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// mappedKB is how much of a mapped file is in this process's memory.
func mappedKB(t *testing.T, path string) (sum int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	wanted := false
	for line := range strings.Lines(string(smaps)) {
		kb := 0
		if head, _, _ := strings.Cut(line, " "); strings.Contains(head, "-") {
			wanted = strings.HasSuffix(line, " "+path+"\n")
		} else if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kb); n == 1 && wanted {
			sum += kb
		}
	}
	return sum
}

// Everything that was sold is read, then the till is left alone: the file's pages leave the memory, and every read after that
// finds what it found before.
func TestRestingStoreGivesItsMappedPagesBack(t *testing.T) {
	dir := storetest.Dir(t)
	var rests atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		s := storetest.OpenIn(t, store.Config{Dir: dir, Rested: func() { rests.Add(1) }})
		want := make(map[uint64][]byte)
		for n := range 10 {
			jobs := make([]agent.Job, 50)
			for i := range jobs {
				jobs[i] = coupon(fmt.Sprint(n, "-", i))
				jobs[i].Body = bytes.Repeat(jobs[i].Body, 60)
			}
			for i, seq := range add(t, s, jobs...) {
				want[seq] = jobs[i].Body
			}
		}
		readAll := func() {
			for seq, body := range want {
				if job, err := s.Job(seq); err != nil || !bytes.Equal(job.Body, body) {
					t.Fatalf("job %d: %d bytes, %v", seq, len(job.Body), err)
				}
			}
		}
		path := filepath.Join(dir, "pdvagent.db")
		for range 2 {
			if readAll(); mappedKB(t, path) < 1000 {
				t.Fatalf("only %d KiB are mapped", mappedKB(t, path))
			}
			<-time.After(3 * time.Minute)
			synctest.Wait()
			if left := mappedKB(t, path); left > 100 {
				t.Errorf("%d KiB of the file are still in memory", left)
			}
		}
		if rests.Load() != 1 {
			t.Errorf("%d rests of one commit", rests.Load())
		}
		readAll()
		add(t, s, coupon("later"))
		<-time.After(3 * time.Minute)
		synctest.Wait()
		if rests.Load() != 2 {
			t.Errorf("%d rests of two", rests.Load())
		}
		storetest.Close(t, s)
		<-time.After(5 * time.Minute) // a timer that is left would use a closed file
		synctest.Wait()
	})
}

// A till that sells every fifty seconds is never at rest.
func TestSellingStoreDoesNotRest(t *testing.T) {
	dir := storetest.Dir(t)
	var rests atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		s := storetest.OpenIn(t, store.Config{Dir: dir, Rested: func() { rests.Add(1) }})
		for n := range 20 {
			add(t, s, coupon(fmt.Sprint(n)))
			<-time.After(50 * time.Second)
		}
		synctest.Wait()
		if rests.Load() != 0 {
			t.Errorf("it rested %d times", rests.Load())
		}
		storetest.Close(t, s)
	})
}

// A million entries read once do not stay in memory.
func TestCatalogThatIsReadIsNotKeptInMemory(t *testing.T) {
	dir := storetest.Dir(t)
	s := storetest.OpenIn(t, store.Config{Dir: dir})
	c := openCatalog(t, s)
	entries := make([]agent.LoadEntry, 100*4096) // a value each 4,096
	for i := range entries {
		entries[i] = agent.LoadEntry{Key: uint64(i), Content: 2, Name: []byte("1234567")}
	}
	if err := c.Append(agent.KindProducts, entries); err != nil {
		t.Fatal(err)
	}
	path, most, read := filepath.Join(dir, "catalog.db"), 0, 0
	if err := c.Each(agent.KindProducts, func(agent.LoadEntry) {
		if read++; read%4096 == 0 {
			most = max(most, mappedKB(t, path))
		}
	}); err != nil || read != len(entries) {
		t.Fatalf("%d entries, %v", read, err)
	}
	if info, err := os.Stat(path); err != nil || int64(most)<<10 > info.Size()/2 {
		t.Errorf("%d KiB of %d bytes were in memory", most, info.Size())
	}
}
