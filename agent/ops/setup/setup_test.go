package setup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/ops/setup"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// machine is a till's machine: real files, and a service manager that runs what the program's text says.
type machine struct {
	*testing.T
	setup.Plan
	status  service.Status
	said    []string
	deeds   []string
	refusal map[string]error // by deed
	stops   int              // that succeed
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	root := t.TempDir()
	m := &machine{T: t, status: service.Status{State: service.NotInstalled}, refusal: make(map[string]error), stops: 100}
	m.Plan = setup.Plan{
		Source: filepath.Join(root, "pacote", "pdvagent"), Program: filepath.Join(root, "programa", "pdvagent"),
		DataDir: filepath.Join(root, "pdvagent", "data"), Keep: filepath.Join(root, "pdvagent", "data-previous"),
		Manager: m, Healthy: m.healthy, Version: "2", Progress: func(f string, a ...any) { m.said = append(m.said, fmt.Sprintf(f, a...)) },
	}
	m.write(m.Source, "version 2")
	return m
}

// with is a machine that has version 1, a queue and a configuration.
func with(t *testing.T, state service.State) *machine {
	t.Helper()
	m := newMachine(t)
	m.write(m.Program, "version 1")
	m.write(filepath.Join(m.DataDir, "pdvagent.db"), "written by 1")
	m.write(filepath.Join(m.DataDir, "log", "pdvagent.log"), "log")
	m.status = service.Status{State: state, Start: "delayed"}
	return m
}

func (m *machine) write(path, text string) {
	m.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o700)); err != nil {
		m.Fatal(err)
	}
}

func (m *machine) read(path string) string {
	text, _ := os.ReadFile(path) // nothing there reads as nothing
	return string(text)
}

func (m *machine) Install(context.Context) ([]string, error) {
	m.deeds = append(m.deeds, "install")
	if m.status.State == service.NotInstalled {
		m.status = service.Status{State: service.Stopped, Start: "delayed"}
	}
	return nil, m.refusal["install"]
}

func (m *machine) Uninstall(context.Context) error {
	m.deeds, m.status = append(m.deeds, "uninstall"), service.Status{State: service.NotInstalled}
	return nil
}

func (m *machine) Start(context.Context) error {
	m.deeds = append(m.deeds, "start "+m.read(m.Program))
	if strings.Contains(m.read(m.Program), "dies") || (strings.Contains(m.read(m.DataDir+"/pdvagent.db"), "by 2") && m.read(m.Program) == "version 1") {
		m.status.State = service.Stopped
		return agent.Errorf(agent.CodeServiceRefused, nil, "O serviço terminou ao iniciar.")
	}
	if strings.Contains(m.read(m.Program), "migrates") {
		m.write(filepath.Join(m.DataDir, "pdvagent.db"), "written by 2")
	}
	m.status.State = service.Running
	return nil
}

func (m *machine) Stop(context.Context) error {
	m.deeds = append(m.deeds, "stop")
	if m.stops--; m.stops < 0 {
		return agent.Errorf(agent.CodeServiceRefused, nil, "O serviço não parou.")
	}
	if m.status.State != service.NotInstalled {
		m.status.State = service.Stopped
	}
	return m.refusal["stop"]
}

func (m *machine) Status(context.Context) (service.Status, error) { return m.status, nil }

func (m *machine) healthy(_ context.Context, version string) error {
	text := m.read(m.Program)
	if m.status.State != service.Running || strings.Contains(text, "silent") || !strings.Contains(text, "version "+version) {
		return errors.New("no answer")
	}
	return nil
}

func (m *machine) want(program, data string, state service.State) {
	m.Helper()
	if got := m.read(m.Program); got != program {
		m.Errorf("the program is %q, want %q", got, program)
	}
	if got := m.read(filepath.Join(m.DataDir, "pdvagent.db")); got != data {
		m.Errorf("the data are %q, want %q", got, data)
	}
	if m.status.State != state {
		m.Errorf("the service is %s, want %s", m.status.State, state)
	}
}

func (m *machine) refused(ctx context.Context, sentence string) {
	m.Helper()
	err := m.Apply(ctx)
	if said, ok := errors.AsType[*agent.Error](err); !ok || !strings.Contains(said.Message, sentence) {
		m.Errorf("got %v, want %q", err, sentence)
	}
}

func TestFirstInstallationRunsAndKeepsNothingOfItsOwn(t *testing.T) {
	m := newMachine(t)
	if err := m.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.want("version 2", "", service.Running)
	if _, err := os.Stat(m.Keep); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", m.Keep, err)
	}
}

func TestFirstInstallationThatFailsLeavesNothingAndSaysWhy(t *testing.T) {
	m := newMachine(t)
	m.write(m.Source, "version 2 dies")
	m.Diagnose = func(context.Context) string { return "A porta é de outro." }
	m.refused(t.Context(), "Nada ficou instalado; a configuração foi mantida. A porta é de outro.")
	m.want("", "", service.NotInstalled)
}

func TestUpgradeKeepsTheDataAndDropsTheCopy(t *testing.T) {
	m := with(t, service.Running)
	if err := m.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.want("version 2", "written by 1", service.Running)
	if got := m.read(filepath.Join(m.DataDir, "log", "pdvagent.log")); got != "log" {
		t.Errorf("the log is %q", got)
	}
	if !slices.Equal(m.deeds, []string{"stop", "install", "start version 2"}) {
		t.Errorf("did %q", m.deeds)
	}
	if _, err := os.Stat(m.Keep); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy of before stays: %v", err)
	}
}

