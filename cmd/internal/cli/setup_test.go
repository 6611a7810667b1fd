package cli_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// reported runs an installer's command and gives its exit code and what the installer's screen shows.
func reported(s *e2e.Site, args ...string) (int, string) {
	s.Helper()
	path := filepath.Join(s.TempDir(), "relato.txt")
	code, _, errOut := e2e.RunCommand(s, append(append([]string{"setup"}, args...), "--report", path)...)
	raw, err := os.ReadFile(path)
	if err != nil {
		s.Fatalf("%v: %s", err, errOut)
	}
	if len(raw) < 2 || raw[0] != 0xff || raw[1] != 0xfe {
		s.Fatalf("got %q", raw)
	}
	var units []uint16
	for raw = raw[2:]; len(raw) > 1; raw = raw[2:] {
		units = append(units, binary.LittleEndian.Uint16(raw))
	}
	return code, string(utf16.Decode(units))
}

func answers(s *e2e.Site, more ...string) []string {
	return append([]string{"--shop=001", "--till=012", "--primary=", "--token=segredo", "--base-url=" + s.Clouds.BaseURL(), "--listen=127.0.0.1:0"}, more...)
}

func TestInstallersTryTheAnswersBeforeAnythingIsInstalled(t *testing.T) {
	s := e2e.NewSite(t)
	code, screen := reported(s, append([]string{"try"}, answers(s)...)...)
	if code != cli.ExitDone || !strings.HasSuffix(screen, "A conexão funciona.") {
		t.Errorf("got %d, %s", code, screen)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	t.Setenv("PDVAGENT_INSTALL_DATA_DIR", elsewhere)
	if code, screen := reported(s, append([]string{"try"}, answers(s)...)...); code != cli.ExitDone {
		t.Errorf("got %d, %s", code, screen)
	}
	if _, err := os.Stat(elsewhere); !os.IsNotExist(err) {
		t.Errorf("a trial made the folder of the data: %v", err)
	}
	s.Clouds.Leave()
	code, screen = reported(s, append([]string{"try"}, answers(s)...)...)
	if code != cli.ExitFailed || !strings.HasPrefix(screen, "Conexão com a nuvem: ") || strings.Count(screen, "\r\n") != 1 {
		t.Errorf("got %d, %s", code, screen)
	}
	code, screen = reported(s, "try", "--shop=001", "--till=", "--token=")
	if code != cli.ExitUsage || !strings.Contains(screen, "--till, --token") {
		t.Errorf("got %d, %s", code, screen)
	}
}

func TestInstallersAreToldWhatIsPendingAlsoOfAStoppedAgent(t *testing.T) {
	s := e2e.NewSite(t).Start()
	if code, screen := reported(s, "pending", "--config", s.Config); code != cli.ExitDone || screen != "" {
		t.Errorf("nothing pending: %d, %s", code, screen)
	}
	s.Clouds.Leave()
	s.Post("/v2/coupons", agenttest.Receipt("K-1", "T"))
	s.Post("/v2/coupons", agenttest.Receipt("K-2", "U"))
	for _, state := range []string{"running", "stopped"} {
		if code, screen := reported(s, "pending", "--config", s.Config); code != cli.ExitDone || !strings.Contains(screen, "há 2 registro(s) por enviar") {
			t.Errorf("%s: %d, %s", state, code, screen)
		}
		s.Stop()
	}
}

func TestInstallationIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	s := e2e.NewSite(t)
	folder := t.TempDir()
	config := filepath.Join(folder, "pdvagent", "config.yaml")
	if code, screen := reported(s, "apply", "--config", config, "--dir", folder, "--shop=001"); code != cli.ExitUsage || !strings.Contains(screen, "informe --till, --token") {
		t.Errorf("without answers: %d, %s", code, screen)
	}
	if _, err := os.Stat(filepath.Dir(config)); !os.IsNotExist(err) {
		t.Errorf("it left something: %v", err)
	}
	if code, screen := reported(s, "apply", "--config", s.Config, "--dir", "/"); code != cli.ExitUsage || !strings.Contains(screen, "só do programa") {
		t.Errorf("into the root: %d, %s", code, screen)
	}
	if err := os.WriteFile(s.Config, []byte(strings.Replace(s.ConfigText(), "parallel: 4", "parallel: 0", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, screen := reported(s, "apply", "--config", s.Config, "--dir", folder); code != cli.ExitFailed || !strings.Contains(screen, "nada foi alterado") || !strings.Contains(screen, "sender.parallel") {
		t.Errorf("a configuration that it does not take: %d, %s", code, screen)
	}
	if code, _, errOut := e2e.RunCommand(t, "service", "install", "--config", s.Config); code != cli.ExitFailed || !strings.Contains(errOut, "corrija antes a configuração") {
		t.Errorf("service install: %d, %s", code, errOut)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}
