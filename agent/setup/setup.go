// Package setup is what an installer calls on the machine of a till: it puts a program in its place, registers and starts
// the service, and goes back to what was before when the new version does not answer. Installing, upgrading and repairing
// are one way, [Plan.Apply]; the other is [Plan.Remove]. Nothing of a sale is lost on either: configuration, queue, tokens
// and what an administrator changed stay.
package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/osfile"
	"pdvagent/agent/service"
)

// Plan is one installation.
type Plan struct {
	Source  string // the program that is to be installed
	Program string // where it goes
	DataDir string // of the configuration
	Keep    string // folder for what is needed to go back; on the disk of DataDir

	Manager service.Manager
	// Healthy asks the agent whether tills are answered, by the given version or, if it is empty, by any.
	Healthy func(ctx context.Context, version string) error
	Version string // of Source
	// Why looks for the reason when the agent was started and did not answer; empty when it finds none. Optional.
	Why func(ctx context.Context) string

	Say func(format string, args ...any) // progress, in Portuguese

	Space    func(folder string) (free, total uint64, err error) // default osfile.Space
	Patience time.Duration                                       // for the new version to answer, default 60 s
	Return   time.Duration                                       // for the one of before, default 25 s, twice at most
}

// lookEvery is how often a version that was started is asked.
const lookEvery = 100 * time.Millisecond

func (p Plan) filled() Plan {
	if p.Space == nil {
		p.Space = osfile.Space
	}
	if p.Patience == 0 {
		p.Patience = time.Minute
	}
	if p.Return == 0 {
		p.Return = 25 * time.Second
	}
	return p
}

// Apply installs, upgrades or repairs. When the new version does not answer, the machine is as it was before: the old
// version runs, or, where there was none, nothing is installed; configuration and data stay. The error says so.
func (p Plan) Apply(ctx context.Context) error {
	p = p.filled()
	before, err := p.Manager.Status(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.Program); errors.Is(err, os.ErrNotExist) {
		return p.install(ctx)
	}
	return p.upgrade(ctx, before)
}

// install is for a machine without a program.
func (p Plan) install(ctx context.Context) error {
	err := p.place(p.Source)
	if err == nil {
		err = p.begin(ctx, p.Version, p.Patience)
	}
	if err == nil {
		return nil
	}
	p.Say("A instalação não deu certo: %s", words(err))
	back := errors.Join(p.Manager.Uninstall(context.WithoutCancel(ctx)), removeAway(p.Program))
	if back != nil {
		p.Say("O que já estava instalado não pôde ser retirado: %v", back)
	}
	return agent.Errorf(agent.CodeServiceRefused, err, "Nada ficou instalado; a configuração foi mantida. %s", words(err))
}

// upgrade replaces a program that is there, of whatever version.
func (p Plan) upgrade(ctx context.Context, before service.Status) error {
	if err := p.enoughRoom(); err != nil {
		return err
	}
	if before.State != service.NotInstalled {
		p.Say("Parando a versão anterior...")
		if err := p.Manager.Stop(ctx); err != nil {
			return err
		}
	}
	if err := p.keep(); err != nil {
		return errors.Join(err, p.resume(ctx, before))
	}
	err := p.place(p.Source)
	if err == nil {
		err = p.begin(ctx, p.Version, p.Patience)
	}
	if err != nil {
		return p.goBack(context.WithoutCancel(ctx), before, err)
	}
	return osfile.RemoveTree(p.Keep)
}

// resume starts again what was only stopped.
func (p Plan) resume(ctx context.Context, before service.Status) error {
	if before.State != service.Running {
		return nil
	}
	return p.Manager.Start(ctx)
}

// begin registers, starts and waits until tills are answered. A service that an administrator has switched off is left so.
func (p Plan) begin(ctx context.Context, version string, patience time.Duration) error {
	notes, err := p.Manager.Install(ctx)
	for _, note := range notes {
		p.Say("%s", note)
	}
	if err != nil {
		return err
	}
	status, err := p.Manager.Status(ctx)
	if err != nil {
		return err
	}
	if status.Start == "disabled" {
		p.Say("O serviço está desativado por um administrador e não foi iniciado.")
		return nil
	}
	p.Say("Iniciando o serviço...")
	if err := p.start(ctx, version, patience); err != nil {
		return p.explained(ctx, err)
	}
	return nil
}

func (p Plan) start(ctx context.Context, version string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.Manager.Start(ctx); err != nil {
		return err
	}
	for {
		err := p.Healthy(ctx, version)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return agent.Errorf(agent.CodeServiceRefused, err, "O serviço foi iniciado e não respondeu em %v.", patience)
		case <-time.After(lookEvery):
		}
	}
}

// explained stops what does not answer and looks for the reason.
func (p Plan) explained(ctx context.Context, err error) error {
	ctx = context.WithoutCancel(ctx)
	if p.Why == nil || p.Manager.Stop(ctx) != nil {
		return err
	}
	if reason := p.Why(ctx); reason != "" {
		return agent.Errorf(agent.CodeServiceRefused, err, "%s", reason)
	}
	return err
}

