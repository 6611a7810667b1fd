package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/cmd/internal/usage"
)

// tried is how the agent says that a try stands.
type tried struct {
	State    string    `json:"state"`
	By       string    `json:"by"`
	Deadline time.Time `json:"deadline"`
	Changed  []string  `json:"changed"`
	End      string    `json:"end,omitempty"`
}

func (t tried) print(w io.Writer) {
	what := strings.Join(t.Changed, ", ")
	switch config.TrialState(t.State) {
	case config.TrialRuns:
		fmt.Fprintf(w, "Em experiência até %s: %s. Ficar com a mudança: pdvagent config keep. Voltar agora: pdvagent config back.\n", local(t.Deadline).Format("15:04:05"), what)
	case config.TrialKept:
		fmt.Fprintf(w, "A mudança ficou: %s.\n", what)
	case config.TrialBack:
		fmt.Fprintf(w, "Voltou a ser como era: %s.\n", what)
	case config.TrialEdited:
		fmt.Fprintln(w, "O arquivo foi mudado por fora durante a experiência, e ficou como está.")
	default:
		fmt.Fprintln(w, "Nenhuma mudança foi experimentada.")
	}
}

func newConfigTry(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "try CAMPO VALOR [CAMPO VALOR]...", Short: "Altera campos por 5 minutos; sem config keep, tudo volta sozinho",
		Long: "Altera campos por 5 minutos no agente em execução. Sem config keep, tudo volta sozinho, também depois de um reinício.\n" +
			"Só serve para o que vale na hora: log.level, sender.per_second, mercafacil.token, api.allowed_origins.",
		Example: "  pdvagent config try sender.per_second 10\n  pdvagent config keep",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args)%2 != 0 {
				return usage.Wrong(errors.New("informe campo e valor, aos pares"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			patch := make(map[string]any)
			for i := 0; i < len(args); i += 2 {
				value, err := config.ParseValue(args[i], args[i+1])
				if err != nil {
					return err
				}
				if strings.Contains(args[i], "[") {
					return agent.Errorf(agent.CodeInvalid, nil, "%s é parte de uma lista, que não se experimenta; use config set.", args[i])
				}
				at, names := patch, strings.Split(args[i], ".")
				for _, name := range names[:len(names)-1] {
					below, ok := at[name].(map[string]any)
					if !ok {
						below = make(map[string]any)
						at[name] = below
					}
					at = below
				}
				at[names[len(names)-1]] = value
			}
			return opts.onTrial(cmd.Context(), http.MethodPost, "/v1/config/trial", patch)
		},
	}
}

func newConfigKeep(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "keep", Short: "Fica com a mudança que está em experiência (config try)", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.onTrial(cmd.Context(), http.MethodPost, "/v1/config/trial/confirm", json.RawMessage("{}"))
		},
	}
}

func newConfigBack(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "back", Short: "Volta agora da mudança que está em experiência (config try)", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return opts.onTrial(cmd.Context(), http.MethodDelete, "/v1/config/trial", nil)
		},
	}
}

// onTrial asks the running agent, which alone applies what is tried and takes it back.
func (o *Options) onTrial(ctx context.Context, method, path string, body any) error {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return err
	}
	tellTimesOf(cfg)
	secret := adminToken(cfg)
	if secret == "" {
		return agent.Errorf(agent.CodeBadConfig, nil, "A configuração não tem token com scope: admin em api.tokens.")
	}
	var answer tried
	if err := NewClient("http://"+cfg.API.Listen, secret).Call(ctx, method, path, body, &answer); err != nil {
		return err
	}
	return o.Print(answer, answer.print)
}

// adminToken is the configuration's token for an administrator's calls; empty: it has none.
func adminToken(cfg config.Config) (secret string) {
	for _, token := range cfg.API.Tokens {
		if token.Scope == "admin" {
			secret = token.Token.Reveal()
		}
	}
	return secret
}
