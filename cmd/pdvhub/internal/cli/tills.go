package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/cmd/internal/usage"
	"pdvagent/cmd/pdvhub/internal/fleet"
	"pdvagent/cmd/pdvhub/internal/ledger"
)

// till is a row of the list.
type till struct {
	Shop    string       `json:"shop"`
	Till    string       `json:"till"`
	Agent   string       `json:"agent"`
	Health  fleet.Health `json:"health"`
	Why     string       `json:"why,omitempty"`
	Version string       `json:"version,omitempty"`
	Pending uint64       `json:"pending"`
	Seen    time.Time    `json:"seen,omitzero"`
}

func newTills(o *options) *cobra.Command {
	var troubled bool
	cmd := &cobra.Command{
		Use: "tills", Short: "Como está cada caixa da rede", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			l, err := ledger.Open(cmd.Context(), o.dir, time.Now)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, l.Close()) }()
			list, err := l.Tills(cmd.Context())
			if err != nil {
				return err
			}
			rows := rowsOf(list, time.Now(), troubled)
			return o.print(map[string]any{"tills": rows}, func(w io.Writer) error { return printTills(w, rows, len(list), troubled) })
		},
	}
	cmd.Flags().BoolVar(&troubled, "attention", false, "só os que precisam de alguém")
	return cmd
}

func rowsOf(list []ledger.Till, now time.Time, troubled bool) []till {
	rows := make([]till, 0, len(list))
	for _, t := range list {
		health, why := fleet.Of(t, now)
		if troubled && (health == fleet.Well || health == fleet.Closed) {
			continue
		}
		rows = append(rows, till{t.Shop, t.Till, t.Agent, health, why, t.State.Version, t.State.Queue.Pending, t.Seen})
	}
	return rows
}

func printTills(w io.Writer, rows []till, all int, troubled bool) error {
	switch {
	case all == 0:
		_, err := fmt.Fprintln(w, "Nenhum caixa entrou na rede ainda: faça um convite com pdvhub invite.")
		return err
	case len(rows) == 0 && troubled:
		text := fmt.Sprintf("Nenhum dos %d caixas precisa de alguém.", all)
		if all == 1 {
			text = "O único caixa não precisa de ninguém."
		}
		_, err := fmt.Fprintln(w, text)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LOJA\tCAIXA\tCOMO ESTÁ\tVERSÃO\tPOR QUÊ")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Shop, r.Till, r.Health, r.Version, r.Why)
	}
	return table.Flush()
}
