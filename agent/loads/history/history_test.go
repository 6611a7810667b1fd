package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/history"
	"pdvagent/agent/loads/source"
	"pdvagent/agent/rawjson"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// memory is a bookmark, and a cloud that takes batches.
type memory struct {
	t       *testing.T
	cursor  history.Cursor
	saves   int
	dies    int // the save before which the process is gone; 0: none
	answers func(ids []string) agent.Outcome
	batches [][]string
	bodies  map[string]string
	differs []string // ids that came with another content
	refused []string
}

var errDead = errors.New("killed")

// checkReceipt stands for the sales' own check: a receipt has its id, a day that exists, and a total in
// each line.
func checkReceipt(receipt rawjson.Value) (coupon string, wire []byte, faults []agent.Fault) {
	id, _ := receipt.Get("coupon")
	if coupon, _ = id.Text(); coupon == "" {
		faults = append(faults, agent.Fault{Field: "coupon", Code: "required"})
	}
	date, _ := receipt.Get("date")
	if day, _ := date.Text(); len(day) < len(time.DateOnly) {
		faults = append(faults, agent.Fault{Field: "date", Code: "required"})
	} else if _, err := time.Parse(time.DateOnly, day[:len(time.DateOnly)]); err != nil {
		faults = append(faults, agent.Fault{Field: "date", Code: "invalid"})
	}
	items, _ := receipt.Get("items")
	for _, item := range items.Elements {
		if price, ok := item.Get("unit_value"); !ok || price.Kind == rawjson.Null {
			faults = append(faults, agent.Fault{Field: "unit_value", Code: "required"})
		}
	}
	return coupon, receipt.Source(), faults
}

func (m *memory) Load() (history.Cursor, error) { return m.cursor, nil }

func (m *memory) Save(c history.Cursor) error {
	m.saves++
	if m.saves == m.dies {
		return errDead
	}
	m.cursor = c
	return nil
}

func (m *memory) Deliver(_ context.Context, kind agent.Kind, _ agent.Dialect, body []byte) agent.Outcome {
	parsed, err := rawjson.Parse(body)
	if err != nil || kind != agent.KindCouponsList {
		m.t.Errorf("%s %s: %v", kind, body, err)
	}
	var ids []string
	for _, receipt := range parsed.Elements {
		id, _, faults := checkReceipt(receipt)
		if len(faults) > 0 {
			m.t.Errorf("a faulty receipt was sent: %s %v", receipt.Raw(), faults)
		}
		ids = append(ids, id)
	}
	outcome := agent.Outcome{Class: agent.ClassOK, Status: 200}
	if m.answers != nil {
		outcome = m.answers(ids)
	}
	m.batches = append(m.batches, ids)
	if outcome.Class == agent.ClassOK || outcome.Class == agent.ClassTimeout {
		for n, receipt := range parsed.Elements {
			if before, twice := m.bodies[ids[n]]; twice && before != string(receipt.Raw()) {
				m.differs = append(m.differs, ids[n])
			}
			m.bodies[ids[n]] = string(receipt.Raw())
		}
	}
	return outcome
}

func newMemory(t *testing.T) *memory { return &memory{t: t, bodies: make(map[string]string)} }

