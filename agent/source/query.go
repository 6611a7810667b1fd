package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net"
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

// Drivers lists the kinds of database.
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

// readsOnly tells whether a text is one query and nothing that changes data. The user of the database should not be
// allowed to, either: the documentation says so.
func readsOnly(query string) bool {
	text := strings.TrimSuffix(strings.TrimSpace(query), ";")
	first, _, _ := strings.Cut(strings.ToUpper(strings.Join(strings.Fields(text), " ")), " ")
	return (first == "SELECT" || first == "WITH") && !strings.Contains(text, ";")
}

type query struct {
	cfg     Config
	db      *sql.DB
	conn    *sql.Conn
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
	q := &query{cfg: cfg, db: db, cancel: func() {}}
	patient, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	if q.conn, err = db.Conn(patient); err == nil {
		err = q.conn.PingContext(patient)
	}
	if err != nil {
		_ = q.Close(Left) // it was not even open
		return nil, queryError(cfg, connectError(err), err)
	}
	reading, stop := context.WithCancel(ctx)
	q.cancel = stop
	if q.rows, err = q.conn.QueryContext(reading, cfg.Query); err != nil {
		return nil, errors.Join(queryError(cfg, "a consulta (query) foi recusada", err), q.Close(Left))
	}
	if q.columns, err = q.rows.Columns(); err == nil {
		q.mapped, err = newObject(cfg, shape, q.columns)
	}
	if err != nil {
		return nil, errors.Join(err, q.Close(Left))
	}
	return q, nil
}

// connectError says in words why a database is not reached. The driver's own text may hold the password.
func connectError(err error) string {
	text := strings.ToLower(err.Error())
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "ele não respondeu em 15 segundos"
	case containsAny(text, "to database"): // MySQL does not tell the two apart
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

// hidden is a driver's error without the address, which holds a password.
type hidden struct {
	error
	dsn string
}

func (h hidden) Error() string { return strings.ReplaceAll(h.error.Error(), h.dsn, "***") }

func (h hidden) Unwrap() error { return h.error }

func (q *query) Name() string { return q.cfg.Driver }

func (q *query) Err() error { return q.err }

func (q *query) Refuse(string, agent.Fault) {}

// Records reads the rows as they come.
func (q *query) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		values, texts := make([]any, len(q.columns)), make([]string, len(q.columns))
		for i := range values {
			values[i] = &cell{text: &texts[i]}
		}
		number := 0
		for q.rows.Next() {
			number++
			if err := errors.Join(ctx.Err(), q.rows.Scan(values...)); err != nil {
				q.err = queryError(q.cfg, fmt.Sprintf("a leitura parou na linha %d", number), err)
				return
			}
			record := Record{Place: fmt.Sprintf("%s, linha %d", q.cfg.Driver, number)}
			record.Key = q.mapped.key(texts)
			record.Body, record.Fault = q.mapped.of(texts)
			if !yield(record) {
				return
			}
		}
		if err := errors.Join(q.rows.Err(), q.alive(ctx)); err != nil {
			q.err = queryError(q.cfg, fmt.Sprintf("a leitura parou depois de %d linhas", number), err)
		}
	}
}

// alive tells whether the connection is still there after the last row. A driver that takes a lost one for the end of the
// rows would make half a catalog look whole.
func (q *query) alive(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	if q.cfg.Driver != "firebird" {
		return q.conn.PingContext(patient)
	}
	var one int
	return q.conn.QueryRowContext(patient, "SELECT 1 FROM rdb$database").Scan(&one)
}

// Close ends the query.
func (q *query) Close(Fate) error {
	var err error
	q.cancel()
	if q.rows != nil {
		err = q.rows.Close()
		if errors.Is(err, context.Canceled) {
			err = nil
		}
	}
	if q.conn != nil {
		err = errors.Join(err, q.conn.Close())
	}
	return errors.Join(err, q.db.Close())
}

// cell reads any value as text, exactly: a number of a database is never made a binary one here.
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
	case float64: // the column is a binary one: its shortest text is what a person wrote into it
		*c.text = strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		*c.text = v.Format(time.DateTime)
	default:
		*c.text = fmt.Sprint(v)
	}
	return nil
}
