// Package doctor checks an installation (configuration, disk, local address, queue, connection to the cloud, clocks) and
// reports for each check a verdict, the evidence and what to do. It also writes the zip of a support bundle.
//
// It changes nothing, opens no session in a cloud and shows no personal data. A check whose subject is missing is skipped
// and says why. cmd/internal/app makes the [Site] of a configuration file; the commands doctor, support-bundle and setup ask
// for it, and the running agent for its own (/v1/doctor).
package doctor

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// Verdict is the result of a check.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warn    Verdict = "aviso"  // works now, but not well or not for long
	Fail    Verdict = "falha"  // does not work
	Skipped Verdict = "pulado" // could not be checked; the evidence says why
)

// Finding is a check's report.
type Finding struct {
	Check    string  `json:"check"`            // stable, English
	Title    string  `json:"title"`            // Portuguese
	Verdict  Verdict `json:"verdict"`          //
	Evidence string  `json:"evidence"`         // what was seen
	Advice   string  `json:"advice,omitempty"` // what to do
}

// Site is the installation to check.
type Site struct {
	Version, Go string
	ConfigPath  string
	Faults      []string // of the configuration; with any, the fields below are empty
	Warnings    []string
	DataDir     string
	Listen      string // host:port
	Timezone    string
	CloudURL    string // empty: not configured
	MaxBytes    int64  // of the database
	Proxy       string // through which the cloud is reached; empty or none: directly

	// Dial opens connections to the cloud; nil: directly.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Service reads the state of the service; nil: there is no service manager.
	Service func(ctx context.Context) (Service, error)
	Crashes []Crash // crash reports, oldest first

	Salvage *Salvage // the latest one; nil: there was none
	Clone   *Clone   // what was last noticed; nil: nothing

	// Copied returns when the newest copy of a backup reached its folder; zero for never. nil: no folder is configured.
	Copied func() (time.Time, error)
	CopyTo string // that folder

	// Local sends a GET to the running agent, with support's token.
	Local func(ctx context.Context, path string) (status int, body []byte, err error)
	// Missing tells that a database was here and is not here any more, and the backup from which the next start makes it again;
	// nil: nobody looks.
	Missing func() (missing bool, backup time.Time, err error)
	// Verify checks the complete store of a stopped agent; nil: the agent itself asks, and the store is its own.
	Verify func() error
	// LastTill returns when the journal of calls begins and when a till called last; zero times for never.
	LastTill func() (begun, last time.Time, err error)
	// Certificate returns when the shop's certificate at its bank expires, or in Portuguese what is wrong with it; nil: there is
	// none.
	Certificate func() (time.Time, error)

	Zone func(name string) (*time.Location, error) // default time.LoadLocation
	// Checked gets each finding as its check ends; optional.
	Checked func(Finding)

	Getenv func(string) string
	Now    func() time.Time // default time.Now
}

// Service is the state of the agent's service.
type Service struct {
	State string // not_installed, stopped, starting, running, stopping
	Start string // auto, delayed, enabled; manual, disabled
	Exit  int    // exit code of its latest end
}

// Crash is the report of a run that crashed.
type Crash struct {
	File string
	At   time.Time
}

// Salvage is the latest rebuild of a damaged database.
type Salvage struct {
	At                  time.Time
	Held, Lost, Missing int
	File                string // the damaged database
	Restored            string // folder of the backup that a person brought back; nothing was damaged then
}

// Clone is that the data folder was noticed to be a copy.
type Clone struct {
	At   time.Time
	Held int // jobs that were held for a person
}

// check is one check of a site.
type check struct {
	name, title string
	run         func(ctx context.Context, e *examination) answer
}

// answer is a finding without the check's name.
type answer struct {
	verdict          Verdict
	evidence, advice string
}

func ok(format string, args ...any) answer { return answer{OK, fmt.Sprintf(format, args...), ""} }

func warn(advice, format string, args ...any) answer {
	return answer{Warn, fmt.Sprintf(format, args...), advice}
}

func fail(advice, format string, args ...any) answer {
	return answer{Fail, fmt.Sprintf(format, args...), advice}
}

func skip(format string, args ...any) answer {
	return answer{Skipped, fmt.Sprintf(format, args...), ""}
}

