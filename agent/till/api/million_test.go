package api_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/till/api"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

var (
	benchSent = flag.Int("sent", 20_000, "sent jobs beside which the console's pages are measured; meant: 1000000")
	benchHeld = flag.Int("held", 1000, "held jobs among them")
)

// filled is a store of as many sent jobs, 3,000 a day, and held ones on the last day. The body is a small sale's.
func filled(b *testing.B, sent, held int) (s *store.Store, last time.Time) {
	b.Helper()
	const perDay = 3000
	begun := noon().AddDate(0, 0, -sent/perDay)
	now := begun
	s = storetest.OpenIn(b, store.Config{Dir: storetest.Dir(b), Now: func() time.Time { return now }, MaxBytes: 8 << 30})
	put := func(n int, state agent.State) agent.Job {
		now = begun.Add(time.Duration(min(n, sent)) * (24 * time.Hour / perDay))
		coupon := fmt.Sprintf("%s-%d", state, n)
		return agent.Job{
			Kind: agent.KindCoupon, Dialect: agent.V2, Coupon: coupon, Session: "t-" + coupon, CreatedAt: now, Status: agent.Status{State: map[bool]agent.State{true: agent.Held, false: agent.Pending}[state == agent.Held], Reason: map[bool]string{true: agent.ReasonInvalid, false: ""}[state == agent.Held]},
			Moment: now.In(shopZone()).Format("012|2006-01-02|15:04:05|") + fmt.Sprintf("%d.%03d", n%300, n%100*10), Body: fmt.Appendf(nil, `{"coupon":%q,"operator_id":"%04d","items":[{"sku":"80215","quantity":1,"total_value":10.00}]}`, coupon, n%7),
		}
	}
	commit := func(from, to int, state agent.State) {
		for n := from; n < to; n += 500 {
			var change agent.Change
			for i := n; i < min(n+500, to); i++ {
				change.Jobs = append(change.Jobs, put(i, state))
			}
			done, err := s.Commit(b.Context(), change)
			if err != nil {
				b.Fatal(err)
			}
			if state == agent.Held {
				continue
			}
			var moves []agent.Move
			for _, seq := range done.Seqs {
				moves = append(moves, agent.Move{Seq: seq, Status: agent.Status{Version: 1, State: agent.Sent, UpdatedAt: now}})
			}
			if _, err := s.Commit(b.Context(), agent.Change{Moves: moves}); err != nil {
				b.Fatal(err)
			}
		}
	}
	commit(0, sent, agent.Sent)
	commit(sent, sent+held, agent.Held)
	return s, now
}

// BenchmarkPagesOfTheConsole measures each of the console's questions beside many jobs: the median and the 99th percentile of
// 200 answers, and of a whole search by operator.
//
//	go test ./agent/till/api -run - -bench Console -benchtime 1x -sent 1000000 -timeout 30m
func BenchmarkPagesOfTheConsole(b *testing.B) {
	s, last := filled(b, *benchSent, *benchHeld)
	f := newFixture(b, func(cfg *api.Config) { cfg.Agent.Store = s })
	f.now = last
	old := last.AddDate(0, 0, -*benchSent/6000).In(shopZone()).Format(time.DateOnly)
	for name, path := range map[string]string{
		"situação": "/v1/status", "pendências": "/v1/queue?state=held&limit=500", "cupom": fmt.Sprintf("/v1/sales/sent-%d", *benchSent/2), "transação": fmt.Sprintf("/v1/sales/t-sent-%d", *benchSent/3),
		"vendas de hoje": "/v1/sales", "vendas de um dia antigo": "/v1/sales?day=" + old, "operador": "/v1/sales?operator=0003&day=" + old,
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				var took []time.Duration
				for range 200 {
					begun := time.Now()
					f.get(path).want(http.StatusOK)
					took = append(took, time.Since(begun))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[100].Microseconds())/1000, "ms/p50")
				b.ReportMetric(float64(took[198].Microseconds())/1000, "ms/p99")
			}
		})
	}
	for name, query := range map[string]string{"procura por operador": "operator=0003", "procura por valor": "value=19999"} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				begun, found, pages := time.Now(), 0, 0
				for next := ""; ; pages++ {
					got := f.get("/v1/sales?" + query + "&day=" + url.QueryEscape(old) + next).want(http.StatusOK)
					found += strings.Count(got.body, `"coupon"`)
					var page struct{ Next uint64 }
					if got.decode(&page); page.Next == 0 {
						break
					}
					next = fmt.Sprint("&after=", page.Next)
				}
				b.ReportMetric(float64(time.Since(begun).Microseconds())/1000, "ms/search")
				b.ReportMetric(float64(found), "found")
				b.ReportMetric(float64(pages), "pages")
			}
		})
	}
}