// goBack puts the version of before back, and its data when it does not read what the new one has written.
func (p Plan) goBack(ctx context.Context, before service.Status, reason error) error {
	p.Say("A versão %s não respondeu (%s); a anterior volta.", p.Version, words(reason))
	err := p.Manager.Stop(ctx)
	if err == nil {
		err = p.place(p.kept())
	}
	if err != nil { // the old program is not there: neither start nor touch the data
		return p.stuck(reason, err)
	}
	if before.State == service.NotInstalled { // as it was: a program nobody starts
		if err := p.Manager.Uninstall(ctx); err != nil {
			return p.stuck(reason, err)
		}
		p.dropCopy()
		return wentBack(reason, "a versão anterior voltou, sem serviço, como estava.")
	}
	if p.begin(ctx, "", p.Return) == nil {
		p.dropCopy()
		return wentBack(reason, "a versão anterior voltou e está em execução.")
	}
	if err := p.Manager.Stop(ctx); err != nil {
		return p.stuck(reason, err)
	}
	if err = p.restoreData(); err == nil {
		err = p.begin(ctx, "", p.Return)
	}
	if err != nil {
		return p.stuck(reason, err)
	}
	return wentBack(reason, "a versão anterior e os dados de antes dela voltaram; os da versão nova estão em "+p.failed()+".")
}

// stuck leaves everything where it is for a person.
func (p Plan) stuck(reason, failure error) error {
	return agent.Errorf(agent.CodeServiceRefused, errors.Join(reason, failure),
		"A atualização não deu certo e a versão anterior também não respondeu. Chame o suporte; o programa e os dados de antes estão em %s.", p.Keep)
}

// dropCopy removes what is no longer needed to go back.
func (p Plan) dropCopy() {
	if err := osfile.RemoveTree(p.Keep); err != nil {
		p.Say("A cópia de antes ficou em %s: %v", p.Keep, err)
	}
}

// wentBack says what the machine has now.
func wentBack(reason error, now string) error {
	return agent.Errorf(agent.CodeServiceRefused, reason, "A atualização não deu certo: %s %s", now, words(reason))
}

// Remove takes service and program away. Data and configuration stay unless purge is told; folders are what a purge
// removes.
func (p Plan) Remove(ctx context.Context, purge bool, folders ...string) error {
	p = p.filled()
	p.Say("Parando e removendo o serviço...")
	if err := p.Manager.Uninstall(ctx); err != nil {
		return err
	}
	if err := removeAway(p.Program); err != nil {
		return err
	}
	if !purge {
		p.Say("Os dados ficaram em %s.", p.DataDir)
		return nil
	}
	var err error
	for _, folder := range append(folders, p.Keep, p.failed()) {
		err = errors.Join(err, osfile.RemoveTree(folder))
	}
	return err
}

// words is an error as a person reads it.
func words(err error) string {
	if said, ok := errors.AsType[*agent.Error](err); ok {
		return said.Message
	}
	return err.Error()
}

// enoughRoom refuses before anything is touched.
func (p Plan) enoughRoom() error {
	needed, err := size(p.DataDir)
	if err != nil {
		return err
	}
	for _, path := range []string{p.Program, p.Source} {
		if info, err := os.Stat(path); err == nil {
			needed += uint64(info.Size())
		}
	}
	const spare = 64 << 20
	free, _, err := p.Space(filepath.Dir(p.Keep))
	if err != nil {
		return err
	}
	if free < needed+spare {
		return agent.Errorf(agent.CodeStoreFull, nil, "Falta espaço em disco: a atualização guarda antes uma cópia dos dados e precisa de %d MiB; há %d. A versão instalada continua em execução.",
			(needed+spare)>>20+1, free>>20)
	}
	return nil
}

func (p Plan) kept() string   { return filepath.Join(p.Keep, "pdvagent"+filepath.Ext(p.Program)) }
func (p Plan) failed() string { return p.Keep + "-failed" }

// keep copies the program and the data of a stopped agent.
func (p Plan) keep() error {
	p.Say("Guardando uma cópia do programa e dos dados...")
	if err := osfile.RemoveTree(p.Keep); err != nil {
		return err
	}
	if err := osfile.MakePrivateFolder(p.Keep); err != nil {
		return err
	}
	if err := copyFile(p.Program, p.kept()); err != nil {
		return err
	}
	if _, err := os.Stat(p.DataDir); errors.Is(err, os.ErrNotExist) { // it was never started
		return nil
	}
	return copyTree(p.DataDir, filepath.Join(p.Keep, "data"))
}

// restoreData puts the data of before in place of those that the new version has written, which are kept.
func (p Plan) restoreData() error {
	copied := filepath.Join(p.Keep, "data")
	if _, err := os.Stat(copied); err != nil {
		return fmt.Errorf("the copy of the data: %w", err)
	}
	if err := osfile.RemoveTree(p.failed()); err != nil {
		return err
	}
	if err := osfile.Rename(p.DataDir, p.failed()); err != nil {
		return err
	}
	return copyTree(copied, p.DataDir)
}
