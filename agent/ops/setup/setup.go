// Package setup installs, upgrades, repairs ([Plan.Apply]) and removes ([Plan.Remove]) the agent on a till's machine: it
// places the program, registers and starts the service, and rolls back when the new version does not answer. Configuration,
// queue, tokens and what an administrator changed are kept.
//
// It asks nothing and reads no configuration. The installers call it through cmd/internal/cli; it calls package service.
package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/osfile"
)

// Plan is one installation.
type Plan struct {
	Source  string // path of the program to install
	Program string // path that it is installed to
	DataDir string // of the configuration
	Keep    string // folder for the copy that a rollback needs; on the disk of DataDir

	Manager service.Manager
	// Healthy returns nil while an agent of that version answers tills; of any version if it is empty.
	Healthy func(ctx context.Context, version string) error
	Version string // of Source
	// Diagnose returns in Portuguese why an agent that was started does not answer; empty: not known. Optional.
	Diagnose func(ctx context.Context) string

	Progress func(format string, args ...any) // shows a line, in Portuguese

	Space    func(folder string) (free, total uint64, err error) // default osfile.Space
	Patience time.Duration                                       // until the new version answers, default 60 s
	Return   time.Duration                                       // until the old version answers after a rollback, default 25 s, at most twice
}

// pollEvery is the pause between two calls of Healthy.
const pollEvery = 100 * time.Millisecond

// withDefaults fills defaults.
func (p Plan) withDefaults() Plan {
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

// Apply installs, upgrades or repairs. When the new version does not answer, it rolls back: the old version runs, or nothing
// is installed where there was none. Configuration and data are kept. The error says what the machine has.
func (p Plan) Apply(ctx context.Context) error {
	p = p.withDefaults()
	before, err := p.Manager.Status(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.Program); errors.Is(err, os.ErrNotExist) {
		return p.install(ctx)
	}
	return p.upgrade(ctx, before)
}

// install installs on a machine without a program.
func (p Plan) install(ctx context.Context) error {
	err := p.place(p.Source)
	if err == nil {
		err = p.begin(ctx, p.Version, p.Patience)
	}
	if err == nil {
		return nil
	}
	p.Progress("A instalação não deu certo: %s", sentence(err))
	back := errors.Join(p.Manager.Uninstall(context.WithoutCancel(ctx)), removeProgram(p.Program))
	if back != nil {
		p.Progress("O que já estava instalado não pôde ser retirado: %v", back)
	}
	return agent.Errorf(agent.CodeServiceRefused, err, "Nada ficou instalado; a configuração foi mantida. %s", sentence(err))
}

// upgrade replaces the installed program, of any version.
func (p Plan) upgrade(ctx context.Context, before service.Status) error {
	if err := p.checkSpace(); err != nil {
		return err
	}
	if before.State != service.NotInstalled {
		p.Progress("Parando a versão anterior...")
		if err := p.Manager.Stop(ctx); err != nil {
			return err
		}
	}
	if err := p.backUp(); err != nil {
		return errors.Join(err, p.resume(ctx, before))
	}
	err := p.place(p.Source)
	if err == nil {
		err = p.begin(ctx, p.Version, p.Patience)
	}
	if err != nil {
		return p.rollBack(context.WithoutCancel(ctx), before, err)
	}
	return osfile.RemoveTree(p.Keep)
}

// resume starts a service that ran before.
func (p Plan) resume(ctx context.Context, before service.Status) error {
	if before.State != service.Running {
		return nil
	}
	return p.Manager.Start(ctx)
}

// begin registers and starts the service, and waits until the agent answers. A service that an administrator has disabled is
// not started.
func (p Plan) begin(ctx context.Context, version string, patience time.Duration) error {
	notes, err := p.Manager.Install(ctx)
	for _, note := range notes {
		p.Progress("%s", note)
	}
	if err != nil {
		return err
	}
	status, err := p.Manager.Status(ctx)
	if err != nil {
		return err
	}
	if status.Start == "disabled" {
		p.Progress("O serviço está desativado por um administrador e não foi iniciado.")
		return nil
	}
	p.Progress("Iniciando o serviço...")
	if err := p.start(ctx, version, patience); err != nil {
		return p.explained(ctx, err)
	}
	return nil
}

// start starts the service and waits until the agent answers.
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
		case <-time.After(pollEvery):
		}
	}
}

// explained stops an agent that does not answer and returns the reason in place of err, where one is found.
func (p Plan) explained(ctx context.Context, err error) error {
	ctx = context.WithoutCancel(ctx)
	if p.Diagnose == nil || p.Manager.Stop(ctx) != nil {
		return err
	}
	if reason := p.Diagnose(ctx); reason != "" {
		return agent.Errorf(agent.CodeServiceRefused, err, "%s", reason)
	}
	return err
}

