package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/osfile"
	"pdvagent/agent/till/console"
	"pdvagent/agent/till/web"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/usage"
)

// consoleAddress is where the console opens.
type consoleAddress struct {
	URL       string     `json:"url"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"` // of the code in it; none: the page asks for a token
}

func newConsole(opts *Options) *cobra.Command {
	var only, stay bool
	c := &cobra.Command{
		Use: "console", Short: "Abre o console no navegador", Args: usage.NoArgs,
		Long: "Abre o console do agente no navegador: o endereço vale uma vez, por um minuto, com os direitos do token da configuração.\n" +
			"Quem não pode ler a configuração entra com um token.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := opts.runConsole(cmd.Context(), only || opts.json)
			if err != nil && stay {
				fmt.Fprintf(os.Stderr, "%s\n\nEnter fecha esta janela.", app.Sentence(err))
				_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // an error: nobody is there
			}
			return err
		},
	}
	c.Flags().BoolVar(&only, "print", false, "só mostra o endereço")
	c.Flags().BoolVar(&stay, "stay", false, "depois de um erro, espera Enter: para quem abriu por um ícone")
	return c
}

// runConsole opens the console, or only prints its address.
func (o *Options) runConsole(ctx context.Context, only bool) error {
	address, err := o.consoleAddress(ctx)
	if err != nil {
		return err
	}
	if only {
		return o.Print(address, func(w io.Writer) { fmt.Fprintln(w, address.URL) })
	}
	return o.openConsole(ctx, address)
}

// openConsole opens the address in a browser; where there is none it prints the address.
func (o *Options) openConsole(ctx context.Context, address consoleAddress) error {
	words := "O console abriu no navegador. Se ele não apareceu: pdvagent console --print"
	if address.ExpiresAt == nil {
		words = "O console abriu no navegador e pede um token: este usuário não pode ler a configuração. Como administrador, pdvagent console entra direto."
	}
	browser, err := browserFor(context.WithoutCancel(ctx), address.URL) // it outlives this command
	if err == nil {
		err = browser.Start()
	}
	if err != nil {
		words = fmt.Sprintf("Nenhum navegador pôde ser aberto aqui (%s). Abra este endereço nesta máquina: %s", app.Sentence(err), address.URL)
	} else {
		_ = browser.Process.Release() // it goes on without this command
	}
	return o.Print(address, func(w io.Writer) { fmt.Fprintln(w, words) })
}

// consoleAddress asks the running agent for an address that opens the console once. Who may not read the configuration
// gets the plain address, where the page asks for a token.
func (o *Options) consoleAddress(ctx context.Context) (consoleAddress, error) {
	if _, err := osfile.ReadFile(o.config); err != nil { // another user's, or none
		return o.plainAddress(ctx)
	}
	cfg, _, err := config.Load(o.config, os.LookupEnv)
	if err != nil {
		return consoleAddress{}, err
	}
	best, scope := "", web.Till
	for _, token := range cfg.API.Tokens {
		if of, _ := web.ParseScope(token.Scope); of > scope {
			best, scope = token.Token.Reveal(), of
		}
	}
	if best == "" {
		return consoleAddress{}, app.ErrNoSupportToken
	}
	var answer struct {
		URL       string
		ExpiresAt time.Time `json:"expires_at"`
	}
	err = NewClient("http://"+cfg.API.Listen, best).Call(ctx, http.MethodPost, "/v1/console/codes", map[string]any{}, &answer)
	return consoleAddress{answer.URL, &answer.ExpiresAt}, err
}

// plainAddress is the console's address on the port that agents have unless configured otherwise.
func (o *Options) plainAddress(ctx context.Context) (consoleAddress, error) {
	base := "http://" + config.DefaultListen
	if status, _, err := NewClient(base, "").get(ctx, "/health"); err != nil || status != http.StatusOK {
		return consoleAddress{}, agent.Errorf(agent.CodeAgentNotRunning, nil, "Este usuário não pode ler a configuração (%s), e o pdvagent não responde em %s: ou não está em execução, "+
			"ou usa outra porta. Execute como administrador, ou abra no navegador http://127.0.0.1:PORTA%s e entre com um token.", o.config, base, console.Path)
	}
	return consoleAddress{URL: base + console.Path}, nil
}
