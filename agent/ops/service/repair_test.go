package service

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pdvagent/agent"
)

// kept is a registration in memory.
type kept struct {
	settings_ settings
	refuses   map[string]error
	set       []string
}

func (k *kept) settings() (settings, error) { return k.settings_, nil }

func (k *kept) note(what string) error {
	if err := k.refuses[what]; err != nil {
		return err
	}
	k.set = append(k.set, what)
	return nil
}

func (k *kept) setCommand(line string) error {
	k.settings_.command = line
	return k.note("command")
}
func (k *kept) setRecovery() error    { return k.note("recovery") }
func (k *kept) setFailureFlag() error { return k.note("failure flag") }
func (k *kept) setDelayed() error     { return k.note("delayed") }
func (k *kept) setPreshutdown() error { return k.note("preshutdown") }

func TestRepairSetsWhatIsMissingAndKeepsWhatAnAdministratorChanged(t *testing.T) {
	const line = `"C:\Program Files\pdvagent\pdvagent.exe" run --config C:\x`
	for name, c := range map[string]struct {
		now   settings
		fresh bool
		want  []string
	}{
		"just registered":         {settings{command: line}, true, []string{"recovery", "failure flag", "delayed", "preshutdown"}},
		"as it should be":         {settings{command: line, hasRecovery: true}, false, nil},
		"the program moved":       {settings{command: "old", hasRecovery: true}, false, []string{"command"}},
		"nobody set any recovery": {settings{command: line}, false, []string{"recovery", "failure flag"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kept{settings_: c.now}
			notes, err := repair(k, line, c.fresh)
			if err != nil || len(notes) > 0 || !slices.Equal(k.set, c.want) {
				t.Errorf("set %q, notes %q, %v; want %q", k.set, notes, err, c.want)
			}
		})
	}
}

func TestWhatAnOldWindowsDoesNotKnowIsANoteAndWhatItRefusesAnError(t *testing.T) {
	k := &kept{refuses: map[string]error{"delayed": syscall.Errno(winInvalidLevel), "failure flag": syscall.Errno(winCallNotImplemented)}}
	notes, err := repair(k, "x", true)
	if err != nil || len(notes) != 2 || !strings.Contains(notes[1], "início atrasado") {
		t.Errorf("notes %q, %v", notes, err)
	}
	k.refuses["recovery"] = syscall.Errno(winAccessDenied)
	if _, err := repair(k, "y", true); !errors.Is(err, syscall.Errno(winAccessDenied)) {
		t.Errorf("got %v", err)
	}
}

func TestEveryRefusalOfWindowsSaysWhatToDo(t *testing.T) {
	for number, want := range map[int]string{
		winAccessDenied: "Executar como administrador", winMarkedForDelete: "services.msc", winDisabled: "sc config pdvagent start=",
		winNotInstalled: "pdvagent service install", winLogonFailed: "Fazer logon como um serviço", winServiceDied: "pdvagent doctor",
		winRequestTimeout: "antivírus", winExists: "sc qc", winCannotControl: "Espere",
		winSharing: "em uso",
	} {
		err := inWords("iniciar o serviço", syscall.Errno(number))
		said, ok := errors.AsType[*agent.Error](err)
		if !ok || !strings.Contains(said.Message, want) || said.Code != agent.CodeServiceRefused {
			t.Errorf("%d: %v, want %q", number, err, want)
		}
	}
	said, ok := errors.AsType[*agent.Error](inWords("parar o serviço", errors.New("strange")))
	if !ok || said.Message != "Não foi possível parar o serviço." {
		t.Errorf("got %v", said)
	}
	if inWords("x", nil) != nil {
		t.Error("nothing is an error")
	}
}
