package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/catalog"
	"pdvagent/agent/routine"
	"pdvagent/mercafacil/mercafacilsim"
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

// runNow runs a routine and waits for its end.
func (b *bubble) runNow(name string) routine.Report {
	b.t.Helper()
	got, _ := b.call(http.MethodPost, "/v1/routines/"+name+"/run", supportToken, "{}")
	if got.status != http.StatusAccepted {
		b.t.Fatalf("run %s: %d %s", name, got.status, got.body)
	}
	var started routine.Report
	got.decode(b.t, &started)
	for range 600 {
		<-time.After(time.Second)
		got, _ := b.call(http.MethodGet, "/v1/routines/"+name+"/runs", supportToken, "")
		var page struct{ Runs []routine.Report }
		got.decode(b.t, &page)
		if i := slices.IndexFunc(page.Runs, func(r routine.Report) bool { return r.ID == started.ID }); i >= 0 && page.Runs[i].State != routine.Running {
			return page.Runs[i]
		}
	}
	b.t.Fatalf("%s does not end", name)
	return started
}

// push sends a load as a till does.
func (b *bubble) push(path, body string) catalog.Summary {
	b.t.Helper()
	got := b.post(path, body)
	if got.status != http.StatusAccepted {
		b.t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	var summary catalog.Summary
	got.decode(b.t, &summary)
	return summary
}

// requests counts what the cloud was sent on a route.
func (b *bubble) requests(route string) int {
	n := 0
	for _, arrival := range b.cloud.Received() {
		if arrival.Route == route {
			n++
		}
	}
	return n
}

// holds says what the cloud has of a load: key and name.
func (b *bubble) holds(route string) string {
	b.t.Helper()
	var list []string
	for _, record := range b.cloud.Loaded(route) {
		var named struct {
			Name   string
			Active *bool
		}
		if err := json.Unmarshal(record.Body, &named); err != nil {
			b.t.Fatal(err)
		}
		text := record.Key + "=" + named.Name
		if named.Active != nil {
			text += fmt.Sprintf("(%v)", *named.Active)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// TestProductsOfAFolder is H1 and H5: all of them at first, afterwards what is new or changed.
func TestProductsOfAFolder(t *testing.T) {
	folder := t.TempDir()
	inBubble(t, func(b *bubble) {
		drop(t, folder, "1.csv", "SKU;EAN;NAME;PRICE\n10;789;\"CAFÉ \"\"500\"\"\";12,90\n11;;LEITE;4,5\n")
		first := b.runNow("products")
		if first.State != routine.Done || first.Counts["changed"] != 2 || b.holds("products") != `10=CAFÉ "500" 11=LEITE` {
			t.Errorf("first: %+v, the cloud holds %s", first, b.holds("products"))
		}
		if body := string(b.cloud.Loaded("products")[0].Body); !strings.Contains(body, `"price":12.90`) {
			t.Errorf("the decimal comma became %s", body)
		}
		drop(t, folder, "2.csv", "SKU;EAN;NAME;PRICE\n10;789;\"CAFÉ \"\"500\"\"\";12,90\n11;;LEITE;4,6\n12;;PAO;1\n")
		second := b.runNow("products")
		if second.Counts["changed"] != 2 || second.Counts["unchanged"] != 1 || b.requests("products") != 2 || b.cloud.Loaded("products")[0].Times != 1 {
			t.Errorf("second: %+v, %d requests, %+v", second, b.requests("products"), b.cloud.Loaded("products"))
		}
		drop(t, folder, "3.csv", "sku;ean;name;price\n11;;LEITE;4,60\n")
		if third := b.runNow("products"); third.Counts["unchanged"] != 1 || b.requests("products") != 2 {
			t.Errorf("third: %+v, %d requests: another spelling of the same number is no change", third, b.requests("products"))
		}
		got, _ := b.call(http.MethodPost, "/v1/routines/products/run?full=1", supportToken, "{}")
		<-time.After(time.Minute)
		if got.status != http.StatusAccepted || b.requests("products") != 2 {
			t.Errorf("an empty folder: %d %s, %d requests", got.status, got.body, b.requests("products"))
		}
		drop(t, folder, "4.csv", "sku;ean;name;price\n11;;LEITE;4,60\n")
		b.call(http.MethodPost, "/v1/routines/products/run?full=1", supportToken, "{}")
		<-time.After(time.Minute)
		if b.requests("products") != 3 {
			t.Errorf("%d requests: everything was asked for", b.requests("products"))
		}
		if done, err := filepath.Glob(filepath.Join(folder, "done", "*.csv")); err != nil || len(done) != 4 {
			t.Errorf("done: %v, %v", done, err)
		}
		<-time.After(8 * time.Hour) // by the clock
		drop(t, folder, "5.csv", "sku;ean;name\n13;;OVO\n")
		<-time.After(7 * time.Hour)
		if !strings.Contains(b.holds("products"), "13=OVO") {
			t.Errorf("the clock brought nothing: %s", b.holds("products"))
		}
	}, folderOf(folder, ", decimal: comma")...)
}

func TestFaultyFilesAreReportedLineByLineAndTheirRightRecordsGo(t *testing.T) {
	folder := t.TempDir()
	inBubble(t, func(b *bubble) {
		drop(t, folder, "a.csv", "sku,ean,name,price\n1,,UM,1.00\n2,,\"DOIS,1.00\n3,,TRES,x\n4,,,1.00\n5,,CINCO\n6,,S\xc9IS,1.00\n7,,SETE,1.0005\n1,,OUTRO,1.00\n8,,OITO,8.00\n")
		drop(t, folder, "b.json", `[{"sku":"20","ean":"","name":"VINTE"},{"sku":21,"ean":"","name":"X"},{"sku":"22","ean":"","name":"CORTADO`)
		drop(t, folder, "c.ndjson", "{\"sku\":\"30\",\"ean\":\"\",\"name\":\"A\"}\n{\"sku\":\"31\",\"ean\":\"\",\"na\"me\":\"B\"}\n{\"sku\":\"32\",\"ean\":\"\",\"name\":\"C\"}\n")
		drop(t, folder, "d.csv", "codigo;descricao\n1;X\n")
		drop(t, folder, "e.csv.part", "sku,ean,name\n99,,NUNCA\n")
		run := b.runNow("products")
		if want := "1=UM 20=VINTE 30=A 32=C 8=OITO"; b.holds("products") != want {
			t.Errorf("the cloud holds %s, want %s", b.holds("products"), want)
		}
		if run.State != routine.Failed || len(run.Errors) != 3 || !strings.Contains(run.Errors[0], "termina no meio") || !strings.Contains(run.Errors[1], "Falta a coluna de sku") ||
			!strings.Contains(run.Errors[2], "A maior parte dos registros foi recusada: 9 de 14.") {
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
	inBubble(t, func(b *bubble) {
		drop(t, folder, "1.csv", rows(0, 100))
		b.runNow("products")
		drop(t, folder, "2.csv", rows(2, 100))
		run := b.runNow("products")
		data, err := json.Marshal(run.Data)
		if err != nil {
			t.Fatal(err)
		}
		if run.Counts["removed"] != 2 || !strings.Contains(string(data), `"keys":["000","001"]`) && !strings.Contains(string(data), `"keys":["001","000"]`) {
			t.Errorf("got %+v %s", run.Counts, data)
		}
		if got := b.holds("products"); !strings.HasPrefix(got, "000=P0(false) 001=P1(false) 002=P2 003") {
			t.Errorf("the cloud holds %.80s", got)
		}
		before := b.requests("products")
		drop(t, folder, "3.csv", rows(2, 100))
		if run := b.runNow("products"); run.Counts["removed"] != 0 || b.requests("products") != before {
			t.Errorf("what is gone is gone once: %+v, %d requests more", run.Counts, b.requests("products")-before)
		}
		faulty := strings.Replace(rows(2, 100), "050,,P50\n", "050,,\n", 1) // it has no name any more, and is there all the same
		drop(t, folder, "3b.csv", faulty)
		if run := b.runNow("products"); run.Counts["removed"] != 0 || run.Counts["rejected"] != 1 {
			t.Errorf("a faulty record is not a missing one: %+v", run.Counts)
		}
		unreadable := strings.Replace(rows(2, 100), "050,,P50\n", "\"050,,P50\n", 1)
		drop(t, folder, "3c.csv", unreadable)
		if run := b.runNow("products"); run.State != routine.Failed || strings.Contains(b.holds("products"), "050=P50(false)") {
			t.Errorf("who cannot read a line does not know what is missing: %+v", run)
		}
		drop(t, folder, "4.csv", rows(0, 3))
		half := b.runNow("products")
		if half.State != routine.Failed || !strings.Contains(strings.Join(half.Errors, " "), "para ser verdade") {
			t.Errorf("most of the catalog vanished: %+v", half)
		}
		if got := b.holds("products"); !strings.HasPrefix(got, "000=P0 001=P1 002=P2 003=P3") {
			t.Errorf("the cloud holds %.80s", got)
		}
	}, folderOf(folder, ", mode: full, removed: inactive")...)
}

// TestOperatorsFromTheTill is H2 and H6.
func TestOperatorsFromTheTill(t *testing.T) {
	inBubble(t, func(b *bubble) {
		first := b.push("/v2/operators", `[{"id":"1","name":"ANA","email":"","x":{"kept":1.50}},{"id":"2","name":""},{"name":"SEM ID"},{"id":"3","name":"EVA","active":true}]`)
		if first.Accepted != 2 || first.Changed != 2 || len(first.Rejected) != 2 || first.Rejected[0].Index != 1 || first.Rejected[0].Field != "name" ||
			first.Rejected[1].Index != 2 || first.Rejected[1].Field != "id" || first.Rejected[1].Code != "required" {
			t.Errorf("got %+v", first)
		}
		b.drained(time.Hour)
		if got := b.holds("operators"); got != "1=ANA 3=EVA(true)" || !strings.Contains(string(b.cloud.Loaded("operators")[0].Body), `{"kept":1.50}`) {
			t.Errorf("the cloud holds %s %+v", got, b.cloud.Loaded("operators"))
		}
		second := b.push("/v2/operators/", `{"operators":[{"name":"ANA","x":{"kept":1.5},"email":"","id":"1"},{"id":"3","name":"EVA MARIA"}]}`)
		if second.Unchanged != 1 || second.Changed != 1 {
			t.Errorf("got %+v", second)
		}
		third := b.push("/v2/operators", "\xef\xbb\xbf{\"id\":\"4\",\"name\":\"JO\"}\r\n\r\n{\"id\":\"5\",\"name\":\"LIA\"}\r\n")
		b.drained(time.Hour)
		if third.Changed != 2 || b.holds("operators") != "1=ANA 3=EVA MARIA 4=JO 5=LIA" || b.requests("operators") != 3 {
			t.Errorf("got %+v, the cloud holds %s after %d requests", third, b.holds("operators"), b.requests("operators"))
		}
	})
}

// TestOldReceiptsFromTheTill is H3 for a till that brings them itself.
func TestOldReceiptsFromTheTill(t *testing.T) {
	inBubble(t, func(b *bubble) {
		list := func(sales ...string) string { return `{"coupons":[` + strings.Join(sales, ",") + `]}` }
		other := strings.Replace(agenttest.Receipt("A", ""), "19:12:46", "19:12:47", 1)
		got := b.push("/v2/coupons-list", list(agenttest.Receipt("A", ""), agenttest.Receipt("B", ""), agenttest.Receipt("", ""), agenttest.Receipt("A", ""), other))
		if got.Accepted != 3 || got.Changed != 2 || got.Unchanged != 1 || len(got.Rejected) != 2 || got.Rejected[0].Field != "coupon" || got.Rejected[1].Code != "repeated" {
			t.Errorf("got %+v", got)
		}
		b.drained(time.Hour)
		again := b.push("/v2/coupons-list", list(agenttest.Receipt("A", ""), other))
		if again.Unchanged != 1 || len(again.Rejected) != 1 || again.Rejected[0].Code != "repeated" {
			t.Errorf("got %+v", again)
		}
		if conflict := b.push("/v2/coupons-list", list(other)); len(conflict.Rejected) != 1 || conflict.Rejected[0].Code != "conflict" {
			t.Errorf("got %+v: the id is another sale's", conflict)
		}
		if n := len(b.cloud.Coupons()); n != 2 || b.requests("coupons-list") != 1 {
			t.Errorf("the cloud has %d receipts after %d requests", n, b.requests("coupons-list"))
		}
	})
}

// TestWhatIsNewerArrivesLaterAlsoAfterAnOutageAndARestart has three versions of a product under way at a time.
func TestWhatIsNewerArrivesLaterAlsoAfterAnOutageAndARestart(t *testing.T) {
	product := func(name string) string { return fmt.Sprintf(`[{"sku":"1","ean":"","name":%q}]`, name) }
	inBubble(t, func(b *bubble) {
		b.network.cut(errRefused)
		b.push("/v2/products", product("A"))
		b.push("/v2/products", product("B"))
		<-time.After(10 * time.Minute)
		b.stop()
		b.start()
		if again := b.push("/v2/products", product("B")); again.Unchanged != 1 {
			t.Errorf("what is under way was queued again: %+v", again)
		}
		b.push("/v2/products", product("C"))
		if err := b.cloud.Add(mercafacilsim.Fault{Route: "products", Fault: "lost", Times: 1}); err != nil {
			t.Fatal(err)
		}
		b.network.cut(nil)
		b.drained(time.Hour)
		if got := b.holds("products"); got != "1=C" || b.requests("products") != 4 {
			t.Errorf("the cloud holds %s after %d requests, want 1=C after A, A again, B, C", got, b.requests("products"))
		}
		if err := b.cloud.Add(mercafacilsim.Fault{Route: "products", Fault: "status", Status: 503, Times: 1}); err != nil {
			t.Fatal(err)
		}
		b.push("/v2/products", product("D"))
		<-time.After(time.Second)
		b.push("/v2/products", product("E")) // D waits for its next attempt, and E for D
		b.drained(time.Hour)
		if got := b.holds("products"); got != "1=E" {
			t.Errorf("the cloud holds %s: what is newer arrived sooner", got)
		}
		b.push("/v2/products", product("C"))
		b.drained(time.Hour)
		if again := b.push("/v2/products", product("C")); again.Unchanged != 1 {
			t.Errorf("what arrived was queued again: %+v", again)
		}
		if again := b.push("/v2/products", product("A")); again.Changed != 1 {
			t.Errorf("the old name is a change: %+v", again)
		}
	})
}

func TestARecordThatTheCloudRefusesDoesNotHoldItsBatch(t *testing.T) {
	inBubble(t, func(b *bubble) {
		bad := strings.Replace(agenttest.Receipt("C2", "T"), `"transaction_id":"T"`, `"transaction_id":5`, 1) // we read it, the cloud does not
		if !strings.Contains(bad, `"transaction_id":5`) {
			t.Fatal("the sample has another shape")
		}
		var sales []string
		for i := range 5 {
			sale := agenttest.Receipt(fmt.Sprint("C", i), "")
			if i == 2 {
				sale = bad
			}
			sales = append(sales, sale)
		}
		body := "[" + strings.Join(sales, ",") + "]"
		if got := b.push("/v2/coupons-list", body); got.Changed != 5 {
			t.Fatalf("got %+v", got)
		}
		<-time.After(time.Hour)
		if n := len(b.cloud.Coupons()); n != 4 {
			t.Errorf("the cloud has %d receipts, want all but the one that it refuses", n)
		}
		got, _ := b.call(http.MethodGet, "/v1/queue?state=dead&kind=coupons-list", supportToken, "")
		var list struct{ Jobs []struct{ ID string } }
		got.decode(t, &list)
		if len(list.Jobs) != 1 {
			t.Fatalf("dead: %s", got.body)
		}
		before := b.requests("coupons-list")
		if again := b.push("/v2/coupons-list", body); again.Unchanged != 5 {
			t.Errorf("got %+v: what was refused is not sent again before it changes", again)
		}
		<-time.After(time.Hour)
		if b.requests("coupons-list") != before {
			t.Error("it was sent again")
		}
	})
}

// TestACloudThatRefusesTheFormOfBatches has the other wrapper: nothing is wrong with the records, and they go once it is right.
func TestACloudThatRefusesTheFormOfBatches(t *testing.T) {
	var rows strings.Builder
	for n := range 500 {
		fmt.Fprintf(&rows, "{\"sku\":\"%d\",\"ean\":\"\",\"name\":\"P\"}\n", n)
	}
	inBubble(t, func(b *bubble) {
		if err := b.cloud.Set(`{"wrapper":"object"}`); err != nil {
			t.Fatal(err)
		}
		b.push("/v2/products", rows.String())
		b.push("/v2/products", `[{"sku":"alone","ean":"","name":"P"}]`)
		<-time.After(time.Hour)
		if n := b.requests("products"); n < 30 || n > 80 {
			t.Errorf("%d requests before it was given up", n)
		}
		if err := b.cloud.Set(`{"wrapper":"array"}`); err != nil {
			t.Fatal(err)
		}
		again := b.push("/v2/products", rows.String()+"{\"sku\":\"alone\",\"ean\":\"\",\"name\":\"P\"}")
		<-time.After(time.Hour)
		if n := len(b.cloud.Loaded("products")); again.Changed != 501 || n != 501 {
			t.Errorf("got %+v, the cloud has %d products", again, n)
		}
	})
}

func TestARefusedBatchGoesAgainWithoutWhatALaterOneSaysAnew(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.network.cut(errRefused)
		b.push("/v2/products", `[{"sku":"1","ean":"","name":"A"},{"sku":"2","ean":"","name":"A"}]`)
		b.push("/v2/products", `[{"sku":"1","ean":"","name":"B"}]`)
		if err := b.cloud.Add(mercafacilsim.Fault{Route: "products", Fault: "status", Status: 422, Times: 1}); err != nil {
			t.Fatal(err)
		}
		b.network.cut(nil)
		b.drained(time.Hour)
		if got := b.holds("products"); got != "1=B 2=A" || b.requests("products") != 3 {
			t.Errorf("the cloud holds %s after %d requests", got, b.requests("products"))
		}
	})
}

func TestALoadThatCannotBeReadToItsEndSaysWhatWasTaken(t *testing.T) {
	inBubble(t, func(b *bubble) {
		for name, c := range map[string]struct {
			body, code string
			status     int
		}{
			"cut":           {`[{"sku":"c1","ean":"","name":"A"},{"sku":"c2","ean":`, "malformed", 400},
			"no list":       {`"sku"`, "malformed", 400},
			"text after":    {`[{"sku":"t1","ean":"","name":"A"}] x`, "malformed", 400},
			"not UTF-8":     {"[{\"sku\":\"u1\",\"ean\":\"\",\"name\":\"A\"},{\"sku\":\"u2\",\"ean\":\"\",\"name\":\"\xe9\"}]", "encoding", 400},
			"too large":     {"[" + strings.Repeat(`{"sku":"l1","ean":"","name":"A"},`+strings.Repeat(" ", 1<<20), 25) + "]", "too_large", 413},
			"wrong object":  {`{"sku":"w1"}`, "", 202},
			"nothing":       {"", "malformed", 400},
			"an empty list": {"[]", "", 202},
		} {
			got := b.post("/v2/products", c.body)
			if code, _ := got.field("code").(string); got.status != c.status || code != c.code {
				t.Errorf("%s: %d %.200s", name, got.status, got.body)
			}
			if name == "cut" && !strings.Contains(got.body, "Os 1 registros certos antes disso foram aceitos") {
				t.Errorf("%s: %s", name, got.body)
			}
		}
		b.drained(time.Hour)
		if got := b.holds("products"); got != "c1=A l1=A t1=A u1=A" && got != "c1=A l1=A t1=A" {
			t.Errorf("the cloud holds %s", got)
		}
	})
}

func TestShopWideRoutineOfATillThatIsNotPrimary(t *testing.T) {
	folder := t.TempDir()
	inBubble(t, func(b *bubble) {
		drop(t, folder, "1.csv", "sku,ean,name\n1,,UM\n")
		got, _ := b.call(http.MethodPost, "/v1/routines/products/run", supportToken, "{}")
		if got.status != http.StatusConflict || got.field("code") != "not_primary" || !strings.Contains(got.body, "caixa principal") {
			t.Errorf("got %d %s", got.status, got.body)
		}
		<-time.After(24 * time.Hour)
		if b.requests("products") != 0 {
			t.Error("it ran by the clock")
		}
		if till, _ := b.call(http.MethodPost, "/v1/routines/resend/run", tillToken, "{}"); till.status != http.StatusForbidden {
			t.Errorf("a till may start routines: %d", till.status)
		}
		list, _ := b.call(http.MethodGet, "/v1/routines", supportToken, "")
		for _, name := range []string{"resend", "end-of-day", "products", "abandoned", "retention", "compact", "backup"} {
			if !strings.Contains(list.body, `"name":"`+name+`"`) {
				t.Errorf("the timetable lacks %s", name)
			}
		}
	}, folderOf(folder, "")[2:]...)
}

// TestEndOfDaySendsWhatWaitsForItsOwnTime is R45: a job that has failed often would wait half an hour.
func TestEndOfDaySendsWhatWaitsForItsOwnTime(t *testing.T) {
	inBubble(t, func(b *bubble) {
		if err := b.cloud.Add(mercafacilsim.Fault{Route: "coupon", Fault: "status", Status: 503}); err != nil {
			t.Fatal(err)
		}
		b.post("/v2/coupons", agenttest.Receipt("A", ""))
		<-time.After(3 * time.Hour)
		b.cloud.Heal()
		run := b.runNow("end-of-day")
		if run.State != routine.Done || run.Counts["pending"] != 1 {
			t.Errorf("got %+v", run)
		}
		if n := len(b.cloud.Coupons()); n != 1 {
			t.Errorf("%d receipts a moment after the routine", n)
		}
	}, "retry_max: 30m", "retry_max: 20h")
}
