package reconcile_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/loads/reconcile"
	"pdvagent/agent/loads/source"
)

// drop writes a file of an ERP.
func drop(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDifferencesToTheERPAreNamed(t *testing.T) {
	report := reconcile.Report{
		Day: "2026-05-14",
		Sales: []reconcile.Sale{
			{Coupon: "SAME", Till: "1", Value: 1000, Fate: reconcile.Delivered},
			{Coupon: "PRICE", Till: "1", Value: 2000, Fate: reconcile.Delivered},
			{Coupon: "HERE", Till: "1", Value: 3000, Fate: reconcile.Pending},
			{Coupon: "BACK", Till: "2", Value: 4000, Fate: reconcile.Cancelled},
			{Coupon: "BACK-TOO", Till: "2", Value: 4500, Fate: reconcile.Cancelled},
		},
		Tills: []reconcile.Totals{
			{Till: "1", Accepted: reconcile.Amount{Count: 3, Value: 6000}},
			{Till: "2", Accepted: reconcile.Amount{Count: 2, Value: 8500}, Cancelled: reconcile.Amount{Count: 2, Value: 8500}},
		},
	}
	folder := t.TempDir()
	cfg := source.Default()
	cfg.Decimal = "comma"
	read := func(text string) []reconcile.Line {
		drop(t, folder, "erp.csv", text)
		lines, err := reconcile.ReadERP(t.Context(), source.OpenFile(cfg, reconcile.Columns(), folder+"/erp.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	words := func(list []reconcile.Difference) string {
		var out []string
		for _, d := range list {
			out = append(out, d.Till+d.Coupon+" "+d.What)
		}
		return strings.Join(out, ", ")
	}
	sales := read("coupon;value\nSAME;10,00\nPRICE;21,00\nBACK;40,00\nTHERE;1.050,00\nSAME;10,00\n")
	if got := words(reconcile.Compare(report, sales)); got != "SAME only_erp, 1PRICE value, 1HERE only_agent, 2BACK only_erp, THERE only_erp" {
		t.Errorf("sale by sale: %s", got)
	}
	if got := words(reconcile.Compare(report, read("till;count;value\n1;3;60,00\n2;0;0,00\n"))); got != "" {
		t.Errorf("they agree: %s", got)
	}
	if got := words(reconcile.Compare(report, read("till;count;value\n1;3;60,01\n3;1;5,00\n"))); got != "1 value, 3 only_erp" {
		t.Errorf("till by till: %s", got)
	}
	drop(t, folder, "erp.csv", "coupon;value\nSAME;dez\n")
	if _, err := reconcile.ReadERP(t.Context(), source.OpenFile(cfg, reconcile.Columns(), folder+"/erp.csv")); err == nil {
		t.Error("a list with a line that cannot be read was compared")
	}
}

func TestTheERPsOwnDatabaseIsCompared(t *testing.T) {
	cfg := source.Default()
	cfg.Type, cfg.Driver, cfg.DSN = "query", "sqlite", "file:"+filepath.Join(t.TempDir(), "erp.db")
	cfg.Columns = map[string]string{"coupon": "NUMERO", "value": "TOTAL"}
	cfg.Query = "SELECT numero, total FROM vendas"
	db, err := sql.Open("sqlite", cfg.DSN)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"CREATE TABLE vendas (numero TEXT, total NUMERIC)", "INSERT INTO vendas VALUES ('SAME', 10), ('PRICE', 20.01), ('THERE', 0.1)"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	opened, err := source.Open(t.Context(), cfg, reconcile.Columns())
	if err != nil {
		t.Fatal(err)
	}
	lines, err := reconcile.ReadERP(t.Context(), opened[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := opened[0].Close(source.Left); err != nil {
		t.Error(err)
	}
	report := reconcile.Report{Day: "2026-05-14", Sales: []reconcile.Sale{
		{Coupon: "SAME", Till: "1", Value: 1000, Fate: reconcile.Delivered}, {Coupon: "PRICE", Till: "1", Value: 2000, Fate: reconcile.Delivered},
	}}
	var got []string
	for _, d := range reconcile.Compare(report, lines) {
		got = append(got, d.Coupon+" "+d.What)
	}
	if strings.Join(got, ", ") != "PRICE value, THERE only_erp" {
		t.Errorf("got %v", got)
	}
}

// same compares what two lists say.
func same(t *testing.T, got, want []reconcile.Difference) {
	t.Helper()
	texts := make([]string, 2)
	for i, list := range [][]reconcile.Difference{got, want} {
		text, err := json.MarshalIndent(list, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if texts[0] != texts[1] {
		t.Errorf("got %s\nwant %s", texts[0], texts[1])
	}
}

func cents(n agent.Cents) *agent.Cents { return &n }

func TestADifferenceHasBothValuesAndWords(t *testing.T) {
	report := reconcile.Report{Sales: []reconcile.Sale{
		{Coupon: "PRICE", Till: "1", Value: 2000, Fate: reconcile.Delivered},
		{Coupon: "HERE", Till: "1", Value: 3000, Fate: reconcile.Dead},
		{Coupon: "BACK", Till: "2", Value: 4000, Fate: reconcile.Held},
	}}
	got := reconcile.Compare(report, []reconcile.Line{{Coupon: "PRICE", Value: 2100}, {Coupon: "BACK", Value: 4000}, {Coupon: "THERE", Till: "9", Value: 50}})
	want := []reconcile.Difference{
		{Coupon: "PRICE", Till: "1", What: "value", ERP: cents(2100), Agent: cents(2000), Fate: reconcile.Delivered, Words: "vale R$ 21,00 no ERP e R$ 20,00 aqui"},
		{Coupon: "HERE", Till: "1", What: "only_agent", Agent: cents(3000), Fate: reconcile.Dead, Words: "não está no ERP; aqui está recusada pela nuvem"},
		{Coupon: "BACK", Till: "2", What: "only_erp", ERP: cents(4000), Agent: cents(4000), Fate: reconcile.Held, Words: "no ERP é uma venda; aqui está retida"},
		{Coupon: "THERE", Till: "9", What: "only_erp", ERP: cents(50), Words: "está no ERP e nunca chegou a este agente"},
	}
	same(t, got, want)
}

func TestTotalsOfATillAreComparedWithoutItsCancelledSales(t *testing.T) {
	report := reconcile.Report{Tills: []reconcile.Totals{
		{Till: "1", Accepted: reconcile.Amount{Count: 3, Value: 6000}, Cancelled: reconcile.Amount{Count: 1, Value: 1000}},
		{Till: "2", Accepted: reconcile.Amount{Count: 2, Value: 2000}},
		{Till: "3", Accepted: reconcile.Amount{Count: 1, Value: 700}},
		{Till: "4", Accepted: reconcile.Amount{Count: 1, Value: 800}, Cancelled: reconcile.Amount{Count: 1, Value: 800}},
	}}
	got := reconcile.Compare(report, []reconcile.Line{{Till: "1", Count: 2, Value: 5000}, {Till: "2", Count: 3, Value: 2000}, {Till: "9", Count: 1, Value: 10}})
	want := []reconcile.Difference{
		{Till: "2", What: "count", ERP: cents(2000), Agent: cents(2000), Words: "3 vendas no ERP e 2 aqui"},
		{Till: "9", What: "only_erp", ERP: cents(10), Words: "tem vendas no ERP e nenhuma aqui"},
		{Till: "3", What: "only_agent", Agent: cents(700), Words: "tem vendas aqui e nenhuma no ERP"},
	}
	same(t, got, want)
}

func TestAnERPsListIsReadWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	for name, c := range map[string]struct {
		text string
		want string // of the error; empty: lines
	}{
		"sales":                {"coupon,value\nA,1.005\n", ""},
		"tills":                {"till,count,value\n1,2,3.00\n", ""},
		"a till without count": {"till,value\n1,3.00\n", ""},
		"neither":              {"coupon,value\nA,1.00\n,2.00\n", "linha 3: a linha precisa de value"},
		"a count of words":     {"till,count,value\n1,dois,3.00\n", "linha 2"},
		"a fault":              {"coupon,value\nA,x\n", "linha 2: value"},
		"no value":             {"coupon\nA\n", "Falta a coluna de value"},
	} {
		t.Run(name, func(t *testing.T) {
			drop(t, folder, "erp.csv", c.text)
			lines, err := reconcile.ReadERP(t.Context(), source.OpenFile(source.Default(), reconcile.Columns(), filepath.Join(folder, "erp.csv")))
			if (c.want == "") != (err == nil) || err != nil && (!strings.Contains(agent.Sentence(err), c.want) || lines != nil) {
				t.Errorf("got %+v, %v", lines, err)
			}
			want := map[string]reconcile.Line{
				"sales": {Coupon: "A", Count: 1, Value: 101}, "tills": {Till: "1", Count: 2, Value: 300}, "a till without count": {Till: "1", Count: 1, Value: 300},
			}[name]
			if c.want == "" && (len(lines) != 1 || lines[0] != want) {
				t.Errorf("got %+v, want %+v", lines, want)
			}
		})
	}
}
