package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent"
)

// drivers names database/sql's driver for each kind of database.
var drivers = map[string]string{
	"postgres": "postgres", "mysql": "mysql", "mariadb": "mysql", "firebird": "firebirdsql", "sqlite": "sqlite", "sqlserver": "sqlserver",
}

// Drivers lists the kinds of database, sorted.
func Drivers() []string {
	var names []string
	for name := range drivers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// connectPatience bounds how long a database may take to answer at all.
const connectPatience = 15 * time.Second

// readsOnly tells whether a text is one query that changes no data. It is the friendly word before: what protects the shop's
// database is [query.begin], and the database user that may only read, which the manual wants.
func readsOnly(query string) bool {
	text := strings.TrimSuffix(strings.TrimSpace(query), ";")
	first, _, _ := strings.Cut(strings.ToUpper(strings.Join(strings.Fields(text), " ")), " ")
	return (first == "SELECT" || first == "WITH") && !strings.Contains(text, ";")
}

type query struct {
	cfg     Config
	shape   agent.LoadShape
	checked bool // its numbers were held against the decimal sign
	db      *sql.DB
	conn    *sql.Conn
	tx      *sql.Tx // around all that is read; never committed
	rows    *sql.Rows
	cancel  context.CancelFunc
	columns []string
	mapped  *object
	err     error
}

func openQuery(ctx context.Context, cfg Config, shape agent.LoadShape) (Opened, error) {
	db, err := sql.Open(drivers[cfg.Driver], cfg.DSN)
	if err != nil {
		return nil, queryError(cfg, "o endereço (dsn) não serve", err)
	}
	q := &query{cfg: cfg, shape: shape, db: db, cancel: func() {}}
	patient, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	if q.conn, err = db.Conn(patient); err == nil {
		err = q.conn.PingContext(patient)
	}
	if err != nil {
		_ = q.Close(Left) // it was never open
		return nil, queryError(cfg, connectError(err), err)
	}
	if err := q.begin(ctx); err != nil {
		err = queryError(cfg, "ele não abre uma leitura que nada muda", err)
		return nil, errors.Join(err, q.Close(Left))
	}
	if err := q.ask(ctx); err != nil {
		return nil, errors.Join(err, q.Close(Left))
	}
	return q, nil
}

// begin opens what the query runs in: a transaction in which the database itself refuses every change, SQLite by its session.
// SQL Server has none: there the transaction is rolled back at the end, as all of them are.
func (q *query) begin(ctx context.Context) error {
	if q.cfg.Driver == "sqlite" {
		if _, err := q.conn.ExecContext(ctx, "PRAGMA query_only = 1"); err != nil {
			return err
		}
	}
	var err error
	q.tx, err = q.conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: q.cfg.Driver != "sqlite" && q.cfg.Driver != "sqlserver"})
	return err
}

// ask sends the query. The rows are read once; then it has to be asked again.
func (q *query) ask(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	q.cancel = stop
	var err error
	if q.rows, err = q.tx.QueryContext(reading, q.cfg.Query); err != nil {
		return queryError(q.cfg, "a consulta (query) foi recusada", err)
	}
	types, err := q.rows.ColumnTypes()
	if err != nil {
		return queryError(q.cfg, "as colunas não puderam ser lidas", err)
	}
	q.columns = nil
	for _, column := range types {
		q.columns = append(q.columns, column.Name())
	}
	if q.mapped, err = newObject(q.cfg, q.shape, q.columns); err != nil {
		return err
	}
	for i := range q.mapped.places {
		p := &q.mapped.places[i]
		p.typed = q.mapped.decimal == '.' || numeric.MatchString(types[p.column].DatabaseTypeName())
	}
	return nil
}

// numeric matches the databases' names of types whose values are numbers.
var numeric = regexp.MustCompile(`(?i)int|num|dec|float|double|real|money|long|short`)

// connectError is why a database is not reached, in Portuguese. The driver's own text may hold the password.
func connectError(err error) string {
	text := strings.ToLower(err.Error())
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "ele não respondeu em 15 segundos"
	case containsAny(text, "to database"): // MySQL has one error for both
		return "o usuário não tem acesso a este banco de dados, ou ele não existe"
	case containsAny(text, "password", "authentication", "access denied", "login failed", "28p01", "user name"):
		return "usuário ou senha recusados"
	case containsAny(text, "does not exist", "unknown database", "no such file", "cannot open", "unable to open"):
		return "o banco de dados não existe"
	case errors.As(err, &network), containsAny(text, "connection refused", "no such host"):
		return "o servidor não foi encontrado ou recusou a conexão"
	}
	return "a conexão falhou"
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

func queryError(cfg Config, detail string, err error) error {
	return agent.Errorf(agent.CodeInvalid, hidden{err, cfg.DSN}, "O banco de dados (%s) não pôde ser lido: %s.", cfg.Driver, detail)
}

