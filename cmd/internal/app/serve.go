package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"pdvagent/agent/config"
	"pdvagent/agent/mask"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/osfile"
)

// Serve reads a configuration file and runs the agent in the foreground until ctx ends. ready is called once it answers
// tills.
func Serve(ctx context.Context, file string, ready func()) (err error) {
	Recover(file, NewLog(os.Stderr, ""))
	cfg, warnings, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	if err := osfile.MakePrivateFolder(cfg.DataDir); err != nil {
		return err
	}
	crashed, stopReporter, err := CrashReporter(cfg).Watch() // before the log is opened
	if err != nil {
		return err
	}
	defer stopReporter()
	level := new(slog.LevelVar)
	log, closeLog, err := OpenLog(cfg, level, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	for _, warning := range warnings {
		log.Warn("config_warning", "line", warning.Line, "key", warning.Field, "detail", warning.Detail)
	}
	if crashed != "" {
		reportCrash(crashed, log)
	}
	if err := Run(ctx, Config{Config: cfg, File: file, Level: level, Ready: ready}, log); err != nil {
		log.Error("ended", "error", err)
		return err
	}
	return nil
}

// known refuses a file that lacks sections which the agent ran with before: it is most likely cut.
func known(file string, cfg config.Config, log *slog.Logger) error {
	if file == "" {
		return nil
	}
	err := Editor(file, cfg).Start()
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return faults
	}
	if err != nil { // the agent does not need the list
		log.Warn("config_sections_not_kept", "error", err)
	}
	return nil
}

// CrashReporter keeps the last output of a run that crashed, with the end of its log, for support.
func CrashReporter(cfg config.Config) service.CrashReporter {
	return service.CrashReporter{Folder: filepath.Join(cfg.DataDir, "crash"), Log: filepath.Join(LogFolder(cfg), logName), Mask: mask.Text}
}

// reportCrash logs that the run before crashed, also to the system's event log.
func reportCrash(file string, log *slog.Logger) {
	log.Error("crashed_before", "file", file)
	if events, err := service.OpenEventLog(); err == nil {
		events.Crashed(file)
		_ = events.Close() // the event is written
	}
}
