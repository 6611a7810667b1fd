package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
)

func newBoletos(opts *options) *cobra.Command {
	cmd := &cobra.Command{Use: "boletos", Short: "Boletos: ver, registrar os emitidos em outro lugar, e encerrar os que pedem uma decisão"}
	cmd.AddCommand(newBoletosList(opts), newBoletosImport(opts), newBoletosResolve(opts))
	return cmd
}

// boletoLine is a boleto as the API shows it.
type boletoLine struct {
	NossoNumero string       `json:"nosso_numero"`
	SeuNumero   string       `json:"seu_numero,omitempty"`
	Status      string       `json:"status"`
	Detail      string       `json:"detail,omitempty"`
	Due         string       `json:"due_date"`
	Expected    agent.Cents  `json:"expected"`
	Received    *agent.Cents `json:"received"`
	Difference  *agent.Cents `json:"difference"`
	PaidOn      *string      `json:"paid_on"`
	CreditOn    *string      `json:"credit_on"`
	Channel     *string      `json:"channel"`
	Attention   bool         `json:"attention"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

func newBoletosList(opts *options) *cobra.Command {
	var status, since string
	cmd := &cobra.Command{
		Use: "ls", Short: "Lista boletos, os que mudaram por último primeiro", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, text := range map[string]string{"status": status, "since": since} {
				if text != "" {
					query.Set(name, text)
				}
			}
			var page struct {
				Boletos []boletoLine `json:"boletos"`
			}
			if err := client.call(cmd.Context(), http.MethodGet, "/v1/boletos?"+query.Encode(), nil, &page); err != nil {
				return err
			}
			return opts.print(page, func(w io.Writer) { printBoletos(w, page.Boletos) })
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "só os deste estado: open, paid, written_off ou review")
	cmd.Flags().StringVar(&since, "since", "", "só os que mudaram desde AAAA-MM-DD")
	return cmd
}

func printBoletos(w io.Writer, list []boletoLine) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NOSSO NÚMERO\tSEU NÚMERO\tESTADO\tVENCE\tESPERADO\tRECEBIDO\tPAGO EM\tPOR\t")
	for _, b := range list {
		mark, received, paid, channel := "", "", "", ""
		if b.Attention {
			mark = " (!)"
		}
		if b.Received != nil {
			received = b.Received.Reais()
		}
		if b.PaidOn != nil {
			paid = *b.PaidOn
		}
		if b.Channel != nil {
			channel = *b.Channel
		}
		fmt.Fprintf(table, "%s\t%s\t%s%s\t%s\t%s\t%s\t%s\t%s\t\n", b.NossoNumero, b.SeuNumero, b.Status, mark, b.Due, b.Expected.Reais(), received, paid, channel)
	}
	_ = table.Flush() // to the terminal
	for _, b := range list {
		if b.Attention {
			fmt.Fprintf(w, "\n%s: %s\n", b.NossoNumero, b.Detail)
		}
	}
}

// imported is what became of a file of boletos.
type imported struct {
	Registered int      `json:"registered"`
	Known      int      `json:"known"`
	Rejected   int      `json:"rejected"`
	Errors     []string `json:"errors"`
}

func newBoletosImport(opts *options) *cobra.Command {
	return &cobra.Command{
		Use: "import ARQUIVO.csv", Short: "Registra boletos emitidos em outro lugar, para que a baixa os encontre", Args: oneArg,
		Long: "Registra boletos emitidos em outro lugar.\n\nA primeira linha dá os nomes das colunas: nosso_numero (com o dígito), amount (em reais: 150,00), due_date (AAAA-MM-DD ou DD/MM/AAAA),\n" +
			"e, se houver, seu_numero, issue_date, barcode, digitable_line. O separador é ; ou , e o arquivo pode ser importado de novo: o que já está registrado fica.",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := opts.client()
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return agent.Errorf(agent.CodeInvalid, err, "O arquivo %s não pôde ser lido.", args[0])
			}
			defer func() { _ = file.Close() }() // it was only read
			result := imported{Errors: []string{}}
			err = boletoRows(file, func(line int, row map[string]any, rowErr error) error {
				if rowErr == nil {
					rowErr = client.register(cmd.Context(), row, &result)
				}
				if agent.CodeOf(rowErr) == agent.CodeAgentNotRunning {
					return rowErr
				}
				if rowErr != nil {
					result.Rejected++
					result.Errors = append(result.Errors, fmt.Sprintf("linha %d: %s", line, agent.Sentence(rowErr)))
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := opts.print(result, func(w io.Writer) {
				for _, detail := range result.Errors {
					fmt.Fprintln(w, detail)
				}
				fmt.Fprintf(w, "%d registrados, %d já conhecidos, %d recusados.\n", result.Registered, result.Known, result.Rejected)
			}); err != nil {
				return err
			}
			if result.Rejected > 0 {
				return agent.Errorf(agent.CodeInvalid, nil, "%d linhas foram recusadas; corrija-as e importe o arquivo de novo.", result.Rejected)
			}
			return nil
		},
	}
}

// register registers one row.
func (c *localClient) register(ctx context.Context, row map[string]any, result *imported) error {
	var b boletoLine
	if err := c.call(ctx, http.MethodPost, "/v1/boletos", row, &b); err != nil {
		return err
	}
	if c.delivery == "replayed" {
		result.Known++
	} else {
		result.Registered++
	}
	return nil
}

// boletoRows reads a CSV file with a line of names.
func boletoRows(file io.Reader, each func(line int, row map[string]any, err error) error) error {
	text, err := io.ReadAll(io.LimitReader(file, 256<<20))
	if err != nil {
		return err
	}
	content := strings.TrimPrefix(string(text), "\ufeff")
	reader := csv.NewReader(strings.NewReader(content))
	head, _, _ := strings.Cut(content, "\n")
	if strings.Count(head, ";") > 0 {
		reader.Comma = ';'
	}
	names, err := reader.Read()
	if err != nil {
		return agent.Errorf(agent.CodeInvalid, err, "O arquivo não tem a linha com os nomes das colunas.")
	}
	for _, name := range []string{"nosso_numero", "amount", "due_date"} {
		if !strings.Contains(";"+strings.Join(names, ";")+";", ";"+name+";") {
			return agent.Errorf(agent.CodeInvalid, nil, "Falta a coluna %s na primeira linha.", name)
		}
	}
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		line, _ := reader.FieldPos(0)
		row := map[string]any{"register_only": true}
		if err != nil {
			err = agent.Errorf(agent.CodeInvalid, err, "A linha não tem as colunas da primeira.")
		}
		for i, value := range fields {
			if i < len(names) && strings.TrimSpace(value) != "" {
				row[names[i]] = strings.TrimSpace(value)
			}
		}
		if err == nil {
			err = asPosted(row)
		}
		if err := each(line, row, err); err != nil {
			return err
		}
	}
}

// asPosted turns what people write in files into what the API takes.
func asPosted(row map[string]any) error {
	amount, _ := row["amount"].(string)
	if strings.Contains(amount, ",") {
		amount = strings.ReplaceAll(strings.ReplaceAll(amount, ".", ""), ",", ".")
	}
	milli, err := agent.ParseMilli(strings.TrimPrefix(amount, "R$ "))
	if err != nil || milli%10 != 0 {
		return agent.Errorf(agent.CodeInvalid, err, "O valor não é em reais e centavos, como 150,00.")
	}
	row["amount"] = int64(milli / 10)
	for _, name := range []string{"due_date", "issue_date"} {
		text, _ := row[name].(string)
		if at, err := time.Parse("02/01/2006", text); err == nil {
			row[name] = at.Format(time.DateOnly)
		}
	}
	return nil
}

func newBoletosResolve(opts *options) *cobra.Command {
	return newResolve(opts, resolution[boletoLine]{
		use: "resolve NOSSO_NUMERO", short: "Encerra um boleto que pede decisão: o que veio conta como o pagamento, o motivo é guardado",
		path: "/v1/boletos/", example: "devolvido ao cliente",
		said: func(b boletoLine) string { return fmt.Sprintf("Encerrado: %s está como %s.", b.NossoNumero, b.Status) },
	})
}
