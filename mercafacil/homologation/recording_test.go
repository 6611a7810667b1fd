package homologation_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/mercafacil/homologation"
)

// window is what passed while an item was done against the sandbox.
type window struct {
	Item      string
	Exchanges []struct {
		At                                            time.Time
		Side                                          agent.Side
		Route, Ref, Delivery, Origin, Request, Answer string
		Status                                        int
	}
}

// windows is the recording, read once.
var windows = sync.OnceValues(func() (list []window, err error) {
	text, err := os.ReadFile("testdata/run.json")
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	return list, err
})

// recording gives what passed while each item was done.
func recording(t *testing.T) map[string][]agent.Exchange {
	t.Helper()
	list, err := windows()
	if err != nil {
		t.Fatal(err)
	}
	passed := make(map[string][]agent.Exchange)
	for _, w := range list {
		for _, x := range w.Exchanges {
			passed[w.Item] = append(passed[w.Item], agent.Exchange{
				At: x.At, Side: x.Side, Method: "POST", Route: x.Route, Ref: x.Ref, Status: x.Status, Delivery: x.Delivery, Origin: x.Origin,
				Request: []byte(x.Request), Response: []byte(x.Answer),
			})
		}
	}
	return passed
}

func facts(asked bool) homologation.Facts {
	return homologation.Facts{TokenLength: 651, BaseURL: "http://127.0.0.1:8790/mercafacil/", Asked: asked}
}

func TestEveryRecordedItemIsProved(t *testing.T) {
	plan, passed := loadPlan(t), recording(t)
	for _, item := range plan.Items {
		if item.By != homologation.Machine {
			continue
		}
		found := plan.Judge(item, homologation.Read(passed[item.ID]), facts(true))
		if found.Verdict != homologation.Passed && found.Verdict != homologation.Answered {
			t.Errorf("%s: %s %s (a new item wants a new recording: go test ./cmd/internal/cli -run TestRecordARun -record)", item.ID, found.Verdict, found.Words)
		}
	}
}

// TestOrdinaryTrafficProves35Items hands every judge all that passed, as if nobody had asked for anything.
func TestOrdinaryTrafficProves35Items(t *testing.T) {
	plan, passed := loadPlan(t), recording(t)
	var all []agent.Exchange
	for _, item := range plan.Items {
		if item.Stage != "suposicoes" {
			all = append(all, passed[item.ID]...)
		}
	}
	traffic, proved := homologation.Read(all), 0
	for _, item := range plan.Items {
		if found := plan.Judge(item, traffic, facts(false)); found.Verdict == homologation.Passed {
			proved++
		}
	}
	if proved < 35 {
		t.Errorf("%d items, want 35", proved)
	}
}

// change spoils what passed.
type change func(*testing.T, []agent.Exchange) []agent.Exchange

const (
	till  = agent.SideTill
	cloud = agent.SideCloud
)

// on finds the nth exchange (from 0) of a side and route.
func on(t *testing.T, list []agent.Exchange, side agent.Side, route string, n int) int {
	t.Helper()
	for i, x := range list {
		if x.Side == side && strings.HasSuffix(strings.Trim(x.Route, "/"), route) {
			if n == 0 {
				return i
			}
			n--
		}
	}
	t.Fatalf("no %s %s", side, route)
	return 0
}

// replaced wants that old is there.
func replaced(t *testing.T, text []byte, old, changed string) []byte {
	t.Helper()
	if !strings.Contains(string(text), old) {
		t.Fatalf("no %q in %s", old, text)
	}
	return []byte(strings.Replace(string(text), old, changed, 1))
}

// asks changes the nth request.
func asks(side agent.Side, route string, n int, old, changed string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		i := on(t, list, side, route, n)
		list[i].Request = replaced(t, list[i].Request, old, changed)
		return list
	}
}

// says changes the nth answer.
func says(side agent.Side, route string, n int, old, changed string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		i := on(t, list, side, route, n)
		list[i].Response = replaced(t, list[i].Response, old, changed)
		return list
	}
}

// status changes the nth answer's status; html: its body is a page.
func status(side agent.Side, route string, n, code int, html bool) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		i := on(t, list, side, route, n)
		list[i].Status, list[i].Origin, list[i].Response = code, "cloud", []byte(`{"message":"no"}`)
		if html {
			list[i].Response = []byte("<html>")
		}
		return list
	}
}

