package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/loads/catalog"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/e2e"
)

// push sends a load as a till does.
func push(b *e2e.Bubble, path, body string) catalog.Summary {
	b.Helper()
	got := b.Post(path, body)
	if got.Status != http.StatusAccepted {
		b.Fatalf("%s: %d %s", path, got.Status, got.Body)
	}
	var summary catalog.Summary
	got.Decode(b, &summary)
	return summary
}

// holds says what the cloud has of a load: key and name.
func holds(b *e2e.Bubble, route string) string {
	b.Helper()
	var list []string
	for _, record := range b.Cloud.Loaded(route) {
		var named struct {
			Name   string
			Active *bool
		}
		if err := json.Unmarshal(record.Body, &named); err != nil {
			b.Fatal(err)
		}
		text := record.Key + "=" + named.Name
		if named.Active != nil {
			text += fmt.Sprintf("(%v)", *named.Active)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// TestOperatorsFromTheTill is H2 and H6.
func TestOperatorsFromTheTill(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		first := push(b, "/v2/operators", `[{"id":"1","name":"ANA","email":"","x":{"kept":1.50}},{"id":"2","name":""},{"name":"SEM ID"},{"id":"3","name":"EVA","active":true}]`)
		if first.Accepted != 2 || first.Changed != 2 || len(first.Rejected) != 2 || first.Rejected[0].Index != 1 || first.Rejected[0].Field != "name" ||
			first.Rejected[1].Index != 2 || first.Rejected[1].Field != "id" || first.Rejected[1].Code != "required" {
			t.Errorf("got %+v", first)
		}
		b.WaitDrained(time.Hour)
		if got := holds(b, "operators"); got != "1=ANA 3=EVA(true)" || !strings.Contains(string(b.Cloud.Loaded("operators")[0].Body), `{"kept":1.50}`) {
			t.Errorf("the cloud holds %s %+v", got, b.Cloud.Loaded("operators"))
		}
		second := push(b, "/v2/operators/", `{"operators":[{"name":"ANA","x":{"kept":1.5},"email":"","id":"1"},{"id":"3","name":"EVA MARIA"}]}`)
		if second.Unchanged != 1 || second.Changed != 1 {
			t.Errorf("got %+v", second)
		}
		third := push(b, "/v2/operators", "\xef\xbb\xbf{\"id\":\"4\",\"name\":\"JO\"}\r\n\r\n{\"id\":\"5\",\"name\":\"LIA\"}\r\n")
		b.WaitDrained(time.Hour)
		if third.Changed != 2 || holds(b, "operators") != "1=ANA 3=EVA MARIA 4=JO 5=LIA" || b.RequestCount("operators") != 3 {
			t.Errorf("got %+v, the cloud holds %s after %d requests", third, holds(b, "operators"), b.RequestCount("operators"))
		}
	})
}

// TestOldReceiptsFromTheTill is H3 for a till that brings them itself.
func TestOldReceiptsFromTheTill(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		list := func(sales ...string) string { return `{"coupons":[` + strings.Join(sales, ",") + `]}` }
		other := strings.Replace(agenttest.Receipt("A", ""), "19:12:46", "19:12:47", 1)
		got := push(b, "/v2/coupons-list", list(agenttest.Receipt("A", ""), agenttest.Receipt("B", ""), agenttest.Receipt("", ""), agenttest.Receipt("A", ""), other))
		if got.Accepted != 3 || got.Changed != 2 || got.Unchanged != 1 || len(got.Rejected) != 2 || got.Rejected[0].Field != "coupon" || got.Rejected[1].Code != "repeated" {
			t.Errorf("got %+v", got)
		}
		b.WaitDrained(time.Hour)
		again := push(b, "/v2/coupons-list", list(agenttest.Receipt("A", ""), other))
		if again.Unchanged != 1 || len(again.Rejected) != 1 || again.Rejected[0].Code != "repeated" {
			t.Errorf("got %+v", again)
		}
		if conflict := push(b, "/v2/coupons-list", list(other)); len(conflict.Rejected) != 1 || conflict.Rejected[0].Code != "conflict" {
			t.Errorf("got %+v: the id is another sale's", conflict)
		}
		if n := len(b.Cloud.Coupons()); n != 2 || b.RequestCount("coupons-list") != 1 {
			t.Errorf("the cloud has %d receipts after %d requests", n, b.RequestCount("coupons-list"))
		}
	})
}

