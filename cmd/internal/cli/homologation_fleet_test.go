package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

func TestHomologationFleetPreparesTillsThatInstall(t *testing.T) {
	dir := t.TempDir()
	tokens, out, inventory := filepath.Join(dir, "tokens"), filepath.Join(dir, "instalacao"), filepath.Join(dir, "caixas.csv")
	put := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	prepare := func() (int, string, string) {
		return e2e.RunCommand(t, "homologation", "fleet", "--inventory", inventory, "--tokens", tokens, "--out", out)
	}
	put(inventory, "loja;caixa;maquina;principal;endereco\n001;001;CAIXA001;sim;\n001;002;CAIXA002;;nada\n")
	if code, _, says := prepare(); code != cli.ExitFailed || !strings.Contains(says, "Falta o token da loja 001") {
		t.Errorf("%d %s", code, says)
	}
	put(filepath.Join(tokens, "001.txt"), "segredo-da-loja\n")
	if code, _, says := prepare(); code != cli.ExitFailed || !strings.Contains(says, "caixas.csv, linha 3: com estas respostas o caixa não se instala.") || !strings.Contains(says, "base_url") || strings.Contains(says, "segredo") {
		t.Errorf("%d %s", code, says)
	}
	put(inventory, "loja;caixa;maquina;principal\n001;001;CAIXA001;sim\n001;002;CAIXA002;\n")
	code, said, says := prepare()
	if code != cli.ExitDone || !strings.Contains(said, "Prontos: 2 caixas") || strings.Contains(said, "segredo") {
		t.Fatalf("%d %s %s", code, said, says)
	}
	answers, config := filepath.Join(out, "respostas", "001-001.json"), filepath.Join(dir, "caixa", "config.yaml")
	if code, said, says := e2e.RunCommand(t, "config", "init", "--config", config, "--answers", answers); code != cli.ExitDone {
		t.Fatalf("%d %s %s", code, said, says)
	}
	code, shown, says := e2e.RunCommand(t, "config", "show", "--json", "--config", config)
	if code != cli.ExitDone || strings.Contains(shown, "segredo-da-loja") {
		t.Fatalf("%d %s %s", code, shown, says)
	}
	for end, content := range map[string]string{".codigo": "0\n", ".config": shown, ".situacao": `{"version":"1.4.0","online":true}`} {
		put(filepath.Join(out, "resultados", "001-001"+end), content)
	}
	code, said, says = e2e.RunCommand(t, "homologation", "fleet", "--check", out)
	if code != cli.ExitFailed || !strings.Contains(said, "responde, em contato com a Mercafácil") || !strings.Contains(said, "ainda não instalado") || !strings.Contains(said, "1 de 2 caixas") || !strings.Contains(says, "Falta acertar 1.") {
		t.Errorf("%d %s %s", code, said, says)
	}
	if _, err := os.Stat(answers); !os.IsNotExist(err) {
		t.Errorf("the answers of a till that is right are still there: %v", err)
	}
	if code, _, _ := e2e.RunCommand(t, "homologation", "fleet", "--out", out); code != cli.ExitUsage {
		t.Errorf("half a call gives %d", code)
	}
}
