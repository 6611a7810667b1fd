package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/store"
)

func newBench(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Mede o que prometemos, ao lado de uma referência na mesma execução"}
	var folder string
	var seconds float64
	var rounds int
	enqueue := &cobra.Command{
		Use: "store", Short: "Gravação durável na fila, com 1 e 64 escritores, e append de 4 KiB + fdatasync", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds <= 0 || rounds < 1 {
				return usageError{errors.New("--seconds e --rounds devem ser positivos")}
			}
			result, err := benchStore(cmd.Context(), folder, time.Duration(seconds*float64(time.Second)), rounds)
			if err != nil {
				return err
			}
			return opts.print(result, result.print)
		},
	}
	enqueue.Flags().StringVar(&folder, "dir", "", "pasta no disco a medir; vazio: a pasta atual")
	enqueue.Flags().Float64Var(&seconds, "seconds", 1, "duração de cada medida")
	enqueue.Flags().IntVar(&rounds, "rounds", 5, "rodadas; o resultado é a mediana")
	cmd.AddCommand(enqueue, newBenchLive(opts), newBenchQueue(opts), newBenchCatalog(opts), newBenchHistory(opts), newBenchSettlement(opts))
	return cmd
}

// enqueueResult holds medians over the rounds, in durable writes per second, and their ratios to the raw append.
type enqueueResult struct {
	Rounds   int     `json:"rounds"`
	Raw      float64 `json:"raw_per_second"`
	One      float64 `json:"one_writer_per_second"`
	Many     float64 `json:"many_writers_per_second"`
	Writers  int     `json:"many_writers"`
	RatioOne float64 `json:"one_writer_ratio"`
	RatioAll float64 `json:"many_writers_ratio"`
}

func (r enqueueResult) print(w io.Writer) {
	fmt.Fprintf(w, "%-38s %10s %8s %9s\n", "durável em disco", "por s", "razão", "promessa")
	fmt.Fprintf(w, "%-38s %10.0f %8s\n", "append de 4 KiB + fdatasync", r.Raw, "1,00")
	fmt.Fprintf(w, "%-38s %10.0f %8.2f %9s\n", "venda na fila, 1 escritor", r.One, r.RatioOne, ">= 0.40")
	fmt.Fprintf(w, "%-38s %10.0f %8.2f %9s\n", fmt.Sprintf("venda na fila, %d escritores", r.Writers), r.Many, r.RatioAll, ">= 2.50")
	fmt.Fprintf(w, "medianas de %d rodadas\n", r.Rounds)
}

const manyWriters = 64

// benchStore measures in turns, so that a noisy moment of the disk meets all three alike.
func benchStore(ctx context.Context, folder string, each time.Duration, rounds int) (enqueueResult, error) {
	temp, remove, err := benchFolder(folder)
	if err != nil {
		return enqueueResult{}, err
	}
	defer func() { _ = remove() }() // a leftover is named for what it is
	queue, err := store.Open(store.Config{Dir: filepath.Join(temp, "data")})
	if err != nil {
		return enqueueResult{}, err
	}
	var raw, one, many []float64
	for range rounds {
		for _, measure := range []struct {
			into *[]float64
			run  func() (float64, error)
		}{
			{&raw, func() (float64, error) { return rawAppends(ctx, filepath.Join(temp, "raw"), each) }},
			{&one, func() (float64, error) { return enqueues(ctx, queue, 1, each) }},
			{&many, func() (float64, error) { return enqueues(ctx, queue, manyWriters, each) }},
		} {
			rate, err := measure.run()
			if err != nil {
				return enqueueResult{}, errors.Join(err, queue.Close())
			}
			*measure.into = append(*measure.into, rate)
		}
	}
	r := enqueueResult{Rounds: rounds, Raw: median(raw), One: median(one), Many: median(many), Writers: manyWriters}
	r.RatioOne, r.RatioAll = r.One/r.Raw, r.Many/r.Raw
	return r, queue.Close()
}

// benchConfig writes and reads the configuration of an agent that is measured: its data are in the folder, and lines of the
// template are replaced in pairs.
func benchConfig(folder string, answers config.Answers, replace ...string) (path string, cfg config.Config, err error) {
	if folder, err = filepath.Abs(folder); err != nil {
		return "", cfg, err
	}
	path, answers.DataDir = filepath.Join(folder, "config.yaml"), filepath.Join(folder, "data")
	if err := writeNew(path, strings.NewReplacer(replace...).Replace(config.Template(answers))); err != nil {
		return path, cfg, err
	}
	cfg, _, err = config.Load(path, os.LookupEnv)
	return path, cfg, err
}

// benchFolder makes a folder on the disk to measure: the present one's where none is given.
func benchFolder(folder string) (temp string, remove func() error, err error) {
	if folder == "" {
		folder = "."
	}
	temp, err = os.MkdirTemp(folder, "pdvagent-bench-")
	return temp, func() error { return os.RemoveAll(temp) }, err
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

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

// enqueues commits what a till says of its sales, a commit for each call as its route does: the confirm of a session,
// then the coupon. Each is a job with status, natural key, groups, ready entry and counters.
func enqueues(ctx context.Context, queue *store.Store, writers int, each time.Duration) (float64, error) {
	var group sync.WaitGroup
	counts, errs := make([]int, writers), make([]error, writers)
	start := time.Now()
	for writer := range writers {
		group.Go(func() {
			for time.Since(start) < each && ctx.Err() == nil && errs[writer] == nil {
				job := benchJob(fmt.Sprintf("bench-%d-%d-%d", start.UnixNano(), writer, counts[writer]/2), counts[writer]%2 == 1)
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

func benchJob(sale string, isCoupon bool) agent.Job {
	session := "session-" + sale
	job := agent.Job{Kind: agent.KindConfirm, Dialect: agent.V2, Session: session, Unique: agent.SessionGroup(session), CreatedAt: time.Now()}
	if !isCoupon {
		job.Body = fmt.Appendf(nil, `{"transaction_id":%q}`, session)
		return job
	}
	job.Kind, job.Coupon, job.Unique, job.Moment = agent.KindCoupon, sale, agent.CouponGroup(sale), sale
	job.Body = []byte(saleBody(sale, session))
	return job
}
