package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
	"pdvagent/store"
)

func newStore(opts *Options) *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Os arquivos de dados, com o agente parado"}
	cmd.AddCommand(newStoreVerify(opts), newStoreCarve(opts), newStoreCompact(opts), newStoreBackup(opts), newStoreRestore(opts), newStoreNew(opts), newStoreAdopt(opts), newStoreKeypair(opts))
	return cmd
}

// files says where the files of the configuration's store are.
func (o *Options) files() (store.Config, error) {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return store.Config{}, err
	}
	tellTimesOf(cfg)
	return app.StoreConfig(cfg)
}

func newStoreVerify(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "verify [ARQUIVO]", Short: "Confere páginas e valores de um banco de dados, ou do da configuração, sem alterar nada",
		Args: func(cmd *cobra.Command, args []string) error {
			return usage.Arguments(cmd, cobra.MaximumNArgs(1)(cmd, args))
		},
		RunE: func(_ *cobra.Command, args []string) error {
			at, err := opts.files()
			if err != nil {
				return err
			}
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			found, err := store.Verify(at, path)
			if err != nil {
				return err
			}
			return opts.printFaults(found)
		},
	}
}

// shownFaults is how many faults a person reads of a file that has many.
const shownFaults = 20

func (o *Options) printFaults(found store.Faults) error {
	lines := make([]string, 0, len(found.Faults))
	for _, fault := range found.Faults {
		lines = append(lines, fault.Error())
	}
	result := map[string]any{"jobs": found.Jobs, "values": found.Values, "faults": lines}
	err := o.Print(result, func(w io.Writer) {
		fmt.Fprintf(w, "%d registros, %d valores lidos.\n", found.Jobs, found.Values)
		for _, line := range lines[:min(shownFaults, len(lines))] {
			fmt.Fprintln(w, line)
		}
		if len(lines) > shownFaults {
			fmt.Fprintf(w, "e mais %d\n", len(lines)-shownFaults)
		}
	})
	if err == nil && len(lines) > 0 {
		err = agent.Errorf(agent.CodeDamaged, nil, "O banco de dados está danificado (%d faltas). Ao iniciar, o agente o refaz com o que se acha nele; "+
			"com ele parado, pdvagent store carve faz o mesmo.", len(lines))
	}
	return err
}

func newStoreCarve(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "carve [ARQUIVO...]", Short: "Refaz o banco de dados com tudo o que se acha nele, no backup mais novo e nos arquivos dados",
		RunE: func(_ *cobra.Command, args []string) error {
			at, err := opts.files()
			if err != nil {
				return err
			}
			report, err := store.Carve(at, args...)
			return opts.printReport(report, err)
		},
	}
}

func newStoreRestore(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "restore PASTA", Short: "Traz os registros de um backup; o que já está na pasta de dados vale mais", Args: oneArg,
		RunE: func(_ *cobra.Command, args []string) error {
			at, err := opts.files()
			if err != nil {
				return err
			}
			report, err := store.Restore(at, args[0])
			return opts.printReport(report, err)
		},
	}
}

func newStoreNew(opts *Options) *cobra.Command {
	confirm := false
	cmd := &cobra.Command{
		Use: "new --confirm", Short: "Começa de propósito com uma fila vazia: tudo o que há é movido para data_dir/replaced-DATA, nada é apagado", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !confirm {
				return usage.Wrong(errors.New("as vendas que ainda não foram enviadas não serão enviadas por este agente; repita com --confirm se é isso mesmo"))
			}
			cfg, _, err := config.Load(opts.config, os.LookupEnv)
			if err != nil {
				return err
			}
			at, err := app.StoreConfig(cfg)
			if err != nil {
				return err
			}
			at.Markers = app.StoreMarkers(opts.config, cfg)
			aside, err := store.StartNew(at)
			if err != nil {
				return err
			}
			return opts.Print(map[string]string{"aside": aside}, func(w io.Writer) {
				fmt.Fprintf(w, "O agente começa vazio na próxima partida. O que havia está em %s.\n", aside)
			})
		},
	}
	cmd.Flags().BoolVar(&confirm, "confirm", false, "confirma que a fila de agora fica de lado")
	return cmd
}

func (o *Options) printReport(report store.Report, err error) error {
	if err != nil {
		return err
	}
	return o.Print(report, func(w io.Writer) { printRestored(w, report) })
}

// printRestored says what a salvage, or a backup's return, did.
func printRestored(w io.Writer, report store.Report) {
	if report.Joined {
		fmt.Fprintf(w, "O backup foi juntado às vendas desta pasta, que ficam como estão e seguem. %d já estavam aqui.\n", report.Known)
		if report.Left > 0 {
			fmt.Fprintf(w, "%d pagamentos, boletos ou pedidos continuam só no backup: guarde a pasta %s.\n", report.Left, report.Restored)
		}
	} else {
		if report.Restored != "" {
			fmt.Fprintln(w, "O backup foi restaurado; o que já estava na pasta de dados ficou como estava.")
		}
		fmt.Fprintf(w, "%d valores do arquivo atual e %d achados fora dele, em %d ms.\n", report.Tree, report.Carved, report.TookMS)
	}
	fmt.Fprintf(w, "%d registros retidos: não se sabe se foram enviados (pdvagent queue ls --state retido).\n", len(report.Held))
	if len(report.Lost) > 0 {
		fmt.Fprintf(w, "%d registros perderam o conteúdo: %v\n", len(report.Lost), report.Lost)
	}
	missing := report.Missing
	if n := len(missing); report.Unsure && n > 0 { // the last one is the jump
		missing = missing[:n-1]
	}
	for _, gap := range missing {
		fmt.Fprintf(w, "Nada se achou dos números %d a %d.\n", gap.From, gap.To)
	}
	if report.Unsure {
		fmt.Fprintln(w, "O último número dado não é conhecido: a numeração segue depois de um salto.")
	}
	if report.Kept != "" {
		fmt.Fprintf(w, "O arquivo de antes foi guardado em %s.\n", report.Kept)
	}
}

func newStoreCompact(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "compact", Short: "Reescreve o banco de dados sem o que já foi apagado", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			before, after := int64(0), int64(0)
			err := opts.withStore(func(queue *store.Store) error {
				_, before = queue.Slack()
				err := queue.Compact()
				_, after = queue.Slack()
				return err
			})
			if err != nil {
				return err
			}
			return opts.Print(map[string]int64{"bytes_before": before, "bytes_after": after}, func(w io.Writer) {
				fmt.Fprintf(w, "O banco de dados tinha %d bytes e tem %d.\n", before, after)
			})
		},
	}
}

func newStoreBackup(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "backup", Short: "Copia o banco de dados e as chaves para data_dir/backup; as 3 cópias mais novas ficam", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			at, err := opts.files()
			if err != nil {
				return err
			}
			if err := opts.withStore(func(queue *store.Store) error { _, err := queue.Backup(); return err }); err != nil {
				return err
			}
			list, err := store.Backups(at.Dir)
			if err != nil {
				return err
			}
			return opts.Print(list, func(w io.Writer) {
				for _, backup := range list {
					fmt.Fprintf(w, "%s  %10d bytes  %s\n", local(backup.At).Format("02/01/2006 15:04:05"), backup.Bytes, backup.Path)
				}
			})
		},
	}
}

// withStore opens the store of a stopped agent for do.
func (o *Options) withStore(do func(*store.Store) error) error {
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return err
	}
	queue, err := app.OpenStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(queue), queue.Close())
}
