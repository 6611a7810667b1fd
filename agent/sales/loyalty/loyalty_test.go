package loyalty_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/sales/loyalty"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// till is a service on a real store, and the calls of a till.
type till struct {
	t       *testing.T
	store   *store.Store
	service *loyalty.Service
}

func newTill(t *testing.T) *till { return tillOn(t, storetest.Open(t), false) }

func tillOn(t *testing.T, s *store.Store, uuids bool) *till {
	t.Helper()
	service, err := loyalty.New(loyalty.Config{
		Store: s, Cloud: away{}, Circuit: away{}, Alarms: new(agent.Alarms), Log: slog.New(slog.DiscardHandler),
		CounterBucket: store.CounterRecords, SessionBucket: store.SessionRecords, MemberBucket: store.MemberRecords, Shop: "001", Till: "099", Dialect: agent.V22,
		UUIDCoupons: uuids, NewUUID: uuid.NewString, UnknownMember: loyalty.UnknownAsGiven,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return &till{t, s, service}
}

// away is a cloud that cannot be reached.
type away struct{}

func (away) Call(context.Context, agent.Call, agent.Dialect, []byte) agent.Outcome {
	return agent.Outcome{Class: agent.ClassUnreachable}
}
func (away) Open() bool         { return true }
func (away) Note(agent.Outcome) {}

func (l *till) say(kind agent.Kind, body string) (agent.Receipt, error) {
	return l.service.Accept(context.Background(), agent.Submission{Kind: kind, Dialect: agent.V2, Body: []byte(body)})
}

func (l *till) must(kind agent.Kind, body string) agent.Receipt {
	l.t.Helper()
	receipt, err := l.say(kind, body)
	if err != nil {
		l.t.Fatalf("%s %s: %v", kind, body, err)
	}
	return receipt
}

func (l *till) refused(code agent.Code, kind agent.Kind, body string) (agent.Receipt, *agent.Error) {
	l.t.Helper()
	receipt, err := l.say(kind, body)
	e, ok := errors.AsType[*agent.Error](err)
	if !ok || e.Code != code {
		l.t.Fatalf("%s: got %v, want %s", kind, err, code)
	}
	return receipt, e
}

func (l *till) job(id string) agent.Job {
	l.t.Helper()
	seq, ok := agent.ParseJobID(id)
	if !ok {
		l.t.Fatalf("job id %q", id)
	}
	job, err := l.store.Job(seq)
	if err != nil {
		l.t.Fatal(err)
	}
	return job
}

func (l *till) want(id string, state agent.State, reason string) {
	l.t.Helper()
	if job := l.job(id); job.Status.State != state || job.Status.Reason != reason {
		l.t.Errorf("job %s (%s) is %s %q, want %s %q", id, job.Kind, job.Status.State, job.Status.Reason, state, reason)
	}
}

func (l *till) set(id string, change func(*agent.Status)) {
	l.t.Helper()
	job := l.job(id)
	change(&job.Status)
	if _, err := l.store.Commit(context.Background(), agent.Change{Moves: []agent.Move{{Seq: job.Seq, Status: job.Status}}}); err != nil {
		l.t.Fatal(err)
	}
}

func session(id string) string      { return fmt.Sprintf(`{"transaction_id":%q}`, id) }
func cancellation(id string) string { return fmt.Sprintf(`{"coupon":%q}`, id) }

func TestSameContentAgainGivesTheSameAnswer(t *testing.T) {
	sale := agenttest.Receipt("C-1", "T-1")
	for kind, body := range map[agent.Kind][2]string{
		agent.KindConfirm:            {session("T-1"), ` { "transaction_id" : "T\u002d1" } `},
		agent.KindCancel:             {session("T-1"), session("T-1")},
		agent.KindCoupon:             {sale, strings.Replace(sale, `"total_value":66.93`, `"total_value":66.930`, 1)},
		agent.KindCouponCancellation: {cancellation("C-9"), cancellation("C-9")},
	} {
		t.Run(string(kind), func(t *testing.T) {
			l := newTill(t)
			first, again := l.must(kind, body[0]), l.must(kind, body[1])
			if first.Replayed || !again.Replayed || first.Job != again.Job || l.store.Counters().Accepted() != 1 {
				t.Errorf("got %+v, then %+v, %d jobs", first, again, l.store.Counters().Accepted())
			}
		})
	}
}

func TestOtherContentIsAConflictAndTheNewestIsHeld(t *testing.T) {
	l := newTill(t)
	first := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	second, _ := l.refused(agent.CodeConflict, agent.KindCoupon, agenttest.Receipt("C-1", "T-2"))
	third, _ := l.refused(agent.CodeConflict, agent.KindCoupon, agenttest.Receipt("C-1", "T-3"))
	again, _ := l.refused(agent.CodeConflict, agent.KindCoupon, agenttest.Receipt("C-1", "T-3"))
	if again.Job != third.Job || !again.Replayed {
		t.Errorf("the same contradiction is kept twice: %+v, %+v", third, again)
	}
	l.want(first.Job, agent.Pending, "")
	l.want(second.Job, agent.Discarded, agent.ReasonSuperseded)
	l.want(third.Job, agent.Held, agent.ReasonConflict)
	if replay := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1")); replay.Job != first.Job {
		t.Errorf("the first one's replay is %+v", replay)
	}
	l.refused(agent.CodeConflict, agent.KindConfirm, func() string {
		l.must(agent.KindConfirm, session("T-1"))
		return `{"transaction_id":"T-1","items":[]}`
	}())
}

func TestOneOfManyAtTheSameTimeIsAcceptedAndTheOthersReplayOrContradict(t *testing.T) {
	l := newTill(t)
	var group sync.WaitGroup
	jobs, conflicts := make([]string, 40), make([]bool, 40)
	for i := range jobs {
		group.Go(func() {
			receipt, err := l.say(agent.KindCoupon, agenttest.Receipt("C-1", fmt.Sprint("T-", i%2)))
			jobs[i], conflicts[i] = receipt.Job, agent.CodeOf(err) == agent.CodeConflict
			if err != nil && !conflicts[i] {
				t.Error(err)
			}
		})
	}
	group.Wait()
	c := l.store.Counters()
	if c.Total(agent.Pending) != 1 || c.Total(agent.Held) != 1 || c.Accepted() != 2 {
		t.Errorf("got %v", c.ByKind)
	}
	for i := range jobs {
		if jobs[i] != jobs[i%2] || conflicts[i] != conflicts[i%2] {
			t.Errorf("call %d: job %s, conflict %v", i, jobs[i], conflicts[i])
		}
	}
}

// TestSalesThatCannotBeRight has a case for every fault, with the field that the refusal must name.
func TestSalesThatCannotBeRight(t *testing.T) {
	sale := agenttest.Receipt("C-1", "T-1")
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sale) }
	for _, c := range []struct{ name, body, field, code string }{
		{"no items", swap(`"items":[`, `"items":[],"x":[`), "items", "empty"},
		{"items missing", swap(`"items":`, `"itens":`), "items", "required"},
		{"items no list", swap(`"items":[`, `"items":{},"x":[`), "items", "type"},
		{"total in cents", swap(`"total_value":66.93,`, `"total_value":6693,`), "total_value", "scale"},
		{"total a thousandth", swap(`"total_value":66.93,`, `"total_value":0.067,`), "total_value", "scale"},
		{"net ten times its lines", swap(`"total_value_with_discount":56.93`, `"total_value_with_discount":569.30`), "total_value_with_discount", "scale"},
		{"line ten times quantity times price", swap(`"total_value":30.00`, `"total_value":300.00`), "items[0].total_value", "scale"},
		{"weight in grams", swap(`"quantity":1.235`, `"quantity":1235`), "items[1].total_value", "scale"},
		{"price in cents", swap(`"unit_value":29.90`, `"unit_value":2990`), "items[1].total_value", "scale"},
		{"card tender in cents", swap(`"cash","amount":51.93`, `"credit","amount":5193`, `"cashback","amount":5.00`, `"credit","amount":500`), "payments", "scale"},
		{"card tender of more than the double", swap(`"cash","amount":51.93`, `"debit","amount":300.00`), "payments", "sum"},
		{"cash tender in cents", swap(`"amount":51.93`, `"amount":5193`, `"amount":5.00`, `"amount":500`), "payments", "scale"},
		{"tenders below the net", swap(`"amount":51.93`, `"amount":1.93`), "payments", "sum"},
		{"tenders below the net, one of them negative", swap(`"amount":5.00`, `"amount":-5.00`), "payments", "sum"},
		{"quantity that is a word", swap(`"quantity":3`, `"quantity":"tres"`), "items[0].quantity", "not_decimal"},
		{"quantity beyond everything", swap(`"quantity":3`, `"quantity":3e30`), "items[0].quantity", "too_large"},
		{"sku with a fraction", swap(`"sku":"80215"`, `"sku":80215.5`), "items[0].sku", "fraction"},
		{"ean with an exponent", swap(`"ean":"7890000000017"`, `"ean":7.89e12`), "items[0].ean", "fraction"},
		{"operator that is a list", swap(`"operator_id":"0123"`, `"operator_id":[123]`), "operator_id", "type"},
		{"instalments of a half", swap(`"instalments":1`, `"instalments":1.5`), "payments[0].instalments", "type"},
		{"CPF as a number that lost its zero", swap(`"client_id":"0"`, `"client_id":1234567890`), "client_id", "zero_lost"},
		{"CNPJ as a number that lost its zero", swap(`"client_id":"0"`, `"client_id":1222333000181`), "client_id", "zero_lost"},
		{"quantity missing", swap(`"quantity":3,`, ``), "items[0].quantity", "required"},
		{"CPF with wrong digits", swap(`"client_id":"0"`, `"client_id":"`+agenttest.BadCPF+`"`), "client_id", "document"},
		{"CPF padded to a CNPJ", swap(`"client_id":"0"`, `"client_id":"000`+agenttest.CPF+`"`), "client_id", "document"},
		{"CPF too short", swap(`"client_id":"0"`, `"client_id":"123"`), "client_id", "document"},
		{"day that does not exist", swap("2026-05-14", "2026-02-30"), "date", "invalid"},
		{"date in Brazilian order", swap("2026-05-14", "14/05/2026"), "date", "invalid"},
		{"date missing", swap(`"date":"2026-05-14",`, ``), "date", "required"},
		{"hour that does not exist", swap("19:12:46", "24:12:46"), "time", "invalid"},
		{"coupon too long", swap("C-1", strings.Repeat("9", 101)), "coupon", "too_long"},
		{"coupon that is an object", swap(`"coupon":"C-1"`, `"coupon":{}`), "coupon", "type"},
		{"not an object", `[1]`, "", "type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newTill(t)
			receipt, e := l.refused(agent.CodeInvalid, agent.KindCoupon, c.body)
			named := slices.ContainsFunc(e.Fields, func(f agent.Fault) bool { return f.Field == c.field && f.Code == c.code && f.Detail != "" })
			if !named {
				t.Errorf("got %+v, want %s %s", e.Fields, c.field, c.code)
			}
			l.want(receipt.Job, agent.Held, agent.ReasonInvalid)
			if again, _ := l.refused(agent.CodeInvalid, agent.KindCoupon, c.body); again.Job != receipt.Job || !again.Replayed {
				t.Errorf("the same content is kept twice: %+v", again)
			}
			if string(l.job(receipt.Job).Body) != c.body {
				t.Error("what the till sent was changed")
			}
		})
	}
}

