package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/cmd/internal/usage"
	"pdvagent/mercafacil/homologation"
)

// watchRoute is the agent's route of the homologation.
const watchRoute = "/v1/homologation"

// watchInterval is the time between two looks.
const watchInterval = time.Second

// watchOptions are the flags of homologation watch.
type watchOptions struct {
	reportOptions

	item     string
	products map[string]string
	fresh    bool
	once     bool
	stop     bool
}

func newHomologationWatch(opts *Options) *cobra.Command {
	var watch watchOptions
	cmd := &cobra.Command{
		Use: "watch", Short: "O caixa da loja faz a homologação: diz o que fazer, olha o que passa e marca cada item", Args: usage.NoArgs,
		Long: "O caixa da loja faz a homologação: este comando diz o que fazer, um item por vez, olha o que passa no pdvagent em execução e marca o item, ou\n" +
			"diz o que estava errado. O movimento comum também marca itens. Nada é enviado nem mudado: serve em produção.\n\n" +
			"Enter passa ao item seguinte; f e Enter termina de olhar aqui, e o pdvagent continua; --stop encerra.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			w := &watching{Options: opts, client: client, in: cmd.InOrStdin(), cfg: watch, said: make(map[string]string)}
			return w.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&watch.item, "item", "", "só este item")
	watch.flags(cmd)
	flags.StringToStringVar(&watch.products, "product", nil, "produto da loja no lugar do do roteiro: papel=sku, ou papel=sku:ean")
	flags.BoolVar(&watch.fresh, "fresh", false, "esquece os itens já marcados e começa de novo")
	flags.BoolVar(&watch.once, "once", false, "mostra como está e termina")
	flags.BoolVar(&watch.stop, "stop", false, "o pdvagent deixa de olhar")
	return cmd
}

func newHomologationConfirm(opts *Options) *cobra.Command {
	var by, says string
	cmd := &cobra.Command{
		Use: "confirm ITEM", Short: "Guarda a palavra de uma pessoa sobre um item que nenhuma máquina vê", Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, opts, request{http.MethodPost, watchRoute, kit.Asked{Do: "confirm", Item: args[0], By: by, Says: says}}, func(w io.Writer, _ kit.WatchState) {
				fmt.Fprintf(w, "Guardado: %s, por %s.\n", strings.ToUpper(args[0]), by)
			})
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "quem confirma")
	cmd.Flags().StringVar(&says, "says", "", "o que a pessoa viu ou decidiu")
	return cmd
}

// watching is one look at the agent's watch, until it ends.
type watching struct {
	*Options
	client *Client
	in     io.Reader
	cfg    watchOptions
	said   map[string]string // verdict and words of each item that were printed
	passed []string          // items that the person went past
}

func (w *watching) run(ctx context.Context) error {
	if w.cfg.stop {
		return w.end(ctx)
	}
	if w.cfg.once {
		return w.show(ctx)
	}
	state, err := w.change(ctx, kit.Asked{Do: "start", Products: w.cfg.products, Fresh: w.cfg.fresh})
	if err != nil {
		return err
	}
	for _, item := range state.Items {
		w.said[item.ID] = item.Verdict + item.Words
	}
	if err := w.follow(ctx, state); err != nil {
		return err
	}
	return w.report(context.WithoutCancel(ctx))
}

// follow asks for one item after the other, and prints what becomes of all, until the person or the plan ends it.
func (w *watching) follow(ctx context.Context, state kit.WatchState) error {
	keys := typed(w.in)
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	told := ""
	for {
		next := w.next(state)
		if next == "" {
			fmt.Fprintln(w.out, "Não há mais o que o caixa possa fazer.")
			return nil
		}
		var err error
		if next != state.Current {
			if state, err = w.change(ctx, kit.Asked{Do: "item", Item: next}); err != nil {
				return err
			}
		}
		if next != told {
			told = next
			w.tell(state)
		}
		select {
		case line, ok := <-keys:
			switch {
			case !ok:
				keys = nil
			case strings.EqualFold(strings.TrimSpace(line), "f"):
				return nil
			default:
				w.passed = append(w.passed, next)
			}
		case <-ticker.C:
			if err := w.client.Call(ctx, http.MethodGet, watchRoute, nil, &state); err != nil {
				return err
			}
			w.news(state)
		case <-ctx.Done():
			return nil
		}
	}
}

