package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/mercafacil/homologation"
)

// runOptions are the flags of homologation run.
type runOptions struct {
	against string
	out     string
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
	cmd.Flags().StringVar(&run.out, "out", "", "pasta para o relatório; vazia: só a tabela")
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
	if run.out != "" {
		if err := writeReport(run.out, report); err != nil {
			return err
		}
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

// writeReport puts the report's files into a folder.
func writeReport(folder string, report *evidence.Report) error {
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return err
	}
	text, err := report.JSON()
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(folder, "homologacao-relatorio.json"), text)
}

// replaceFile writes a file, new or not.
func replaceFile(path string, text []byte) error {
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		return osfile.WriteNew(path, text)
	}
	return osfile.Replace(path, text)
}

// verdicts are the words of what became of an item.
func verdicts() vocabulary {
	return vocabulary{
		string(evidence.Passed): "ok", string(evidence.Failed): "ERRADO", string(evidence.Open): "aberto",
		string(evidence.Answered): "respondido", string(evidence.Unneeded): "não se aplica",
	}
}

// printReport prints a line an item, stage by stage; with ids, theirs only.
func printReport(w io.Writer, report *evidence.Report, ids []string) {
	for _, stage := range report.Stages {
		shown := false
		printed := func() {
			if !shown {
				fmt.Fprintf(w, "\n%s\n", stage.Title)
			}
			shown = true
		}
		for _, item := range report.Items {
			if item.Stage != stage.ID || (len(ids) > 0 && !slices.Contains(ids, item.ID)) {
				continue
			}
			printed()
			fmt.Fprintf(w, "  %-6s %-10s %s\n", item.ID, verdicts().of(string(item.Verdict)), item.Title)
			if words := becauseOf(item); words != "" {
				fmt.Fprintf(w, "                    %s\n", words)
			}
		}
	}
	fmt.Fprintln(w)
	for _, count := range report.Summary() {
		fmt.Fprintf(w, "%s: %d ok, %d errados, %d abertos, %d respondidos\n", count.Title, count.Of[evidence.Passed], count.Of[evidence.Failed], count.Of[evidence.Open], count.Of[evidence.Answered])
	}
}

// becauseOf is what is wrong with an item, what it waits for, or what an assumption turned out to be.
func becauseOf(item evidence.Item) string {
	switch {
	case item.Fault != "":
		return item.Fault
	case item.Verdict == evidence.Open:
		return item.Missing
	case item.Verdict == evidence.Answered && len(item.Seen) > 0:
		return item.Seen[0]
	}
	return ""
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
