package cli_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/evidence"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

func TestHomologationVerifySaysWhereAReportWasEdited(t *testing.T) {
	signer, err := evidence.MakeSigner(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	report := evidence.Report{
		Cover:  evidence.Cover{Shop: "001", Till: "012", Began: at, Ended: at},
		Stages: []evidence.Stage{{ID: "offers", Title: "Ofertas"}},
		Items:  []evidence.Item{{ID: "H12", Stage: "offers", Title: "Desconto absoluto", Verdict: evidence.Failed, Fault: "O total não levou o desconto.", At: at}},
	}
	files, err := evidence.Write(t.TempDir(), "homologacao", report, signer)
	if err != nil {
		t.Fatal(err)
	}
	code, out, _ := e2e.RunCommand(t, "homologation", "verify", files.Signed)
	if code != cli.ExitDone || !strings.Contains(out, "Relatório da loja 001, caixa 012") || !strings.Contains(out, "Nada mudou em homologacao.json, homologacao.html, homologacao.pdf.") {
		t.Errorf("%d %s", code, out)
	}
	text, err := os.ReadFile(files.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.JSON, bytes.Replace(text, []byte("não levou"), []byte("levou"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, says := e2e.RunCommand(t, "homologation", "verify", files.JSON)
	if code != cli.ExitFailed || !strings.Contains(out, "O item H12 foi alterado em homologacao.json; ele foi assinado como reprovado.") || !strings.Contains(says, "O relatório não é o que foi assinado.") {
		t.Errorf("%d %s %s", code, out, says)
	}
	if code, _, says := e2e.RunCommand(t, "homologation", "verify", t.TempDir()); code != cli.ExitFailed || !strings.Contains(says, "0 assinaturas") {
		t.Errorf("%d %s", code, says)
	}
}
