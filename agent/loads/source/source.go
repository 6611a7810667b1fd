// Package source reads records that the shop's other programs write: files of a folder (CSV, JSON, NDJSON), or rows of the
// shop's database. Each record comes as a JSON object, or as a fault that names its place. A faulty record never hides the
// records after it, and one record at a time is in memory.
//
// A file is read when it has rested, and refused as a whole when one of its numbers contradicts the configured decimal sign.
//
// It knows no cloud and no store, and does not check what a record says: its callers, catalog, history and reconcile, hand
// in the shape of a record and check it. config asks it whether a source's section is right. It calls packages rawjson and
// reading, the drivers of databases and the file system.
package source

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"pdvagent/agent"
)

// Record is one record of a source, or a fault in its place.
type Record struct {
	Place string // for a person: file and line, or row
	Body  []byte // a JSON object; nil with a fault
	Key   string // of a faulty record, if it could be read
	Fault *agent.Fault

	Rounded bool // a number had more than three decimals
}

// Config says where records come from (till-api.md section 5, routines.*.source).
type Config struct {
	Type string // folder or query

	Path      string        // of the folder, or of one file
	Rest      time.Duration // for which a file of a folder must not have changed
	Separator string        // of CSV; empty: what the first line has most of; \t for a tabulator
	Quote     string        // of CSV, usually "; none for files without

	Encoding string // of texts that are no UTF-8: utf-8 (there are none), windows-1252 or iso-8859-1
	Decimal  string // sign of CSV's numbers, and of those in a query's texts: point or comma

	Driver string // one of [Drivers]
	DSN    string // how to reach the database; a secret
	Query  string // a select

	Columns map[string]string // field of the wire: column of the source; columns with the wire's names need none
	Mode    string            // changes, or full: a record that a full load has not is gone
	Removed string            // what is done about gone records: report or inactive
}

// Default is the configuration of a source whose section is empty.
func Default() Config {
	return Config{Rest: 10 * time.Second, Quote: `"`, Encoding: "utf-8", Decimal: "point", Mode: "changes", Removed: "report"}
}

// Check lists the faults of the configuration, in Portuguese, by the key's name. It opens nothing.
func (c Config) Check() []agent.Fault {
	var faults []agent.Fault
	fault := func(field, detail string) {
		faults = append(faults, agent.Fault{Field: field, Code: "invalid", Detail: detail})
	}
	oneOf := func(field, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			fault(field, "deve ser um destes: "+strings.Join(allowed, ", "))
		}
	}
	oneOf("type", c.Type, "folder", "query")
	oneOf("mode", c.Mode, "changes", "full")
	oneOf("removed", c.Removed, "report", "inactive")
	if c.Removed == "inactive" && c.Mode != "full" {
		fault("removed", "só vale com mode: full, que traz tudo o que existe")
	}
	oneOf("encoding", c.Encoding, "utf-8", "windows-1252", "iso-8859-1")
	oneOf("decimal", c.Decimal, "point", "comma")
	switch c.Type {
	case "folder":
		c.checkFolder(fault)
	case "query":
		c.checkQuery(fault, oneOf)
	}
	return faults
}

func (c Config) checkFolder(fault func(field, detail string)) {
	if c.Path == "" {
		fault("path", "falta; informe a pasta onde os arquivos chegam")
	}
	if c.Rest < time.Second || c.Rest > time.Hour {
		fault("rest", "deve ser de 1s a 1h: é o tempo em que o arquivo não pode ter mudado")
	}
	if c.Quote != "none" && len(c.Quote) != 1 {
		fault("quote", "deve ser um só caractere, ou none")
	}
	if c.Separator != "" && c.Separator != `\t` && (len(c.Separator) != 1 || c.Separator == c.Quote) {
		fault("separator", `deve ser um só caractere, diferente de quote, ou \t`)
	}
	if c.Driver+c.DSN+c.Query != "" {
		fault("query", "driver, dsn e query só valem com type: query")
	}
}

func (c Config) checkQuery(fault func(field, detail string), oneOf func(field, value string, allowed ...string)) {
	oneOf("driver", c.Driver, Drivers()...)
	if c.DSN == "" {
		fault("dsn", "falta; informe como chegar ao banco de dados")
	}
	if !readsOnly(c.Query) {
		fault("query", "falta, ou não é uma consulta; deve começar com SELECT ou WITH e ser uma só")
	}
	if c.Path != "" {
		fault("path", "só vale com type: folder")
	}
	if c.Separator != "" {
		fault("separator", "só vale com type: folder")
	}
	if c.Quote != Default().Quote {
		fault("quote", "só vale com type: folder")
	}
	if c.Rest != Default().Rest {
		fault("rest", "só vale com type: folder")
	}
}

// Opened is an open source. Its records can be read more than once.
type Opened interface {
	// Name is what a person knows it by.
	Name() string
	// Records yields every record, from the first one on. A fault of the source itself ends them and comes from Err.
	Records(ctx context.Context) iter.Seq[Record]
	// Err is the fault that ended the records early, as an agent.Error; nil without one.
	Err() error
	// Refuse reports a record that the caller refused.
	Refuse(place string, fault agent.Fault)
	// Close closes the source. fate says what a file becomes.
	Close(fate Fate) error
}

// Fate is the outcome of reading a source.
type Fate string

// The fates. A file that is left is read again the next time.
const (
	Taken  Fate = "taken"
	Faulty Fate = "faulty"
	Left   Fate = "left"
)

// Open opens what there is to read: the files of a folder, none when it is empty, or one query.
func Open(ctx context.Context, cfg Config, shape agent.LoadShape) ([]Opened, error) {
	switch cfg.Type {
	case "folder":
		return openFolder(ctx, cfg, shape)
	case "query":
		opened, err := openQuery(ctx, cfg, shape)
		if err != nil {
			return nil, err
		}
		return []Opened{opened}, nil
	}
	return nil, fmt.Errorf("source of type %q", cfg.Type)
}
