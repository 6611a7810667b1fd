package config

import (
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/osfile"
)

// Routine is the schedule of a routine (till-api.md section 5, routines).
type Routine struct {
	Off    bool     `yaml:"off,omitempty"`    // runs only when a person starts it
	Every  Duration `yaml:"every,omitempty"`  // or At
	At     []string `yaml:"at,omitempty"`     // times of the shop's day, HH:MM
	Source *Source  `yaml:"source,omitempty"` // of products and operators
}

// Source is a source of products or operators.
type Source struct {
	Type      string            `yaml:"type"`                // folder or query
	Path      string            `yaml:"path,omitempty"`      // of the folder
	Rest      Duration          `yaml:"rest,omitempty"`      // for which a file must not have changed, default 10 s
	Separator string            `yaml:"separator,omitempty"` // of CSV; empty: detected; \t: a tab
	Quote     string            `yaml:"quote,omitempty"`     // of CSV, default "; none for files without
	Encoding  string            `yaml:"encoding,omitempty"`  // of texts: utf-8 (default), windows-1252 or iso-8859-1
	Decimal   string            `yaml:"decimal,omitempty"`   // point (default) or comma
	Driver    string            `yaml:"driver,omitempty"`    // postgres, mysql, mariadb, firebird, sqlite or sqlserver
	DSN       Secret            `yaml:"dsn,omitempty"`       // of the database; or DSNFile
	DSNFile   string            `yaml:"dsn_file,omitempty"`
	Query     string            `yaml:"query,omitempty"`   // a select
	Columns   map[string]string `yaml:"columns,omitempty"` // field of the wire: column of the source
	Mode      string            `yaml:"mode,omitempty"`    // changes (default) or full: a record that is missing in a full load was removed
	Removed   string            `yaml:"removed,omitempty"` // what a full load does with removed records: report (default) or inactive
}

// Open returns the source for package source.
func (s Source) Open() source.Config {
	cfg := source.Default()
	cfg.Type, cfg.Path, cfg.Separator = s.Type, s.Path, s.Separator
	cfg.Driver, cfg.DSN, cfg.Query, cfg.Columns = s.Driver, s.DSN.Reveal(), s.Query, s.Columns
	for _, field := range []struct {
		value *string
		given string
	}{{&cfg.Quote, s.Quote}, {&cfg.Encoding, s.Encoding}, {&cfg.Decimal, s.Decimal}, {&cfg.Mode, s.Mode}, {&cfg.Removed, s.Removed}} {
		if field.given != "" {
			*field.value = field.given
		}
	}
	if s.Rest != 0 {
		cfg.Rest = time.Duration(s.Rest)
	}
	return cfg
}

// shortestCloud is the shortest interval that the vendor allows (R42).
const shortestCloud = 30 * time.Minute

// rule is the default of a routine.
type rule struct {
	cloud bool // it calls a cloud
	when  Routine
}

func rules() map[string]rule {
	every := func(d time.Duration) Routine { return Routine{Every: Duration(d)} }
	at := func(times ...string) Routine { return Routine{At: times} }
	return map[string]rule{
		"resend":            {cloud: true, when: every(shortestCloud)},
		"end-of-day":        {cloud: true, when: at("23:30")},
		"products":          {cloud: true, when: every(6 * time.Hour)},
		"operators":         {cloud: true, when: every(6 * time.Hour)},
		"abandoned":         {when: every(5 * time.Minute)},
		"reconcile":         {when: at("23:50")},
		"retention":         {when: at("03:00")},
		"compact":           {when: at("03:20")},
		"backup":            {when: at("03:40")},
		"sicoob-settlement": {cloud: true, when: every(time.Hour)},
	}
}

// Routine returns a routine's schedule with defaults.
func (c Config) Routine(name string) Routine {
	r, when := c.Routines[name], rules()[name].when
	if r.Every == 0 && len(r.At) == 0 {
		r.Every, r.At = when.Every, when.At
		if name == "abandoned" { // it must run more often than the time that it measures
			r.Every = min(r.Every, max(c.Loyalty.AbandonAfter/8, Duration(50*time.Millisecond)))
		}
	}
	return r
}

