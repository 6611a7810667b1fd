// Package source reads records that somebody else wrote: files of a folder (CSV, JSON, NDJSON) or rows of the shop's own
// database. Each comes as one JSON object, or as a fault that names its place; a faulty record never hides the ones after
// it, and nothing is ever whole in memory. It knows no cloud and no store: catalog, history and reconcile bring what a
// record must look like.
package source

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"pdvagent/agent"
	"pdvagent/agent/rawjson"
)

// Record is one record of a source, or a fault in its place.
type Record struct {
	Place string // for a person: file and line, or row
	Body  []byte // a JSON object; nil with a fault
	Key   string // of a fault's record, where it could be read
	Fault *agent.Fault
}

// Config says where records come from (till-api.md section 5, routines.*.source).
type Config struct {
	Type string // folder or query

	Path      string // of the folder, or of one file
	Separator string // of CSV; empty: what the first line has most of; \t for a tabulator
	Quote     string // of CSV, usually "; none for files without
	Encoding  string // utf-8, windows-1252 or iso-8859-1
	Decimal   string // point or comma

	Driver string // one of [Drivers]
	DSN    string // how to reach the database; a secret
	Query  string // a select

	Columns map[string]string // field of the wire: column of the source; the wire's own names need none
	Mode    string            // changes, or full: what is missing in a full one is gone
	Removed string            // of a full one: report or inactive
}

// Default is what a source says by saying nothing.
func Default() Config {
	return Config{Quote: `"`, Encoding: "utf-8", Decimal: "point", Mode: "changes", Removed: "report"}
}

// Check gives every fault of the configuration, in Portuguese, by the key's name. It opens nothing.
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
	switch c.Type {
	case "folder":
		c.checkFolder(fault, oneOf)
	case "query":
		c.checkQuery(fault, oneOf)
	}
	return faults
}

func (c Config) checkFolder(fault func(field, detail string), oneOf func(field, value string, allowed ...string)) {
	if c.Path == "" {
		fault("path", "falta; informe a pasta onde os arquivos chegam")
	}
	oneOf("encoding", c.Encoding, "utf-8", "windows-1252", "iso-8859-1")
	oneOf("decimal", c.Decimal, "point", "comma")
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
}

// Opened is a source at hand: its records once, then its end.
type Opened interface {
	// Name is what a person knows it by.
	Name() string
	// Records hands in every record. A fault of the whole source ends them and comes from Err.
	Records(ctx context.Context) iter.Seq[Record]
	// Err is why the records ended before their time, with a sentence for a person; nil when they did not.
	Err() error
	// Refuse notes a record that was not taken.
	Refuse(place string, fault agent.Fault)
	// Close tells what became of the source, and lets go of what is open.
	Close(fate Fate) error
}

// Fate is what became of a source.
type Fate string

// The fates. A file that is left is read again the next time.
const (
	Taken  Fate = "taken"
	Faulty Fate = "faulty"
	Left   Fate = "left"
)

// Open looks for records. It gives none when there is nothing new: an empty folder.
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

// object makes a JSON object of named texts. Fields of the shape get their type; others are texts. Empty ones are left
// out unless the shape requires them.
type object struct {
	shape  agent.LoadShape
	comma  bool // decimals are written with a comma
	places []place
}

// place is a field of the object and the column that it comes from.
type place struct {
	column int
	field  agent.LoadField
}

// has tells whether a column gives the field.
func (o *object) has(field string) bool {
	return slices.ContainsFunc(o.places, func(p place) bool { return p.field.Name == field })
}

// newObject maps the source's columns to the wire's names. A configured column that the source has not is a fault of the
// whole source.
func newObject(cfg Config, shape agent.LoadShape, columns []string) (*object, error) {
	o := &object{shape: shape, comma: cfg.Decimal == "comma"}
	used := make(map[int]bool)
	put := func(column int, name string) {
		field, ok := shape.Field(name)
		if !ok {
			field.Name = name
		}
		o.places, used[column] = append(o.places, place{column, field}), true
	}
	for _, field := range slices.Sorted(maps.Keys(cfg.Columns)) { // two may come from one column
		column := cfg.Columns[field]
		at := slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(strings.TrimSpace(c), column) })
		if at < 0 {
			return nil, agent.Errorf(agent.CodeInvalid, nil, "A coluna %q, configurada para %s, não existe; as colunas são: %s.", column, field, strings.Join(columns, ", "))
		}
		put(at, field)
	}
	for at, column := range columns {
		name := strings.TrimSpace(column)
		if field, ok := shape.Field(strings.ToLower(name)); ok {
			name = field.Name
		}
		if !used[at] && !o.has(name) {
			put(at, name)
		}
	}
	slices.SortStableFunc(o.places, func(a, b place) int { return a.column - b.column })
	for _, field := range shape.Fields {
		if field.Required && (field.Name == shape.Key || field.Name == shape.Label) && !o.has(field.Name) {
			return nil, agent.Errorf(agent.CodeInvalid, nil, "Falta a coluna de %s; as colunas são: %s. Use columns para dizer qual é.", field.Name, strings.Join(columns, ", "))
		}
	}
	return o, nil
}

// key gives what the record's key says; empty where nobody knows.
func (o *object) key(values []string) string {
	for _, p := range o.places {
		if p.field.Name == o.shape.Key && p.column < len(values) {
			return strings.TrimSpace(values[p.column])
		}
	}
	return ""
}

// of gives the object, or the fault of its first bad value.
func (o *object) of(values []string) ([]byte, *agent.Fault) {
	body := []byte{'{'}
	add := func(name string, raw []byte) {
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(append(append(body, rawjson.Quote(name)...), ':'), raw...)
	}
	for _, p := range o.places {
		value := strings.TrimSpace(values[p.column])
		if value == "" && p.field.Type != agent.TextField {
			continue
		}
		raw, err := o.raw(p.field, value)
		if err != nil {
			return nil, &agent.Fault{Field: p.field.Name, Code: "invalid", Detail: err.Error()}
		}
		add(p.field.Name, raw)
	}
	for _, field := range o.shape.Fields { // what the vendor wants there, "even if empty" (R17)
		if field.Required && !o.has(field.Name) {
			add(field.Name, []byte(`""`))
		}
	}
	return append(body, '}'), nil
}

func (o *object) raw(field agent.LoadField, value string) ([]byte, error) {
	switch field.Type {
	case agent.DecimalField:
		if o.comma {
			value = strings.Replace(strings.ReplaceAll(value, ".", ""), ",", ".", 1)
		}
		number, err := agent.ParseMilli(value)
		if err != nil {
			return nil, errors.New("não é um número com no máximo três casas decimais; confira a opção decimal (point ou comma)")
		}
		return []byte(number.String()), nil
	case agent.FlagField:
		switch strings.ToLower(value) {
		case "1", "s", "sim", "t", "true", "y", "yes", "ativo", "a":
			return []byte("true"), nil
		case "0", "n", "nao", "não", "f", "false", "no", "inativo", "i":
			return []byte("false"), nil
		}
		return nil, errors.New("não é sim nem não")
	}
	return rawjson.Quote(value), nil
}