func TestAllFaultsOfASaleAreListedAtOnce(t *testing.T) {
	body := strings.NewReplacer("2026-05-14", "x", "19:12:46", "y", `"quantity":3`, `"quantity":true`, `"client_id":"0"`, `"client_id":"1"`).
		Replace(agenttest.Receipt("C-1", "T-1"))
	_, e := newTill(t).refused(agent.CodeInvalid, agent.KindCoupon, body)
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, f.Field)
	}
	slices.Sort(fields)
	if got := strings.Join(fields, " "); got != "client_id date items[0].quantity time" {
		t.Errorf("got %s", got)
	}
}

func TestSalesThatAreRightPass(t *testing.T) {
	sale := agenttest.Receipt("C-1", "T-1")
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sale) }
	for name, body := range map[string]string{
		"as it is":                        sale,
		"member with a CPF":               swap(`"client_id":"0"`, `"client_id":"`+agenttest.CPF+`"`),
		"member with a CNPJ":              swap(`"client_id":"0"`, `"client_id":"`+agenttest.CNPJ+`"`),
		"member with letters in its CNPJ": swap(`"client_id":"0"`, `"client_id":"`+agenttest.LetterCNPJ+`"`),
		"nobody identified":               swap(`"client_id":"0"`, `"client_id":""`),
		"numbers as strings":              swap(`"quantity":1.235`, `"quantity":"1.235"`, `"amount":5.00`, `"amount":"5.0000"`),
		"weighed line in thousandths":     swap(`"total_value":36.93,"total_value_with_discount":36.93`, `"total_value":36.927,"total_value_with_discount":36.927`),
		"weighed line rounded down":       swap(`36.93,"total_value_with_discount":36.93`, `36.92,"total_value_with_discount":36.92`, `66.93`, `66.92`, `56.93`, `56.92`),
		"change given":                    swap(`"amount":51.93`, `"amount":100.00`),
		"receipt discount in no line":     swap(`"total_value_with_discount":56.93`, `"total_value_with_discount":50.00`, `"amount":51.93`, `"amount":45.00`),
		"a pack sold by the piece":        swap(`"quantity":3,"packing_quantity":1,"unit_value":10.00`, `"quantity":1,"packing_quantity":3,"unit_value":10.00`),
		"unknown fields anywhere":         swap(`"origin":"pdv"`, `"origin":"pdv","nfce":{"key":[1,2]}`),
	} {
		t.Run(name, func(t *testing.T) {
			l := newTill(t)
			receipt := l.must(agent.KindCoupon, body)
			l.want(receipt.Job, agent.Pending, "")
			prepared, err := l.service.Prepare(context.Background(), l.job(receipt.Job))
			if err != nil || string(prepared) != body {
				t.Errorf("the bytes that go up differ: %s, %v", prepared, err)
			}
		})
	}
}

