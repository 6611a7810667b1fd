//go:build !windows

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kardianos/service"

	"pdvagent/agent"
)

// Where units lie: the packages', and those an administrator or Install writes.
const (
	unitName = Source + ".service"
	ownUnit  = "/etc/systemd/system/" + unitName
)

func packagedUnits() []string {
	return []string{"/lib/systemd/system/" + unitName, "/usr/lib/systemd/system/" + unitName}
}

// manager is systemd.
type manager struct{ Command }

// NewManager gives the operating system's. command is needed to install.
func NewManager(command Command) Manager { return &manager{command} }

// kardianos writes, enables and removes units; ours goes in as it is.
func (m *manager) kardianos() (service.Service, error) {
	return service.New(nil, &service.Config{Name: Source, Executable: m.Program, Option: service.KeyValue{"SystemdScript": m.unit()}})
}

// unit is the packages' unit with this installation's paths.
func (m *manager) unit() string {
	unit := strings.ReplaceAll(m.Unit, "ExecStart=/usr/bin/pdvagent run --config /etc/pdvagent/config.yaml",
		fmt.Sprintf("ExecStart=%q run --config %q", m.Program, m.Config))
	return strings.ReplaceAll(unit, "ReadWritePaths=/etc/pdvagent", fmt.Sprintf("ReadWritePaths=%q %q", filepath.Dir(m.Config), m.DataDir))
}

func (m *manager) Install(ctx context.Context) ([]string, error) {
	if err := usable(); err != nil {
		return nil, err
	}
	if packaged() {
		return m.kept(ctx)
	}
	if err := m.own(ctx); err != nil {
		return nil, inWords("preparar a conta e as pastas do serviço", err)
	}
	if current, err := os.ReadFile(ownUnit); err == nil {
		if string(current) != m.unit() {
			if err := m.rewrite(ctx); err != nil {
				return nil, inWords("trocar a unidade", err)
			}
		}
		return m.kept(ctx)
	}
	registrar, err := m.kardianos()
	if err == nil {
		err = registrar.Install()
	}
	return nil, inWords("instalar o serviço", err)
}

// rewrite gives a unit that is there its new text.
func (m *manager) rewrite(ctx context.Context) error {
	if err := os.WriteFile(ownUnit, []byte(m.unit()), 0o644); err != nil { //nolint:gosec // units may be read by all
		return err
	}
	return run(ctx, "systemctl", "daemon-reload")
}

// kept leaves a unit that is there as it is: one that an administrator has disabled stays so.
func (m *manager) kept(ctx context.Context) ([]string, error) {
	status, err := m.Status(ctx)
	if err == nil && (status.Start == "disabled" || status.Start == "masked") {
		return []string{"O serviço está desativado e não volta com a máquina. Ative com: systemctl enable pdvagent"}, nil
	}
	return nil, err
}

// own makes the account, and gives it what it reads and writes.
func (m *manager) own(ctx context.Context) error {
	if _, err := os.Stat(m.Config); err != nil {
		return agent.Errorf(agent.CodeBadConfig, nil, "Falta a configuração %s. Crie com: pdvagent config init", m.Config)
	}
	if exec.CommandContext(ctx, "getent", "passwd", Source).Run() != nil {
		if err := run(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", m.DataDir, "--shell", "/usr/sbin/nologin", Source); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(m.DataDir, 0o700); err != nil {
		return err
	}
	return errors.Join(
		run(ctx, "chown", "-R", Source+":"+Source, m.DataDir),
		run(ctx, "chgrp", Source, m.Config),
		os.Chmod(m.Config, 0o640), //nolint:gosec // its group is the service's own
	)
}

func (m *manager) Uninstall(ctx context.Context) error {
	if err := usable(); err != nil {
		return err
	}
	if packaged() {
		return agent.Errorf(agent.CodeServiceRefused, nil, "O serviço é do pacote. Remova com: apt remove pdvagent (ou dnf remove pdvagent).")
	}
	if _, err := os.Stat(ownUnit); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := m.Stop(ctx); err != nil {
		return err
	}
	registrar, err := m.kardianos()
	if err == nil {
		err = registrar.Uninstall()
	}
	return inWords("remover o serviço", err)
}

func (m *manager) Start(ctx context.Context) error { return m.verb(ctx, "start") }

func (m *manager) Stop(ctx context.Context) error { return m.verb(ctx, "stop") }

// verb is start or stop; systemd itself waits for their end.
func (m *manager) verb(ctx context.Context, verb string) error {
	if err := usable(); err != nil {
		return err
	}
	status, err := m.Status(ctx)
	if err != nil {
		return err
	}
	if status.State == NotInstalled {
		if verb == "stop" {
			return nil
		}
		return agent.Errorf(agent.CodeServiceRefused, nil, "O serviço não está instalado. Instale com: pdvagent service install")
	}
	if err := run(ctx, "systemctl", verb, unitName); err != nil {
		if verb == "start" {
			err = fmt.Errorf("%w: %w", ErrDied, err)
		}
		return inWords("systemctl "+verb+" "+unitName, err)
	}
	return nil
}

func (m *manager) Status(ctx context.Context) (Status, error) {
	if err := systemd(); err != nil {
		return Status{}, err
	}
	out, err := exec.CommandContext(ctx, "systemctl", "show", unitName, "--property=LoadState,ActiveState,MainPID,UnitFileState,User,ExecMainStatus,ExecStart").Output()
	if err != nil {
		return Status{}, inWords("ver a situação do serviço", err)
	}
	return parseShow(string(out)), nil
}

// parseShow reads what `systemctl show` says.
func parseShow(out string) Status {
	said := make(map[string]string)
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[name] = value
	}
	if said["LoadState"] != "loaded" {
		return Status{State: NotInstalled}
	}
	status := Status{Account: said["User"], Start: said["UnitFileState"], State: Stopped}
	status.PID, _ = strconv.Atoi(said["MainPID"])
	status.Exit, _ = strconv.Atoi(said["ExecMainStatus"])
	if _, command, ok := strings.Cut(said["ExecStart"], "argv[]="); ok {
		status.Command, _, _ = strings.Cut(command, " ;")
	}
	switch said["ActiveState"] {
	case "active", "reloading":
		status.State = Running
	case "activating":
		status.State = Starting
	case "deactivating":
		status.State = Stopping
	}
	return status
}

// packaged tells whether the unit is a package's.
func packaged() bool {
	return slices.ContainsFunc(packagedUnits(), func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// usable tells in words why the service cannot be changed from here.
func usable() error {
	if err := systemd(); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return agent.Errorf(agent.CodeServiceRefused, nil, "É preciso ser administrador. Repita com sudo na frente.")
	}
	return nil
}

func systemd() error {
	if service.Platform() != "linux-systemd" {
		return agent.Errorf(agent.CodeServiceRefused, nil, "Este Linux não usa systemd. Execute o agente com: pdvagent run, pelo gerenciador de serviços que ele tiver.")
	}
	return nil
}

func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // fixed programs, our own paths
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
