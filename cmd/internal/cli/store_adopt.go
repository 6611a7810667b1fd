package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
	"pdvagent/store"
)

// adoption brings a till that is gone onto this machine.
type adoption struct {
	*Options
	recoveryKey, oldConfig    string
	keepConfig, send, confirm bool

	here    config.Config
	staging string // a folder of this run, in the data folder
	brought store.Brought
	packed  config.Packed
	old     config.Config // as it will run here
}

// adopted is what the command did, or would do.
type adopted struct {
	Done    bool          `json:"done"`
	AgentID string        `json:"agent_id"`
	Shop    string        `json:"shop,omitempty"`
	Till    string        `json:"till,omitempty"`
	Primary bool          `json:"primary"`
	Jobs    int           `json:"jobs"`
	Faults  int           `json:"faults"`
	Files   []string      `json:"files"` // that come beside the configuration
	Report  *store.Report `json:"report,omitempty"`
}

func newStoreAdopt(opts *Options) *cobra.Command {
	a := &adoption{Options: opts}
	cmd := &cobra.Command{
		Use: "adopt ORIGEM --confirm", Short: "Faz desta máquina o caixa que se perdeu: fila, chaves, boletos e configuração, do disco dele ou de uma cópia selada", Args: oneArg,
		Long: "Faz desta máquina o caixa que se perdeu: fila, chaves, boletos e configuração. ORIGEM é uma cópia selada (.pdvselado, de backup.copy_to), a pasta\n" +
			"de dados do disco antigo, ou uma pasta de backup dela. Sem --confirm só mostra o que faria. Nada do que já está aqui se perde. O passo a passo\n" +
			"está em docs/troca-de-maquina.md.",
		RunE: func(_ *cobra.Command, args []string) error { return a.run(args[0]) },
	}
	cmd.Flags().StringVar(&a.recoveryKey, "recovery-key", "", "arquivo da chave privada de recuperação, em PEM")
	cmd.Flags().StringVar(&a.oldConfig, "old-config", "", "config.yaml do disco antigo, quando ORIGEM é uma pasta")
	cmd.Flags().BoolVar(&a.keepConfig, "keep-config", false, "deixa a configuração desta máquina como está e traz só os dados")
	cmd.Flags().BoolVar(&a.send, "send", false, "a máquina antiga não roda mais: o que esperava segue sozinho, em vez de ficar retido")
	cmd.Flags().BoolVar(&a.confirm, "confirm", false, "confirma: esta máquina passa a ser o caixa antigo")
	return cmd
}

func (a *adoption) run(from string) (err error) {
	if a.here, _, err = config.Load(a.config, os.LookupEnv); err != nil {
		return agent.Errorf(agent.CodeBadConfig, nil, "Instale antes o pdvagent nesta máquina, com quaisquer respostas: a configuração do caixa antigo toma o lugar da daqui.\n%v", err)
	}
	if err := osfile.MakePrivateFolder(a.here.DataDir); err != nil {
		return err
	}
	a.staging = filepath.Join(a.here.DataDir, "adopting")
	defer func() { err = errors.Join(err, osfile.RemoveTree(a.staging)) }() // it has keys
	if err := errors.Join(osfile.RemoveTree(a.staging), osfile.MakePrivateFolder(a.staging)); err != nil {
		return err
	}
	if err := a.bring(from); err != nil {
		return err
	}
	if err := a.checkConfig(); err != nil {
		return err
	}
	result := adopted{
		Done: a.confirm, AgentID: a.brought.AgentID, Shop: a.old.Shop.ID, Till: a.old.Shop.Till, Primary: a.old.Shop.Primary,
		Jobs: a.brought.Jobs, Faults: a.brought.Faults, Files: slices.Sorted(maps.Keys(a.packed.Files)),
	}
	if a.confirm {
		report, err := a.take()
		if err != nil {
			return err
		}
		report.Restored, result.Report = from, &report
	}
	if err := a.print(result); err != nil || a.confirm {
		return err
	}
	return usage.Wrong(errors.New("nada foi alterado; se é isso mesmo, repita com --confirm"))
}

// bring copies what the origin has.
func (a *adoption) bring(from string) error {
	var key []byte
	if a.recoveryKey != "" {
		var err error
		if key, err = os.ReadFile(a.recoveryKey); err != nil {
			return agent.Errorf(agent.CodeNotFound, err, "O arquivo %s, de --recovery-key, não pôde ser lido.", a.recoveryKey)
		}
	}
	info, err := os.Stat(from)
	if err != nil {
		return agent.Errorf(agent.CodeNotFound, err, "%s não existe.", from)
	}
	data := filepath.Join(a.staging, "data")
	if info.IsDir() {
		return a.bringFolder(from, key, data)
	}
	if key == nil {
		return usage.Wrong(errors.New("uma cópia selada só se abre com a chave privada de recuperação: informe --recovery-key ARQUIVO"))
	}
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	if a.brought, err = store.Unseal(file, key, data); err != nil {
		return err
	}
	a.packed = app.PackedConfig(a.brought.Others)
	return nil
}

