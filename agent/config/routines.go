package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/source"
)

// Routine is when something runs by the clock (till-api.md section 5, routines).
type Routine struct {
	Off    bool     `yaml:"off,omitempty"`    // only when a person asks
	Every  Duration `yaml:"every,omitempty"`  // or At
	At     []string `yaml:"at,omitempty"`     // times of the shop's day, HH:MM
	Source *Source  `yaml:"source,omitempty"` // of products and operators
}

// Source is where products or operators come from.
type Source struct {
	Type      string            `yaml:"type"`                // folder or query
	Path      string            `yaml:"path,omitempty"`      // of the folder
	Separator string            `yaml:"separator,omitempty"` // of CSV; empty: found out. \t for a tabulator
	Quote     string            `yaml:"quote,omitempty"`     // of CSV, default "; none for files without
	Encoding  string            `yaml:"encoding,omitempty"`  // utf-8 (default), windows-1252 or iso-8859-1
	Decimal   string            `yaml:"decimal,omitempty"`   // point (default) or comma
	Driver    string            `yaml:"driver,omitempty"`    // postgres, mysql, mariadb, firebird, sqlite or sqlserver
	DSN       Secret            `yaml:"dsn,omitempty"`       // how to reach the database; or DSNFile
	DSNFile   string            `yaml:"dsn_file,omitempty"`
	Query     string            `yaml:"query,omitempty"`   // a select
	Columns   map[string]string `yaml:"columns,omitempty"` // field of the wire: column of the source
	Mode      string            `yaml:"mode,omitempty"`    // changes (default) or full: what is missing in a full one is gone
	Removed   string            `yaml:"removed,omitempty"` // of a full one: report (default) or inactive
}

// Open is the source as package source takes it.
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
	return cfg
}

// shortestCloud is what the vendor asks of scheduled routines (R42).
const shortestCloud = 30 * time.Minute

// rule is what is known of a routine before anybody configures it.
type rule struct {
	cloud bool // it speaks to a cloud
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

// Routine gives one as configured, its defaults filled in.
func (c Config) Routine(name string) Routine {
	r, when := c.Routines[name], rules()[name].when
	if r.Every == 0 && len(r.At) == 0 {
		r.Every, r.At = when.Every, when.At
		if name == "abandoned" { // a short time is not measured with a long rule
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
	if s.Path != "" {
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

// sourceSecrets are the addresses of databases, by the path of their section.
func (c Config) sourceSecrets() map[string]*Source {
	sections := make(map[string]*Source)
	for name, r := range c.Routines {
		if r.Source != nil {
			sections[name] = r.Source
		}
	}
	return sections
}

// SourceLoads are the loads that have a source; each one's routine has its name.
func SourceLoads() []agent.Kind { return []agent.Kind{agent.KindProducts, agent.KindOperators} }
