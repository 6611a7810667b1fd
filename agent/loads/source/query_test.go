package source_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/source"
)

// server is a database to read from: SQLite's is a file, the others are started by .ci/databases.sh, which says where.
type server struct {
	driver   string // database/sql's
	dsn      string
	wrong    string // the same with a wrong password; empty where there is none
	absent   string // the same with a database that is not there
	number   string // type of a price
	interval string // a query of many rows
}

func servers(t *testing.T) map[string]server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "erp.db")
	list := map[string]server{"sqlite": {
		driver: "sqlite", dsn: "file:" + file, absent: "file:" + file + ".nowhere?mode=ro", number: "NUMERIC",
		interval: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 50000) SELECT i AS sku, '' AS ean, 'P' AS name FROM n",
	}}
	for kind, s := range map[string]server{
		"postgres": {driver: "postgres", number: "NUMERIC(12,4)", interval: "SELECT i AS sku, '' AS ean, 'P' AS name FROM generate_series(1, 50000) i"},
		"mariadb":  {driver: "mysql", number: "DECIMAL(12,4)", interval: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 900) SELECT a.i * 1000 + b.i AS sku, '' AS ean, 'P' AS name FROM n a, n b LIMIT 50000"},
		"firebird": {driver: "firebirdsql", number: "NUMERIC(12,4)", interval: "WITH RECURSIVE n AS (SELECT 1 AS i FROM rdb$database UNION ALL SELECT i+1 FROM n WHERE i < 250) SELECT a.i * 1000 + b.i AS sku, '' AS ean, 'P' AS name FROM n a, n b"},
	} {
		s.dsn = os.Getenv("PDVAGENT_TEST_" + strings.ToUpper(kind))
		if s.dsn == "" {
			continue
		}
		s.wrong = strings.Replace(s.dsn, "certa", "ERRADA", 1)
		s.absent = strings.Replace(s.dsn, "erp", "nenhum", 1)
		list[kind] = s
	}
	return list
}

func everyServer(t *testing.T, test func(t *testing.T, kind string, s server)) {
	t.Helper()
	list := servers(t)
	for _, kind := range []string{"sqlite", "postgres", "mariadb", "firebird"} {
		t.Run(kind, func(t *testing.T) {
			s, there := list[kind]
			if !there {
				agenttest.Missing(t, kind+": .ci/databases.sh starts one")
			}
			test(t, kind, s)
		})
	}
}

var products = agent.LoadShape{Key: "sku", Label: "name", Fields: []agent.LoadField{
	{Name: "sku", Type: agent.TextField, Required: true},
	{Name: "ean", Type: agent.TextField, Required: true},
	{Name: "name", Type: agent.TextField, Required: true},
	{Name: "price", Type: agent.DecimalField},
	{Name: "active", Type: agent.FlagField},
}}

func (s server) config(kind, query string) source.Config {
	cfg := source.Default()
	cfg.Type, cfg.Driver, cfg.DSN, cfg.Query = "query", kind, s.dsn, query
	return cfg
}

