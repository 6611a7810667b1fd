package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/reading"
)

// importResult counts the rows of an imported file.
type importResult struct {
	Registered int      `json:"registered"`
	Known      int      `json:"known"` // registered before
	Rejected   int      `json:"rejected"`
	Errors     []string `json:"errors"`
}

func newBoletosImport(opts *Options) *cobra.Command {
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
			result, err := client.importBoletos(cmd.Context(), file)
			if err != nil {
				return err
			}
			if err := opts.Print(result, result.print); err != nil {
				return err
			}
			if result.Rejected > 0 {
				return agent.Errorf(agent.CodeInvalid, nil, "%d linhas foram recusadas; corrija-as e importe o arquivo de novo.", result.Rejected)
			}
			return nil
		},
	}
}

func (r importResult) print(w io.Writer) {
	for _, detail := range r.Errors {
		fmt.Fprintln(w, detail)
	}
	fmt.Fprintf(w, "%d registrados, %d já conhecidos, %d recusados.\n", r.Registered, r.Known, r.Rejected)
}

// importBoletos registers every row. It ends early only when the agent does not run.
func (c *Client) importBoletos(ctx context.Context, file io.Reader) (importResult, error) {
	result := importResult{Errors: []string{}}
	err := eachBoletoRow(file, func(line int, row map[string]any, err error) error {
		if err == nil {
			err = c.registerBoleto(ctx, row, &result)
		}
		if agent.CodeOf(err) == agent.CodeAgentNotRunning {
			return err
		}
		if err != nil {
			result.Rejected++
			result.Errors = append(result.Errors, fmt.Sprintf("linha %d: %s", line, agent.Sentence(err)))
		}
		return nil
	})
	return result, err
}

func (c *Client) registerBoleto(ctx context.Context, row map[string]any, result *importResult) error {
	var b boletoView
	if err := c.Call(ctx, http.MethodPost, "/v1/boletos", row, &b); err != nil {
		return err
	}
	if c.delivery == "replayed" {
		result.Known++
	} else {
		result.Registered++
	}
	return nil
}

// eachBoletoRow reads a CSV file whose first line names the columns, and hands in each row as the API takes it, or what is
// wrong with it.
func eachBoletoRow(file io.Reader, do func(line int, row map[string]any, err error) error) error {
	raw, err := io.ReadAll(io.LimitReader(file, 256<<20))
	if err != nil {
		return err
	}
	content := strings.TrimPrefix(string(raw), "\ufeff")
	reader := csv.NewReader(strings.NewReader(content))
	head, _, _ := strings.Cut(content, "\n")
	if strings.Contains(head, ";") {
		reader.Comma = ';'
	}
	names, err := reader.Read()
	if err != nil {
		return agent.Errorf(agent.CodeInvalid, err, "O arquivo não tem a linha com os nomes das colunas.")
	}
	for _, name := range []string{"nosso_numero", "amount", "due_date"} {
		if !slices.Contains(names, name) {
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
			err = convertBoletoRow(row)
		}
		if err := do(line, row, err); err != nil {
			return err
		}
	}
}

// convertBoletoRow turns amounts in reais and Brazilian dates into cents and ISO dates.
func convertBoletoRow(row map[string]any) error {
	amount, _ := row["amount"].(string)
	amount = strings.TrimPrefix(strings.TrimSpace(amount), "R$")
	sign := byte(',')
	if !strings.Contains(amount, ",") {
		sign = '.'
	}
	number, err := reading.ParseLocal(amount, sign)
	cents, rounded, tooLarge := number.Cents()
	if err = errors.Join(err, tooLarge); err != nil || rounded {
		return agent.Errorf(agent.CodeInvalid, err, "O valor não é em reais e centavos, como 150,00.")
	}
	row["amount"] = int64(cents)
	for _, name := range []string{"due_date", "issue_date"} {
		date, _ := row[name].(string)
		if at, err := time.Parse("02/01/2006", date); err == nil {
			row[name] = at.Format(time.DateOnly)
		}
	}
	return nil
}
