package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/cmd/internal/app"
	"pdvagent/mercafacil/homologation"
)

// runOptions are the flags of homologation run.
type runOptions struct {
	reportOptions

	against string
	items   []string
}

func newHomologationRun(opts *Options) *cobra.Command {
	var run runOptions
	cmd := &cobra.Command{
		Use: "run", Short: "Faz a homologação: um caixa virtual, um pdvagent só para isso, e a nuvem simulada", Args: NoArgs,
		Long: "Faz a homologação com um caixa virtual e um pdvagent só para isso.\n\n" +
			"--against sandbox: na nuvem simulada, com as ofertas e as quedas que cada item pede; nada sai desta máquina.\n" +
			"--item mostra cada pedido e cada resposta de um item: é a referência para quem programa o caixa.",
		Example: "  pdvagent homologation run --against sandbox --out homologacao\n  pdvagent homologation run --against sandbox --item H20.2",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runHomologation(cmd.Context(), opts, run) },
	}
	cmd.Flags().StringVar(&run.against, "against", "sandbox", "contra o quê: sandbox")
	run.flags(cmd)
	cmd.Flags().StringSliceVar(&run.items, "item", nil, "só estes itens, com cada pedido e resposta")
	return cmd
}

func runHomologation(ctx context.Context, opts *Options, run runOptions) error {
	if run.against != "sandbox" {
		return WrongUse(fmt.Errorf("--against %q não existe; use sandbox", run.against))
	}
	plan, err := homologation.Load(homologation.Script)
	if err != nil {
		return err
	}
	for i, id := range run.items {
		item, err := itemOf(plan, id)
		if err != nil {
			return err
		}
		run.items[i] = item.ID
	}
	folder, err := os.MkdirTemp("", "pdvagent-homologacao-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a leftover in the temporary folder harms nobody
	book, err := kit.OpenBook("", evidence.AgainstSandbox, time.Now())
	if err != nil {
		return err
	}
	scene, err := openSandbox(ctx, plan, folder, book.Run)
	if err != nil {
		return err
	}
	defer scene.close()
	if err := doItems(ctx, opts, scene, plan, book, run.items); err != nil {
		return err
	}
	return conclude(opts, plan, book, scene.cover(), run)
}

// doItems runs the items, and shows each with what passed when they were named.
func doItems(ctx context.Context, opts *Options, scene *sandboxScene, plan *homologation.Plan, book *kit.Book, items []string) error {
	cfg := kit.Config{Plan: plan, Book: book, Scene: scene, Till: scene.till, Cloud: scene.cloud, Facts: scene.facts()}
	if len(items) > 0 && !opts.json {
		cfg.Show = func(item homologation.Item, found homologation.Finding, exchanges []agent.Exchange) {
			printDone(opts.out, plan, item, found, exchanges)
		}
	}
	runner, err := kit.NewRunner(cfg)
	if err != nil {
		return err
	}
	return runner.Run(ctx, items...)
}

// cover is what the report says of this agent.
func (s *stage) cover() evidence.Cover {
	return evidence.Cover{
		Shop: s.cfg.Shop.ID, Till: s.cfg.Shop.Till, AgentVersion: app.Version, PDVVersion: s.cfg.Mercafacil.PDVVersion,
		BaseURL: s.cfg.Mercafacil.BaseURL, Dialect: s.cfg.Mercafacil.Dialect,
	}
}

// conclude prints the verdicts, writes the report, and fails unless every item that was to be done is proved.
func conclude(opts *Options, plan *homologation.Plan, book *kit.Book, cover evidence.Cover, run runOptions) error {
	report := book.Report(plan, cover, time.Now())
	if err := run.write(report); err != nil {
		return err
	}
	if err := opts.Print(report, func(w io.Writer) { printReport(w, report, run.items) }); err != nil {
		return err
	}
	unproved := 0
	for _, item := range plan.Items {
		wanted := len(run.items) == 0 || slices.Contains(run.items, item.ID)
		if item.By == homologation.Machine && wanted && !book.Done(item.ID) {
			unproved++
		}
	}
	if unproved > 0 {
		return errRed(unproved)
	}
	return nil
}

// printDone prints an item with every request and answer, as a till's programmer needs it.
func printDone(w io.Writer, plan *homologation.Plan, item homologation.Item, found homologation.Finding, exchanges []agent.Exchange) {
	fmt.Fprintf(w, "\n%s  %s\n%s\n", item.ID, item.Title, plan.Fill(item.Instruction))
	for _, x := range exchanges {
		passed := kit.Shown(plan, x)
		if passed.Method == "GET" {
			continue
		}
		who := sides()[string(passed.Side)] + " → agente"
		if passed.Side == agent.SideCloud {
			who = "agente → " + sides()[string(passed.Side)]
		}
		fmt.Fprintf(w, "\n  %s  %s %s  %d\n", who, passed.Method, passed.Route, passed.Status)
		if passed.Request != "" {
			fmt.Fprintf(w, "    > %s\n", passed.Request)
		}
		if passed.Response != "" {
			fmt.Fprintf(w, "    < %s\n", passed.Response)
		}
	}
	fmt.Fprintf(w, "\n  %s: %s\n", verdicts().of(string(found.Verdict)), found.Words)
}