func TestCorrectedSaleSupersedesTheHeldOnes(t *testing.T) {
	l := newTill(t)
	wrong := strings.Replace(agenttest.Receipt("C-1", "T-1"), "2026-05-14", "2026-13-14", 1)
	worse := strings.Replace(agenttest.Receipt("C-1", "T-1"), "2026-05-14", "2026-14-14", 1)
	first, _ := l.refused(agent.CodeInvalid, agent.KindCoupon, wrong)
	second, _ := l.refused(agent.CodeInvalid, agent.KindCoupon, worse)
	right := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	l.want(first.Job, agent.Discarded, agent.ReasonSuperseded)
	l.want(second.Job, agent.Discarded, agent.ReasonSuperseded)
	l.want(right.Job, agent.Pending, "")
}

func TestHeldSalesAreBounded(t *testing.T) {
	l := newTill(t)
	var change agent.Change
	for range 1000 {
		change.Jobs = append(change.Jobs, agent.Job{Kind: agent.KindCoupon, Status: agent.Status{State: agent.Held, Reason: agent.ReasonInvalid}})
	}
	if _, err := l.store.Commit(context.Background(), change); err != nil {
		t.Fatal(err)
	}
	receipt, _ := l.refused(agent.CodeInvalid, agent.KindCoupon, `{}`)
	if receipt.Job != "" || l.store.Counters().Total(agent.Held) != 1000 {
		t.Errorf("kept %q, %d are held", receipt.Job, l.store.Counters().Total(agent.Held))
	}
}

