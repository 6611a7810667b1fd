package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// BenchmarkEnqueue commits whole sales, as `pdvagent bench store` does beside its reference.
func BenchmarkEnqueue(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d writers", writers), func(b *testing.B) {
			s := storetest.OpenIn(b, store.Config{Dir: storetest.Dir(b)})
			body := `{"filler":"` + strings.Repeat("x", 1000) + `"}`
			var next atomic.Int64
			var group sync.WaitGroup
			for range writers {
				group.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						job := coupon(fmt.Sprint("bench-", n))
						job.Body = []byte(body)
						if _, err := s.Commit(context.Background(), agent.Change{Jobs: []agent.Job{job}}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
		})
	}
}
