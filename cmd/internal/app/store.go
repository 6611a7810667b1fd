package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/metrics"
	"pdvagent/agent/osfile"
	"pdvagent/store"
)

// openStore opens the store, and makes the alarms and metrics that its commits and salvages are told to.
func (a *Assembly) openStore(context.Context) error {
	a.metrics, a.alarms = metrics.New(), new(agent.Alarms)
	cfg, err := StoreConfig(a.cfg.Config)
	if err != nil {
		return err
	}
	cfg.Markers = StoreMarkers(a.cfg.File, a.cfg.Config)
	cfg.Committed, cfg.Log, cfg.Now = a.metrics.Commit, a.log, a.cfg.Now
	cfg.Damaged, cfg.Salvaged = a.raiseDamaged, a.raiseSalvaged
	cfg.Rested = func() { rest(a.log) }
	if a.Store, err = store.Open(cfg); err != nil {
		return err
	}
	a.closers = append(a.closers, func() {
		if err := a.Store.Close(); err != nil {
			a.log.Error("store_not_closed", "error", err)
		}
	})
	if earlier, err := store.LastSalvage(a.cfg.DataDir); err == nil && earlier != nil {
		a.raiseSalvaged(*earlier)
	}
	if clone, err := store.LastClone(a.cfg.DataDir); err == nil && clone != nil {
		a.raiseCloned(*clone)
	}
	return nil
}

// rest gives memory back to the system when the till rests: what the collector has kept for the next calls, and the program's
// own pages.
func rest(log *slog.Logger) {
	debug.FreeOSMemory()
	if err := osfile.GiveBackProgram(); err != nil {
		log.Debug("program_not_given_back", "error", err)
	}
}

// OpenStore opens the store of an agent that does not run.
func OpenStore(cfg config.Config, log *slog.Logger) (*store.Store, error) {
	files, err := StoreConfig(cfg)
	if err != nil {
		return nil, err
	}
	files.Log = log
	return store.Open(files)
}

// StoreConfig says where the store's files are and how large they may become.
func StoreConfig(cfg config.Config) (store.Config, error) {
	files := store.Config{
		Dir: cfg.DataDir, MaxBytes: int64(cfg.Store.MaxMB) << 20, SpoolBytes: int64(cfg.Store.SpoolMB) << 20,
		ResendSalvaged: cfg.Sender.ResendSalvaged,
	}
	var err error
	if path := cfg.Security.RecoveryPublicKey; path != "" {
		files.RecoveryKey, err = osfile.ReadFile(path)
	}
	return files, err
}

// raiseDamaged raises the alarm of damage that is not mended yet; nil ends it.
func (a *Assembly) raiseDamaged(fault error) {
	if fault == nil {
		a.alarms.Clear(agent.AlarmDamaged, "")
		return
	}
	a.alarms.Raise(agent.Alarm{
		Code: agent.AlarmDamaged, Since: a.cfg.Now(),
		Detail: "Algo no banco de dados não pode ser lido, e o agente o está refazendo com o que se acha. Se este alarme ficar, confira o espaço em disco, " +
			"pare o serviço e use pdvagent store verify e pdvagent store carve; troque o disco.",
	})
}

// StoreMarkers are the places for the file that tells that the data folder had a store: beside the configuration, else beside
// the data folder.
func StoreMarkers(file string, cfg config.Config) []string {
	const suffix = ".store"
	var places []string
	if file != "" {
		places = append(places, file+suffix)
	}
	return append(places, filepath.Clean(cfg.DataDir)+suffix)
}

// salvageAlarm is how long a salvage is an alarm.
const salvageAlarm = 7 * 24 * time.Hour

// raiseCloned raises the alarm of a copied data folder until a week after it was noticed. A copy that had nothing to send
// needs nobody.
func (a *Assembly) raiseCloned(clone store.Clone) {
	left := clone.At.Add(salvageAlarm).Sub(a.cfg.Now())
	if left <= 0 || clone.Held == 0 {
		return
	}
	a.alarms.Raise(agent.Alarm{
		Code: agent.AlarmCloned, Since: clone.At,
		Detail: fmt.Sprintf("Estes dados são uma cópia (clone) dos de outro pdvagent: %s. %d registro(s) retido(s), para que nada vá à nuvem duas vezes. Se o original ainda roda, "+
			"descarte-os aqui (pdvagent queue discard); se não roda mais, pdvagent queue retry --reason copia os envia.", cloneSign(clone.Sign), clone.Held),
	})
	time.AfterFunc(left, func() { a.alarms.Clear(agent.AlarmCloned, "") })
}

// cloneSign says in Portuguese how a copy was noticed.
func cloneSign(sign string) string {
	switch sign {
	case store.SignMachine:
		return "vieram de outra máquina"
	case store.SignHardware:
		return "foram gravados em outro equipamento (imagem de disco)"
	}
	return "a pasta foi copiada de outro lugar"
}

// raiseSalvaged raises the alarm of a salvage or of a restored backup until a week after it: held jobs wait for a person, and a
// disk that damaged its data is to be replaced.
func (a *Assembly) raiseSalvaged(report store.Report) {
	left := report.At.Add(salvageAlarm).Sub(a.cfg.Now())
	if left <= 0 {
		return
	}
	detail := fmt.Sprintf("O banco de dados estava danificado e foi refeito: %d registro(s) retido(s), %d sem conteúdo, %d lacuna(s) na numeração. "+
		"Confira com pdvagent queue ls --state retido e troque o disco; o relatório está em data_dir/salvage.", len(report.Held), len(report.Lost), len(report.Missing))
	if report.Gone {
		detail = fmt.Sprintf("O arquivo do banco de dados sumiu e foi refeito com o que havia no backup: %d registro(s) retido(s), %d sem conteúdo; o que entrou depois do backup "+
			"se perdeu. Veja a quarentena do antivírus e exclua data_dir dele; confira com pdvagent queue ls --state retido e com o ERP. O relatório está em data_dir/salvage.",
			len(report.Held), len(report.Lost))
	}
	if report.Rescued {
		detail = "O arquivo do banco de dados, ou a pasta, foi apagado ou trocado com o agente em execução. O agente gravou tudo de novo e foi reiniciado; nada do que aceitou se perdeu. " +
			"Veja o antivírus e quem mexe em data_dir."
	}
	if report.Restored != "" {
		detail = fmt.Sprintf("Um backup foi restaurado: %d registro(s) retido(s), %d sem conteúdo. Não se sabe se foram enviados depois do backup: "+
			"confira com pdvagent queue ls --state retido.", len(report.Held), len(report.Lost))
	}
	a.alarms.Raise(agent.Alarm{Code: agent.AlarmSalvaged, Since: report.At, Detail: detail})
	time.AfterFunc(left, func() { a.alarms.Clear(agent.AlarmSalvaged, "") })
}

// untilBroken ends with an error when the store can only be opened by a new process, which the service manager starts.
func (a *Assembly) untilBroken(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-a.Store.Broken():
		return errors.New("the store does not open again in this process")
	}
}
