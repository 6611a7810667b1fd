package cardorder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/cardorder"
	"pdvagent/agent/simkit"
	"pdvagent/payments"
	"pdvagent/payments/cashorder"
	"pdvagent/payments/cashorder/cashordersim"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// A card that nobody has.
const (
	number = "4111111111111111"
	secret = "987"
)

// order is the manual's own, with its mistakes: a second T, seven decimals, a field spelled in two ways.
const order = `{"order":{"id":12021,"createDate":"2026-01-20T18:42:50.2113215-02:00","shipping":{"costPrice":1000,"deliveryForecast":"2026-12-02T00:00:00.0000000T-02:00",
 "receiver":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","birthDate":"1985-05-29T00:00:00.0000000-02:00","pesronType":1,"genderType":1,"phones":[{"DDD":"11","number":"900000000","type":3}]},
 "shippingAddress":{"address":"Rua Modelo","number":"283","complement":"Casa 2","city":"Barueri","district":"","state":"SP","zipCode":"06253220","reference":"Casa verde"}},
 "participant":{"name":"Cliente Teste","cpfCnpj":"12345678909","email":"cliente@example.com","birthDate":"1985-05-29","personType":1,"genderType":1,"phones":[]},
 "items":[{"sku":"32155","name":"Nome do Produto","quantity":2,"costPrice":1000}],"amount":2000},
 "payment":{"paymentId":3,"parcels":2,"ownerDocument":"12345678909","cardNumber":"` + number + `","expirationMonth":"01","expirationYear":"2040","ownerName":"Owner Name","securityCode":"` + secret + `"}}`

type shop struct {
	*testing.T
	dir      string
	store    *flaky
	supplier *cashordersim.Sim
	client   *cashorder.Client
	alarms   *agent.Alarms
	log      *bytes.Buffer
	desk     *cardorder.Desk
	cfg      cardorder.Config
}

// flaky is a store of which one commit fails.
type flaky struct {
	*store.Store
	failAt int
	after  bool
}

var errPower = errors.New("no power")

func (f *flaky) Commit(ctx context.Context, change agent.Change) (agent.Committed, error) {
	f.failAt--
	if f.failAt == 0 && !f.after {
		return agent.Committed{}, errPower
	}
	done, err := f.Store.Commit(ctx, change)
	if f.failAt == 0 && err == nil {
		err = errPower
	}
	return done, err
}