func (a *adoption) bringFolder(from string, key []byte, data string) error {
	if a.oldConfig == "" && !a.keepConfig {
		return usage.Wrong(errors.New("informe com --old-config o config.yaml do disco antigo, ou --keep-config para trazer só os dados"))
	}
	var err error
	if a.brought, err = store.Bring(from, key, data); err != nil || a.keepConfig {
		return err
	}
	if a.packed, err = config.Pack(a.oldConfig, true); err != nil {
		return agent.Errorf(agent.CodeNotFound, err, "O arquivo %s, de --old-config, não pôde ser lido.", a.oldConfig)
	}
	return nil
}

// checkConfig parses the configuration as it will be here, before anything is changed.
func (a *adoption) checkConfig() error {
	if a.keepConfig {
		a.packed, a.old = config.Packed{}, a.here
		return nil
	}
	folder := filepath.Join(a.staging, "files")
	if err := osfile.MakePrivateFolder(folder); err != nil {
		return err
	}
	var err error
	a.old, err = a.packed.Check(folder, a.here.DataDir, os.LookupEnv)
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return agent.Errorf(agent.CodeBadConfig, nil, "A configuração do caixa antigo ainda não serve nesta máquina, e nada foi alterado. Corrija, ou traga só os dados com --keep-config:\n%v", faults)
	}
	return err
}

// take brings the data, then the configuration. A second run adds what the first did not come to.
func (a *adoption) take() (store.Report, error) {
	at, err := app.StoreConfig(a.here)
	if err != nil {
		return store.Report{}, err
	}
	at.ResendSalvaged = a.send
	report, err := store.Restore(at, filepath.Join(a.staging, "data"))
	if err != nil || a.keepConfig {
		return report, err
	}
	_, err = app.Editor(a.config, a.here).Adopt(a.packed, "store adopt")
	return report, err
}

func (a *adoption) print(result adopted) error {
	return a.Print(result, func(w io.Writer) {
		if !a.keepConfig {
			role := ""
			if result.Primary {
				role = ", o principal dela"
			}
			fmt.Fprintf(w, "Caixa %s da loja %s%s.\n", result.Till, result.Shop, role)
		}
		fmt.Fprintf(w, "Agente %s, %d registros na fila e no histórico.\n", result.AgentID, result.Jobs)
		if result.Faults > 0 {
			fmt.Fprintf(w, "O banco de dados dele está danificado (%d faltas): vem tudo o que se acha nele.\n", result.Faults)
		}
		if a.old.Mercafacil != nil && !a.keepConfig {
			fmt.Fprintf(w, "Nuvem: %s\n", a.old.Mercafacil.BaseURL)
		}
		for _, name := range result.Files {
			fmt.Fprintf(w, "Vem junto, ao lado da configuração: %s\n", name)
		}
		if result.Report == nil {
			return
		}
		fmt.Fprintln(w)
		printRestored(w, *result.Report)
		switch {
		case a.send:
			fmt.Fprintln(w, "O que esperava segue sozinho depois de iniciar o serviço; a nuvem recusa o que já tem.")
		case len(result.Report.Held) > 0:
			fmt.Fprintln(w, "Quando a máquina antiga não rodar mais: inicie o serviço e pdvagent queue retry --reason resgate envia tudo.")
		}
		fmt.Fprintln(w, "Agora inicie o serviço, e confira com pdvagent doctor.")
	})
}

// newStoreKeypair makes the keys with which a lost till is brought back.
func newStoreKeypair(opts *Options) *cobra.Command {
	folder := ""
	cmd := &cobra.Command{
		Use: "keypair --to PASTA", Short: "Cria o par de chaves de recuperação: a privada para o cofre da rede, a pública para os caixas", Args: usage.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if folder == "" {
				return usage.Wrong(errors.New("informe com --to a pasta em que as duas chaves são escritas"))
			}
			private, public := filepath.Join(folder, "recuperacao-privada.pem"), filepath.Join(folder, "recuperacao-publica.pem")
			for _, path := range []string{private, public} {
				if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
					return agent.Errorf(agent.CodeConflict, err, "%s já existe e não foi alterado: quem o substitui não abre mais as cópias de antes.", path)
				}
			}
			privatePEM, publicPEM, err := store.NewRecoveryKey()
			if err == nil {
				err = errors.Join(osfile.WriteNew(private, privatePEM), osfile.WriteNew(public, publicPEM))
			}
			if err != nil {
				return err
			}
			return opts.Print(map[string]string{"private": private, "public": public}, func(w io.Writer) {
				fmt.Fprintf(w, "%s: guarde fora dos caixas e da loja, em dois lugares. Quem a tem lê as cópias; sem ela ninguém lê.\n", private)
				fmt.Fprintf(w, "%s: copie para todos os caixas, em security.recovery_public_key.\n", public)
			})
		},
	}
	cmd.Flags().StringVar(&folder, "to", "", "pasta em que as duas chaves são escritas")
	return cmd
}
