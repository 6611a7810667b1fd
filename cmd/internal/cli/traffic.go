package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/ops/traffic"
	"pdvagent/cmd/internal/usage"
)

// followInterval is the time between two requests of traffic -f.
const followInterval = time.Second

func newTraffic(opts *Options) *cobra.Command {
	var follow bool
	var since time.Duration
	cmd := &cobra.Command{Use: "traffic", Short: "O diário: o que o caixa e o suporte disseram ao agente, e o agente às nuvens", Args: usage.NoArgs}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "continua mostrando")
	cmd.Flags().DurationVar(&since, "since", 0, "só a partir de quanto tempo atrás, por exemplo 10m")
	query := addFilters(cmd, []filter{
		{name: "route", usage: "parte da rota, por exemplo apply"},
		{name: "key", usage: "transaction_id, cupom, número do registro ou X-Request-Id"},
		{name: "side", usage: "caixa, suporte ou nuvem", words: sides()},
		{name: "limit", usage: "quantas linhas, as mais novas", number: 100},
	})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := opts.client()
		if err != nil {
			return err
		}
		parameters := query()
		if since > 0 {
			parameters.Set("since", time.Now().Add(-since).UTC().Format(time.RFC3339Nano))
		}
		return printTraffic(cmd.Context(), opts, client, parameters, follow)
	}
	return cmd
}

// sides are the words of who speaks with the agent.
func sides() vocabulary {
	return vocabulary{string(agent.SideTill): "caixa", string(agent.SideSupport): "suporte", string(agent.SideCloud): "nuvem"}
}

// printTraffic prints the journal once, or follows it until ctx ends.
func printTraffic(ctx context.Context, opts *Options, client *Client, query url.Values, follow bool) error {
	for {
		var page struct {
			Lines []traffic.Line `json:"lines"`
		}
		if err := client.Call(ctx, http.MethodGet, "/v1/traffic?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, line := range page.Lines {
			query.Set("since", line.At.Format(time.RFC3339Nano))
			if err := opts.Print(line, func(w io.Writer) { printLine(w, line) }); err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		timer := time.NewTimer(followInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// printLine prints an exchange on one line, with its bodies below.
func printLine(w io.Writer, line traffic.Line) {
	who := sides()[string(line.Side)] + " → agente"
	if line.Side == agent.SideCloud {
		who = "agente → " + sides()[string(line.Side)]
	}
	notes := strings.Join(strings.Fields(line.Delivery+" "+line.Origin+" "+line.Detail), " ")
	if line.Dropped > 0 {
		fmt.Fprintf(w, "… faltam %d linha(s) aqui: o diário não pôde ser escrito\n", line.Dropped)
	}
	fmt.Fprintf(w, "%s  %s  %d  %7.1f ms  %s %s  %s  %s\n", local(line.At).Format("02/01 15:04:05.000"), who, line.Status, line.MS, line.Method, line.Route, line.Ref, notes)
	for _, part := range []struct {
		name string
		body *traffic.Body
	}{{"   >", line.Request}, {"   <", line.Response}} {
		switch {
		case part.body == nil:
		case part.body.JSON != nil:
			fmt.Fprintf(w, "%s %s\n", part.name, part.body.JSON)
		case part.body.Head != "":
			fmt.Fprintf(w, "%s %s… (%d bytes)\n", part.name, part.body.Head, part.body.Bytes)
		default:
			fmt.Fprintf(w, "%s %s (%d bytes que não são JSON; letras como x, dígitos como 9)\n", part.name, part.body.Shape, part.body.Bytes)
		}
	}
}