func TestBodiesThatCannotBeReadAreRefusedAndNotKept(t *testing.T) {
	l := newTill(t)
	for body, code := range map[string]agent.Code{
		`{`: agent.CodeMalformed, `{"a":1,"a":2}`: agent.CodeDuplicateKey, strings.Repeat("[", 100) + strings.Repeat("]", 100): agent.CodeTooDeep,
		"{\"a\":\"\xff\"}": agent.CodeEncoding,
	} {
		l.refused(code, agent.KindCoupon, body)
	}
	for _, kind := range []agent.Kind{agent.KindConfirm, agent.KindCancel, agent.KindCouponCancellation} {
		for _, body := range []string{`{}`, `{"transaction_id":"","coupon":""}`, `{"transaction_id":{},"coupon":[]}`, `[]`, `{"transaction_id":null,"coupon":null}`} {
			l.refused(agent.CodeInvalid, kind, body)
		}
	}
	if n := l.store.Counters().Accepted(); n != 0 {
		t.Errorf("%d were kept", n)
	}
}

func TestSaleWithoutCouponGetsOneIDForItsContent(t *testing.T) {
	without := func(at string) string {
		return strings.Replace(agenttest.ReceiptWith(`"transaction_id":"T-1","client_id":"0"`), "19:12:46", at, 1)
	}
	l := newTill(t)
	first, again, other := l.must(agent.KindCoupon, without("10:00:00")), l.must(agent.KindCoupon, without("10:00:00")), l.must(agent.KindCoupon, without("10:00:01"))
	if first.Coupon != "001-20260514-100000-0123-012-000000001" || again.Coupon != first.Coupon || !again.Replayed || other.Coupon != "001-20260514-100001-0123-012-000000002" {
		t.Errorf("got %+v, %+v, %+v", first, again, other)
	}
	prepared, err := l.service.Prepare(context.Background(), l.job(first.Job))
	want := strings.TrimSuffix(without("10:00:00"), "}") + `,"coupon":"` + first.Coupon + `"}`
	if err != nil || string(prepared) != want {
		t.Errorf("goes up as %s, %v", prepared, err)
	}
	next := tillOn(t, l.store, false).must(agent.KindCoupon, without("10:00:02")) // as after a restart
	if !strings.HasSuffix(next.Coupon, "-000000003") {
		t.Errorf("the sequence starts again: %s", next.Coupon)
	}
	cancelled := l.must(agent.KindCouponCancellation, cancellation(first.Coupon))
	l.want(cancelled.Job, agent.Annulled, agent.ReasonCancelled)
}

