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
	"pdvagent/agent/osfile"
)

// ownUnit is the unit that Install or an administrator writes; a package's unit lies at packagedUnits.
const (
	unitName = Source + ".service"
	ownUnit  = "/etc/systemd/system/" + unitName
)

func packagedUnits() []string {
	return []string{"/lib/systemd/system/" + unitName, "/usr/lib/systemd/system/" + unitName}
}

// manager is systemd.
type manager struct{ Command }

// NewManager returns the manager of the operating system. Only Install and Uninstall use command.
func NewManager(command Command) Manager { return &manager{command} }

// kardianos returns the library's service, which writes, enables and removes the unit.
func (m *manager) kardianos() (service.Service, error) {
	return service.New(nil, &service.Config{Name: Source, Executable: m.Program, Option: service.KeyValue{"SystemdScript": m.unit()}})
}

// unit returns the unit's text with this installation's paths.
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
		return m.disabledNote(ctx)
	}
	if err := m.prepareAccount(ctx); err != nil {
		return nil, inWords("preparar a conta e as pastas do serviço", err)
	}
	if current, err := os.ReadFile(ownUnit); err == nil {
		if string(current) != m.unit() {
			if err := m.rewrite(ctx); err != nil {
				return nil, inWords("trocar a unidade", err)
			}
		}
		return m.disabledNote(ctx)
	}
	registrar, err := m.kardianos()
	if err == nil {
		err = registrar.Install()
	}
	return nil, inWords("instalar o serviço", err)
}

// rewrite replaces the text of the installed unit.
func (m *manager) rewrite(ctx context.Context) error {
	if err := os.WriteFile(ownUnit, []byte(m.unit()), 0o644); err != nil { //nolint:gosec // a unit is public
		return err
	}
	return run(ctx, "systemctl", "daemon-reload")
}

// disabledNote returns a note where an administrator has disabled the unit: Install does not enable it again.
func (m *manager) disabledNote(ctx context.Context) ([]string, error) {
	status, err := m.Status(ctx)
	if err == nil && (status.Start == "disabled" || status.Start == "masked") {
		return []string{"O serviço está desativado e não volta com a máquina. Ative com: systemctl enable pdvagent"}, nil
	}
	return nil, err
}

// prepareAccount makes the service's account and folders and gives it the rights on them.
func (m *manager) prepareAccount(ctx context.Context) error {
	if _, err := os.Stat(m.Config); err != nil {
		return agent.Errorf(agent.CodeBadConfig, nil, "Falta a configuração %s. Crie com: pdvagent config init", m.Config)
	}
	if exec.CommandContext(ctx, "getent", "passwd", Source).Run() != nil {
		if err := run(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", m.DataDir, "--shell", "/usr/sbin/nologin", Source); err != nil {
			return err
		}
	}
	user, err := numberOf(ctx, "passwd")
	if err != nil {
		return err
	}
	group, err := numberOf(ctx, "group")
	if err != nil {
		return err
	}
	if err := osfile.MakePrivateFolder(m.DataDir); err != nil {
		return err
	}
	return errors.Join(osfile.Give(m.DataDir, user, group), osfile.Share(m.Config, group))
}

// numberOf is the number of the service's user or group.
func numberOf(ctx context.Context, database string) (int, error) {
	line, err := exec.CommandContext(ctx, "getent", database, Source).Output() //nolint:gosec // a fixed program
	if err != nil {
		return 0, fmt.Errorf("getent %s %s: %w", database, Source, err)
	}
	fields := strings.Split(string(line), ":") // pdvagent:x:998:...
	if len(fields) < 4 {
		return 0, fmt.Errorf("getent %s says %q", database, line)
	}
	return strconv.Atoi(fields[2])
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

// verb runs systemctl start or stop, which return when that is done.
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

// parseShow reads the output of `systemctl show`.
func parseShow(out string) Status {
	properties := make(map[string]string)
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	if properties["LoadState"] != "loaded" {
		return Status{State: NotInstalled}
	}
	status := Status{Account: properties["User"], Start: properties["UnitFileState"], State: Stopped}
	status.PID, _ = strconv.Atoi(properties["MainPID"])
	status.Exit, _ = strconv.Atoi(properties["ExecMainStatus"])
	if _, command, ok := strings.Cut(properties["ExecStart"], "argv[]="); ok {
		status.Command, _, _ = strings.Cut(command, " ;")
	}
	switch properties["ActiveState"] {
	case "active", "reloading":
		status.State = Running
	case "activating":
		status.State = Starting
	case "deactivating":
		status.State = Stopping
	}
	return status
}

// packaged reports whether the unit belongs to a package.
func packaged() bool {
	return slices.ContainsFunc(packagedUnits(), func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// usable returns an error that says why this process cannot change the service.
func usable() error {
	if err := systemd(); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return agent.Errorf(agent.CodeServiceRefused, nil, "É preciso ser administrador. Repita com sudo na frente.")
	}
	return nil
}

// systemd returns an error on a Linux without systemd.
func systemd() error {
	if service.Platform() != "linux-systemd" {
		return agent.Errorf(agent.CodeServiceRefused, nil, "Este Linux não usa systemd. Execute o agente com: pdvagent run, pelo gerenciador de serviços que ele tiver.")
	}
	return nil
}

// run runs a command; its error has the command's output.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // fixed programs, our own paths
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
