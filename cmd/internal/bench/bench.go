// Package bench measures what docs/figures.md promises, each figure beside a reference of the same run. It changes nothing and
// judges nothing: the command bench, which it makes for package cli, prints what was measured beside the promise.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/usage"
)

// New makes the command bench, with a command for each benchmark.
func New(opts *cli.Options) *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Mede o que prometemos, ao lado de uma referência na mesma execução"}
	cmd.AddCommand(newStore(opts), newLive(opts), newQueue(opts), newCatalog(opts), newHistory(opts), newSettlement(opts), newIdle(opts), newTill(opts), newWrapped())
	return cmd
}

// figures are what a benchmark measures; they are also printed as JSON.
type figures interface{ print(w io.Writer) }

// benchmark is the frame of a command that measures F.
type benchmark[F figures] struct {
	use, short string
	check      func() error                                        // of the flags; its error is wrong use
	run        func(ctx context.Context, folder string) (F, error) // folder is empty, on the disk to measure, and removed afterwards
}

// newBenchmark makes the command; the caller adds flags for the amounts.
func newBenchmark[F figures](opts *cli.Options, b benchmark[F]) *cobra.Command {
	var disk string
	cmd := &cobra.Command{
		Use: b.use, Short: b.short, Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.check(); err != nil {
				return usage.Wrong(err)
			}
			if disk == "" {
				disk = "."
			}
			folder, err := os.MkdirTemp(disk, "pdvagent-bench-")
			if err != nil {
				return err
			}
			measured, err := b.run(cmd.Context(), folder)
			if err := errors.Join(err, os.RemoveAll(folder)); err != nil {
				return err
			}
			return opts.Print(measured, measured.print)
		},
	}
	cmd.Flags().StringVar(&disk, "dir", "", "pasta no disco a medir; vazio: a pasta atual")
	return cmd
}

// atLeast checks the amount that a flag gives.
func atLeast(flag string, least int, amount *int) func() error {
	return func() error {
		if *amount < least {
			return fmt.Errorf("--%s deve ser de ao menos %d", flag, least)
		}
		return nil
	}
}

// percentile is the p-th percentile; it sorts the values.
func percentile(values []float64, p int) float64 {
	slices.Sort(values)
	return values[min(len(values)*p/100, len(values)-1)]
}

func median(values []float64) float64 { return percentile(values, 50) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func mb(bytes int64) float64 { return float64(bytes) / 1_000_000 }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// fileSize is the length of a file in bytes.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