// typed gives what a person types, line by line.
func typed(in io.Reader) <-chan string {
	keys := make(chan string)
	go func() {
		defer close(keys)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			keys <- scanner.Text()
		}
	}()
	return keys
}

// next is the item that is being done, where somebody chose another one (in the console, too), else the first that a till can do,
// that is not proved, and that the person did not go past.
func (w *watching) next(state kit.WatchState) string {
	first := ""
	for _, entry := range state.Items {
		wanted := w.cfg.item == "" || strings.EqualFold(w.cfg.item, entry.ID)
		proved := entry.Verdict == string(homologation.Passed) || entry.Verdict == string(homologation.Answered)
		if !wanted || !entry.Till || proved || slices.Contains(w.passed, entry.ID) {
			continue
		}
		if entry.ID == state.Current {
			return entry.ID
		}
		if first == "" {
			first = entry.ID
		}
	}
	return first
}

// tell says what to do now.
func (w *watching) tell(state kit.WatchState) {
	for _, entry := range state.Items {
		if entry.ID == state.Current {
			fmt.Fprintf(w.out, "\n%s  %s\n", entry.ID, entry.Title)
		}
	}
	for _, offer := range state.Needs {
		fmt.Fprintf(w.out, "   (oferta: %s)\n", offer)
	}
	fmt.Fprintf(w.out, "   → %s\n", state.Instruction)
}

// news prints the items whose verdict has changed.
func (w *watching) news(state kit.WatchState) {
	for _, entry := range state.Items {
		if w.said[entry.ID] == entry.Verdict+entry.Words || (entry.Verdict == string(homologation.Open) && entry.ID != state.Current) {
			continue
		}
		w.said[entry.ID] = entry.Verdict + entry.Words
		fmt.Fprintf(w.out, "%-11s %-6s %s: %s\n", verdicts().of(entry.Verdict), entry.ID, entry.Title, entry.Words)
	}
}

func (w *watching) change(ctx context.Context, asked kit.Asked) (kit.WatchState, error) {
	var state kit.WatchState
	err := w.client.Call(ctx, http.MethodPost, watchRoute, asked, &state)
	return state, err
}

// show prints how the watch stands.
func (w *watching) show(ctx context.Context) error {
	var state kit.WatchState
	if err := w.client.Call(ctx, http.MethodGet, watchRoute, nil, &state); err != nil {
		return err
	}
	return w.Print(state, func(out io.Writer) {
		if !state.Watching {
			fmt.Fprintln(out, "Ninguém está acompanhando a homologação.")
			return
		}
		printTable(out, 0, "ITEM\tVEREDITO\tO QUE\tPORQUE\t", func(table io.Writer) {
			for _, entry := range state.Items {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", entry.ID, verdicts().of(entry.Verdict), entry.Title, entry.Words)
			}
		})
	})
}

// end has the agent stop looking.
func (w *watching) end(ctx context.Context) error {
	if err := w.report(ctx); err != nil {
		return err
	}
	if _, err := w.change(ctx, kit.Asked{Do: "stop"}); err != nil {
		return err
	}
	fmt.Fprintln(w.out, "O pdvagent deixou de olhar. O que foi marcado fica guardado.")
	return nil
}

// report writes the report, where a folder was named.
func (w *watching) report(ctx context.Context) error {
	if w.cfg.folder == "" {
		return nil
	}
	var text json.RawMessage
	if err := w.client.Call(ctx, http.MethodGet, watchRoute+"?report=1", nil, &text); err != nil {
		return err
	}
	report, err := evidence.Parse(text)
	if err != nil {
		return err
	}
	return w.cfg.write(report)
}
