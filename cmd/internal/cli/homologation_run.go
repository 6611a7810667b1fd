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
	"pdvagent/cmd/internal/usage"
	"pdvagent/mercafacil/homologation"
)

// runOptions are the flags of homologation run.
type runOptions struct {
	reportOptions

	against  string
	items    []string
	folder   string            // of a run against the cloud
	products map[string]string // of the shop
	noWait   bool
	seed     string

	now func() time.Time // nil: the time
}

func newHomologationRun(opts *Options) *cobra.Command {
	var run runOptions
	cmd := &cobra.Command{
		Use: "run", Short: "Faz a homologação com um caixa virtual e um pdvagent só para isso", Args: usage.NoArgs,
		Long: "Faz a homologação com um caixa virtual e um pdvagent só para isso.\n\n" +
			"--against sandbox: na nuvem simulada, com as ofertas e as quedas que cada item pede; nada sai desta máquina.\n" +
			"--against cloud: na base de homologação da loja, com o endereço e o token de --config. Pede pelo nome o que só se cadastra lá, espera, e\n" +
			"confere; cancela cada cupom que enviou; continua de onde parou. Em produção não roda: lá só \"homologation watch\".\n" +
			"--item mostra cada pedido e cada resposta de um item: é a referência para quem programa o caixa.",
		Example: "  pdvagent homologation run --against sandbox --out homologacao\n  pdvagent homologation run --against sandbox --item H20.2",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runHomologation(cmd.Context(), opts, run) },
	}
	cmd.Flags().StringVar(&run.against, "against", "sandbox", "contra o quê: sandbox ou cloud")
	cmd.Flags().StringVar(&run.folder, "folder", "homologacao-nuvem", "com cloud: pasta dos dados desta homologação; a mesma pasta continua de onde parou")
	cmd.Flags().StringToStringVar(&run.products, "product", nil, "com cloud: produto da loja no lugar do do roteiro: papel=sku, ou papel=sku:ean")
	cmd.Flags().BoolVar(&run.noWait, "no-wait", false, "com cloud: não espera pelo que falta cadastrar; o item fica aberto")
	cmd.Flags().StringVar(&run.seed, "seed", "", "com sandbox: semente dos identificadores, como a capa de um relatório a diz; vazia: uma sorteada")
	run.flags(cmd)
	cmd.Flags().StringSliceVar(&run.items, "item", nil, "só estes itens, com cada pedido e resposta")
	return cmd
}

func runHomologation(ctx context.Context, opts *Options, run runOptions) error {
	if run.against != "sandbox" && run.against != "cloud" {
		return usage.Wrong(fmt.Errorf("--against %q não existe; use sandbox ou cloud", run.against))
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
	if run.against == "cloud" {
		return runAgainstCloud(ctx, opts, plan, run)
	}
	return runAgainstSandbox(ctx, opts, plan, run)
}

func runAgainstSandbox(ctx context.Context, opts *Options, plan *homologation.Plan, run runOptions) error {
	book, report, err := inSandbox(ctx, opts, plan, run)
	if err != nil {
		return err
	}
	return conclude(opts, plan, book, report, run)
}

// inSandbox does the script, and gives the verdicts and the report.
func inSandbox(ctx context.Context, opts *Options, plan *homologation.Plan, run runOptions) (*kit.Book, *evidence.Report, error) {
	folder, err := os.MkdirTemp("", "pdvagent-homologacao-")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a leftover in the temporary folder harms nobody
	mine := own{now: run.now}
	now := mine.clock()
	book, err := kit.OpenBook("", evidence.AgainstSandbox, now())
	if err != nil {
		return nil, nil, err
	}
	if run.seed != "" {
		book.Seed = run.seed
	}
	mine.run, mine.ids = book.Run, book.IDs()
	scene, err := openSandbox(ctx, plan, folder, mine)
	if err != nil {
		return nil, nil, err
	}
	defer scene.close()
	cfg := kit.Config{Plan: plan, Book: book, Scene: scene, Till: scene.till, Cloud: scene.cloud, Facts: scene.facts(), Now: now}
	if err := doItems(ctx, opts, cfg, run.items); err != nil {
		return nil, nil, err
	}
	return book, book.Report(plan, scene.cover(), now()), nil
}

// doItems runs the items, and shows each with what passed when they were named.
func doItems(ctx context.Context, opts *Options, cfg kit.Config, items []string) error {
	if len(items) > 0 && !opts.json {
		cfg.Show = func(item homologation.Item, found homologation.Finding, exchanges []agent.Exchange) {
			printDone(opts.out, cfg.Plan, item, found, exchanges)
		}
	}
	runner, err := kit.NewRunner(cfg)
	if err != nil {
		return err
	}
	return runner.Run(ctx, items...)
}

// conclude prints the verdicts, writes the report, and fails unless every item that was to be done is proved.
func conclude(opts *Options, plan *homologation.Plan, book *kit.Book, report *evidence.Report, run runOptions) error {
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
