package cli

import (
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/certificate"
	"pdvagent/agent/ops/evidence"
	"pdvagent/agent/osfile"
)

// reportOptions are the flags of a report: where it goes, and who signs it.
type reportOptions struct {
	folder       string
	certificate  string
	passwordFile string
}

func (r *reportOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.folder, "out", "", "pasta para o relatório (.html, .pdf, .json e a assinatura); vazia: só na tela")
	flags.StringVar(&r.certificate, "certificate", "", "certificado da loja (.pfx ou PEM) que assina o relatório; sem ele, uma chave feita para isso")
	flags.StringVar(&r.passwordFile, "certificate-password-file", "", "arquivo só com a senha do certificado")
}

// write writes a signed report into the folder, if there is one.
func (r *reportOptions) write(report *evidence.Report) error {
	if r.folder == "" {
		return nil
	}
	signer, err := r.signer()
	if err != nil {
		return err
	}
	if err := osfile.MakePrivateFolder(r.folder); err != nil {
		return err
	}
	_, err = evidence.Write(r.folder, "homologacao", *report, signer)
	return err
}

func (r *reportOptions) signer() (*evidence.Signer, error) {
	if r.certificate == "" {
		return evidence.MakeSigner(rand.Reader)
	}
	file := certificate.File{Path: r.certificate, Of: "da loja"}
	if r.passwordFile != "" {
		text, err := osfile.ReadFile(r.passwordFile)
		if err != nil {
			return nil, agent.Errorf(agent.CodeNotFound, nil, "O arquivo %q, de --certificate-password-file, não existe ou não pode ser lido.", r.passwordFile)
		}
		file.Password = strings.TrimRight(string(text), "\r\n")
	}
	pair, err := file.Load()
	if err != nil {
		return nil, agent.Errorf(agent.CodeBadConfig, nil, "%s", err.Error())
	}
	return evidence.NewSigner(pair)
}

// verdicts are the words of what became of an item.
func verdicts() vocabulary {
	return vocabulary{
		string(evidence.Passed): "ok", string(evidence.Failed): "ERRADO", string(evidence.Open): "aberto",
		string(evidence.Answered): "respondido", string(evidence.Unneeded): "não se aplica",
	}
}

// printReport prints a line an item, stage by stage; with ids, theirs only.
func printReport(w io.Writer, report *evidence.Report, ids []string) {
	for _, stage := range report.Stages {
		shown := false
		printed := func() {
			if !shown {
				fmt.Fprintf(w, "\n%s\n", stage.Title)
			}
			shown = true
		}
		for _, item := range report.Items {
			if item.Stage != stage.ID || (len(ids) > 0 && !slices.Contains(ids, item.ID)) {
				continue
			}
			printed()
			fmt.Fprintf(w, "  %-6s %-10s %s\n", item.ID, verdicts().of(string(item.Verdict)), item.Title)
			if words := becauseOf(item); words != "" {
				fmt.Fprintf(w, "                    %s\n", words)
			}
		}
	}
	fmt.Fprintln(w)
	for _, count := range report.Summary() {
		fmt.Fprintf(w, "%s: %d ok, %d errados, %d abertos, %d respondidos\n", count.Title, count.Of[evidence.Passed], count.Of[evidence.Failed], count.Of[evidence.Open], count.Of[evidence.Answered])
	}
}

// becauseOf is what is wrong with an item, what it waits for, or what an assumption turned out to be.
func becauseOf(item evidence.Item) string {
	switch {
	case item.Fault != "":
		return item.Fault
	case item.Verdict == evidence.Open:
		return item.Missing
	case item.Verdict == evidence.Answered && len(item.Seen) > 0:
		return item.Seen[0]
	}
	return ""
}
