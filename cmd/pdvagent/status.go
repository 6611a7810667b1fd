package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newStatus(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Como está o agente", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			var whole json.RawMessage
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/status", nil, &whole); err != nil {
				return err
			}
			var status struct {
				Online  bool
				Since   time.Time
				Version string
				Alarms  []struct{ Code, Detail string }
				Queue   map[string]json.RawMessage
			}
			if err := json.Unmarshal(whole, &status); err != nil {
				return err
			}
			return opts.print(whole, func(w io.Writer) {
				link := "sem contato com a Mercafácil"
				if status.Online {
					link = "em contato com a Mercafácil"
				}
				fmt.Fprintf(w, "pdvagent %s, %s desde %s\n", status.Version, link, status.Since.Local().Format("02/01/2006 15:04:05"))
				for _, name := range []string{"pending", "sent", "dead", "held", "annulled", "discarded", "accepted"} {
					fmt.Fprintf(w, "  %-10s %s\n", name, status.Queue[name])
				}
				for _, alarm := range status.Alarms {
					fmt.Fprintf(w, "ATENÇÃO: %s (%s)\n", alarm.Detail, alarm.Code)
				}
			})
		},
	}
}