func open(t *testing.T, change ...func(*cardorder.Config)) *shop {
	t.Helper()
	supplier, err := cashordersim.New(cashordersim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(supplier)
	client, err := cashorder.New(cashorder.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	dir := storetest.Dir(t)
	s := &shop{T: t, dir: dir, store: &flaky{Store: storetest.OpenIn(t, store.Config{Dir: dir})}, supplier: supplier, client: client, alarms: new(agent.Alarms), log: new(bytes.Buffer)}
	s.cfg = cardorder.Config{
		Store: s.store, Bucket: store.OrderRecords, Supplier: client, Accept: true, Mark: s.store.Mark, Zone: time.FixedZone("BRT", -3*3600), Alarms: s.alarms,
		Log: slog.New(slog.NewJSONHandler(s.log, nil)), NewID: uuid.NewString,
	}
	for _, do := range change {
		do(&s.cfg)
	}
	s.restart()
	return s
}

func (s *shop) restart() {
	s.Helper()
	desk, err := cardorder.New(s.cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.desk = desk
	if err := desk.Run(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func (s *shop) fault(fault string, status int) {
	s.Helper()
	if err := s.supplier.Add(simkit.Fault{Route: "order", Fault: fault, Status: status, Body: "{}", Times: 1}); err != nil {
		s.Fatal(err)
	}
}

// sent counts the orders that were on their way to the supplier.
func (s *shop) sent() (n int) {
	for _, a := range s.supplier.Received() {
		if a.Route == "order" {
			n++
		}
	}
	return n
}

func TestAnOrderIsClosedOnceWithItsDatesPutRight(t *testing.T) {
	s := open(t)
	o, replayed, err := s.desk.Close(t.Context(), "k", []byte(order))
	if err != nil || replayed || o.State != cardorder.Completed || o.VendorID != "V-900" || o.OrderID != 12021 || o.Amount != 2000 || o.Shipping != 1000 || o.Attention || o.Total != 2224 {
		t.Fatalf("got %+v %v", o, err)
	}
	again, replayed, err := s.desk.Close(t.Context(), "k", []byte(order))
	if err != nil || !replayed || again.ID != o.ID || s.sent() != 1 {
		t.Errorf("again: %+v %v %v, sent %d", again, replayed, err, s.sent())
	}
	for _, a := range s.supplier.Received() {
		if a.Route != "order" {
			continue
		}
		for _, want := range []string{`"deliveryForecast":"2026-12-02T00:00:00-02:00"`, `"createDate":"2026-01-20T18:42:50.2113215-02:00"`, `"birthDate":"1985-05-29T00:00:00-03:00"`, `"personType":1,"genderType":1,"phones":[{`, `"pesronType":1,"genderType":1,"phones":[]`} {
			if !strings.Contains(string(a.Body), want) {
				t.Errorf("the supplier did not get %s", want)
			}
		}
	}
	if _, _, err := s.desk.Close(t.Context(), "k", []byte(strings.Replace(order, "12021", "12022", 1))); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("the key for another order: %v", err)
	}
	if _, _, err := s.desk.Close(t.Context(), "k2", []byte(order)); agent.CodeOf(err) != agent.CodeConflict || s.sent() != 1 {
		t.Errorf("the same order under another key: %v", err)
	}
}

// Documents may come as they are printed; the supplier gets the digits, and its simulator refuses anything else.
func TestDocumentsAreSentWithoutPunctuation(t *testing.T) {
	s := open(t)
	typed := strings.Replace(order, `"cpfCnpj":"12345678909"`, `"cpfCnpj":"123.456.789-09"`, 1)
	typed = strings.Replace(typed, `"cpfCnpj":"12345678909"`, `"cpfCnpj":"11.222.333/0001-81"`, 1)
	typed = strings.Replace(typed, `"ownerDocument":"12345678909"`, `"ownerDocument":" 529.982.247-25 "`, 1)
	o, _, err := s.desk.Close(t.Context(), "k", []byte(typed))
	if err != nil || o.State != cardorder.Completed {
		t.Fatalf("got %+v %v", o, err)
	}
	body := string(s.supplier.Received()[1].Body)
	for _, want := range []string{`"cpfCnpj":"12345678909"`, `"cpfCnpj":"11222333000181"`, `"ownerDocument":"52998224725"`} {
		if strings.Count(body, want) != 1 {
			t.Errorf("the supplier did not get %s", want)
		}
	}
}

func TestTheSameRequestWithAnotherCardIsTheSame(t *testing.T) {
	s := open(t)
	if _, _, err := s.desk.Close(t.Context(), "k", []byte(order)); err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(number, "4242424242424242", secret, "111").Replace(order)
	if _, replayed, err := s.desk.Close(t.Context(), "k", []byte(other)); err != nil || !replayed || s.sent() != 1 {
		t.Errorf("%v %v: what is remembered of a request has its card in it", replayed, err)
	}
}

func TestARefusedOrderMayComeAgain(t *testing.T) {
	s := open(t)
	refused := strings.Replace(order, number, "4000000000000002", 1)
	o, _, err := s.desk.Close(t.Context(), "k", []byte(refused))
	if err != nil || o.State != cardorder.Failed || o.Refusal.Code != "1004" || o.Attention {
		t.Fatalf("got %+v %v", o, err)
	}
	if o, _, err := s.desk.Close(t.Context(), "k2", []byte(order)); err != nil || o.State != cardorder.Completed {
		t.Errorf("with another card: %+v %v", o, err)
	}
}

func TestALostAnswerIsUnknownAndNeverRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		fault  string
		status int
		orders int
	}{"after it was done": {"lost", 0, 1}, "500": {"status", 500, 0}, "504": {"status", 504, 0}, "400 without a word": {"status", 400, 0}, "a portal's page": {"html", 0, 0}} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.fault(c.fault, c.status)
			o, _, err := s.desk.Close(t.Context(), "k", []byte(order))
			if err != nil || o.State != cardorder.Unknown || !o.Attention || len(s.alarms.List()) != 1 {
				t.Fatalf("got %+v %v %v", o, err, s.alarms.List())
			}
			s.alarms = new(agent.Alarms)
			s.cfg.Alarms = s.alarms
			s.restart()
			if len(s.alarms.List()) != 1 {
				t.Error("after a restart nobody is told")
			}
			again, replayed, err := s.desk.Close(t.Context(), "k", []byte(order))
			if err != nil || !replayed || again.State != cardorder.Unknown || s.sent() != 1 || len(s.supplier.Orders()) != c.orders {
				t.Errorf("again: %+v %v %v, sent %d", again, replayed, err, s.sent())
			}
			if _, _, err := s.desk.Close(t.Context(), "k2", []byte(order)); agent.CodeOf(err) != agent.CodeConflict || s.sent() != 1 || !strings.Contains(agent.Sentence(err), "pergunte a ele") {
				t.Errorf("under another key: %v", err)
			}
			done, err := s.desk.Resolve(t.Context(), o.ID, cardorder.Answer{State: cardorder.Completed, VendorID: "V-900", By: "maria", Reason: "o fornecedor confirmou"})
			if err != nil || done.State != cardorder.Completed || done.VendorID != "V-900" || done.Attention || len(s.alarms.List()) != 0 {
				t.Errorf("resolved: %+v %v", done, err)
			}
			if _, err := s.desk.Resolve(t.Context(), o.ID, cardorder.Answer{State: cardorder.Failed}); agent.CodeOf(err) != agent.CodeConflict {
				t.Errorf("resolved twice: %v", err)
			}
		})
	}
}

