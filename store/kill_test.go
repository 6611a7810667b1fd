package store_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"pdvagent/store/storetest"
)

// TestNothingAcknowledgedIsLostBySIGKILL kills a process with eight writers at random instants, over and over on the same
// folder, a part of the time while it opens.
func TestNothingAcknowledgedIsLostBySIGKILL(t *testing.T) {
	dir, all := storetest.Dir(t), newAcknowledged()
	for n := range *kills {
		killAfterAWhile(t, dir, crowdMode, all, n%10 == 9)
	}
	if fault := all.lost(t, dir); fault != "" {
		t.Error(fault)
	}
	if len(all.jobs) < *kills {
		t.Errorf("only %d sales were acknowledged over %d kills: the test shows nothing", len(all.jobs), *kills)
	}
	t.Logf("%d kills, %d acknowledged", *kills, len(all.jobs))
}

// TestControlAcknowledgingBeforeTheCommitIsCaughtBySIGKILL shows that the test finds a lost job.
func TestControlAcknowledgingBeforeTheCommitIsCaughtBySIGKILL(t *testing.T) {
	dir, all := storetest.Dir(t), newAcknowledged()
	for range 20 {
		killAfterAWhile(t, dir, eagerMode, all, false)
		if all.lost(t, dir) != "" {
			return
		}
	}
	t.Error("a store that acknowledges too early passed 20 kills: the kills show nothing")
}

// killAfterAWhile kills a producer some milliseconds after it has opened the store, or after its start.
func killAfterAWhile(t *testing.T, dir, mode string, all *acknowledged, early bool) {
	t.Helper()
	process := producer(t.Context(), dir, mode)
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	if err == nil {
		err = process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill := func() {
		if err := process.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	after := time.Duration(2+rand.IntN(50)) * time.Millisecond
	if early {
		time.AfterFunc(after/2, kill)
		all.hear(output, nil)
	} else {
		all.hear(output, func() { time.AfterFunc(after, kill) })
	}
	_ = process.Wait() // it reports the kill
}
