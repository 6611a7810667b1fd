package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"pdvagent/agent/agenttest"
)

// reported runs an installer's command and gives its exit code and what the installer's screen shows.
func (s *site) reported(args ...string) (int, string) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "relato.txt")
	code, _, errOut := runCommand(s.t, append(append([]string{"setup"}, args...), "--report", path)...)
	raw, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatalf("%v: %s", err, errOut)
	}
	if len(raw) < 2 || raw[0] != 0xff || raw[1] != 0xfe {
		s.t.Fatalf("got %q", raw)
	}
	var units []uint16
	for raw = raw[2:]; len(raw) > 1; raw = raw[2:] {
		units = append(units, binary.LittleEndian.Uint16(raw))
	}
	return code, string(utf16.Decode(units))
}

func (s *site) answers(more ...string) []string {
	return append([]string{"--shop=001", "--till=012", "--primary=", "--token=segredo", "--base-url=" + s.clouds.BaseURL(), "--listen=127.0.0.1:0"}, more...)
}

func TestInstallersTryTheAnswersBeforeAnythingIsInstalled(t *testing.T) {
	s := newSite(t)
	code, screen := s.reported(append([]string{"try"}, s.answers()...)...)
	if code != exitDone || !strings.HasSuffix(screen, "A conexão funciona.") {
		t.Errorf("got %d, %s", code, screen)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	t.Setenv("PDVAGENT_INSTALL_DATA_DIR", elsewhere)
	if code, screen := s.reported(append([]string{"try"}, s.answers()...)...); code != exitDone {
		t.Errorf("got %d, %s", code, screen)
	}
	if _, err := os.Stat(elsewhere); !os.IsNotExist(err) {
		t.Errorf("a trial made the folder of the data: %v", err)
	}
	s.clouds.Leave()
	code, screen = s.reported(append([]string{"try"}, s.answers()...)...)
	if code != exitFailed || !strings.HasPrefix(screen, "Conexão com a nuvem: ") || strings.Count(screen, "\r\n") != 1 {
		t.Errorf("got %d, %s", code, screen)
	}
	code, screen = s.reported("try", "--shop=001", "--till=", "--token=")
	if code != exitUsage || !strings.Contains(screen, "--till, --token") {
		t.Errorf("got %d, %s", code, screen)
	}
}

func TestInstallersAreToldWhatIsPendingAlsoOfAStoppedAgent(t *testing.T) {
	s := newSite(t).open()
	if code, screen := s.reported("pending", "--config", s.config); code != exitDone || screen != "" {
		t.Errorf("nothing pending: %d, %s", code, screen)
	}
	s.clouds.Leave()
	s.post("/v2/coupons", agenttest.Receipt("K-1", "T"))
	s.post("/v2/coupons", agenttest.Receipt("K-2", "U"))
	for _, state := range []string{"running", "stopped"} {
		if code, screen := s.reported("pending", "--config", s.config); code != exitDone || !strings.Contains(screen, "há 2 registro(s) por enviar") {
			t.Errorf("%s: %d, %s", state, code, screen)
		}
		s.stop()
	}
}

func TestInstallationIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	s := newSite(t)
	folder := t.TempDir()
	config := filepath.Join(folder, "pdvagent", "config.yaml")
	if code, screen := s.reported("apply", "--config", config, "--dir", folder, "--shop=001"); code != exitUsage || !strings.Contains(screen, "informe --till, --token") {
		t.Errorf("without answers: %d, %s", code, screen)
	}
	if _, err := os.Stat(filepath.Dir(config)); !os.IsNotExist(err) {
		t.Errorf("it left something: %v", err)
	}
	if code, screen := s.reported("apply", "--config", s.config, "--dir", "/"); code != exitUsage || !strings.Contains(screen, "só do programa") {
		t.Errorf("into the root: %d, %s", code, screen)
	}
	if err := os.WriteFile(s.config, []byte(strings.Replace(s.file(), "parallel: 4", "parallel: 0", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, screen := s.reported("apply", "--config", s.config, "--dir", folder); code != exitFailed || !strings.Contains(screen, "nada foi alterado") || !strings.Contains(screen, "sender.parallel") {
		t.Errorf("a configuration that it does not take: %d, %s", code, screen)
	}
	if code, _, errOut := runCommand(t, "service", "install", "--config", s.config); code != exitFailed || !strings.Contains(errOut, "corrija antes a configuração") {
		t.Errorf("service install: %d, %s", code, errOut)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("it left %v, %v", entries, err)
	}
}