func TestManySalesWithoutCouponAtTheSameTimeGetDifferentIDs(t *testing.T) {
	l := newTill(t)
	var group sync.WaitGroup
	ids := make([]string, 50)
	for i := range ids {
		group.Go(func() {
			receipt, err := l.say(agent.KindCoupon, agenttest.ReceiptWith(fmt.Sprintf(`"x":%d,"client_id":"0"`, i)))
			if err != nil {
				t.Error(err)
			}
			ids[i] = receipt.Coupon
		})
	}
	group.Wait()
	slices.Sort(ids)
	if unique := slices.Compact(slices.Clone(ids)); len(unique) != 50 {
		t.Errorf("%d ids for 50 sales", len(unique))
	}
}

func TestCouponIDCanBeAUUID(t *testing.T) {
	receipt := tillOn(t, storetest.Open(t), true).must(agent.KindCoupon, agenttest.ReceiptWith(`"coupon":"","client_id":"0"`))
	if _, err := uuid.Parse(receipt.Coupon); err != nil {
		t.Errorf("got %q", receipt.Coupon)
	}
}

// cancels gives the cancels of a session that were queued.
func (l *till) cancels(id string) []agent.Job {
	l.t.Helper()
	relatives, err := l.store.Group(agent.SessionGroup(id))
	if err != nil {
		l.t.Fatal(err)
	}
	return slices.DeleteFunc(relatives, func(job agent.Job) bool { return job.Kind != agent.KindCancel })
}

func TestSaleCancelledBeforeItWasTriedEndsWithItsCancellationAndItsConfirm(t *testing.T) {
	l := newTill(t)
	confirm := l.must(agent.KindConfirm, session("T-1"))
	sale := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	cancel := l.must(agent.KindCouponCancellation, cancellation("C-1"))
	l.want(confirm.Job, agent.Annulled, agent.ReasonCancelled)
	l.want(sale.Job, agent.Annulled, agent.ReasonCancelled)
	l.want(cancel.Job, agent.Annulled, agent.ReasonCancelled)
	if queued := l.cancels("T-1"); len(queued) != 1 || queued[0].Status.State != agent.Pending || string(l.job(queued[0].ID()).Body) != session("T-1") {
		t.Errorf("cancels of the session: %+v", queued)
	}
}

func TestCancellationOfASaleThatMayHaveArrivedIsSent(t *testing.T) {
	l := newTill(t)
	sale := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	l.set(sale.Job, func(s *agent.Status) { s.Attempts, s.Unanswered = 1, true })
	cancel := l.must(agent.KindCouponCancellation, cancellation("C-1"))
	l.want(sale.Job, agent.Pending, "")
	l.want(cancel.Job, agent.Pending, "")
	if queued := l.cancels("T-1"); len(queued) != 0 {
		t.Errorf("the session is cancelled although its sale goes on: %+v", queued)
	}
}