// fill makes the shop's table anew.
func (s server) fill(t *testing.T) {
	t.Helper()
	db, err := sql.Open(s.driver, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, _ = db.ExecContext(t.Context(), "DROP TABLE produtos") // the first time there is none
	for _, statement := range []string{
		"CREATE TABLE produtos (codigo CHAR(6), ean VARCHAR(14), descricao VARCHAR(60), preco " + s.number + ", ativo SMALLINT, grupo VARCHAR(20))",
		"INSERT INTO produtos VALUES ('10', '0789', 'PÃO FRANCÊS', 12.9, 1, NULL)",
		"INSERT INTO produtos VALUES ('11', NULL, 'LEITE', 0.105, 0, 'FRIOS')",
		"INSERT INTO produtos VALUES ('12', '', 'QUEIJO', 12345678.1234, 1, '')",
	} {
		if s.driver == "sqlite" {
			statement = strings.Replace(statement, "12345678.1234", "'12345678.1234'", 1)
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func TestRowsOfTheShopsDatabaseBecomeRecords(t *testing.T) {
	everyServer(t, func(t *testing.T, kind string, s server) {
		s.fill(t)
		cfg := s.config(kind, "SELECT codigo, ean, descricao, preco, ativo, grupo FROM produtos ORDER BY codigo;")
		cfg.Columns = map[string]string{"sku": "codigo", "name": "Descricao", "price": "PRECO", "active": "ativo"}
		opened, err := source.Open(t.Context(), cfg, products)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for record := range opened[0].Records(t.Context()) {
			if record.Fault != nil {
				got = append(got, record.Place+" "+record.Fault.Field)
				continue
			}
			got = append(got, strings.Replace(string(record.Body), `"GRUPO"`, `"grupo"`, 1))
		}
		if err := errors.Join(opened[0].Err(), opened[0].Close(source.Taken)); err != nil {
			t.Error(err)
		}
		want := []string{
			`{"sku":"10","ean":"0789","name":"PÃO FRANCÊS","price":12.90,"active":true}`,
			`{"sku":"11","ean":"","name":"LEITE","price":0.105,"active":false,"grupo":"FRIOS"}`,
			`{"sku":"12","ean":"","name":"QUEIJO","price":12345678.123,"active":true}`,
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestWhatIsWrongWithADatabaseIsSaidInPortugueseAndWithoutItsPassword(t *testing.T) {
	everyServer(t, func(t *testing.T, kind string, s server) {
		s.fill(t)
		for name, c := range map[string]struct{ dsn, query, words string }{
			"wrong password": {s.wrong, "SELECT * FROM produtos", "usuário ou senha"},
			"no database":    {s.absent, "SELECT * FROM produtos", "não existe"},
			"wrong query":    {s.dsn, "SELECT nada FROM lugar", "foi recusada"},
			"no key column":  {s.dsn, "SELECT descricao AS name FROM produtos", "Falta a coluna de sku"},
			"nobody there":   {nobody(t, s), "SELECT * FROM produtos", "recusou a conexão"},
		} {
			if c.dsn == "" {
				continue
			}
			cfg := s.config(kind, c.query)
			cfg.DSN = c.dsn
			_, err := source.Open(t.Context(), cfg, products)
			e, ok := errors.AsType[*agent.Error](err)
			if !ok || !strings.Contains(e.Message, c.words) {
				t.Errorf("%s: got %v", name, err)
			}
			if err != nil && (strings.Contains(err.Error(), "certa") || strings.Contains(err.Error(), "ERRADA")) {
				t.Errorf("%s: the password is in %v", name, err)
			}
		}
	})
}

// A query that changes data is refused by the database itself, whatever its text begins with, and changes nothing.
func TestADatabaseIsOnlyRead(t *testing.T) {
	everyServer(t, func(t *testing.T, kind string, s server) {
		s.fill(t)
		for _, query := range map[string][]string{
			"sqlite":   {"WITH x AS (SELECT 1) DELETE FROM produtos RETURNING codigo AS sku, ean, descricao AS name", "WITH x AS (SELECT 1) DELETE FROM produtos"},
			"postgres": {"WITH x AS (DELETE FROM produtos RETURNING *) SELECT codigo AS sku, ean, descricao AS name FROM x", "WITH x AS (SELECT 1) DELETE FROM produtos"},
			"mariadb":  {"SELECT codigo AS sku, ean, descricao AS name FROM produtos FOR UPDATE", "DELETE FROM produtos RETURNING codigo AS sku, ean, descricao AS name", "WITH x AS (SELECT 1) DELETE FROM produtos"},
			"firebird": {"DELETE FROM produtos WHERE codigo = '10' RETURNING codigo AS sku, ean, descricao AS name"},
		}[kind] {
			opened, err := source.Open(t.Context(), s.config(kind, query), products)
			if err != nil {
				continue
			}
			for range opened[0].Records(t.Context()) {
				continue
			}
			err = errors.Join(opened[0].Err(), opened[0].Close(source.Taken))
			if err == nil && !strings.HasSuffix(query, "FOR UPDATE") { // that one locks rows, and changes none
				t.Errorf("not refused: %s", query)
			}
		}
		db, err := sql.Open(s.driver, s.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var rows int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM produtos").Scan(&rows); err != nil || rows != 3 {
			t.Errorf("%d rows are left of 3: %v", rows, err)
		}
	})
}

// nobody gives the address with a port at which nothing listens.
func nobody(t *testing.T, s server) string {
	t.Helper()
	if s.driver == "sqlite" {
		return ""
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(s.dsn, "127.0.0.1:")
	if !ok {
		t.Fatalf("no address in %s", s.dsn)
	}
	return before + address + strings.TrimLeft(after, "0123456789")
}

// TestADatabaseThatDiesInTheMiddle has the way to it cut while rows come; a file's is a load that was ended.
func TestADatabaseThatDiesInTheMiddle(t *testing.T) {
	everyServer(t, func(t *testing.T, kind string, s server) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if s.driver != "sqlite" {
			s.dsn = cutAfter(t, s.dsn, 200_000)
		}
		opened, err := source.Open(ctx, s.config(kind, s.interval), products)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range opened[0].Records(ctx) {
			if n++; n == 10 && s.driver == "sqlite" {
				cancel()
			}
		}
		err = opened[0].Err()
		if e, ok := errors.AsType[*agent.Error](err); !ok || !strings.Contains(e.Message, "a leitura parou") || n == 0 || n > 45_000 {
			t.Errorf("%d rows, then %v", n, err)
		}
		_ = opened[0].Close(source.Left) // the driver may say once more that nobody is there
	})
}

// cutAfter gives the address of a way to the server that ends after so many bytes of its answers.
func cutAfter(t *testing.T, dsn string, most int64) string {
	t.Helper()
	before, after, ok := strings.Cut(dsn, "127.0.0.1:")
	port := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil || !ok {
		t.Fatal(err)
	}
	var way sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close() // it was only for this test
		way.Wait()
	})
	way.Go(func() {
		for {
			till, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", "127.0.0.1:"+port)
			if err != nil {
				_ = till.Close()
				return
			}
			closeBoth := func() { _, _ = till.Close(), server.Close() }
			way.Go(func() { _, _ = io.Copy(server, till); closeBoth() })
			way.Go(func() { _, _ = io.CopyN(till, server, most); closeBoth() })
		}
	})
	return before + listener.Addr().String() + strings.TrimPrefix(after, port)
}

func TestOneColumnMayGiveTwoFieldsAndAConfiguredOneWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.csv")
	if err := os.WriteFile(path, []byte("CODIGO;sku;Name;EAN;preco;ativo\n789;10;PAO;;1,5;S\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := source.Default()
	cfg.Decimal, cfg.Columns = "comma", map[string]string{"sku": "codigo", "ean": "CODIGO", "price": "preco"}
	opened := source.OpenFile(cfg, products, path)
	for record := range opened.Records(t.Context()) {
		if got := string(record.Body); record.Fault != nil || got != `{"ean":"789","sku":"789","name":"PAO","price":1.50,"ativo":"S"}` {
			t.Errorf("got %s %v", got, record.Fault)
		}
	}
	if err := errors.Join(opened.Err(), opened.Close(source.Left)); err != nil {
		t.Error(err)
	}
}