// TestWhatIsNewerArrivesLaterAlsoAfterAnOutageAndARestart has three versions of a product under way at a time.
func TestWhatIsNewerArrivesLaterAlsoAfterAnOutageAndARestart(t *testing.T) {
	product := func(name string) string { return fmt.Sprintf(`[{"sku":"1","ean":"","name":%q}]`, name) }
	e2e.InBubble(t, func(b *e2e.Bubble) {
		b.Network.Cut(e2e.ErrRefused)
		push(b, "/v2/products", product("A"))
		push(b, "/v2/products", product("B"))
		<-time.After(10 * time.Minute)
		b.Stop()
		b.Start()
		if again := push(b, "/v2/products", product("B")); again.Unchanged != 1 {
			t.Errorf("what is under way was queued again: %+v", again)
		}
		push(b, "/v2/products", product("C"))
		if err := b.Cloud.Add(simkit.Fault{Route: "products", Fault: "lost", Times: 1}); err != nil {
			t.Fatal(err)
		}
		b.Network.Cut(nil)
		b.WaitDrained(time.Hour)
		if got := holds(b, "products"); got != "1=C" || b.RequestCount("products") != 4 {
			t.Errorf("the cloud holds %s after %d requests, want 1=C after A, A again, B, C", got, b.RequestCount("products"))
		}
		if err := b.Cloud.Add(simkit.Fault{Route: "products", Fault: "status", Status: 503, Times: 1}); err != nil {
			t.Fatal(err)
		}
		push(b, "/v2/products", product("D"))
		<-time.After(time.Second)
		push(b, "/v2/products", product("E")) // D waits for its next attempt, and E for D
		b.WaitDrained(time.Hour)
		if got := holds(b, "products"); got != "1=E" {
			t.Errorf("the cloud holds %s: what is newer arrived sooner", got)
		}
		push(b, "/v2/products", product("C"))
		b.WaitDrained(time.Hour)
		if again := push(b, "/v2/products", product("C")); again.Unchanged != 1 {
			t.Errorf("what arrived was queued again: %+v", again)
		}
		if again := push(b, "/v2/products", product("A")); again.Changed != 1 {
			t.Errorf("the old name is a change: %+v", again)
		}
	})
}

func TestARecordThatTheCloudRefusesDoesNotHoldItsBatch(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		b.Post("/v2/coupons", agenttest.Receipt("C2", "T")) // the cloud has it with another content
		b.WaitDrained(time.Hour)
		var sales []string
		for i := range 5 {
			sales = append(sales, agenttest.Receipt(fmt.Sprint("C", i), ""))
		}
		body := "[" + strings.Join(sales, ",") + "]"
		if got := push(b, "/v2/coupons-list", body); got.Changed != 5 {
			t.Fatalf("got %+v", got)
		}
		<-time.After(time.Hour)
		if n := len(b.Cloud.Coupons()); n != 5 {
			t.Errorf("the cloud has %d receipts, want the four that it takes and the one that was sold", n)
		}
		got, _ := b.Call(http.MethodGet, "/v1/queue?state=dead&kind=coupons-list", e2e.SupportToken, "")
		var list struct{ Jobs []struct{ ID string } }
		got.Decode(t, &list)
		if len(list.Jobs) != 1 {
			t.Fatalf("dead: %s", got.Body)
		}
		before := b.RequestCount("coupons-list")
		if again := push(b, "/v2/coupons-list", body); again.Unchanged != 5 {
			t.Errorf("got %+v: what was refused is not sent again before it changes", again)
		}
		<-time.After(time.Hour)
		if b.RequestCount("coupons-list") != before {
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
	e2e.InBubble(t, func(b *e2e.Bubble) {
		if err := b.Cloud.Set(`{"wrapper":"object"}`); err != nil {
			t.Fatal(err)
		}
		push(b, "/v2/products", rows.String())
		push(b, "/v2/products", `[{"sku":"alone","ean":"","name":"P"}]`)
		<-time.After(time.Hour)
		if n := b.RequestCount("products"); n < 30 || n > 80 {
			t.Errorf("%d requests before it was given up", n)
		}
		if err := b.Cloud.Set(`{"wrapper":"array"}`); err != nil {
			t.Fatal(err)
		}
		again := push(b, "/v2/products", rows.String()+"{\"sku\":\"alone\",\"ean\":\"\",\"name\":\"P\"}")
		<-time.After(time.Hour)
		if n := len(b.Cloud.Loaded("products")); again.Changed != 501 || n != 501 {
			t.Errorf("got %+v, the cloud has %d products", again, n)
		}
	})
}

func TestARefusedBatchGoesAgainWithoutWhatALaterOneSaysAnew(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
		b.Network.Cut(e2e.ErrRefused)
		push(b, "/v2/products", `[{"sku":"1","ean":"","name":"A"},{"sku":"2","ean":"","name":"A"}]`)
		push(b, "/v2/products", `[{"sku":"1","ean":"","name":"B"}]`)
		if err := b.Cloud.Add(simkit.Fault{Route: "products", Fault: "status", Status: 422, Times: 1}); err != nil {
			t.Fatal(err)
		}
		b.Network.Cut(nil)
		b.WaitDrained(time.Hour)
		if got := holds(b, "products"); got != "1=B 2=A" || b.RequestCount("products") != 3 {
			t.Errorf("the cloud holds %s after %d requests", got, b.RequestCount("products"))
		}
	})
}

func TestALoadThatCannotBeReadToItsEndSaysWhatWasTaken(t *testing.T) {
	e2e.InBubble(t, func(b *e2e.Bubble) {
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
			got := b.Post("/v2/products", c.body)
			if code, _ := got.Field("code").(string); got.Status != c.status || code != c.code {
				t.Errorf("%s: %d %.200s", name, got.Status, got.Body)
			}
			if name == "cut" && !strings.Contains(got.Body, "Os 1 registros certos antes disso foram aceitos") {
				t.Errorf("%s: %s", name, got.Body)
			}
		}
		b.WaitDrained(time.Hour)
		if got := holds(b, "products"); got != "c1=A l1=A t1=A u1=A" && got != "c1=A l1=A t1=A" {
			t.Errorf("the cloud holds %s", got)
		}
	})
}