func TestCancellationWaitsAMomentForAFirstAttemptThatIsUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		ends func(*agent.Status)
		want agent.State
	}{
		"it finds no connection": {func(s *agent.Status) { s.Attempts, s.Unanswered = 0, false }, agent.Annulled},
		"it arrives":             {func(s *agent.Status) { s.State, s.Unanswered = agent.Sent, false }, agent.Pending},
		"it goes on for long":    {nil, agent.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTill(t)
			sale := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
			l.set(sale.Job, func(s *agent.Status) { s.Attempts, s.Unanswered = 1, true })
			done := make(chan struct{})
			go func() {
				defer close(done)
				<-time.After(20 * time.Millisecond)
				if c.ends != nil {
					l.set(sale.Job, c.ends)
				}
			}()
			cancel := l.must(agent.KindCouponCancellation, cancellation("C-1"))
			<-done
			if job := l.job(cancel.Job); job.Status.State != c.want {
				t.Errorf("the cancellation is %s, want %s", job.Status.State, c.want)
			}
		})
	}
}

func TestConfirmedSessionIsNeverCancelledByUs(t *testing.T) {
	for name, change := range map[string]func(*agent.Status){
		"confirm sent":       func(s *agent.Status) { s.State = agent.Sent },
		"confirm unanswered": func(s *agent.Status) { s.Attempts, s.Unanswered = 1, true },
	} {
		t.Run(name, func(t *testing.T) {
			l := newTill(t)
			confirm := l.must(agent.KindConfirm, session("T-1"))
			l.set(confirm.Job, change)
			sale := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
			l.must(agent.KindCouponCancellation, cancellation("C-1"))
			l.want(sale.Job, agent.Annulled, agent.ReasonCancelled)
			if queued := l.cancels("T-1"); len(queued) != 0 || l.job(confirm.Job).Status.State == agent.Annulled {
				t.Errorf("cancels: %+v, confirm: %s", queued, l.job(confirm.Job).Status.State)
			}
		})
	}
}

func TestSessionOfAnotherLiveSaleIsLeftAlone(t *testing.T) {
	l := newTill(t)
	confirm := l.must(agent.KindConfirm, session("T-1"))
	l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	again := l.must(agent.KindCoupon, agenttest.Receipt("C-2", "T-1"))
	l.must(agent.KindCouponCancellation, cancellation("C-1"))
	l.want(confirm.Job, agent.Pending, "")
	l.want(again.Job, agent.Pending, "")
	if queued := l.cancels("T-1"); len(queued) != 0 {
		t.Errorf("the session is cancelled under the other sale: %+v", queued)
	}
}

func TestSaleSentAgainWithTheIDThatItWasGivenIsTheSameSale(t *testing.T) {
	l := newTill(t)
	first := l.must(agent.KindCoupon, agenttest.ReceiptWith(`"transaction_id":"T-1","client_id":"0"`))
	with := agenttest.ReceiptWith(fmt.Sprintf(`"coupon":%q,"transaction_id":"T-1","client_id":"0"`, first.Coupon))
	if again := l.must(agent.KindCoupon, with); again.Job != first.Job || !again.Replayed {
		t.Errorf("got %+v, then %+v", first, again)
	}
	l.refused(agent.CodeConflict, agent.KindCoupon, strings.Replace(with, "T-1", "T-2", 1))
	if c := l.store.Counters(); c.Total(agent.Pending) != 1 || c.Total(agent.Held) != 1 {
		t.Errorf("got %v", c.ByKind)
	}
}

func TestSessionThatTheTillCancelledIsNotCancelledTwice(t *testing.T) {
	l := newTill(t)
	own := l.must(agent.KindCancel, session("T-1"))
	l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	l.must(agent.KindCouponCancellation, cancellation("C-1"))
	if queued := l.cancels("T-1"); len(queued) != 1 || queued[0].ID() != own.Job {
		t.Errorf("cancels: %+v", queued)
	}
}

func TestCancellationOfASentSaleIgnoresAHeldVersionOfIt(t *testing.T) {
	l := newTill(t)
	sale := l.must(agent.KindCoupon, agenttest.Receipt("C-1", "T-1"))
	l.set(sale.Job, func(s *agent.Status) { s.State, s.Attempts = agent.Sent, 1 })
	l.refused(agent.CodeInvalid, agent.KindCoupon, strings.Replace(agenttest.Receipt("C-1", "T-1"), "2026-05-14", "x", 1))
	cancel := l.must(agent.KindCouponCancellation, cancellation("C-1"))
	l.want(cancel.Job, agent.Pending, "")
}
