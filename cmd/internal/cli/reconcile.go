package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/usage"
)

func newReconcile(opts *Options) *cobra.Command {
	var day, erp, dsnFile string
	var csv bool
	var from config.Source
	cmd := &cobra.Command{
		Use: "reconcile", Short: "O dia deste caixa: aceitas, entregues, canceladas, retidas, recusadas; e a diferença para o ERP", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			var result struct {
				reconcile.Report
				Differences []reconcile.Difference `json:"differences"`
			}
			query := url.Values{"sales": {"1"}}
			if day != "" {
				query.Set("day", day)
			}
			if err := client.Call(cmd.Context(), http.MethodGet, "/v1/reconcile?"+query.Encode(), nil, &result.Report); err != nil {
				return err
			}
			compared := erp != "" || from.Query != ""
			if compared {
				lines, err := readERP(cmd.Context(), erp, dsnFile, from)
				if err != nil {
					return err
				}
				result.Differences = reconcile.Compare(result.Report, lines)
			}
			if csv {
				fmt.Fprint(opts.out, result.CSV())
			} else if err := opts.Print(result, func(w io.Writer) { printDay(w, result.Report, result.Differences, compared) }); err != nil {
				return err
			}
			if len(result.Differences) > 0 {
				return agent.Errorf(agent.CodeConflict, nil, "Há %d diferença(s) entre o ERP e este caixa.", len(result.Differences))
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&day, "day", "", "AAAA-MM-DD; vazio: hoje")
	flags.BoolVar(&csv, "csv", false, "os totais como CSV")
	flags.StringVar(&erp, "erp", "", "arquivo do ERP (CSV, NDJSON ou JSON) com coupon e value, ou till, count e value")
	flags.StringVar(&from.Driver, "driver", "", "o mesmo de um banco de dados: "+strings.Join(source.Drivers(), ", "))
	flags.StringVar(&dsnFile, "dsn-file", "", "arquivo com o endereço do banco de dados")
	flags.StringVar(&from.Query, "query", "", "SELECT com as colunas coupon e value, ou till, count e value")
	flags.StringVar(&from.Decimal, "decimal", "", "point (padrão) ou comma")
	flags.StringToStringVar(&from.Columns, "columns", nil, "campo=coluna, separados por vírgula")
	return cmd
}

// readERP reads the lines of a file, or of a query where path is empty.
func readERP(ctx context.Context, path, dsnFile string, from config.Source) (lines []reconcile.Line, err error) {
	var opened source.Opened
	if path != "" {
		from.Type, from.Path = "folder", filepath.Dir(path)
		opened = source.OpenFile(from.Open(), reconcile.Columns(), path)
	} else {
		text, err := osfile.ReadFile(dsnFile)
		if err != nil {
			return nil, agent.Errorf(agent.CodeNotFound, nil, "O arquivo %q, de --dsn-file, não existe ou não pode ser lido.", dsnFile)
		}
		from.Type, from.DSN = "query", config.Secret(strings.TrimSpace(string(text)))
		list, err := source.Open(ctx, from.Open(), reconcile.Columns())
		if err != nil {
			return nil, err
		}
		opened = list[0]
	}
	lines, err = reconcile.ReadERP(ctx, opened)
	if closed := opened.Close(source.Left); err == nil {
		err = closed
	}
	return lines, err
}

// printDay prints the totals of the tills, and the differences if the ERP was compared.
func printDay(w io.Writer, report reconcile.Report, differences []reconcile.Difference, compared bool) {
	header := "CAIXA\tACEITAS\tVALOR\tENTREGUES\tVALOR\tCANCELADAS\tVALOR\tESPERANDO\tRECUSADAS\tRETIDAS\tSEM CONFIRMAÇÃO\tCOM OBSERVAÇÃO\t"
	printTable(w, tabwriter.AlignRight, header, func(table io.Writer) {
		for _, t := range append(slices.Clone(report.Tills), report.Total) {
			till := t.Till
			if till == "" {
				till = "total"
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t\n", till, t.Accepted.Count, t.Accepted.Value.Reais(), t.Delivered.Count, t.Delivered.Value.Reais(),
				t.Cancelled.Count, t.Cancelled.Value.Reais(), t.Pending.Count, t.Dead.Count, t.Held.Count, t.Unconfirmed.Count, t.Noted.Count)
		}
	})
	if len(report.Notes) > 0 {
		fmt.Fprintln(w, "\nObservações nas vendas aceitas:")
	}
	for _, noted := range report.Notes {
		fmt.Fprintf(w, "  %d: %s\n", noted.Count, noted.Detail)
	}
	if len(report.Damaged) > 0 {
		fmt.Fprintf(w, "\n%d venda(s) que o disco danificou, sem caixa, hora nem valor, e em nenhuma soma: %s. Veja cada uma com pdvagent queue show.\n",
			len(report.Damaged), strings.Join(report.Damaged, ", "))
	}
	switch {
	case !compared:
	case len(differences) == 0:
		fmt.Fprintln(w, "\nO ERP e este caixa concordam.")
	default:
		fmt.Fprintln(w, "\nDiferenças para o ERP:")
		for _, d := range differences {
			fmt.Fprintf(w, "  caixa %s  %s: %s\n", d.Till, d.Coupon, d.Words)
		}
	}
}
