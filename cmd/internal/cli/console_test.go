package cli_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pdvagent/agent/ops/doctor"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// The command gives an address whose code opens the console once, as the administrator.
func TestConsoleCommandGivesAnAddressThatOpensItOnce(t *testing.T) {
	s := e2e.NewSite(t)
	if out := s.Command(cli.ExitNotRunning, "console", "--print"); !strings.Contains(out, "não está em execução") {
		t.Errorf("without an agent it says %s", out)
	}
	s.Start()
	var address struct{ URL string }
	if err := json.Unmarshal([]byte(s.Command(cli.ExitDone, "console", "--json")), &address); err != nil {
		t.Fatal(err)
	}
	plain := strings.TrimSpace(s.Command(cli.ExitDone, "console", "--print"))
	for _, url := range []string{address.URL, plain} {
		parts := regexp.MustCompile(`^(http://127\.0\.0\.1:[0-9]+)/console/#codigo=(\S{43})$`).FindStringSubmatch(url)
		if parts == nil || parts[1] != s.Base {
			t.Fatalf("the address is %q", url)
		}
		if got := s.Call(http.MethodPost, "/v1/console/session", "", e2e.IDBody("code", parts[2])); got.Text("scope") != "admin" {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
		if got := s.Call(http.MethodPost, "/v1/console/session", "", e2e.IDBody("code", parts[2])); got.Status != http.StatusUnauthorized {
			t.Errorf("the second time: got %d %s", got.Status, got.Body)
		}
	}
	trail := s.Call(http.MethodGet, "/v1/audit", e2e.AdminToken, "")
	if !strings.Contains(trail.Body, `"via":"command","action":"POST /v1/console/codes"`) {
		t.Errorf("the trail has %s", trail.Body)
	}
}

// A browser is a program that gets the address as its only word; without one the address is printed.
func TestConsoleCommandOpensTheBrowser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Setenv("SUDO_USER", "nobody")
	}
	s := e2e.NewSite(t).Start()
	t.Setenv("PATH", t.TempDir())
	if out := s.Command(cli.ExitDone, "console"); !strings.Contains(out, "Nenhum navegador") || !strings.Contains(out, "#codigo=") {
		t.Errorf("without a browser it says %s", out)
	}
	folder, err := os.MkdirTemp("", "browser") //nolint:usetesting // another user must reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	asked := filepath.Join(folder, "asked")
	script := "#!/bin/sh\nprintf '%s' \"$*\" > " + asked + ".new && /bin/mv " + asked + ".new " + asked + "\n"
	if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	if out := s.Command(cli.ExitDone, "console"); !strings.Contains(out, "abriu no navegador") || strings.Contains(out, "#codigo=") {
		t.Errorf("it says %s", out)
	}
	s.Until("the browser was asked", func() bool {
		text, err := os.ReadFile(asked)
		return err == nil && strings.HasPrefix(string(text), s.Base+"/console/#codigo=")
	})
}

func TestConsoleCommandWithoutTheConfigurationSaysWhatToDo(t *testing.T) {
	code, out, errOut := e2e.RunCommand(t, "console", "--print", "--config", filepath.Join(t.TempDir(), "none.yaml"))
	if code != cli.ExitNotRunning || !strings.Contains(errOut, "entre com um token") {
		t.Errorf("got %d %s %s", code, out, errOut)
	}
}

// Another program has the agent's port: nobody has a page to look at, and each command says what it is and what to do.
func TestATakenPortIsSaidByEveryCommand(t *testing.T) {
	s := e2e.NewSite(t)
	listener, err := net.Listen("tcp", strings.TrimPrefix(s.Base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = other.Serve(listener) }()
	t.Cleanup(func() { _ = other.Close() })
	if out := s.Command(cli.ExitFailed, "run"); !strings.Contains(out, "outro programa a usa") {
		t.Errorf("run: %s", out)
	}
	if out := s.Command(cli.ExitFailed, "console", "--print"); !strings.Contains(out, "não é o pdvagent") {
		t.Errorf("console: %s", out)
	}
	if code, found := s.Doctor(); code != cli.ExitFailed || found["agent"].Verdict != doctor.Fail || !strings.Contains(found["agent"].Advice, "Outro programa usa a porta") {
		t.Errorf("doctor: %d, %+v", code, found["agent"])
	}
}
