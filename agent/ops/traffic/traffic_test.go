package traffic_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/traffic"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// diary is a journal being written, in fake time.
type diary struct {
	*testing.T
	*traffic.Journal
	dir string
	log *bytes.Buffer
}

func inDiary(t *testing.T, change func(*traffic.Config), test func(d *diary)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{T: t, dir: filepath.Join(t.TempDir(), "traffic"), log: new(bytes.Buffer)}
		cfg := traffic.Config{Dir: d.dir, Bodies: true, Log: slog.New(slog.NewTextHandler(d.log, nil))}
		if change != nil {
			change(&cfg)
		}
		var err error
		if d.Journal, err = traffic.New(cfg); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var done sync.WaitGroup
		done.Go(func() {
			if err := d.Journal.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		test(d)
		cancel()
		done.Wait()
	})
}

// settle lets what was recorded be written and seen.
func (d *diary) settle() {
	<-time.After(2 * time.Second)
	synctest.Wait()
}

func (d *diary) lines(q traffic.Query) []traffic.Line {
	d.Helper()
	lines, err := d.Read(q)
	if err != nil {
		d.Fatal(err)
	}
	return lines
}

func sale(n int) agent.Exchange {
	return agent.Exchange{
		At: time.Now(), Side: agent.SideTill, Method: "POST", Route: "/v2/coupons", Ref: fmt.Sprint("req-", n), Status: 202, Took: 1500 * time.Microsecond,
		Delivery: "queued", Request: []byte(fmt.Sprintf(`{"coupon":"K-%d","transaction_id":"T","client_id":"52998224725","nome":"MARIA"}`, n)),
		Response: []byte(fmt.Sprintf(`{"status":"queued","job":"%d"}`, n)),
	}
}

func TestALineSaysWhatWasSaidWithoutAnybodysName(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		d.Record(sale(7))
		d.settle()
		lines := d.lines(traffic.Query{})
		if len(lines) != 1 {
			d.Fatalf("%d lines", len(lines))
		}
		line := lines[0]
		if line.Route != "/v2/coupons" || line.Status != 202 || line.MS != 1.5 || line.Ref != "req-7" || line.Delivery != "queued" || strings.Join(line.Keys, " ") != "T K-7 7" {
			d.Errorf("got %+v", line)
		}
		const want = `{"coupon":"K-7","transaction_id":"T","client_id":"***982247**","nome":"[texto de 5]"}`
		if got := string(line.Request.JSON); got != want {
			d.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestBodiesAreCutAndWhatIsNoJSONShowsItsShape(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		x := sale(1)
		x.Request, x.Response = []byte(`{"sku": ["80215"`+strings.Repeat(`,"80215"`, 2559)+`]}`), []byte("<h1>MARIA</h1> 52998224725, \xe9 {\"a\":")
		d.Record(x)
		d.settle()
		line := d.lines(traffic.Query{})[0]
		if len(line.Request.Head) != 8<<10 || line.Request.JSON != nil || line.Request.Bytes != 20<<10+10 {
			d.Errorf("got %d bytes of %d", len(line.Request.Head), line.Request.Bytes)
		}
		if line.Response.Bytes != 35 || line.Response.Shape != `<x9>xxxxx</x9> 99999999999, ? {"x":` || line.Response.Head != "" || line.Response.JSON != nil {
			d.Errorf("got %+v", line.Response)
		}
	})
}

// A load is known by its beginning, how many it has and a mark; nothing else of it is kept.
func TestALoadIsItsHeadItsCountAndItsMark(t *testing.T) {
	mark := func(text []byte) string { return fmt.Sprintf("mark-%d", len(text)) }
	inDiary(t, func(c *traffic.Config) { c.Mark = mark }, func(d *diary) {
		operator := `{"operator_id":"0123","name":"MARIA"}`
		list := "[" + operator + strings.Repeat(","+operator, 19_999) + "]"
		wrapped := `{"shop":"001","few":[1,2],"operators":` + list + `}`
		for _, text := range []string{list, wrapped} {
			x := sale(1)
			x.Request = []byte(text)
			d.Record(x)
		}
		d.settle()
		for i, line := range d.lines(traffic.Query{}) {
			want := []string{list, wrapped}[i]
			b := line.Request
			if b.Bytes != len(want) || b.Count != 20_000 || b.Hash != mark([]byte(want)) || len(b.Head) != 8<<10 || !strings.Contains(b.Head, `"name":"[texto de 5]"`) || b.JSON != nil || b.Shape != "" {
				d.Errorf("got %+v", b)
			}
		}
	})
}

