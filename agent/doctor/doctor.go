// Package doctor looks at an installation and says what it found, how it knows, and what to do: configuration, disk, the
// local address, the queue, the way to the cloud, clocks. It changes nothing, opens nothing in a cloud and shows nothing
// personal. What a check needs is handed in; a check whose subject is not there says so instead of guessing.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Verdict is what a check came to.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warn    Verdict = "aviso"  // works, but will not for ever or not well
	Fail    Verdict = "falha"  // does not work
	Skipped Verdict = "pulado" // cannot be told from here, the evidence says why
)

// Finding is one check's answer.
type Finding struct {
	Check    string  `json:"check"`            // stable, English
	Title    string  `json:"title"`            // Portuguese
	Verdict  Verdict `json:"verdict"`          //
	Evidence string  `json:"evidence"`         // what was seen
	Advice   string  `json:"advice,omitempty"` // what to do
}

// Site is the installation.
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

	// Service asks the operating system; Crashes are the files of runs that died.
	Service func(ctx context.Context) (Service, error)
	Crashes []Crash // oldest first

	Salvage *Salvage // the last one; nil when there was none

	// Local asks the running agent, with support's token.
	Local func(ctx context.Context, path string) (status int, body []byte, err error)
	// Verify checks a stopped agent's store as a whole.
	Verify func() error
	// Certificate tells until when the shop's own at its bank is good, or in Portuguese what is wrong with it; nil: there is none.
	Certificate func() (time.Time, error)

	Zone   func(name string) (*time.Location, error) // default time.LoadLocation
	Getenv func(string) string
	Now    func() time.Time // default time.Now
}

// Service is what the operating system says of the agent as a service.
type Service struct {
	State string // not_installed, stopped, starting, running, stopping
	Start string // auto, delayed, enabled; manual, disabled
	Exit  int    // how it ended the last time
}

// Crash is what is left of a run that died.
type Crash struct {
	File string
	At   time.Time
}

// Salvage is what is known of the last time when the database was written anew because it was damaged.
type Salvage struct {
	At                  time.Time
	Held, Lost, Missing int
	File                string // the damaged one
}

// check is one look at a site.
type check struct {
	name, title string
	look        func(ctx context.Context, e *examination) answer
}

// answer is a finding without its name.
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

// examination is a site while it is being looked at, with what several checks need.
type examination struct {
	Site
	running bool
	status  *status
	cloud   *reached
}

// patience bounds one check.
const patience = 15 * time.Second

// Online names the checks of the folders and of the way to the cloud, for who has just written a configuration.
func Online() []string {
	return []string{"data-folder", "data-rights", "data-local", "disk-space", "timezone", "port", "dns", "connect", "tls", "cloud-answer", "cloud-clock"}
}

// Examine runs every check, or only those named, in an order in which the first failure is most likely the reason of the
// others.
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
		if len(only) > 0 && !slices.Contains(only, c.name) {
			continue
		}
		looking, cancel := context.WithTimeout(ctx, patience)
		a := answer{Skipped, "a configuração tem erros", ""}
		if len(site.Faults) == 0 || c.name == "version" || c.name == "config" {
			a = c.look(looking, e)
		}
		cancel()
		findings = append(findings, Finding{c.name, c.title, a.verdict, a.evidence, a.advice})
	}
	return findings
}

// Worst is the gravest verdict among findings.
func Worst(findings []Finding) Verdict {
	worst := OK
	for _, f := range findings {
		if f.Verdict == Fail || (f.Verdict == Warn && worst == OK) {
			worst = f.Verdict
		}
	}
	return worst
}

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
		{"port", "Porta local", port},
		{"ipv6", "IPv6 local", ipv6},
		{"local-token", "Token local", localToken},
		{"store-verify", "Integridade dos dados", storeVerify},
		{"alarms", "Alarmes", alarms},
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
		{"journal", "Diário das chamadas", journal},
		{"log", "Log", logFile},
	}
}
