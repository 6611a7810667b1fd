package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/rig"
	"pdvagent/store"
)

// manyWriters is how many tills' calls are committed at a time.
const manyWriters = 64

// StoreFigures are medians over the rounds, in durable writes per second, and their ratios to the raw append.
type StoreFigures struct {
	Rounds   int     `json:"rounds"`
	Raw      float64 `json:"raw_per_second"`
	One      float64 `json:"one_writer_per_second"`
	Many     float64 `json:"many_writers_per_second"`
	Writers  int     `json:"many_writers"`
	RatioOne float64 `json:"one_writer_ratio"`
	RatioAll float64 `json:"many_writers_ratio"`
}

func (f StoreFigures) print(w io.Writer) {
	fmt.Fprintf(w, "%-38s %10s %8s %9s\n", "durável em disco", "por s", "razão", "promessa")
	fmt.Fprintf(w, "%-38s %10.0f %8s\n", "append de 4 KiB + fdatasync", f.Raw, "1.00")
	fmt.Fprintf(w, "%-38s %10.0f %8.2f %9s\n", "venda na fila, 1 escritor", f.One, f.RatioOne, ">= 0.40")
	fmt.Fprintf(w, "%-38s %10.0f %8.2f %9s\n", fmt.Sprintf("venda na fila, %d escritores", f.Writers), f.Many, f.RatioAll, ">= 2.50")
	fmt.Fprintf(w, "medianas de %d rodadas\n", f.Rounds)
}

func newStore(opts *cli.Options) *cobra.Command {
	var seconds float64
	var rounds int
	cmd := newBenchmark(opts, benchmark[StoreFigures]{
		use: "store", short: "Gravação durável na fila, com 1 e 64 escritores, e append de 4 KiB + fdatasync",
		check: func() error {
			if seconds <= 0 || rounds < 1 {
				return errors.New("--seconds e --rounds devem ser positivos")
			}
			return nil
		},
		run: func(ctx context.Context, folder string) (StoreFigures, error) {
			return measureStore(ctx, folder, time.Duration(seconds*float64(time.Second)), rounds)
		},
	})
	cmd.Flags().Float64Var(&seconds, "seconds", 1, "duração de cada medida")
	cmd.Flags().IntVar(&rounds, "rounds", 5, "rodadas; o resultado é a mediana")
	return cmd
}

// measureStore takes turns, so that a noisy moment of the disk meets all three measurements alike.
func measureStore(ctx context.Context, folder string, each time.Duration, rounds int) (f StoreFigures, err error) {
	queue, err := store.Open(store.Config{Dir: filepath.Join(folder, "data")})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	var raw, one, many []float64
	for range rounds {
		for _, measure := range []struct {
			into *[]float64
			run  func() (float64, error)
		}{
			{&raw, func() (float64, error) { return rawAppends(ctx, filepath.Join(folder, "raw"), each) }},
			{&one, func() (float64, error) { return enqueues(ctx, queue, 1, each) }},
			{&many, func() (float64, error) { return enqueues(ctx, queue, manyWriters, each) }},
		} {
			rate, err := measure.run()
			if err != nil {
				return f, err
			}
			*measure.into = append(*measure.into, rate)
		}
	}
	f = StoreFigures{Rounds: rounds, Raw: median(raw), One: median(one), Many: median(many), Writers: manyWriters}
	f.RatioOne, f.RatioAll = f.One/f.Raw, f.Many/f.Raw
	return f, nil
}

// rawAppends is the reference: how often per second 4 KiB can be appended to a file and synced.
func rawAppends(ctx context.Context, path string, each time.Duration) (float64, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	block, count, start := make([]byte, 4096), 0, time.Now()
	for time.Since(start) < each && ctx.Err() == nil {
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
		if err := dataSync(file); err != nil {
			return 0, err
		}
		count++
	}
	return float64(count) / time.Since(start).Seconds(), errors.Join(ctx.Err(), file.Close())
}

// enqueues commits sales as the routes do, a commit for each call: the confirm of a session, then its coupon. Each is a job
// with status, natural key, groups, ready entry and counters.
func enqueues(ctx context.Context, queue *store.Store, writers int, each time.Duration) (float64, error) {
	var group sync.WaitGroup
	counts, errs := make([]int, writers), make([]error, writers)
	start := time.Now()
	for writer := range writers {
		group.Go(func() {
			for time.Since(start) < each && ctx.Err() == nil && errs[writer] == nil {
				sale := fmt.Sprintf("bench-%d-%d-%d", start.UnixNano(), writer, counts[writer]/2)
				job := confirmJob(sale)
				if counts[writer]%2 == 1 {
					job = couponJob(sale, job.Session)
				}
				_, errs[writer] = queue.Commit(ctx, agent.Change{Jobs: []agent.Job{job}})
				counts[writer]++
			}
		})
	}
	group.Wait()
	total := 0
	for _, count := range counts {
		total += count
	}
	return float64(total) / time.Since(start).Seconds(), errors.Join(errors.Join(errs...), ctx.Err())
}

func confirmJob(sale string) agent.Job {
	session := "session-" + sale
	return agent.Job{
		Kind: agent.KindConfirm, Dialect: agent.V2, Session: session, Unique: agent.SessionGroup(session), CreatedAt: time.Now(),
		Body: fmt.Appendf(nil, `{"transaction_id":%q}`, session),
	}
}

// couponJob is the job of a receipt; session "" is none.
func couponJob(coupon, session string) agent.Job {
	return agent.Job{
		Kind: agent.KindCoupon, Dialect: agent.V2, Session: session, Coupon: coupon, Unique: agent.CouponGroup(coupon), Moment: coupon, CreatedAt: time.Now(),
		Body: []byte(rig.SaleBody(coupon, session)),
	}
}
