package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/ops/offsite"
	"pdvagent/agent/ops/service"
	"pdvagent/agent/ops/traffic"
	"pdvagent/agent/osfile"
	"pdvagent/installer/linux"
	"pdvagent/payments"
	"pdvagent/payments/sicoob"
	"pdvagent/store"
)

// Installation is what a configuration file describes, as the doctor and a support bundle look at it.
type Installation struct {
	File   string
	Inside bool // the running agent itself looks: the store is its own
}

// Examine checks the installation, and tells checked of each finding; nil: nobody. only names checks, none: all.
func (i Installation) Examine(ctx context.Context, checked func(doctor.Finding), only ...string) []doctor.Finding {
	site := i.site()
	site.Checked = checked
	return doctor.Examine(ctx, site, only...)
}

// site reads the file and what it names.
func (i Installation) site() doctor.Site {
	site := doctor.Site{Version: Version, Go: GoVersion() + " " + runtime.GOOS + "/" + runtime.GOARCH, ConfigPath: i.File, Getenv: os.Getenv, Zone: config.Zone}
	cfg, warnings, err := config.Load(i.File, os.LookupEnv)
	for _, warning := range warnings {
		site.Warnings = append(site.Warnings, warning.String())
	}
	faults, _ := errors.AsType[config.Faults](err)
	if raw, readErr := osfile.ReadFile(i.File); err == nil && readErr == nil {
		for _, fault := range config.Placeholders(raw) {
			site.Warnings = append(site.Warnings, fault.String())
		}
		faults, _ = errors.AsType[config.Faults](Editor(i.File, cfg).Lost())
	}
	for _, fault := range faults {
		site.Faults = append(site.Faults, fault.String())
	}
	if err != nil && len(faults) == 0 {
		site.Faults = []string{err.Error()}
	}
	if err == nil {
		i.look(&site, cfg)
	}
	return site
}

// look adds what the configuration names.
func (i Installation) look(site *doctor.Site, cfg config.Config) {
	site.DataDir, site.Listen, site.Timezone, site.MaxBytes = cfg.DataDir, cfg.API.Listen, cfg.Shop.Timezone, int64(cfg.Store.MaxMB)<<20
	site.Proxy, site.Dial = cfg.Network.Proxy, Dial(cfg)
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
	site.Local = func(ctx context.Context, path string) (int, []byte, error) { return askOwn(ctx, cfg, path) }
	if !i.Inside {
		site.Verify = func() error { return verify(cfg) }
	}
	site.Missing = func() (bool, time.Time, error) {
		return store.Missing(store.Config{Dir: cfg.DataDir, Markers: StoreMarkers(i.File, cfg)})
	}
	if path := cfg.Backup.CopyTo; path != "" {
		site.CopyTo = path
		site.Copied = func() (time.Time, error) { return offsite.Newest(path, cfg.Shop.ID, cfg.Shop.Till) }
	}
	lookBack(site, cfg)
	site.Service = i.service
}

// lookBack adds what the data folder's files say of the past.
func lookBack(site *doctor.Site, cfg config.Config) {
	site.LastTill = func() (begun, last time.Time, err error) {
		journal, err := OpenJournal(cfg)
		if err != nil {
			return begun, last, err
		}
		return journal.LastTill()
	}
	for _, path := range CrashReporter(cfg).Reports() {
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

// service asks the operating system for the service's state.
func (i Installation) service(ctx context.Context) (doctor.Service, error) {
	program, err := os.Executable()
	if err != nil {
		return doctor.Service{}, err
	}
	manager, err := ServiceManager(program, i.File)
	if err != nil {
		return doctor.Service{}, err
	}
	status, err := manager.Status(ctx)
	return doctor.Service{State: string(status.State), Start: status.Start, Exit: status.Exit}, err
}

// ServiceManager is the operating system's service manager for a program and a configuration.
func ServiceManager(program, file string) (service.Manager, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	folder := config.DefaultDataDir()
	if cfg, _, err := config.Load(file, os.LookupEnv); err == nil { // who installs reports its faults
		folder = cfg.DataDir
	}
	return service.NewManager(service.Command{Program: program, Config: file, DataDir: folder, Unit: linux.Unit}), nil
}

// OpenJournal reads the journal's files, also while the agent writes them.
func OpenJournal(cfg config.Config) (*traffic.Journal, error) {
	return traffic.New(traffic.Config{Dir: filepath.Join(cfg.DataDir, "traffic"), Log: slog.New(slog.DiscardHandler)})
}

// verify checks the whole store of a stopped agent. Its error is Portuguese.
func verify(cfg config.Config) error {
	at, err := StoreConfig(cfg)
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
	queue, err := OpenStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.New(Sentence(err))
	}
	return errors.Join(queue.Check(), queue.Close())
}

// ErrNoSupportToken is for who has nothing to call the agent with.
var ErrNoSupportToken = agent.Errorf(agent.CodeBadConfig, nil, "A configuração não tem token com scope: support ou admin em api.tokens.")

// SupportToken is the configuration's token for support's calls.
func SupportToken(cfg config.Config) (string, error) {
	secret := ""
	for _, token := range cfg.API.Tokens {
		if token.Scope != "till" {
			secret = token.Token.Reveal()
		}
	}
	if secret == "" {
		return "", ErrNoSupportToken
	}
	return secret, nil
}

// AskAgent reads what an agent shows, as it is. Paths below /health get no token.
func AskAgent(ctx context.Context, base, token, path string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	if !strings.HasPrefix(path, "/health") {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end or given up
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// askOwn asks the agent that runs with a configuration.
func askOwn(ctx context.Context, cfg config.Config, path string) (int, []byte, error) {
	secret, err := SupportToken(cfg)
	if err != nil {
		return 0, nil, err
	}
	return AskAgent(ctx, "http://"+cfg.API.Listen, secret, path)
}
