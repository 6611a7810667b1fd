package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/store"
)

// storeHooks are told what the store does; each may be nil.
type storeHooks struct {
	committed func(changes int, took time.Duration)
	salvaged  func(store.Report)
}

func openStore(cfg config.Config, hooks storeHooks, log *slog.Logger) (*store.Store, error) {
	at, err := storeConfig(cfg)
	if err != nil {
		return nil, err
	}
	at.Committed, at.Salvaged, at.Log = hooks.committed, hooks.salvaged, log
	return store.Open(at)
}

// storeConfig says where the store is and how large it may become.
func storeConfig(cfg config.Config) (store.Config, error) {
	at := store.Config{
		Dir: cfg.DataDir, MaxBytes: int64(cfg.Store.MaxMB) << 20, SpoolBytes: int64(cfg.Store.SpoolMB) << 20,
		ResendSalvaged: cfg.Sender.ResendSalvaged,
	}
	var err error
	if path := cfg.Security.RecoveryPublicKey; path != "" {
		at.RecoveryKey, err = os.ReadFile(path)
	}
	return at, err
}

// salvageNews is how long a salvage is told as an alarm.
const salvageNews = 7 * 24 * time.Hour

// raiseSalvaged tells of a salvage for a week: what it could not be sure of waits for a person, and the disk is to be
// replaced.
func raiseSalvaged(alarms *agent.Alarms, report store.Report) {
	left := time.Until(report.At.Add(salvageNews))
	if left <= 0 {
		return
	}
	alarms.Raise(agent.Alarm{
		Code: agent.AlarmSalvaged, Since: report.At,
		Detail: fmt.Sprintf("O banco de dados estava danificado e foi refeito: %d registro(s) retido(s), %d sem conteúdo, %d lacuna(s) na numeração. "+
			"Confira com pdvagent queue ls --state held e troque o disco; o relatório está em data_dir/salvage.", len(report.Held), len(report.Lost), len(report.Missing)),
	})
	time.AfterFunc(left, func() { alarms.Clear(agent.AlarmSalvaged, "") })
}

// unbroken ends the agent when only a new process can open its store again: the service manager starts one.
func unbroken(queue *store.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-queue.Broken():
			return errors.New("the store does not open again in this process")
		}
	}
}