// drops takes the nth exchange away.
func drops(side agent.Side, route string, n int) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		i := on(t, list, side, route, n)
		return slices.Delete(list, i, i+1)
	}
}

// repeats has the nth exchange again.
func repeats(side agent.Side, route string, n int) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		return append(list, list[on(t, list, side, route, n)])
	}
}

// swaps has two exchanges of a side in the other order.
func swaps(side agent.Side, first, second string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		a, b := on(t, list, side, first, 0), on(t, list, side, second, 0)
		list[a], list[b] = list[b], list[a]
		list[a].At, list[b].At = list[b].At, list[a].At
		return list
	}
}

// everywhere changes every request that has it: the till meant it so from the beginning.
func everywhere(old, changed string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		count := 0
		for i := range list {
			if strings.Contains(string(list[i].Request), old) {
				list[i].Request = []byte(strings.ReplaceAll(string(list[i].Request), old, changed))
				count++
			}
		}
		if count == 0 {
			t.Fatalf("no %q", old)
		}
		return list
	}
}

// sold changes the nth receipt, at the till and as it arrived.
func sold(n int, old, changed string) change {
	return all(asks(till, "coupons", n, old, changed), asks(cloud, "coupons", n, old, changed))
}

// gives changes the discounts that the nth basket's answer to the till names, line by line.
func gives(n int, discounts ...string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		i := on(t, list, till, "apply", n)
		parts := strings.Split(string(list[i].Response), `"discount":"`)
		if len(parts) != len(discounts)+1 {
			t.Fatalf("%d lines, want %d", len(parts)-1, len(discounts))
		}
		for k, discount := range discounts {
			_, rest, _ := strings.Cut(parts[k+1], `"`)
			parts[k+1] = discount + `"` + rest
		}
		list[i].Response = []byte(strings.Join(parts, `"discount":"`))
		return list
	}
}

func all(changes ...change) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		for _, c := range changes {
			list = c(t, list)
		}
		return list
	}
}

// then adds what passed while another item was done.
func then(item string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange { return append(list, recording(t)[item]...) }
}

// reuse gives the second receipt of an item the first one's id, at the till and on its way.
func reuse(item string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		id := func(n int) string {
			var receipt struct{ Coupon string }
			if err := json.Unmarshal(list[on(t, list, till, "coupons", n)].Request, &receipt); err != nil {
				t.Fatal(item, err)
			}
			return receipt.Coupon
		}
		first, second := id(0), id(1)
		list = asks(till, "coupons", 1, second, first)(t, list)
		return drops(cloud, "coupons", 1)(t, list) // the agent holds it
	}
}

// soldInstead gives the visit a confirm and a receipt: those of another item, for this visit's session.
func soldInstead() change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		var mine, other struct {
			ID string `json:"transaction_id"`
		}
		passed := recording(t)["H13"]
		if err := json.Unmarshal(list[on(t, list, till, "apply", 0)].Request, &mine); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(passed[on(t, passed, till, "apply", 0)].Request, &other); err != nil {
			t.Fatal(err)
		}
		for _, x := range passed {
			if strings.HasSuffix(strings.Trim(x.Route, "/"), "confirm") || strings.HasSuffix(strings.Trim(x.Route, "/"), "coupons") {
				x.Request = []byte(strings.NewReplacer(other.ID, mine.ID, `"client_id":"0"`, `"client_id":"`+member+`"`).Replace(string(x.Request)))
				list = append(list, x)
			}
		}
		return list
	}
}

// ends has the till end its visit by another route.
func ends(route, other string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		i := on(t, list, till, route, 0)
		list[i].Route = strings.Replace(list[i].Route, route, other, 1)
		return list
	}
}

// cancelsTheSession has the till cancel the session in place of the coupon, after the sale.
func cancelsTheSession() change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		confirm := list[on(t, list, till, "confirm", 0)]
		i := on(t, list, till, "coupons-cancellation", 0)
		list[i].Route, list[i].Request = "/v2/transaction/cancel", confirm.Request
		return drops(cloud, "coupons-cancellation", 0)(t, list)
	}
}

// again has the first receipt once more, with a coupon of another name, at the till and on its way.
func again(old, changed string) change {
	return func(t *testing.T, list []agent.Exchange) []agent.Exchange {
		for _, side := range []agent.Side{till, cloud} {
			x := list[on(t, list, side, "coupons", 0)]
			x.Request = replaced(t, x.Request, `"coupon":"`+old, `"coupon":"`+changed)
			list = append(list, x)
		}
		return list
	}
}