// examination is a site with the results that later checks use.
type examination struct {
	Site
	running bool
	status  *status
	cloud   *connection
}

// patience bounds one check, in time.
const patience = 15 * time.Second

// Online returns the names of the checks of folders and connections, for a configuration that was just written.
func Online() []string {
	return []string{"data-folder", "data-rights", "data-local", "disk-space", "timezone", "port", "dns", "connect", "tls", "cloud-answer", "cloud-clock"}
}

// Examine runs all checks, or only those named, until ctx ends. The first failure is most likely the cause of the later ones.
func Examine(ctx context.Context, site Site, only ...string) []Finding {
	if site.Zone == nil {
		site.Zone = time.LoadLocation
	}
	if site.Now == nil {
		site.Now = time.Now
	}
	e := &examination{Site: site}
	var findings []Finding
	for _, c := range checks() {
		if ctx.Err() != nil {
			break
		}
		if len(only) > 0 && !slices.Contains(only, c.name) {
			continue
		}
		checkCtx, cancel := context.WithTimeout(ctx, patience)
		a := answer{Skipped, "a configuração tem erros", ""}
		if len(site.Faults) == 0 || c.name == "version" || c.name == "config" {
			a = c.run(checkCtx, e)
		}
		cancel()
		found := Finding{c.name, c.title, a.verdict, a.evidence, a.advice}
		findings = append(findings, found)
		if e.Checked != nil {
			e.Checked(found)
		}
	}
	return findings
}

// Worst returns Fail, Warn or OK: the gravest verdict of the findings.
func Worst(findings []Finding) Verdict {
	worst := OK
	for _, f := range findings {
		if f.Verdict == Fail || (f.Verdict == Warn && worst == OK) {
			worst = f.Verdict
		}
	}
	return worst
}

// checks are all checks in their order.
func checks() []check {
	return []check{
		{"version", "Versão", version},
		{"config", "Configuração", configuration},
		{"config-warnings", "Avisos da configuração", configWarnings},
		{"config-rights", "Direitos do arquivo de configuração", configRights},
		{"data-folder", "Pasta de dados", dataFolder},
		{"data-rights", "Direitos da pasta de dados", dataRights},
		{"data-local", "Disco local", dataLocal},
		{"disk-space", "Espaço em disco", diskSpace},
		{"disk-sync", "Gravação em disco", diskSync},
		{"store-size", "Tamanho do banco de dados", storeSize},
		{"timezone", "Fuso horário", timezone},
		{"proxy", "Proxy", proxy},
		{"agent", "Agente em execução", agentRunning},
		{"service", "Serviço do sistema", serviceState},
		{"crashes", "Quedas", crashes},
		{"salvage", "Resgate do banco de dados", salvaged},
		{"clone", "Cópia dos dados (clone)", cloned},
		{"backup-copy", "Cópia do backup em outra máquina", backupCopied},
		{"port", "Porta local", port},
		{"ipv6", "IPv6 local", ipv6},
		{"local-token", "Token local", localToken},
		{"store-verify", "Integridade dos dados", storeVerify},
		{"alarms", "Alarmes", alarms},
		{"shop", "Outros pdvagent da loja", company},
		{"queue-age", "Idade da fila", queueAge},
		{"queue-attention", "Registros que esperam uma pessoa", queueAttention},
		{"queue-counters", "Contas da fila", queueCounters},
		{"deliveries", "Envios", deliveries},
		{"circuit", "Circuito", circuit},
		{"clock", "Relógio desta máquina", clock},
		{"dns", "Nome da nuvem (DNS)", dns},
		{"connect", "Conexão com a nuvem", connect},
		{"tls", "Certificado da nuvem", tlsCheck},
		{"cloud-answer", "Resposta da nuvem", cloudAnswer},
		{"cloud-clock", "Relógio contra o da nuvem", cloudClock},
		{"cloud-token", "Token da nuvem", cloudToken},
		{"bank-certificate", "Certificado da loja no banco", bankCertificate},
		{"routines", "Últimas rotinas", routines},
		{"journal", "Chamadas do caixa", journal},
		{"log", "Log", logFile},
	}
}