func TestBodiesThatFindNoRoomAreTheirShapeAndLength(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		big := []byte(`{"nome":"` + strings.Repeat("MARIA ", 150<<10) + `"}`)
		for n := range 30 { // at once: more than may wait
			x := sale(n)
			x.Request = big
			d.Record(x)
		}
		d.settle()
		whole, shapes := 0, 0
		for _, line := range d.lines(traffic.Query{}) {
			switch b := line.Request; {
			case b.JSON != nil && b.Bytes == len(big):
				whole++
			case strings.HasPrefix(b.Shape, `{"xxxx":"xxxxx `) && len(b.Shape) == 256 && b.Bytes == len(big):
				shapes++
			}
		}
		if whole < 15 || shapes < 5 || whole+shapes != 30 {
			d.Errorf("%d whole, %d by their shape", whole, shapes)
		}
		x := sale(99) // there is room again
		x.Request = big
		d.Record(x)
		d.settle()
		if line := d.lines(traffic.Query{Key: "req-99"}); len(line) != 1 || line[0].Request.JSON == nil {
			d.Errorf("afterwards: %+v", line)
		}
	})
}

func TestAnswerThatWasCutIsItsShapeWithItsTrueLength(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		x := sale(1)
		x.Response, x.ResponseBytes = []byte(`{"jobs":[1]}`), 100_000 // by chance it reads as a whole one
		d.Record(x)
		d.settle()
		if b := d.lines(traffic.Query{})[0].Response; b.Bytes != 100_000 || b.Shape != `{"xxxx":[9]}` || b.JSON != nil {
			d.Errorf("got %+v", b)
		}
	})
}

func TestWithoutBodiesNoneIsKept(t *testing.T) {
	inDiary(t, func(c *traffic.Config) { c.Bodies = false }, func(d *diary) {
		d.Record(sale(1))
		d.settle()
		if line := d.lines(traffic.Query{})[0]; line.Request != nil || line.Response != nil || len(line.Keys) != 3 {
			d.Errorf("got %+v", line)
		}
	})
}

func TestFiltersGiveTheNewestThatFit(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		var middle time.Time
		for n := range 10 {
			if n == 5 {
				middle = time.Now()
				<-time.After(time.Millisecond)
			}
			x := sale(n)
			if n%2 == 1 {
				x.Side, x.Route, x.Ref = agent.SideCloud, "v2/coupons/", fmt.Sprint(n)
			}
			d.Record(x)
		}
		d.settle()
		for name, c := range map[string]struct {
			q    traffic.Query
			want int
		}{
			"all": {traffic.Query{}, 10}, "since": {traffic.Query{Since: middle}, 5}, "side": {traffic.Query{Side: "cloud"}, 5},
			"route": {traffic.Query{Route: "/v2/"}, 5}, "coupon": {traffic.Query{Key: "K-3"}, 1}, "session": {traffic.Query{Key: "T"}, 10},
			"request": {traffic.Query{Key: "req-4"}, 1}, "limit": {traffic.Query{Limit: 3}, 3}, "none": {traffic.Query{Key: "ghost"}, 0},
		} {
			lines := d.lines(c.q)
			if len(lines) != c.want {
				d.Errorf("%s: %d lines, want %d", name, len(lines), c.want)
			}
		}
		if newest := d.lines(traffic.Query{Limit: 3}); newest[2].Keys[1] != "K-9" || newest[0].Keys[1] != "K-7" {
			d.Errorf("got %+v", newest)
		}
	})
}

func TestAPollIsALineOnlyWhenItsAnswerChanges(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		poll := func(route, answer string) {
			d.Record(agent.Exchange{At: time.Now(), Side: agent.SideTill, Method: "GET", Route: route, Status: 200, Response: []byte(answer)})
		}
		for range 5 {
			poll("/v1/status", `{"pending":0}`)
			poll(traffic.Route, fmt.Sprintf(`{"lines":[%d]}`, time.Now().UnixNano()))
		}
		poll("/v1/status", `{"pending":1}`)
		poll("/health", `{"pending":1}`)
		d.settle()
		if lines := d.lines(traffic.Query{}); len(lines) != 3 {
			d.Errorf("%d lines, want 3: %+v", len(lines), lines)
		}
	})
}

// random text does not shrink: the files are as large on the disk as they are read.
func noise(n int) []byte {
	var b strings.Builder
	seed := uint64(n)*2862933555777941757 + 3037000493
	for b.Len() < 7<<10 {
		seed = seed*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, `,"%016x%016x"`, seed, seed*seed)
	}
	return []byte(`{"sku":["1"` + b.String() + `]}`)
}

func TestFilesTurnAndTheOldestGo(t *testing.T) {
	exchanges, limit := agenttest.Amount(400, 200), int64(agenttest.Amount(1<<20, 512<<10))
	inDiary(t, func(c *traffic.Config) { c.MaxBytes, c.FileSize = limit, 200<<10 }, func(d *diary) {
		for n := range exchanges {
			x := sale(n)
			x.Request = noise(n)
			d.Record(x)
			if n%20 == 19 {
				d.settle()
			}
		}
		files, size := d.files()
		if len(files) < 2 || size > limit {
			d.Errorf("%d files of %d bytes together, limit %d", len(files), size, limit)
		}
		if lines := d.lines(traffic.Query{Limit: 1}); len(lines) != 1 || lines[0].Ref != fmt.Sprint("req-", exchanges-1) {
			d.Errorf("the newest is %+v", lines)
		}
		<-time.After(8 * 24 * time.Hour)
		d.Record(sale(1))
		d.settle()
		if files, _ := d.files(); len(files) != 1 {
			d.Errorf("after eight days: %v", files)
		}
	})
}

