// Storebench compares durable writes of the agent's store with those of other products, in one run on one disk: a raw
// append with fdatasync, NATS JetStream with sync=always, SQLite in WAL mode with synchronous=FULL. It is a module of its
// own: what is compared with is not what the agent depends on. Run it as: go run . --dir FOLDER
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// product is something that makes a message durable before it answers.
type product struct {
	name string
	open func(dir string) (put, func() error, error)
}

func main() {
	dir := flag.String("dir", ".", "folder on the disk to measure")
	each := flag.Duration("each", time.Second, "how long each measure takes")
	rounds := flag.Int("rounds", 5, "rounds; the result is the median")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *each, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run measures all products in turns, so that a noisy moment of the disk meets all of them alike.
func run(ctx context.Context, dir string, each time.Duration, rounds int) error {
	temp, err := os.MkdirTemp(dir, "storebench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }() // a leftover is named for what it is
	products := []product{{"raw append + fdatasync", raw}, {"pdvagent", ours}, {"JetStream sync=always", jetStream}, {"SQLite WAL FULL", sqlite}}
	rates, puts := make(map[string][]float64), make([]put, len(products))
	for i, p := range products {
		var end func() error
		if puts[i], end, err = p.open(filepath.Join(temp, fmt.Sprint(i))); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		defer func() { _ = end() }() // nothing is kept
	}
	for range rounds {
		for i, p := range products {
			for _, writers := range []int{1, 64} {
				rate, err := measure(ctx, puts[i], writers, each)
				if err != nil {
					return fmt.Errorf("%s, %d writers: %w", p.name, writers, err)
				}
				key := fmt.Sprint(p.name, " ", writers)
				rates[key] = append(rates[key], rate)
			}
		}
	}
	report(products, rates, rounds)
	return nil
}

func report(products []product, rates map[string][]float64, rounds int) {
	base := median(rates[products[0].name+" 1"])
	fmt.Printf("%-26s %12s %8s %12s %8s\n", "durable messages per s", "1 writer", "x raw", "64 writers", "x raw")
	for _, p := range products {
		one, many := median(rates[p.name+" 1"]), median(rates[p.name+" 64"])
		fmt.Printf("%-26s %12.0f %8.2f %12.0f %8.2f\n", p.name, one, one/base, many, many/base)
	}
	fmt.Printf("pdvagent with 64 writers is %.2f x JetStream (promise: >= 3)\n", median(rates["pdvagent 64"])/median(rates["JetStream sync=always 64"]))
	fmt.Printf("medians of %d rounds; the raw append has one file and no index\n", rounds)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func measure(ctx context.Context, write put, writers int, each time.Duration) (float64, error) {
	var group sync.WaitGroup
	counts, errs := make([]int, writers), make([]error, writers)
	body := make([]byte, 1024)
	start := time.Now()
	for w := range writers {
		group.Go(func() {
			for time.Since(start) < each && ctx.Err() == nil && errs[w] == nil {
				errs[w] = write(ctx, body)
				counts[w]++
			}
		})
	}
	group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(start).Seconds(), errors.Join(errors.Join(errs...), ctx.Err())
}
