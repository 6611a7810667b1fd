package service

import "fmt"

// registration is a service as the manager of Windows keeps it.
type registration interface {
	settings() (settings, error)
	setCommand(line string) error
	setRecovery() error    // again after 1, 5 and 30 s
	setFailureFlag() error // also when it ends with an error by itself, not only when it crashes
	setDelayed() error
	setPreshutdown() error
}

// settings is what decides what a repair does.
type settings struct {
	command     string
	hasRecovery bool
}

// repair sets a registration right: the command always; the rest when it was just made, or, for recovery, when nobody
// has set any. What an administrator changed stays. What an old Windows does not know is a note, no error.
func repair(r registration, command string, fresh bool) (notes []string, err error) {
	now, err := r.settings()
	if err != nil {
		return nil, err
	}
	if now.command != command {
		if err := r.setCommand(command); err != nil {
			return nil, err
		}
	}
	var wanted []step
	if fresh || !now.hasRecovery {
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

type step struct {
	name string // Portuguese
	set  func() error
}
