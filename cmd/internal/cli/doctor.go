package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/ops/offsite"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/app"
	"pdvagent/payments"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

func newDoctor(opts *Options) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Verifica a instalação: o que viu, como sabe e o que fazer", Args: NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, _ := opts.examine(cmd.Context())
			if err := opts.Print(map[string]any{"verdict": doctor.Worst(findings), "findings": findings}, func(w io.Writer) { printFindings(w, findings) }); err != nil {
				return err
			}
			if doctor.Worst(findings) == doctor.Fail {
				return agent.Errorf(agent.CodeDamaged, nil, "Há falhas: veja acima o que fazer.")
			}
			return nil
		},
	}
}

func printFindings(w io.Writer, findings []doctor.Finding) {
	count := make(map[doctor.Verdict]int)
	for _, f := range findings {
		count[f.Verdict]++
		fmt.Fprintf(w, "%-7s %-36s %s\n", f.Verdict, f.Title, f.Evidence)
		if f.Advice != "" {
			fmt.Fprintf(w, "%-7s %-36s → %s\n", "", "", f.Advice)
		}
	}
	fmt.Fprintf(w, "\n%d verificações: %d ok, %d avisos, %d falhas, %d pulados.\n", len(findings), count[doctor.OK], count[doctor.Warn], count[doctor.Fail], count[doctor.Skipped])
}

// examine checks the installation of the configuration file; only names checks, none: all. The client is nil when the file
// cannot be read or has no token for support.
func (o *Options) examine(ctx context.Context, only ...string) ([]doctor.Finding, *Client) {
	site := doctor.Site{Version: app.Version, Go: app.GoVersion() + " " + runtime.GOOS + "/" + runtime.GOARCH, ConfigPath: o.config, Getenv: os.Getenv, Zone: config.Zone}
	cfg, warnings, err := config.Load(o.config, os.LookupEnv)
	for _, warning := range warnings {
		site.Warnings = append(site.Warnings, warning.String())
	}
	faults, _ := errors.AsType[config.Faults](err)
	if raw, readErr := osfile.ReadFile(o.config); err == nil && readErr == nil {
		for _, fault := range config.Placeholders(raw) {
			site.Warnings = append(site.Warnings, fault.String())
		}
		faults, _ = errors.AsType[config.Faults](app.Editor(o.config, cfg).Lost())
	}
	for _, fault := range faults {
		site.Faults = append(site.Faults, fault.String())
	}
	if err != nil && len(faults) == 0 {
		site.Faults = []string{err.Error()}
	}
	client, clientErr := o.client()
	if err == nil {
		site.DataDir, site.Listen, site.Timezone, site.MaxBytes = cfg.DataDir, cfg.API.Listen, cfg.Shop.Timezone, int64(cfg.Store.MaxMB)<<20
		site.Proxy, site.Dial = cfg.Network.Proxy, app.Dial(cfg)
		if cfg.Mercafacil != nil {
			site.CloudURL = cfg.Mercafacil.BaseURL
		}
		if bank := cfg.Payments.Sicoob; bank != nil && bank.Certificate != "" {
			identity := &sicoob.Identity{Path: bank.Certificate, Password: bank.CertificatePassword.Reveal()}
			site.Certificate = func() (time.Time, error) {
				ends, err := identity.Ends()
				if err != nil {
					err = errors.New(payments.FailureOf(err).Says)
				}
				return ends, err
			}
		}
		site.Local = func(ctx context.Context, path string) (int, []byte, error) {
			if clientErr != nil {
				return 0, nil, clientErr
			}
			return client.get(ctx, path)
		}
		site.Verify = func() error { return verify(cfg) }
		site.Missing = func() (bool, time.Time, error) {
			return store.Missing(store.Config{Dir: cfg.DataDir, Markers: app.StoreMarkers(o.config, cfg)})
		}
		if path := cfg.Backup.CopyTo; path != "" {
			site.CopyTo = path
			site.Copied = func() (time.Time, error) { return offsite.Newest(path, cfg.Shop.ID, cfg.Shop.Till) }
		}
		lookBack(&site, cfg)
		site.Service = o.serviceState
	}
	return doctor.Examine(ctx, site, only...), client
}

// lookBack adds what the data folder's files say of the past.
func lookBack(site *doctor.Site, cfg config.Config) {
	site.LastTill = func() (begun, last time.Time, err error) {
		journal, err := openJournal(cfg)
		if err != nil {
			return begun, last, err
		}
		return journal.LastTill()
	}
	for _, path := range app.CrashReporter(cfg).Reports() {
		if at, ok := service.CrashedAt(path); ok {
			site.Crashes = append(site.Crashes, doctor.Crash{File: path, At: at})
		}
	}
	if clone, err := store.LastClone(cfg.DataDir); err == nil && clone != nil {
		site.Clone = &doctor.Clone{At: clone.At, Held: clone.Held}
	}
	if report, err := store.LastSalvage(cfg.DataDir); err == nil && report != nil {
		site.Salvage = &doctor.Salvage{At: report.At, Held: len(report.Held), Lost: len(report.Lost), Missing: len(report.Missing), File: report.Kept, Restored: report.Restored}
	}
}

// serviceState asks the operating system for the service's state.
func (o *Options) serviceState(ctx context.Context) (doctor.Service, error) {
	manager, err := o.manager()
	if err != nil {
		return doctor.Service{}, err
	}
	status, err := manager.Status(ctx)
	return doctor.Service{State: string(status.State), Start: status.Start, Exit: status.Exit}, err
}

// verify checks the whole store of a stopped agent. Its error is Portuguese.
func verify(cfg config.Config) error {
	at, err := app.StoreConfig(cfg)
	if err != nil {
		return err
	}
	found, err := store.Verify(at, "") // before the store is opened: that would repair it
	if agent.CodeOf(err) == agent.CodeNotFound {
		err = nil // there is none yet
	}
	if err := errors.Join(append([]error{err}, found.Faults...)...); err != nil {
		return errors.New(Sentence(err))
	}
	queue, err := app.OpenStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.New(Sentence(err))
	}
	return errors.Join(queue.Check(), queue.Close())
}