// rollBack restores the old version, and its data where it does not run with those of the new one.
func (p Plan) rollBack(ctx context.Context, before service.Status, reason error) error {
	p.Progress("A versão %s não respondeu (%s); a anterior volta.", p.Version, sentence(reason))
	err := p.Manager.Stop(ctx)
	if err == nil {
		err = p.place(p.keptProgram())
	}
	if err != nil { // the old program could not be restored: neither start it nor touch the data
		return p.stuck(reason, err)
	}
	if before.State == service.NotInstalled { // the state before was a program without a service
		if err := p.Manager.Uninstall(ctx); err != nil {
			return p.stuck(reason, err)
		}
		p.removeCopy()
		return rolledBack(reason, "a versão anterior voltou, sem serviço, como estava.")
	}
	if p.begin(ctx, "", p.Return) == nil {
		p.removeCopy()
		return rolledBack(reason, "a versão anterior voltou e está em execução.")
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
	return rolledBack(reason, "a versão anterior e os dados de antes dela voltaram; os da versão nova estão em "+p.failedData()+".")
}

// stuck is the error of a failed rollback: everything stays where it is for a person.
func (p Plan) stuck(reason, failure error) error {
	return agent.Errorf(agent.CodeServiceRefused, errors.Join(reason, failure),
		"A atualização não deu certo e a versão anterior também não respondeu. Chame o suporte; o programa e os dados de antes estão em %s.", p.Keep)
}

// removeCopy removes the copy that a rollback needs.
func (p Plan) removeCopy() {
	if err := osfile.RemoveTree(p.Keep); err != nil {
		p.Progress("A cópia de antes ficou em %s: %v", p.Keep, err)
	}
}

// rolledBack is the error after a rollback; state says what the machine has.
func rolledBack(reason error, state string) error {
	return agent.Errorf(agent.CodeServiceRefused, reason, "A atualização não deu certo: %s %s", state, sentence(reason))
}

// Remove removes service and program. With purge it removes folders, too; else data and configuration stay.
func (p Plan) Remove(ctx context.Context, purge bool, folders ...string) error {
	p = p.withDefaults()
	p.Progress("Parando e removendo o serviço...")
	if err := p.Manager.Uninstall(ctx); err != nil {
		return err
	}
	if err := removeProgram(p.Program); err != nil {
		return err
	}
	if !purge {
		p.Progress("Os dados ficaram em %s.", p.DataDir)
		return nil
	}
	var err error
	for _, folder := range append(folders, p.Keep, p.failedData()) {
		err = errors.Join(err, osfile.RemoveTree(folder))
	}
	return err
}

// sentence returns an error as people read it.
func sentence(err error) string {
	if refusal, ok := errors.AsType[*agent.Error](err); ok {
		return refusal.Message
	}
	return err.Error()
}

// checkSpace refuses an upgrade whose copy does not fit, before anything is changed.
func (p Plan) checkSpace() error {
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

// keptProgram is the path of the copied program, failedData that of the data of a version that did not answer.
func (p Plan) keptProgram() string { return filepath.Join(p.Keep, "pdvagent"+filepath.Ext(p.Program)) }
func (p Plan) failedData() string  { return p.Keep + "-failed" }

// backUp copies the program and the data of a stopped agent to Keep.
func (p Plan) backUp() error {
	p.Progress("Guardando uma cópia do programa e dos dados...")
	if err := osfile.RemoveTree(p.Keep); err != nil {
		return err
	}
	if err := osfile.MakePrivateFolder(p.Keep); err != nil {
		return err
	}
	if err := copyFile(p.Program, p.keptProgram()); err != nil {
		return err
	}
	if _, err := os.Stat(p.DataDir); errors.Is(err, os.ErrNotExist) { // the agent was never started
		return nil
	}
	return copyTree(p.DataDir, filepath.Join(p.Keep, "data"))
}

// restoreData replaces the data by their copy from before the upgrade; the replaced data are kept in failedData.
func (p Plan) restoreData() error {
	copied := filepath.Join(p.Keep, "data")
	if _, err := os.Stat(copied); err != nil {
		return fmt.Errorf("the copy of the data: %w", err)
	}
	if err := osfile.RemoveTree(p.failedData()); err != nil {
		return err
	}
	if err := osfile.Rename(p.DataDir, p.failedData()); err != nil {
		return err
	}
	if err := copyTree(copied, p.DataDir); err != nil {
		return err
	}
	// The store knows a copied folder by this file and would hold its sales for a person. Here the original does not run on.
	return osfile.Remove(filepath.Join(p.DataDir, "origin.json"))
}
