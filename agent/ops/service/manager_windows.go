package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
)

const (
	account     = `NT SERVICE\` + Source // a virtual account: Windows makes it with the service, without a password
	displayName = "pdvagent, o agente local do caixa"
	description = "Fidelidade, fila de vendas e pagamentos. O programa do caixa o chama nesta máquina; parado, não há descontos nem pagamentos."
)

// Bounds of the wait for the service to change its state.
const (
	startPatience = 60 * time.Second
	stopPatience  = StopBound + 5*time.Second
	gonePatience  = 5 * time.Second
	pollEvery     = 50 * time.Millisecond
)

// manager is Windows' service manager.
type manager struct{ Command }

// NewManager returns the manager of the operating system. Only Install and Uninstall use command.
func NewManager(command Command) Manager { return &manager{command} }

func (m *manager) kardianos() (service.Service, error) {
	return service.New(nil, &service.Config{
		Name: Source, DisplayName: displayName, Description: description, UserName: account,
		Executable: m.Program, Arguments: []string{"run", "--config", m.Config},
	})
}

func (m *manager) Install(ctx context.Context) ([]string, error) {
	notes, err := m.install(ctx)
	return notes, inWords("instalar o serviço", err)
}

func (m *manager) install(ctx context.Context) ([]string, error) {
	status, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.grantRights(status.State == NotInstalled); err != nil { // the account's SID is defined before the account exists
		return nil, err
	}
	if status.State == NotInstalled {
		registrar, err := m.kardianos()
		if err != nil {
			return nil, err
		}
		if err := registrar.Install(); err != nil {
			return nil, err
		}
	}
	var notes []string
	if status.Account != "" && !strings.EqualFold(status.Account, account) {
		notes = append(notes, "O serviço usa a conta "+status.Account+", e os arquivos são da conta "+account+`. Volte a ela com: sc config pdvagent obj= "`+account+`"`)
	}
	err = withService(windows.SERVICE_ALL_ACCESS, func(s *mgr.Service) error {
		more, err := repair(&registered{s}, m.commandLine(), status.State == NotInstalled)
		notes = append(notes, more...)
		return err
	})
	return notes, err
}

// commandLine returns the command line with the quotes that it needs.
func (m *manager) commandLine() string {
	return windows.ComposeCommandLine([]string{m.Program, "run", "--config", m.Config})
}

// grantRights makes the data folder private to the service's account and lets it read the configuration. A folder of the
// configuration that is not the agent's own keeps its access list. A first installation takes over nothing of a stranger's.
func (m *manager) grantRights(first bool) error {
	if first {
		if err := Own(osfile.Stranger, Places(m.Config, m.DataDir)...); err != nil {
			return err
		}
	}
	if err := osfile.MakePrivateFolder(m.DataDir); err != nil {
		return err
	}
	if folder, own := ownFolder(m.Config); own {
		if err := osfile.MakePrivateFolder(folder); err != nil {
			return err
		}
	}
	if _, err := os.Stat(m.Config); err != nil {
		return agent.Errorf(agent.CodeBadConfig, nil, "Falta a configuração %s. Crie com: pdvagent config init", m.Config)
	}
	return osfile.Grant(m.Config)
}

// withService opens the registered service, calls do with it, and closes it.
func withService(access uint32, do func(*mgr.Service) error) error {
	scm, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseServiceHandle(scm) }() // only a handle
	name, err := windows.UTF16PtrFromString(Source)
	if err != nil {
		return err
	}
	handle, err := windows.OpenService(scm, name, access)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseServiceHandle(handle) }() // only a handle
	return do(&mgr.Service{Name: Source, Handle: handle})
}

func (m *manager) Uninstall(ctx context.Context) error {
	status, err := m.Status(ctx)
	if err == nil && status.State == NotInstalled {
		return nil
	}
	if err == nil {
		err = m.Stop(ctx)
	}
	if err == nil {
		err = m.remove(ctx)
	}
	return inWords("remover o serviço", err)
}

func (m *manager) remove(ctx context.Context) error {
	registrar, err := m.kardianos()
	if err != nil {
		return err
	}
	refused := registrar.Uninstall() // an error also where only the event log's source could not be removed
	status, err := m.wait(ctx, gonePatience, func(s Status) bool { return s.State == NotInstalled })
	switch {
	case err != nil:
		return err
	case status.State == NotInstalled:
		return nil
	case refused != nil:
		return refused
	}
	return windows.Errno(winMarkedForDelete)
}

func (m *manager) Start(ctx context.Context) error {
	return inWords("iniciar o serviço", m.start(ctx))
}

func (m *manager) start(ctx context.Context) error {
	err := withService(windows.SERVICE_START, func(s *mgr.Service) error { return s.Start() })
	if err != nil && !is(err, winAlreadyRunning) {
		return err
	}
	status, err := m.wait(ctx, startPatience, func(s Status) bool { return s.State == Running || s.State == Stopped })
	switch {
	case err != nil:
		return err
	case status.State == Stopped:
		return fmt.Errorf("%w: %w", ErrDied, windows.Errno(winServiceDied))
	case status.State != Running:
		return fmt.Errorf("%w: %w", ErrDied, windows.Errno(winRequestTimeout))
	}
	return nil
}

func (m *manager) Stop(ctx context.Context) error { return inWords("parar o serviço", m.stop(ctx)) }

func (m *manager) stop(ctx context.Context) error {
	err := withService(windows.SERVICE_STOP, func(s *mgr.Service) error {
		_, err := s.Control(svc.Stop)
		return err
	})
	if is(err, winCannotControl) { // it is starting or stopping: ask again when that is done
		if _, err = m.wait(ctx, startPatience, func(s Status) bool { return s.State == Running || s.State == Stopped }); err == nil {
			err = withService(windows.SERVICE_STOP, func(s *mgr.Service) error { _, err := s.Control(svc.Stop); return err })
		}
	}
	if err != nil && !is(err, winNotActive) {
		return err
	}
	status, err := m.wait(ctx, stopPatience, func(s Status) bool { return s.State == Stopped })
	if err == nil && status.State != Stopped {
		return agent.Errorf(agent.CodeServiceRefused, nil, "O serviço não parou em %v. Encerre o processo pdvagent.exe (%d) no Gerenciador de Tarefas.", stopPatience, status.PID)
	}
	return err
}

// wait polls until the service is as wanted or patience is over, and returns the last status.
func (m *manager) wait(ctx context.Context, patience time.Duration, wanted func(Status) bool) (Status, error) {
	end := time.Now().Add(patience)
	for {
		status, err := m.Status(ctx)
		if err != nil || wanted(status) || time.Now().After(end) {
			return status, err
		}
		select {
		case <-ctx.Done():
			return status, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

func (m *manager) Status(context.Context) (Status, error) {
	status := Status{State: NotInstalled}
	err := withService(windows.SERVICE_QUERY_CONFIG|windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		queried, err := s.Query()
		if err != nil {
			return err
		}
		registered := &registered{s}
		config, err := registered.config()
		if err != nil {
			return err
		}
		status = Status{
			State: stateOf(queried.State), PID: int(queried.ProcessId), Start: startOf(config.StartType, registered.delayed()),
			Account: windows.UTF16PtrToString(config.ServiceStartName), Command: windows.UTF16PtrToString(config.BinaryPathName), Exit: int(queried.Win32ExitCode),
		}
		if queried.Win32ExitCode == uint32(windows.ERROR_SERVICE_SPECIFIC_ERROR) {
			status.Exit = int(queried.ServiceSpecificExitCode)
		}
		return nil
	})
	if is(err, winNotInstalled) {
		return status, nil
	}
	return status, inWords("ver a situação do serviço", err)
}

func stateOf(state svc.State) State {
	switch state {
	case svc.Running:
		return Running
	case svc.StartPending:
		return Starting
	case svc.StopPending:
		return Stopping
	default:
		return Stopped
	}
}

func startOf(start uint32, delayed bool) string {
	switch {
	case start == mgr.StartDisabled:
		return "disabled"
	case start == mgr.StartManual:
		return "manual"
	case delayed:
		return "delayed"
	}
	return "auto"
}

// registered is the registration of an open service.
type registered struct{ *mgr.Service }

func (r *registered) settings() (settings, error) {
	config, err := r.config()
	if err != nil {
		return settings{}, err
	}
	actions, err := r.RecoveryActions()
	if is(err, winInvalidLevel, winCallNotImplemented) {
		err = nil
	}
	return settings{command: windows.UTF16PtrToString(config.BinaryPathName), hasRecovery: len(actions) > 0}, err
}

// config reads the basic settings. mgr's Config reads settings that an old Windows does not have.
func (r *registered) config() (*windows.QUERY_SERVICE_CONFIG, error) {
	for size := uint32(2048); ; {
		buffer := make([]byte, size)
		config := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buffer[0]))
		err := windows.QueryServiceConfig(r.Handle, config, size, &size)
		if err == nil {
			return config, nil
		}
		if !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) || size <= uint32(len(buffer)) {
			return nil, err
		}
	}
}

// delayed reports a delayed start; false where Windows does not know it.
func (r *registered) delayed() bool {
	var info windows.SERVICE_DELAYED_AUTO_START_INFO
	var needed uint32
	err := windows.QueryServiceConfig2(r.Handle, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), &needed)
	return err == nil && info.IsDelayedAutoStartUp != 0
}

func (r *registered) setCommand(line string) error {
	text, err := windows.UTF16PtrFromString(line)
	if err != nil {
		return err
	}
	const keep = windows.SERVICE_NO_CHANGE
	return windows.ChangeServiceConfig(r.Handle, keep, keep, keep, text, nil, nil, nil, nil, nil, nil)
}

// resetFailures is the time without a failure after which the next one counts as the first, in seconds.
const resetFailures = 3600

func (r *registered) setRecovery() error {
	return r.SetRecoveryActions([]mgr.RecoveryAction{
		{Type: mgr.ServiceRestart, Delay: time.Second},
		{Type: mgr.ServiceRestart, Delay: 5 * time.Second},
		{Type: mgr.ServiceRestart, Delay: 30 * time.Second},
	}, resetFailures)
}

func (r *registered) setFailureFlag() error { return r.SetRecoveryActionsOnNonCrashFailures(true) }

func (r *registered) setDelayed() error {
	return r.change(windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &windows.SERVICE_DELAYED_AUTO_START_INFO{IsDelayedAutoStartUp: 1})
}

func (r *registered) setPreshutdown() error {
	milliseconds := uint32(stopPatience / time.Millisecond)
	return r.change(windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, &milliseconds)
}

func (r *registered) change(level uint32, info any) error {
	var at *byte
	switch v := info.(type) {
	case *uint32:
		at = (*byte)(unsafe.Pointer(v))
	case *windows.SERVICE_DELAYED_AUTO_START_INFO:
		at = (*byte)(unsafe.Pointer(v))
	default:
		return fmt.Errorf("level %d has no %T: %w", level, info, errors.ErrUnsupported)
	}
	return windows.ChangeServiceConfig2(r.Handle, level, at)
}
