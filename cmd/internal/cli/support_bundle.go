package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

func newSupportBundle(opts *Options) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "support-bundle", Short: "Junta, mascarado, tudo o que o suporte precisa em um arquivo zip", Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			if out == "" {
				out = "pdvagent-suporte-" + now.Format("20060102-150405") + ".zip"
			}
			file, err := osfile.CreatePrivate(out)
			if errors.Is(err, fs.ErrExist) {
				return agent.Errorf(agent.CodeBadConfig, nil, "%s já existe e não foi alterado. Use outro nome com --out.", out)
			}
			if err != nil {
				return err
			}
			err = errors.Join(app.Installation{File: opts.config}.Bundle(cmd.Context(), file, now, true), file.Close())
			if err != nil {
				return err
			}
			return opts.Print(map[string]string{"file": out}, func(w io.Writer) {
				fmt.Fprintf(w, "%s foi escrito. Ele não tem dados pessoais nem senhas; LEIA-ME.txt diz o que há nele.\n", out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "arquivo a escrever")
	return cmd
}