func (c *checker) routines() {
	known := rules()
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Routines)) {
		field, r := "routines."+name, c.cfg.Routines[name]
		rule, ok := known[name]
		if !ok {
			c.fault(field, "não há rotina com este nome; as que existem: %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		c.when(field, r, rule)
		load := slices.Contains(SourceLoads(), agent.Kind(name))
		switch {
		case r.Source != nil && !load:
			c.fault(field+".source", "só products e operators têm source")
		case r.Source != nil:
			c.source(field+".source", r.Source)
		case load && !r.Off:
			c.fault(field+".source", "falta; diga de onde vêm os registros, ou use off: true")
		}
	}
}

func (c *checker) when(field string, r Routine, rule rule) {
	switch {
	case r.Every != 0 && len(r.At) > 0:
		c.fault(field+".at", "use every ou at, não os dois")
	case rule.cloud && r.Every != 0 && r.Every < Duration(shortestCloud):
		c.fault(field+".every", "deve ser de ao menos 30m: as nuvens não aceitam rotinas mais frequentes, para não se sobrecarregarem")
	case r.Every != 0 && r.Every < Duration(time.Second), r.Every > Duration(31*24*time.Hour):
		c.fault(field+".every", "deve ser de 1s a 744h")
	}
	var times []time.Time
	for i, text := range r.At {
		at, err := time.Parse("15:04", text)
		if err != nil || at.Format("15:04") != text {
			c.fault(fmt.Sprintf("%s.at[%d]", field, i), "deve ser uma hora do dia entre aspas, como \"23:30\"")
			continue
		}
		times = append(times, at)
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := range times {
		next := times[(i+1)%len(times)]
		if i+1 == len(times) {
			next = next.Add(24 * time.Hour)
		}
		if rule.cloud && next.Sub(times[i]) < shortestCloud {
			c.fault(field+".at", "entre uma hora e a próxima deve haver ao menos 30 minutos: as nuvens não aceitam rotinas mais frequentes")
		}
	}
}

func (c *checker) source(field string, s *Source) {
	if s.DSNFile != "" {
		c.find(field, "PDVAGENT_"+envName(field), &s.DSN, s.DSNFile, "dsn")
	}
	if foreign := windowsPath.MatchString(s.Path); foreign && runtime.GOOS != "windows" {
		c.fault(field+".path", "é um caminho do Windows, e esta máquina não é; monte a pasta da rede nesta máquina e informe onde ela está")
	} else if s.Path != "" {
		s.Path = c.resolve(s.Path)
	}
	for _, fault := range s.Open().Check() {
		c.fault(field+"."+fault.Field, "%s", fault.Detail)
	}
	if opened, err := unseal(s.DSN); err != nil {
		c.fault(field+".dsn", "foi selado em outra máquina ou está incompleto; grave de novo com: pdvagent config set --seal")
	} else {
		s.DSN = opened
	}
}

// windowsPath matches a path with a drive, and one of a share.
var windowsPath = regexp.MustCompile(`^([A-Za-z]:[\\/]|\\\\)`)

// shares warns of folders that another machine has: a service sees no drives of a user, and enters a share as the machine.
func (c *checker) shares() (warnings []Fault) {
	if path, field := c.cfg.Backup.CopyTo, "backup.copy_to"; osfile.MappedDrive(path) {
		warnings = append(warnings, Fault{Line: c.lines[field], Field: field, Detail: `fica em uma unidade de rede mapeada por um usuário, e o serviço não a vê; use o caminho completo (\\servidor\pasta) e dê à conta deste computador (NOME$) o direito de ler, gravar e apagar nela`})
	} else if strings.HasPrefix(path, `\\`) {
		warnings = append(warnings, Fault{Line: c.lines[field], Field: field, Detail: `fica em outra máquina: o serviço entra nela com a conta deste computador (NOME$), que precisa ler, gravar e apagar nela`})
	}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Routines)) {
		source, field := c.cfg.Routines[name].Source, "routines."+name+".source.path"
		switch {
		case source == nil:
		case osfile.MappedDrive(source.Path):
			warnings = append(warnings, Fault{Line: c.lines[field], Field: field, Detail: `fica em uma unidade de rede mapeada por um usuário, e o serviço não a vê; use o caminho completo (\\servidor\pasta) e dê à conta deste computador (NOME$) o direito de ler, gravar e mover nela`})
		case strings.HasPrefix(source.Path, `\\`):
			warnings = append(warnings, Fault{Line: c.lines[field], Field: field, Detail: `fica em outra máquina: o serviço entra nela com a conta deste computador (NOME$), que precisa ler, gravar e mover nela`})
		}
	}
	return warnings
}

// sourceSecrets are the sources with the address of a database, by routine.
func (c Config) sourceSecrets() map[string]*Source {
	sections := make(map[string]*Source)
	for name, r := range c.Routines {
		if r.Source != nil {
			sections[name] = r.Source
		}
	}
	return sections
}

// SourceLoads are the loads that may have a source. The routine of each has the kind's name.
func SourceLoads() []agent.Kind { return []agent.Kind{agent.KindProducts, agent.KindOperators} }