// hidden is a driver's error without the DSN, which holds a password.
type hidden struct {
	error
	dsn string
}

func (h hidden) Error() string { return strings.ReplaceAll(h.error.Error(), h.dsn, "***") }

func (h hidden) Unwrap() error { return h.error }

func (q *query) Name() string { return q.cfg.Driver }

func (q *query) Err() error { return q.err }

func (q *query) Refuse(string, agent.Fault) {}

// Records implements Opened. A query whose numbers contradict the decimal sign has no records.
func (q *query) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if q.err = nil; !q.checked && q.mapped.decimal == ',' {
			q.checkSigns(ctx)
		}
		if q.checked = q.err == nil; q.checked {
			q.walk(ctx, func(place string, texts []string) bool { return yield(q.record(place, texts)) })
		}
	}
}

func (q *query) record(place string, texts []string) Record {
	record := Record{Place: place}
	for i := range texts {
		text, whole := toUTF8([]byte(texts[i]), q.cfg.Encoding)
		if !whole {
			record.Fault = &agent.Fault{Field: q.columns[i], Code: "encoding", Detail: "O texto não está na codificação configurada (encoding), ou já perdeu caracteres no banco de dados (�). Experimente encoding: windows-1252."}
		}
		texts[i] = string(text)
	}
	record.Key = q.mapped.key(texts)
	if record.Fault == nil {
		record.Body, record.Fault = q.mapped.of(texts)
		record.Rounded = q.mapped.rounded
	}
	return record
}

// checkSigns holds every number that comes as a text against the decimal sign.
func (q *query) checkSigns(ctx context.Context) {
	var seen signs
	var err error
	q.walk(ctx, func(place string, texts []string) bool {
		err = seen.look(q.mapped, texts, place)
		return err == nil
	})
	if q.err != nil {
		return
	}
	if err == nil {
		err = seen.verdict(q.mapped)
	}
	if err != nil {
		q.err = agent.Errorf(agent.CodeInvalid, nil, "A consulta foi recusada inteira e nada dela foi enviado. %s", agent.Sentence(err))
	}
}

// walk reads the rows, which it asks for when they were read before.
func (q *query) walk(ctx context.Context, yield func(place string, texts []string) bool) {
	if q.rows == nil {
		if q.err = q.ask(ctx); q.err != nil {
			return
		}
	}
	rows := q.rows
	defer func() {
		q.cancel()
		_ = rows.Close() // what was read is checked
		q.rows = nil
	}()
	values, texts := make([]any, len(q.columns)), make([]string, len(q.columns))
	for i := range values {
		values[i] = &cell{text: &texts[i]}
	}
	number := 0
	for rows.Next() {
		number++
		if err := errors.Join(ctx.Err(), rows.Scan(values...)); err != nil {
			q.err = queryError(q.cfg, fmt.Sprintf("a leitura parou na linha %d", number), err)
			return
		}
		if !yield(fmt.Sprintf("%s, linha %d", q.cfg.Driver, number), texts) {
			return
		}
	}
	if err := errors.Join(rows.Err(), rows.Close(), q.alive(ctx)); err != nil {
		q.err = queryError(q.cfg, fmt.Sprintf("a leitura parou depois de %d linhas", number), err)
	}
}

// alive checks the connection after the last row. A driver may take a lost connection for the end of the rows, and half a
// catalog would look complete.
func (q *query) alive(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	text := "SELECT 1"
	if q.cfg.Driver == "firebird" {
		text = "SELECT 1 FROM rdb$database"
	}
	var one int
	return q.tx.QueryRowContext(patient, text).Scan(&one)
}

// Close implements Opened.
func (q *query) Close(Fate) error {
	var err error
	q.cancel()
	if q.rows != nil {
		err = q.rows.Close()
		if errors.Is(err, context.Canceled) {
			err = nil
		}
	}
	if q.tx != nil {
		_ = q.tx.Rollback() // nothing was changed; a connection that is lost has none any more
	}
	if q.conn != nil {
		err = errors.Join(err, q.conn.Close())
	}
	return errors.Join(err, q.db.Close())
}

// cell reads any value as text, exactly: a decimal number is never converted to a binary one.
type cell struct{ text *string }

// Scan implements sql.Scanner.
func (c *cell) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*c.text = ""
	case string:
		*c.text = v
	case []byte:
		*c.text = string(v)
	case int64:
		*c.text = strconv.FormatInt(v, 10)
	case bool:
		*c.text = strconv.FormatBool(v)
	case float64: // the column is binary itself: the shortest text is what was written into it
		*c.text = strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		*c.text = v.Format(time.DateTime)
	default:
		*c.text = fmt.Sprint(v)
	}
	return nil
}
