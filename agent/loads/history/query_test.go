package history_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/loads/history"
	"pdvagent/agent/loads/source"
)

// soldLines is a shop's database with the lines of n receipts of two lines each; the one of number 7 has no value.
func soldLines(t *testing.T, n int) source.Config {
	t.Helper()
	cfg := source.Default()
	cfg.Type, cfg.Driver, cfg.DSN = "query", "sqlite", "file:"+filepath.Join(t.TempDir(), "erp.db")
	cfg.Columns = map[string]string{"coupon": "NUMERO", "total_value": "VALOR", "unit_value": "VALOR"}
	cfg.Query = `SELECT numero, dia AS date, '19:12:46' AS "time", '012' AS pdv_code, '7' AS operator_id, 'cash' AS payment_form,
		sku, 'CAFE' AS product_name, 1 AS quantity, valor FROM linhas ORDER BY numero, sku`
	db, err := sql.Open("sqlite", cfg.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	exec := func(statement string, args ...any) {
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec("CREATE TABLE linhas (numero TEXT, dia TEXT, sku TEXT, valor NUMERIC)")
	for receipt := range n {
		for sku := range 2 {
			var price any = fmt.Sprintf("%d.5", 10+receipt)
			if receipt == 7 && sku == 1 {
				price = nil
			}
			exec("INSERT INTO linhas VALUES (?, '2026-05-14', ?, ?)", fmt.Sprintf("V%03d", receipt), fmt.Sprint(sku+1), price)
		}
	}
	return cfg
}

func TestReceiptsOfTheShopsDatabaseGoOnWhereTheImportDied(t *testing.T) {
	cfg := soldLines(t, 20)
	m := newMemory(t)
	m.dies = 4
	read := func() (history.Progress, error) {
		opened, err := source.Open(t.Context(), cfg, history.Columns())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := opened[0].Close(source.Left); err != nil {
				t.Error(err)
			}
		}()
		return m.run("query.csv", func(c *history.Config) { c.Source = opened[0] })
	}
	if _, err := read(); !errors.Is(err, errDead) {
		t.Fatalf("the first import did not die: %+v %v", m.cursor, m.refused)
	}
	before := len(m.bodies)
	done, err := read()
	if err != nil || before == 0 || before == 19 {
		t.Fatalf("%d before the death; then %+v %v", before, done, err)
	}
	if len(m.bodies) != 19 || done.Sent != 19 || done.Faulty != 1 || len(m.differs) != 0 || m.bodies["V007"] != "" {
		t.Errorf("%d receipts arrived, %+v, differing: %v", len(m.bodies), done, m.differs)
	}
	if body := m.bodies["V003"]; body == "" || !strings.Contains(body, `"total_value":27`) {
		t.Errorf("V003 of two lines of 13.50 arrived as %s", body)
	}
}
