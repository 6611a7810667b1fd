package service

import "fmt"

// registration is the registration of a service with the service manager of Windows.
type registration interface {
	settings() (settings, error)
	setCommand(line string) error
	setRecovery() error    // restart after 1, 5 and 30 s
	setFailureFlag() error // recovery also after an end with an error, not only after a crash
	setDelayed() error
	setPreshutdown() error
}

// settings are the parts of a registration that decide what repair does.
type settings struct {
	command     string
	hasRecovery bool
}

// repair corrects a registration: the command always, recovery where none is set, and everything in a fresh one. It keeps
// what an administrator changed. A setting that an old Windows does not know is a note, not an error.
func repair(r registration, command string, fresh bool) (notes []string, err error) {
	present, err := r.settings()
	if err != nil {
		return nil, err
	}
	if present.command != command {
		if err := r.setCommand(command); err != nil {
			return nil, err
		}
	}
	var wanted []step
	if fresh || !present.hasRecovery {
		wanted = append(wanted, step{"reinício após falha", r.setRecovery}, step{"reinício após término com erro", r.setFailureFlag})
	}
	if fresh {
		wanted = append(wanted, step{"início atrasado", r.setDelayed}, step{"aviso antes do desligamento", r.setPreshutdown})
	}
	for _, s := range wanted {
		switch err := s.set(); {
		case err == nil:
		case is(err, winInvalidLevel, winCallNotImplemented):
			notes = append(notes, fmt.Sprintf("Este Windows não conhece: %s. O serviço funciona sem isso.", s.name))
		default:
			return notes, err
		}
	}
	return notes, nil
}

// step is one setting to make.
type step struct {
	name string // Portuguese
	set  func() error
}
