package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/routine"
	"pdvagent/cmd/internal/e2e"
)

// folderOf gives replacements that make the till primary, with a folder as a source of products.
func folderOf(folder, more string) []string {
	return []string{
		"primary: false", "primary: true ",
		"  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}",
		fmt.Sprintf("  products: {every: 6h, source: {type: folder, path: '%s'%s}}", folder, more),
	}
}

func drop(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestProductsOfAFolder is H1 and H5: all of them at first, afterwards what is new or changed.
func TestProductsOfAFolder(t *testing.T) {
	folder := t.TempDir()
	e2e.InBubble(t, func(b *e2e.Bubble) {
		drop(t, folder, "1.csv", "SKU;EAN;NAME;PRICE\n10;789;\"CAFÉ \"\"500\"\"\";12,90\n11;;LEITE;4,5\n")
		first := b.RunRoutine("products")
		if first.State != routine.Done || first.Counts["changed"] != 2 || holds(b, "products") != `10=CAFÉ "500" 11=LEITE` {
			t.Errorf("first: %+v, the cloud holds %s", first, holds(b, "products"))
		}
		if body := string(b.Cloud.Loaded("products")[0].Body); !strings.Contains(body, `"price":12.90`) {
			t.Errorf("the decimal comma became %s", body)
		}
		drop(t, folder, "2.csv", "SKU;EAN;NAME;PRICE\n10;789;\"CAFÉ \"\"500\"\"\";12,90\n11;;LEITE;4,6\n12;;PAO;1\n")
		second := b.RunRoutine("products")
		if second.Counts["changed"] != 2 || second.Counts["unchanged"] != 1 || b.RequestCount("products") != 2 || b.Cloud.Loaded("products")[0].Times != 1 {
			t.Errorf("second: %+v, %d requests, %+v", second, b.RequestCount("products"), b.Cloud.Loaded("products"))
		}
		drop(t, folder, "3.csv", "sku;ean;name;price\n11;;LEITE;4,60\n")
		if third := b.RunRoutine("products"); third.Counts["unchanged"] != 1 || b.RequestCount("products") != 2 {
			t.Errorf("third: %+v, %d requests: another spelling of the same number is no change", third, b.RequestCount("products"))
		}
		got, _ := b.Call(http.MethodPost, "/v1/routines/products/run?full=1", e2e.SupportToken, "{}")
		<-time.After(time.Minute)
		if got.Status != http.StatusAccepted || b.RequestCount("products") != 2 {
			t.Errorf("an empty folder: %d %s, %d requests", got.Status, got.Body, b.RequestCount("products"))
		}
		drop(t, folder, "4.csv", "sku;ean;name;price\n11;;LEITE;4,60\n")
		b.Call(http.MethodPost, "/v1/routines/products/run?full=1", e2e.SupportToken, "{}")
		<-time.After(time.Minute)
		if b.RequestCount("products") != 3 {
			t.Errorf("%d requests: everything was asked for", b.RequestCount("products"))
		}
		if done, err := filepath.Glob(filepath.Join(folder, "done", "*.csv")); err != nil || len(done) != 4 {
			t.Errorf("done: %v, %v", done, err)
		}
		<-time.After(8 * time.Hour) // by the clock
		drop(t, folder, "5.csv", "sku;ean;name\n13;;OVO\n")
		<-time.After(7 * time.Hour)
		if !strings.Contains(holds(b, "products"), "13=OVO") {
			t.Errorf("the clock brought nothing: %s", holds(b, "products"))
		}
	}, folderOf(folder, ", decimal: comma")...)
}

func TestFaultyFilesAreReportedLineByLineAndTheirRightRecordsGo(t *testing.T) {
	folder := t.TempDir()
	e2e.InBubble(t, func(b *e2e.Bubble) {
		drop(t, folder, "a.csv", "sku,ean,name,price\n1,,UM,1.00\n2,,\"DOIS,1.00\n3,,TRES,x\n4,,,1.00\n5,,CINCO\n6,,S\xc9IS,1.00\n7,,SETE,1e30\n1,,OUTRO,1.00\n8,,OITO,8.00\n")
		drop(t, folder, "b.json", `[{"sku":"20","ean":"","name":"VINTE"},{"sku":21,"ean":"","name":"X"},{"sku":"22","ean":"","name":"CORTADO`)
		drop(t, folder, "c.ndjson", "{\"sku\":\"30\",\"ean\":\"\",\"name\":\"A\"}\n{\"sku\":\"31\",\"ean\":\"\",\"na\"me\":\"B\"}\n{\"sku\":\"32\",\"ean\":\"\",\"name\":\"C\"}\n")
		drop(t, folder, "d.csv", "codigo;descricao\n1;X\n")
		drop(t, folder, "e.csv.part", "sku,ean,name\n99,,NUNCA\n")
		run := b.RunRoutine("products")
		if want := "1=UM 20=VINTE 21=X 30=A 32=C 8=OITO"; holds(b, "products") != want {
			t.Errorf("the cloud holds %s, want %s", holds(b, "products"), want)
		}
		if run.State != routine.Failed || len(run.Errors) != 3 || !strings.Contains(run.Errors[0], "termina no meio") || !strings.Contains(run.Errors[1], "Falta a coluna de sku") ||
			!strings.Contains(run.Errors[2], "A maior parte dos registros foi recusada: 8 de 14.") {
			t.Errorf("got %s %q", run.State, run.Errors)
		}
		report, err := filepath.Glob(filepath.Join(folder, "done", "*-a.csv.report.txt"))
		if err != nil || len(report) != 1 {
			t.Fatalf("reports: %v, %v", report, err)
		}
		text, err := os.ReadFile(report[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"linha 3\t", "linha 4\tprice", "linha 5\tname", "linha 6\t\tcolumns", "linha 7\t", "linha 8\tprice", "linha 9\tsku\trepeated"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the report does not have %q:\n%s", want, text)
			}
		}
		if n := strings.Count(string(text), "\n"); n != 7 {
			t.Errorf("%d lines in the report:\n%s", n, text)
		}
		for name, want := range map[string]int{"done/*-a.csv": 1, "rejected/*-b.json": 1, "done/*-c.ndjson": 1, "rejected/*-d.csv": 1, "e.csv.part": 1, "*.csv": 0} {
			if found, _ := filepath.Glob(filepath.Join(folder, name)); len(found) != want { // the patterns are right
				t.Errorf("%s: %v", name, found)
			}
		}
	}, folderOf(folder, "")...)
}

func TestWhatAFullLoadLacksIsReportedAndTakenOutOfUse(t *testing.T) {
	rows := func(from, to int) string {
		var text strings.Builder
		text.WriteString("sku,ean,name\n")
		for i := from; i < to; i++ {
			fmt.Fprintf(&text, "%03d,,P%d\n", i, i)
		}
		return text.String()
	}
	folder := t.TempDir()
	e2e.InBubble(t, func(b *e2e.Bubble) {
		drop(t, folder, "1.csv", rows(0, 100))
		b.RunRoutine("products")
		drop(t, folder, "2.csv", rows(2, 100))
		run := b.RunRoutine("products")
		data, err := json.Marshal(run.Data)
		if err != nil {
			t.Fatal(err)
		}
		if run.Counts["removed"] != 2 || !strings.Contains(string(data), `"keys":["000","001"]`) && !strings.Contains(string(data), `"keys":["001","000"]`) {
			t.Errorf("got %+v %s", run.Counts, data)
		}
		if got := holds(b, "products"); !strings.HasPrefix(got, "000=P0(false) 001=P1(false) 002=P2 003") {
			t.Errorf("the cloud holds %.80s", got)
		}
		before := b.RequestCount("products")
		drop(t, folder, "3.csv", rows(2, 100))
		if run := b.RunRoutine("products"); run.Counts["removed"] != 0 || b.RequestCount("products") != before {
			t.Errorf("what is gone is gone once: %+v, %d requests more", run.Counts, b.RequestCount("products")-before)
		}
		faulty := strings.Replace(rows(2, 100), "050,,P50\n", "050,,\n", 1) // it has no name any more, and is there all the same
		drop(t, folder, "3b.csv", faulty)
		if run := b.RunRoutine("products"); run.Counts["removed"] != 0 || run.Counts["rejected"] != 1 {
			t.Errorf("a faulty record is not a missing one: %+v", run.Counts)
		}
		unreadable := strings.Replace(rows(2, 100), "050,,P50\n", "\"050,,P50\n", 1)
		drop(t, folder, "3c.csv", unreadable)
		if run := b.RunRoutine("products"); run.State != routine.Failed || strings.Contains(holds(b, "products"), "050=P50(false)") {
			t.Errorf("who cannot read a line does not know what is missing: %+v", run)
		}
		drop(t, folder, "4.csv", rows(0, 3))
		half := b.RunRoutine("products")
		if half.State != routine.Failed || !strings.Contains(strings.Join(half.Errors, " "), "para ser verdade") {
			t.Errorf("most of the catalog vanished: %+v", half)
		}
		if got := holds(b, "products"); !strings.HasPrefix(got, "000=P0(false) 001=P1(false) 002=P2 003") {
			t.Errorf("nothing of it is taken: the cloud holds %.80s", got)
		}
		if alarms := fmt.Sprint(b.StatusField("alarms")); !strings.Contains(alarms, "load_refused") {
			t.Errorf("alarms: %s", alarms)
		}
		b.Call(http.MethodPost, "/v1/routines/products/run?confirm=1", e2e.SupportToken, "{}")
		<-time.After(2 * time.Minute)
		if got := holds(b, "products"); !strings.HasPrefix(got, "000=P0 001=P1 002=P2 003=P3(false)") {
			t.Errorf("a person confirmed it: the cloud holds %.80s", got)
		}
		drop(t, folder, "5.csv", "sku,ean,name\n")
		if run := b.RunRoutine("products"); run.State != routine.Failed || run.Counts["removed"] != 3 {
			t.Errorf("an empty export: %+v", run)
		}
	}, folderOf(folder, ", mode: full, removed: inactive")...)
}
