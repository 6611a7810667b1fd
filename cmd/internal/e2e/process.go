package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pdvagent/agent/ops/doctor"
	"pdvagent/cmd/internal/rig"
)

// asProgram is the variable of the environment that makes a test binary pdvagent itself, see [Main].
const asProgram = "PDVAGENT_TEST_AS_MAIN"

// RunAsProgram makes the processes that the test starts from its own binary run as pdvagent.
func RunAsProgram(t testing.TB) {
	t.Helper()
	t.Setenv(asProgram, "1")
}

// StartProcess starts the agent in a process of its own and waits until it answers. It is killed at the end of the test at the
// latest. The test calls [RunAsProgram] before.
func (s *Site) StartProcess() *rig.Process {
	s.Helper()
	process, err := rig.StartAgent(s.Context(), s.Config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = process.Kill() })
	s.Until("the process answers", func() bool { return s.Call(http.MethodGet, "/health", "", "").Status == http.StatusOK })
	return process
}

// RunCommand runs a command line of pdvagent in a process of its own.
func RunCommand(t testing.TB, args ...string) (code int, out, errOut string) {
	t.Helper()
	return RunCommandInput(t, "", args...)
}

// RunCommandInput is [RunCommand] with a standard input.
func RunCommandInput(t testing.TB, input string, args ...string) (code int, out, errOut string) {
	t.Helper()
	RunAsProgram(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), self, args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &stdout, &stderr
	_ = command.Run() // its exit code says how it ended
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// Command runs a command with the site's configuration; it must end with this exit code. It gives both outputs.
func (s *Site) Command(code int, args ...string) string {
	s.Helper()
	got, out, errOut := RunCommand(s, append(args, "--config", s.Config)...)
	if got != code {
		s.Errorf("%v ended with %d: %s%s", args, got, out, errOut)
	}
	return out + errOut
}

// Doctor runs the command doctor and gives the finding of each check, by its name.
func (s *Site) Doctor() (code int, findings map[string]doctor.Finding) {
	s.Helper()
	code, out, errOut := RunCommand(s, "doctor", "--json", "--config", s.Config)
	var report struct{ Findings []doctor.Finding }
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		s.Fatalf("%v: %s %s", err, out, errOut)
	}
	findings = make(map[string]doctor.Finding)
	for _, f := range report.Findings {
		findings[f.Check] = f
		if f.Evidence == "" || f.Title == "" || (f.Verdict == doctor.Fail || f.Verdict == doctor.Warn) && f.Advice == "" {
			s.Errorf("%+v says too little", f)
		}
	}
	return code, findings
}