func (m *memory) run(path string, change func(*history.Config)) (history.Progress, error) {
	cfg := source.Default()
	cfg.Decimal = "comma"
	job := history.Config{
		Source: source.OpenFile(cfg, history.Columns(), path), Rows: filepath.Ext(path) == ".csv", Check: checkReceipt, Cloud: m, Dialect: agent.V2,
		Bookmark: m, MaxCount: 3, Progress: func(history.Progress) {},
		Refuse: func(place string, fault agent.Fault) {
			m.refused = append(m.refused, filepath.Base(place)+" "+fault.Field+" "+fault.Code)
		},
	}
	if change != nil {
		change(&job)
	}
	return history.Import(m.t.Context(), job)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const header = "coupon;date;time;client_id;pdv_code;operator_id;payment_form;payment_amount;sku;ean;product_name;quantity;unit_value;total_value;total_value_with_discount\n"

func line(coupon, sku, price string) string {
	return fmt.Sprintf("%s;2026-05-14;19:12:46;;012;7;cash;;%s;;CAFE;1;%s;%s;\n", coupon, sku, price, price)
}

// shopOf gives receipts of two lines each.
func shopOf(from, to int) string {
	var text strings.Builder
	for n := from; n < to; n++ {
		id := fmt.Sprintf("V%03d", n)
		text.WriteString(line(id, "1", "10,00") + line(id, "2", fmt.Sprintf("%d,50", n)))
	}
	return text.String()
}

func TestLinesBecomeReceipts(t *testing.T) {
	m := newMemory(t)
	text := header + line("A", "1", "10,00") + "A;2026-05-14;19:12:46;;012;7;;;2;789;QUEIJO;0,345;30,00;10,35;9,35\n" +
		"B;2026-05-14;20:00:00;52998224725;013;8;cash;5,00;3;;PAO;10;1,00;10,00;\nB;2026-05-14;20:00:00;;013;8;card;5,00;;;;;;;\n"
	done, err := m.run(write(t, "v.csv", text), nil)
	if err != nil || done.Sent != 2 || len(m.refused) > 0 {
		t.Fatalf("got %+v, %v, refused %q", done, err, m.refused)
	}
	want := `{"coupon":"A","client_id":"0","date":"2026-05-14","time":"19:12:46","pdv_code":"012","operator_id":"7","origin":"pdv","items":[` +
		`{"sku":"1","ean":"","product_name":"CAFE","department":"","section":"","group":"","subgroup":"","family":"","quantity":1.00,"packing_quantity":1,"unit_value":10.00,"total_value":10.00,"total_value_with_discount":10.00},` +
		`{"sku":"2","ean":"789","product_name":"QUEIJO","department":"","section":"","group":"","subgroup":"","family":"","quantity":0.345,"packing_quantity":1,"unit_value":30.00,"total_value":10.35,"total_value_with_discount":9.35}],` +
		`"payments":[{"payment_form":"cash","amount":19.35,"instalments":1}],"total_value":20.35,"total_value_with_discount":19.35}`
	if m.bodies["A"] != want {
		t.Errorf("got  %s\nwant %s", m.bodies["A"], want)
	}
	if !strings.Contains(m.bodies["B"], `"payments":[{"payment_form":"cash","amount":5.00,"instalments":1},{"payment_form":"card","amount":5.00,"instalments":1}]`) || !strings.Contains(m.bodies["B"], `"client_id":"52998224725"`) {
		t.Errorf("got %s", m.bodies["B"])
	}
}

// TestAnImportThatDiesAnywhereGoesOnWithTheSameIDs kills it before each of its notes on disk.
func TestAnImportThatDiesAnywhereGoesOnWithTheSameIDs(t *testing.T) {
	path := write(t, "v.csv", header+shopOf(0, 20))
	for dies := 1; dies <= 7; dies++ {
		m := newMemory(t)
		m.dies = dies
		if _, err := m.run(path, nil); !errors.Is(err, errDead) {
			t.Fatalf("dies %d: %v", dies, err)
		}
		before := m.cursor
		done, err := m.run(path, nil)
		if err != nil || done.Sent != 20 || len(m.bodies) != 20 || len(m.differs) > 0 || len(m.refused) > 0 || done.Skipped != before.Sent {
			t.Errorf("dies %d: %+v, %v, %d receipts, other contents of %v, refused %v", dies, done, err, len(m.bodies), m.differs, m.refused)
		}
		sent := 0
		for _, batch := range m.batches {
			sent += len(batch)
		}
		if sent > 23 {
			t.Errorf("dies %d: %d receipts went up for 20: more than one batch was repeated", dies, sent)
		}
		batches := len(m.batches)
		if again, err := m.run(path, nil); err != nil || len(m.batches) != batches || again.Sent != 20 {
			t.Errorf("dies %d: once more: %+v, %v, %d batches more", dies, again, err, len(m.batches)-batches)
		}
	}
}

func TestFaultyReceiptsAreNamedAndTheirNeighboursGo(t *testing.T) {
	m := newMemory(t)
	text := header + shopOf(0, 2) + line("X1", "1", "dez") + shopOf(2, 3) + strings.Replace(line("X2", "1", "1,00"), "2026-05-14", "2026-02-30", 1) +
		shopOf(3, 4) + line("", "1", "1,00") + shopOf(4, 6) + line("V000", "1", "99,00") + shopOf(6, 7)
	done, err := m.run(write(t, "v.csv", text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for id := range m.bodies {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	// A line whose receipt nobody knows may be of the one before or the one after: V001 and V002, V003 and V004.
	if got := strings.Join(ids, " "); got != "V000 V005 V006" {
		t.Errorf("the cloud has %s", got)
	}
	want := "v.csv, linha 4 total_value invalid|v.csv, linha 7 total_value invalid|v.csv, linha 9 date invalid|v.csv, linha 10 coupon required|v.csv, linha 13 coupon required|v.csv, linha 17 coupon repeated"
	if got := strings.Join(m.refused, "|"); strings.ReplaceAll(got, "unit_value", "total_value") != want || done.Faulty != 6 || done.Sent != 3 {
		t.Errorf("got  %s\nwant %s, %+v", got, want, done)
	}
}

func TestAReceiptThatTheCloudRefusesDoesNotHoldItsBatch(t *testing.T) {
	m := newMemory(t)
	m.answers = func(ids []string) agent.Outcome {
		if slices.Contains(ids, "V004") {
			return agent.Outcome{Class: agent.ClassStatus, Status: 422}
		}
		return agent.Outcome{Class: agent.ClassOK, Status: 200}
	}
	done, err := m.run(write(t, "v.csv", header+shopOf(0, 10)), nil)
	if err != nil || done.Sent != 9 || done.Refused != 1 || len(m.bodies) != 9 || len(m.refused) != 1 || !strings.Contains(m.refused[0], "cloud_refused") {
		t.Errorf("got %+v, %v, %d receipts, %v", done, err, len(m.bodies), m.refused)
	}
}

func TestAWrongTokenEndsTheImportAndNothingIsSkipped(t *testing.T) {
	m := newMemory(t)
	status := 401
	m.answers = func([]string) agent.Outcome {
		if status != 0 {
			return agent.Outcome{Class: agent.ClassStatus, Status: status}
		}
		return agent.Outcome{Class: agent.ClassOK, Status: 200}
	}
	path := write(t, "v.csv", header+shopOf(0, 5))
	for _, status = range []int{401, 404, 301} {
		if _, err := m.run(path, nil); agent.CodeOf(err) != agent.CodeCloudRefused || m.cursor.Position != 0 {
			t.Errorf("%d: %v, the cursor is %+v", status, err, m.cursor)
		}
	}
	status = 0
	if done, err := m.run(path, nil); err != nil || done.Sent != 5 {
		t.Errorf("got %+v, %v", done, err)
	}
}

func TestACloudThatRefusesTheFormOfBatchesEndsTheImport(t *testing.T) {
	m := newMemory(t)
	m.answers = func([]string) agent.Outcome { return agent.Outcome{Class: agent.ClassStatus, Status: 400} }
	_, err := m.run(write(t, "v.csv", header+shopOf(0, 100)), func(cfg *history.Config) { cfg.MaxCount = 100 })
	if agent.CodeOf(err) != agent.CodeCloudRefused || !strings.Contains(err.Error(), "mercafacil.wrapper") || len(m.batches) > 40 || m.cursor.Position != 0 {
		t.Errorf("got %v after %d batches, the cursor is %+v", err, len(m.batches), m.cursor)
	}
}

func TestACloudThatIsAwayIsWaitedFor(t *testing.T) {
	path := write(t, "v.csv", header+shopOf(0, 5))
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		begun, said := time.Now(), 0
		m.answers = func([]string) agent.Outcome {
			if time.Since(begun) < 3*time.Hour {
				return agent.Outcome{Class: agent.ClassTimeout}
			}
			return agent.Outcome{Class: agent.ClassOK, Status: 200}
		}
		done, err := m.run(path, func(cfg *history.Config) {
			cfg.Progress = func(p history.Progress) {
				if p.Waiting != "" {
					said++
				}
			}
		})
		if err != nil || done.Sent != 5 || len(m.differs) > 0 || said < 30 || said > 50 {
			t.Errorf("got %+v, %v, other contents of %v, %d words of waiting", done, err, m.differs, said)
		}
	})
}

func TestASourceThatChangedIsNotTakenForTheSame(t *testing.T) {
	m := newMemory(t)
	m.dies = 3
	if _, err := m.run(write(t, "v.csv", header+shopOf(0, 20)), nil); !errors.Is(err, errDead) {
		t.Fatal(err)
	}
	_, err := m.run(write(t, "v.csv", header+shopOf(1, 21)), nil)
	if agent.CodeOf(err) != agent.CodeConflict || !strings.Contains(err.Error(), "--restart") {
		t.Errorf("got %v", err)
	}
}

func TestWholeReceiptsGoAsTheyAreAndADryRunSendsNothing(t *testing.T) {
	var text strings.Builder
	for n := range 7 {
		text.WriteString(strings.Replace(agenttest.Receipt(fmt.Sprint("R", n), ""), `"origin"`, `"x":{"kept":1.50},"origin"`, 1) + "\n")
	}
	text.WriteString(agenttest.Receipt("", "") + "\n{\"half\":\n" + agenttest.Receipt("R7", "") + "\n")
	path := write(t, "v.ndjson", text.String())
	m := newMemory(t)
	dry, err := m.run(path, func(cfg *history.Config) { cfg.Cloud = nil })
	if err != nil || dry.Sent != 8 || dry.Faulty != 2 || len(m.batches) > 0 || m.saves > 0 {
		t.Errorf("dry: %+v, %v, %d batches, %d saves", dry, err, len(m.batches), m.saves)
	}
	done, err := m.run(path, nil)
	if err != nil || done.Sent != 8 || !strings.Contains(m.bodies["R3"], `"x":{"kept":1.50}`) {
		t.Errorf("got %+v, %v, %s", done, err, m.bodies["R3"])
	}
}

func TestBatchesStayBelowTheVendorsLimit(t *testing.T) {
	m := newMemory(t)
	largest := 0
	done, err := m.run(write(t, "v.csv", header+shopOf(0, 50)), func(cfg *history.Config) {
		cfg.MaxCount, cfg.MaxBytes = 1000, 3000
		cfg.Cloud = sized{m, &largest}
	})
	if err != nil || done.Sent != 50 || largest > 3000 || largest < 2000 {
		t.Errorf("got %+v, %v, the largest has %d bytes", done, err, largest)
	}
}

type sized struct {
	*memory
	largest *int
}

func (s sized) Deliver(ctx context.Context, kind agent.Kind, dialect agent.Dialect, body []byte) agent.Outcome {
	*s.largest = max(*s.largest, len(body))
	return s.memory.Deliver(ctx, kind, dialect, body)
}
