package commit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/store/internal/commit"
)

type request = commit.Request[int, int]

func TestManyCallersShareAGroupAndEachGetsItsOwnResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var groups []int
		c := commit.Start(func(group []*request) {
			groups = append(groups, len(group))
			<-time.After(time.Millisecond) // a sync to disk
			for _, r := range group {
				r.Result = r.Change * 2
				if r.Change%10 == 0 {
					r.Err = errors.New("refused")
				}
			}
		})
		defer c.Close()
		var callers sync.WaitGroup
		for i := 1; i <= 200; i++ {
			callers.Go(func() {
				got, err := c.Do(context.Background(), i, 1)
				if got != i*2 || (err != nil) != (i%10 == 0) {
					t.Errorf("caller %d got %d, %v", i, got, err)
				}
			})
		}
		callers.Wait()
		if len(groups) > 4 {
			t.Errorf("200 callers took %d groups: %v", len(groups), groups)
		}
	})
}

func TestALoneCallerDoesNotWaitForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := commit.Start(func([]*request) {})
		defer c.Close()
		for range 10 {
			begin := time.Now()
			if _, err := c.Do(context.Background(), 1, 1); err != nil || time.Since(begin) != 0 {
				t.Errorf("took %v, %v", time.Since(begin), err)
			}
		}
	})
}

func TestGroupIsBoundedByNumberAndBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		c := commit.Start(func(group []*request) {
			bytes := 0
			for _, r := range group {
				bytes += r.Size
			}
			sizes = append(sizes, bytes)
			<-time.After(time.Millisecond)
		})
		defer c.Close()
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() { _, _ = c.Do(context.Background(), 1, 1<<20) })
		}
		callers.Wait()
		for _, size := range sizes {
			if size > 4<<20 {
				t.Errorf("a group has %d bytes", size)
			}
		}
	})
}

func TestWaitForAPlaceEndsWithItsContextAndAQueuedChangeDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := commit.Start(func([]*request) { <-time.After(time.Second) })
		defer c.Close()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { _, err := c.Do(ctx, 1, 1); done <- err }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("a change that was under way ended with %v", err)
		}
	})
}

func TestNobodyHangsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := commit.Start(func([]*request) { <-time.After(time.Second) })
		results := make(chan error, 10)
		for range 10 {
			go func() { _, err := c.Do(context.Background(), 1, 1); results <- err }()
		}
		synctest.Wait()
		c.Close()
		for range 10 {
			if err := <-results; err != nil && !errors.Is(err, commit.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := c.Do(context.Background(), 1, 1); !errors.Is(err, commit.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}
