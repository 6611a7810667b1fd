package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent/traffic"
)

// followPause is the time between two looks of traffic -f.
const followPause = time.Second

func newTraffic(opts *options) *cobra.Command {
	var follow bool
	var since time.Duration
	var limit int
	query := url.Values{}
	var route, key, side string
	cmd := &cobra.Command{
		Use: "traffic", Short: "O diário: o que o caixa disse ao agente, e o agente às nuvens", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			for name, value := range map[string]string{"route": route, "key": key, "side": side, "limit": strconv.Itoa(limit)} {
				if value != "" {
					query.Set(name, value)
				}
			}
			if since > 0 {
				query.Set("since", time.Now().Add(-since).UTC().Format(time.RFC3339Nano))
			}
			return followTraffic(cmd.Context(), opts, client, query, follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "continua mostrando")
	cmd.Flags().DurationVar(&since, "since", 0, "só a partir de quanto tempo atrás, por exemplo 10m")
	cmd.Flags().StringVar(&route, "route", "", "parte da rota, por exemplo apply")
	cmd.Flags().StringVar(&key, "key", "", "transaction_id, cupom, número do registro ou X-Request-Id")
	cmd.Flags().StringVar(&side, "side", "", "till (caixa) ou cloud (nuvem)")
	cmd.Flags().IntVar(&limit, "limit", 100, "quantas linhas, as mais novas")
	return cmd
}

// followTraffic prints once, or until ctx ends.
func followTraffic(ctx context.Context, opts *options, client *localClient, query url.Values, follow bool) error {
	for {
		var page struct {
			Lines []traffic.Line `json:"lines"`
		}
		if err := client.call(ctx, http.MethodGet, "/v1/traffic?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, line := range page.Lines {
			query.Set("since", line.At.Format(time.RFC3339Nano))
			if err := opts.print(line, func(w io.Writer) { printLine(w, line) }); err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		timer := time.NewTimer(followPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// printLine shows an exchange on one line, its bodies below.
func printLine(w io.Writer, line traffic.Line) {
	who := map[string]string{"till": "caixa → agente", "cloud": "agente → nuvem"}[string(line.Side)]
	notes := strings.Join(strings.Fields(line.Delivery+" "+line.Origin+" "+line.Detail), " ")
	if line.Dropped > 0 {
		fmt.Fprintf(w, "… faltam %d linha(s) aqui: o diário não pôde ser escrito\n", line.Dropped)
	}
	fmt.Fprintf(w, "%s  %s  %d  %7.1f ms  %s %s  %s  %s\n", line.At.Local().Format("02/01 15:04:05.000"), who, line.Status, line.MS, line.Method, line.Route, line.Ref, notes)
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