func TestUpgradeThatDiesGoesBack(t *testing.T) {
	m := with(t, service.Running)
	m.write(m.Source, "version 2 dies")
	m.refused(t.Context(), "a versão anterior voltou e está em execução")
	m.want("version 1", "written by 1", service.Running)
	if _, err := os.Stat(m.Keep); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy of before stays: %v", err)
	}
}

func TestUpgradeThatIsSilentGoesBackWithinTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := with(t, service.Running)
		m.write(m.Source, "version 2 silent")
		begin := time.Now()
		m.refused(context.Background(), "não respondeu em 1m0s")
		m.want("version 1", "written by 1", service.Running)
		if took := time.Since(begin); took > 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestUpgradeThatWroteWhatTheOldDoesNotReadGoesBackWithItsData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := with(t, service.Running)
		m.write(m.Source, "version 2 silent migrates")
		m.refused(context.Background(), "a versão anterior e os dados de antes dela voltaram")
		m.want("version 1", "written by 1", service.Running)
		if got := m.read(filepath.Join(m.Keep+"-failed", "pdvagent.db")); got != "written by 2" {
			t.Errorf("what the new version had is %q", got)
		}
	})
}

func TestVersionThatDoesNotStopOnTheWayBackIsLeftWithItsData(t *testing.T) {
	for _, c := range []struct {
		name    string
		stops   int // that succeed
		program string
		deeds   []string
	}{
		{"the new one", 1, "version 2 silent migrates", []string{"stop", "install", "start version 2 silent migrates", "stop"}},
		{"the one of before", 2, "version 1", []string{"stop", "install", "start version 2 silent migrates", "stop", "install", "start version 1", "stop"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := with(t, service.Running)
				m.write(m.Source, "version 2 silent migrates")
				m.stops = c.stops
				m.refused(context.Background(), "Chame o suporte; o programa e os dados de antes estão em "+m.Keep)
				if got := m.read(m.Program); got != c.program || !slices.Equal(m.deeds, c.deeds) {
					t.Errorf("the program is %q, did %q", got, m.deeds)
				}
				if now, before := m.read(filepath.Join(m.DataDir, "pdvagent.db")), m.read(filepath.Join(m.Keep, "data", "pdvagent.db")); now != "written by 2" || before != "written by 1" {
					t.Errorf("the data are %q, the copy %q", now, before)
				}
			})
		})
	}
}

func TestProgramWithoutAServiceGoesBackToBeNone(t *testing.T) {
	m := with(t, service.NotInstalled)
	m.write(m.Source, "version 2 dies")
	m.refused(t.Context(), "a versão anterior voltou, sem serviço")
	m.want("version 1", "written by 1", service.NotInstalled)
}

func TestDataThatCannotBeCopiedEndTheUpgradeAndTheOldVersionGoesOn(t *testing.T) {
	m := with(t, service.Running)
	if err := os.Symlink("nowhere", m.Keep); err != nil { // the copy has no place
		t.Fatal(err)
	}
	m.Keep = filepath.Join(m.Keep, "below")
	m.Space = func(string) (uint64, uint64, error) { return 1 << 40, 1 << 40, nil }
	if err := m.Apply(t.Context()); err == nil {
		t.Error("it goes on without a copy")
	}
	if !slices.Equal(m.deeds, []string{"stop", "start version 1"}) {
		t.Errorf("did %q", m.deeds)
	}
	m.want("version 1", "written by 1", service.Running)
}

func TestWhatWasStoppedByAnAdministratorStaysAsItWas(t *testing.T) {
	m := with(t, service.Stopped)
	m.status.Start = "disabled"
	if err := m.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.want("version 2", "written by 1", service.Stopped)
}

func TestServiceThatDoesNotStopIsLeftAlone(t *testing.T) {
	m := with(t, service.Running)
	m.refusal["stop"] = agent.Errorf(agent.CodeServiceRefused, nil, "O serviço não parou.")
	m.refused(t.Context(), "O serviço não parou.")
	if got := m.read(m.Program); got != "version 1" {
		t.Errorf("the program is %q", got)
	}
}

func TestFullDiskIsSaidBeforeAnythingIsTouched(t *testing.T) {
	m := with(t, service.Running)
	m.Space = func(string) (uint64, uint64, error) { return 64<<20 + 10, 1 << 40, nil } // what is there has more
	m.refused(t.Context(), "Falta espaço em disco")
	if len(m.deeds) > 0 || m.read(m.Program) != "version 1" {
		t.Errorf("did %q", m.deeds)
	}
}

func TestRemovalKeepsTheDataAndAPurgeDoesNot(t *testing.T) {
	m := with(t, service.Running)
	if err := m.Remove(t.Context(), false, m.DataDir); err != nil {
		t.Fatal(err)
	}
	m.want("", "written by 1", service.NotInstalled)
	m = with(t, service.Running)
	if err := m.Remove(t.Context(), true, m.DataDir); err != nil {
		t.Fatal(err)
	}
	m.want("", "", service.NotInstalled)
}
