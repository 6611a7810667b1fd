package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/cmd/internal/usage"
)

func newStatus(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Como está o agente", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			var answer json.RawMessage
			if err := client.Call(cmd.Context(), http.MethodGet, "/v1/status", nil, &answer); err != nil {
				return err
			}
			var status struct {
				Online  bool
				Since   time.Time
				Outage  *struct{ From, To time.Time } `json:"last_outage"`
				Clouds  []json.RawMessage
				Version string
				Alarms  []shownAlarm
				Queue   map[string]json.RawMessage
			}
			if err := json.Unmarshal(answer, &status); err != nil {
				return err
			}
			return opts.Print(answer, func(w io.Writer) {
				link := "sem contato com a Mercafácil"
				if status.Online {
					link = "em contato com a Mercafácil"
				}
				if len(status.Clouds) == 0 {
					fmt.Fprintf(w, "pdvagent %s, sem a seção mercafacil na configuração\n", status.Version)
				} else {
					fmt.Fprintf(w, "pdvagent %s, %s desde %s\n", status.Version, link, local(status.Since).Format("02/01/2006 15:04:05"))
				}
				if outage := status.Outage; outage != nil {
					fmt.Fprintf(w, "  última queda: de %s a %s\n", second(outage.From), second(outage.To))
				}
				fmt.Fprintf(w, "  %-12s %s\n", "aceitos", status.Queue["accepted"])
				for _, state := range agent.States() {
					fmt.Fprintf(w, "  %-12s %s\n", jobStates().of(string(state)), status.Queue[string(state)])
				}
				printAlarms(w, status.Alarms)
			})
		},
	}
}

type shownAlarm struct{ Code, Detail string }

// printAlarms prints alarms, and of each kind the first three.
func printAlarms(w io.Writer, alarms []shownAlarm) {
	const most = 3
	all, shown := map[string]int{}, map[string]int{}
	for _, alarm := range alarms {
		all[alarm.Code]++
	}
	for _, alarm := range alarms {
		if shown[alarm.Code] == most {
			continue
		}
		fmt.Fprintf(w, "ATENÇÃO: %s\n", alarm.Detail)
		if shown[alarm.Code]++; shown[alarm.Code] == most && all[alarm.Code] > most {
			fmt.Fprintf(w, "ATENÇÃO: há mais %d como este; todos em: pdvagent status --json\n", all[alarm.Code]-most)
		}
	}
}