func (d *diary) files() ([]string, int64) {
	d.Helper()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		d.Fatal(err)
	}
	var names []string
	var size int64
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			d.Fatal(err)
		}
		names, size = append(names, entry.Name()), size+info.Size()
	}
	return names, size
}

func TestLinesAreSeenWhileMoreAndMoreCome(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		for n := range 50 {
			d.Record(sale(n))
			<-time.After(200 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(d.lines(traffic.Query{})); n < 40 {
			d.Errorf("%d of 50 lines are seen", n)
		}
	})
}

// Nobody calls for weeks: what was said before goes all the same.
func TestAJournalThatIsNotUsedForgetsToo(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		d.Record(sale(1))
		d.settle()
		<-time.After(6 * 24 * time.Hour)
		if n := len(d.lines(traffic.Query{})); n != 1 {
			d.Errorf("after six days: %d lines", n)
		}
		<-time.After(2 * 24 * time.Hour)
		synctest.Wait()
		if entries, err := os.ReadDir(d.dir); err != nil || len(entries) != 0 {
			d.Errorf("after eight days: %v, %v", entries, err)
		}
		d.Record(sale(2))
		d.settle()
		if lines := d.lines(traffic.Query{}); len(lines) != 1 || lines[0].Ref != "req-2" {
			d.Errorf("got %+v", lines)
		}
	})
}

func TestADiskThatFailsCostsLinesThatAreCountedAndIsSaidOnce(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		if err := os.WriteFile(d.dir, []byte("a file where the folder should be"), 0o600); err != nil {
			d.Fatal(err)
		}
		for n := range 20 {
			d.Record(sale(n))
			d.settle()
		}
		if said := strings.Count(d.log.String(), "journal_not_written"); said != 1 {
			d.Errorf("said %d times: %s", said, d.log)
		}
		if err := os.Remove(d.dir); err != nil {
			d.Fatal(err)
		}
		<-time.After(time.Minute)
		d.Record(sale(99))
		d.settle()
		if lines := d.lines(traffic.Query{}); len(lines) != 1 || lines[0].Ref != "req-99" || lines[0].Dropped != 20 {
			d.Errorf("got %+v", lines)
		}
		if !strings.Contains(d.log.String(), "journal_written_again") {
			d.Errorf("log: %s", d.log)
		}
	})
}

func TestRecordNeverWaits(t *testing.T) {
	j, err := traffic.New(traffic.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5000 { // nobody writes
		j.Record(sale(n))
	}
}

func TestAFileCutByThePowerIsReadUpToThere(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		for n := range 50 {
			d.Record(sale(n))
			d.settle()
		}
		files, _ := d.files()
		path := filepath.Join(d.dir, files[0])
		content, err := os.ReadFile(path)
		if err != nil {
			d.Fatal(err)
		}
		for _, at := range []int{0, 5, len(content) / 2, len(content) - 3} {
			if err := os.WriteFile(path, content[:at], 0o600); err != nil {
				d.Fatal(err)
			}
			if lines := d.lines(traffic.Query{}); (len(lines) > 10) != (at > 5) {
				d.Errorf("cut at %d of %d: %d lines", at, len(content), len(lines))
			}
		}
		damaged := bytes.Clone(content)
		for i := len(damaged) / 2; i < len(damaged)/2+40; i++ {
			damaged[i] ^= 0xff
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			d.Fatal(err)
		}
		d.lines(traffic.Query{}) // no error
	})
}

// Support's calls are lines of their own: they are no sign of a till.
func TestTheJournalKnowsTillsFromSupport(t *testing.T) {
	inDiary(t, nil, func(d *diary) {
		wantLast := func(when string, want time.Time) {
			d.Helper()
			begun, last, err := d.LastTill()
			if err != nil || begun.IsZero() || !last.Equal(want) {
				d.Errorf("%s: a till called at %v, want %v; from %v, %v", when, last, want, begun, err)
			}
		}
		ask := func(side agent.Side) {
			d.Record(agent.Exchange{At: time.Now(), Side: side, Method: "GET", Route: "/health", Status: 200, Response: []byte("{}")})
		}
		if begun, last, err := d.LastTill(); err != nil || !begun.IsZero() || !last.IsZero() {
			d.Errorf("an empty journal: %v, %v, %v", begun, last, err)
		}
		ask(agent.SideSupport)
		d.settle()
		wantLast("support alone", time.Time{})
		called := time.Now()
		ask(agent.SideTill)
		d.settle()
		wantLast("a till, with support's answer", called)
		ask(agent.SideTill)
		ask(agent.SideSupport)
		d.settle()
		if lines := d.lines(traffic.Query{}); len(lines) != 2 {
			d.Errorf("the same answers again: %d lines, want 2: %+v", len(lines), lines)
		}
		if lines := d.lines(traffic.Query{Side: "support"}); len(lines) != 1 || lines[0].Side != agent.SideSupport {
			d.Errorf("support's lines: %+v", lines)
		}
	})
}