func TestWhatWasNotSentMayBeSentAgain(t *testing.T) {
	s := open(t)
	s.fault("status", 401)
	if o, _, err := s.desk.Close(t.Context(), "k", []byte(order)); payments.FailureOf(err).Class != payments.Unauthorized {
		t.Fatalf("got %+v %v", o, err)
	}
	if o, replayed, err := s.desk.Close(t.Context(), "k", []byte(order)); err != nil || replayed || o.State != cardorder.Completed {
		t.Errorf("got %+v %v %v", o, replayed, err)
	}
	gone, err := cashorder.New(cashorder.Config{BaseURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	s.cfg.Supplier = gone
	s.restart()
	if _, _, err := s.desk.Close(t.Context(), "k3", []byte(strings.Replace(order, "12021", "3", 1))); payments.FailureOf(err).Class != payments.Away {
		t.Errorf("got %v", err)
	}
	if list, err := s.desk.List(false, 10); err != nil || len(list) != 1 {
		t.Errorf("kept %+v %v", list, err)
	}
}

// TestAPowerCutLeavesNoOrderUnknownToEverybody fails each commit in turn.
func TestAPowerCutLeavesNoOrderUnknownToEverybody(t *testing.T) {
	for n := 1; n <= 2; n++ {
		for _, after := range []bool{false, true} {
			s := open(t)
			s.store.failAt, s.store.after = n, after
			o, _, err := s.desk.Close(t.Context(), "k", []byte(order))
			s.store.failAt = 0
			s.restart()
			switch {
			case n == 1:
				if err == nil || s.sent() != 0 {
					t.Errorf("it was sent before it was on disk: %+v %v", o, err)
				}
			case o.State != cardorder.Unknown || s.sent() != 1:
				t.Errorf("commit %d, after %v: %+v %v", n, after, o, err)
			}
			again, replayed, err := s.desk.Close(t.Context(), "k", []byte(order))
			if err != nil || s.sent() != 1 && replayed != after || s.sent() > 1 {
				t.Errorf("commit %d, after %v, again: %+v %v %v, sent %d", n, after, again, replayed, err, s.sent())
			}
		}
	}
}

func TestBadOrdersAreNamedAndNothingIsSent(t *testing.T) {
	s := open(t)
	for old, c := range map[string][2]string{
		`"id":12021`:                          {`"id":"12021"`, "order.id"},
		`"amount":2000}`:                      {`"amount":20.00}`, "order.amount"},
		`"amount":2000},`:                     {`"amount":3000},`, "order.amount"},
		`"quantity":2`:                        {`"quantity":0`, "order.items[0].quantity"},
		`"costPrice":1000}]`:                  {`"costPrice":10.00}]`, "order.items[0].costPrice"},
		`"items":[`:                           {`"stuff":[`, "order.items"},
		`"2026-01-20T18:42:50.2113215-02:00"`: {`"20/01/2026"`, "order.createDate"},
		`"payment":{`:                         {`"pay":{`, "payment"},
		`"paymentId":3`:                       {`"paymentId":1`, "payment.paymentId"},
		`"paymentId":3,`:                      {`"paymentId":2,`, "payment.paymentId"},
		`"parcels":2`:                         {`"parcels":10`, "payment.parcels"},
		`"ownerDocument":"12345678909"`:       {`"ownerDocument":"123456789012"`, "payment.ownerDocument"},
		number:                                {"4111111111111112", "payment.cardNumber"},
		`"expirationYear":"2040"`:             {`"expirationYear":"2020"`, "payment.expirationMonth"},
		`"securityCode":"987"`:                {`"securityCode":"98"`, "payment.securityCode"},
		`"securityCode"`:                      {`"code"`, "payment.securityCode"},
		`"Owner Name"`:                        {`" "`, "payment.ownerName"},
		`"pesronType":1`:                      {`"kind":1`, "order.shipping.receiver.personType"},
	} {
		body := strings.Replace(order, old, c[0], 1)
		_, _, err := s.desk.Close(t.Context(), "k", []byte(body))
		e, ok := errors.AsType[*agent.Error](err)
		if !ok || e.Code != agent.CodeInvalid || e.Fields[0].Field != c[1] || strings.Contains(fmt.Sprint(e, e.Fields), "41111111") {
			t.Errorf("%s: %v", c[0], err)
		}
	}
	if s.sent() != 0 {
		t.Errorf("%d were sent", s.sent())
	}
	if _, _, err := s.desk.Close(t.Context(), "k", []byte(`{"payment":`)); agent.CodeOf(err) != agent.CodeMalformed {
		t.Errorf("half an order: %v", err)
	}
	with := open(t, func(c *cardorder.Config) { c.Shipping = true })
	if o, _, err := with.desk.Close(t.Context(), "k", []byte(strings.Replace(order, `"amount":2000}`, `"amount":3000}`, 1))); err != nil || o.State != cardorder.Completed {
		t.Errorf("with the shipping in it: %+v %v", o, err)
	}
	off := open(t, func(c *cardorder.Config) { c.Accept = false })
	if _, _, err := off.desk.Close(t.Context(), "k", []byte(order)); agent.CodeOf(err) != agent.CodeNotConfigured || off.sent() != 0 {
		t.Errorf("switched off: %v", err)
	}
}

// TestNothingOfTheCardIsKept looks for it in the data folder and in the log, after every way that an order can go (SEC-13).
func TestNothingOfTheCardIsKept(t *testing.T) {
	s := open(t)
	for i, fault := range []string{"", "lost", "html", "status"} {
		if fault != "" {
			s.fault(fault, 500)
		}
		body := strings.Replace(order, "12021", fmt.Sprint(i+1), 1)
		if _, _, err := s.desk.Close(t.Context(), fmt.Sprint("k", i), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := s.desk.Close(t.Context(), "bad", []byte(strings.Replace(order, `"parcels":2`, `"parcels":10`, 1)))
	shown := s.log.String() + fmt.Sprint(err) + fmt.Sprintf("%+v", s.alarms.List())
	list, err := s.desk.List(false, 10)
	events, eventsErr := s.store.Events(0, 100)
	if err := errors.Join(err, eventsErr); err != nil || len(list) != 4 || len(events) == 0 {
		t.Fatal(err, len(list), len(events))
	}
	shown += fmt.Sprintf("%+v", list)
	for _, e := range events {
		shown += string(e.Data)
	}
	values, _, err := s.store.Records(store.OrderRecords, nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		shown += string(v.Data)
	}
	err = filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		shown += string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{number, number[:10], `"` + secret + `"`, "Owner Name", `"2040"`, "securityCode"} {
		if strings.Contains(shown, canary) {
			t.Errorf("%s is kept", canary)
		}
	}
}
