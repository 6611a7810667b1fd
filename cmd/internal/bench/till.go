package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/usage"
)

// The calls of a whole sale, in order, and what one costs.
var (
	tillCalls = []string{"start", "apply", "confirm", "coupon"}
	tillCosts = []struct{ key, name, promise string }{
		{"commits", "gravações (commits)", ""},
		{"syncs", "sincronizações do disco", "<= 12"},
		{"kilobytes", "KB escritos em arquivos", "<= 220"},
		{"writes", "escritas em arquivos", ""},
		{"device_kilobytes", "KB que o disco recebe", ""},
		{"system_calls", "chamadas ao sistema", ""},
		{"processor_ms", "ms de processador", ""},
		{"allocations", "alocações de memória", ""},
	}
)

// salesOfADay is how many sales the megabytes of a day are for.
const salesOfADay = 500

// tillRow is what tills wait on one disk, and what a sale costs there.
type tillRow struct {
	delay, tills int                   // of a sync, in milliseconds
	raw          float64               // an append of 4 KiB and its sync, p50 in ms
	waits        map[string][2]float64 // by call: p50 and p99 in ms
	costs        map[string]float64    // by key, for one sale; what nothing has counted is missing
}

// place is the end of the row's keys.
func (r tillRow) place() string {
	if r.tills == 1 {
		return fmt.Sprintf("_at_%dms", r.delay)
	}
	return fmt.Sprintf("_at_%dms_%d_tills", r.delay, r.tills)
}

type tillFigures struct {
	rows []tillRow // the first one is that of one till on the disk as it is
}

// MarshalJSON gives a flat object. The costs without a place are those of the first row.
func (f tillFigures) MarshalJSON() ([]byte, error) {
	flat := make(map[string]float64)
	for i, row := range f.rows {
		flat["append_4k_fdatasync_p50_ms"+row.place()] = row.raw
		for call, waits := range row.waits {
			flat[call+"_p50_ms"+row.place()], flat[call+"_p99_ms"+row.place()] = waits[0], waits[1]
		}
		for key, cost := range row.costs {
			flat[key+"_per_sale"+row.place()] = cost
			if i == 0 {
				flat[key+"_per_sale"] = cost
			}
		}
	}
	if kilobytes, counted := f.rows[0].costs["device_kilobytes"]; counted {
		flat["megabytes_per_day"] = kilobytes * salesOfADay / 1000
	}
	return json.Marshal(flat)
}

func (f tillFigures) print(w io.Writer) {
	fmt.Fprintf(w, "o que o caixa espera, p50 (p99) em ms; promessa para apply, confirm e coupon: duas sincronizações + 2 ms\n%10s %7s %16s", "atraso", "caixas", "append+sync")
	for _, call := range tillCalls {
		fmt.Fprintf(w, " %18s", call)
	}
	fmt.Fprintln(w)
	for _, row := range f.rows {
		fmt.Fprintf(w, "%7d ms %7d %16.2f", row.delay, row.tills, row.raw)
		for _, call := range tillCalls {
			fmt.Fprintf(w, " %9.2f (%6.2f)", row.waits[call][0], row.waits[call][1])
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\no que uma venda inteira custa (start, apply, confirm, coupon, as duas entregues)\n%-26s", "")
	for _, row := range f.rows {
		fmt.Fprintf(w, " %12s", fmt.Sprintf("%d ms x %d", row.delay, row.tills))
	}
	fmt.Fprintln(w, "   promessa")
	for _, cost := range tillCosts {
		fmt.Fprintf(w, "%-26s", cost.name)
		for _, row := range f.rows {
			text := "-"
			if value, counted := row.costs[cost.key]; counted {
				text = strconv.FormatFloat(value, 'f', 1, 64)
			}
			fmt.Fprintf(w, " %12s", text)
		}
		fmt.Fprintf(w, "   %s\n", cost.promise)
	}
	if kilobytes, counted := f.rows[0].costs["device_kilobytes"]; counted {
		fmt.Fprintf(w, "%.0f MB por dia de %d vendas, com um caixa\n", kilobytes*salesOfADay/1000, salesOfADay)
	}
	fmt.Fprintln(w, "- não foi contado: sincronizações e atrasos pedem seccomp (Linux 5.7), KB do disco pedem /proc, escritas e chamadas pedem strace, na primeira coluna")
}

// tillAmounts are the command's flags.
type tillAmounts struct {
	sales         int
	delays, tills []int
}

func newTill(opts *cli.Options) *cobra.Command {
	var amounts tillAmounts
	cmd := newBenchmark(opts, benchmark[tillFigures]{
		use: "till", short: "O que um caixa espera em discos lentos, e o que uma venda inteira custa ao disco e ao processador",
		check: func() error {
			if amounts.sales < 1 || len(amounts.delays) == 0 || slices.Min(amounts.delays) < 0 || len(amounts.tills) == 0 || slices.Min(amounts.tills) < 1 {
				return errors.New("--sales e --tills a partir de 1, --delays a partir de 0")
			}
			return nil
		},
		run: func(ctx context.Context, folder string) (tillFigures, error) {
			return measureTills(ctx, folder, amounts)
		},
	})
	cmd.Flags().IntVar(&amounts.sales, "sales", 40, "vendas de cada caixa; onde o disco é lento, menos")
	cmd.Flags().IntSliceVar(&amounts.delays, "delays", []int{0, 5, 15, 50}, "atrasos de cada sincronização do disco, em ms")
	cmd.Flags().IntSliceVar(&amounts.tills, "tills", []int{1, 4}, "caixas ao mesmo tempo")
	return cmd
}

// measureTills measures each number of tills on each disk. Where syncs cannot be delayed, it is the disk as it is alone.
func measureTills(ctx context.Context, folder string, amounts tillAmounts) (f tillFigures, err error) {
	const slow = 5 // ms, above which a row's sales are fewer
	for _, delay := range amounts.delays {
		for _, tills := range amounts.tills {
			own := filepath.Join(folder, fmt.Sprint(delay, "-", tills))
			row, err := measureRow(ctx, own, tillRow{delay: delay, tills: tills}, max(amounts.sales*slow/max(delay, slow), min(amounts.sales, 10)))
			if errors.Is(err, errNoSlowDisk) {
				continue
			}
			if err != nil {
				return f, err
			}
			f.rows = append(f.rows, row)
		}
	}
	if len(f.rows) == 0 {
		return f, agent.Errorf(agent.CodeInvalid, errNoSlowDisk, "Este sistema não deixa atrasar as sincronizações do disco: use --delays 0.")
	}
	return f, nil
}

// wrappedUse is the command that a slow disk's process begins as. People do not call it.
const wrappedUse = "wrapped"

func newWrapped() *cobra.Command {
	return &cobra.Command{
		Use: wrappedUse + " APPENDS CONFIG", Short: "O agente num disco lento (só para bench till)", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			appends, err := strconv.Atoi(args[0])
			if err != nil {
				return usage.Wrong(err)
			}
			return runWrapped(cmd.Context(), appends, args[1])
		},
	}
}

func (r *tillRow) syncTime() time.Duration { return time.Duration(r.delay) * time.Millisecond }
