package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/routine"
	"pdvagent/mercafacil/mercafacilsim"
)

// The tests of this file are named after the requirements of contracts/mercafacil.md section 2 (R) that a sale must meet.
// Each plays against the simulated cloud, which is written from the contract alone.

// arrivals gives what came to a route of the cloud and took effect, in order.
func (s *site) arrivals(route string) []mercafacilsim.Arrival {
	var list []mercafacilsim.Arrival
	for _, arrival := range s.clouds.Mercafacil.Received() {
		if arrival.Route == route && arrival.Effect {
			list = append(list, arrival)
		}
	}
	return list
}

func (s *site) lastBody(route string) string {
	s.t.Helper()
	list := s.arrivals(route)
	if len(list) == 0 {
		s.t.Fatalf("nothing arrived on %s", route)
	}
	return string(list[len(list)-1].Body)
}

func TestR02R21R22LoyaltyTellsWhetherTheShopperIsInTheClub(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria Aparecida")
		for document, want := range map[string]bool{maria: true, stranger: false, "": false} {
			got := s.post("/"+dialect+"/transaction/start", startBody(dialect, document))
			if got.status != http.StatusOK || got.field("loyalty") != want || got.header.Get("X-Agent-Delivery") != "live" {
				t.Errorf("%q: got %d %s, want loyalty %v", document, got.status, got.body, want)
			}
		}
	})
}

func TestR03OffersApplyToIdentifiedAndUnidentifiedShoppers(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria")
		s.offer(`{"id":"all","type":"percentage","product":"A","percent":10}`)
		s.offer(`{"id":"club","type":"percentage","product":"B","percent":10,"club":true}`)
		for client, want := range map[string]string{maria: "2.00", "0": "1.00"} {
			if g := s.begin(dialect, client).apply(units("A", 1, "10.00"), units("B", 1, "10.00")).given(t); g.discount(t) != want {
				t.Errorf("%s: got %s, want %s", client, g.discount(t), want)
			}
		}
	})
}

func TestR04R34ConfirmTellsTheCloudWhichOffersWereUsed(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria")
		s.offer(`{"id":"p","type":"percentage","product":"A","percent":10,"maximum":4}`)
		one := s.begin(dialect, maria)
		one.apply(units("A", 3, "10.00"))
		if got := one.end("confirm"); got.status != http.StatusAccepted {
			t.Fatalf("confirm: %d %s", got.status, got.body)
		}
		s.drained()
		if used := s.clouds.Mercafacil.Used("p", maria); used != "3.00" {
			t.Errorf("the cloud counts %s units, want 3.00", used)
		}
		if got := s.call(http.MethodGet, "/v1/sales/"+one.id, tillToken, ""); got.field("loyalty.applied") != true || got.field("session") != "confirmed" {
			t.Errorf("the sale says %s", got.body)
		}
		if body := s.lastBody("confirm"); body != idBody("transaction_id", one.id) {
			t.Errorf("confirm went up as %s", body)
		}
	})
}

func TestR05R36EverySaleArrivesIdentifiedOrNot(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria")
		for i, client := range []string{maria, "0"} {
			one := s.begin(dialect, client)
			one.apply(units("80215", 2, "10.00"))
			one.sell(fmt.Sprint("K-", i))
			s.drained()
			if coupons := s.clouds.Mercafacil.Coupons(); len(coupons) != i+1 || string(coupons[i].Body) != one.receipt(fmt.Sprint("K-", i)) || len(coupons[i].Warnings) != 0 {
				t.Errorf("%s: the cloud has %+v", client, coupons)
			}
		}
	})
}

func TestR10R11R12R14EveryRequestIsAPostWithTheShopsTokenAndTheVersion(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t, "pdv_version: '1.0.0'", "pdv_version: '7.8.9'").open()
		s.member(maria, "Maria")
		one := s.begin(dialect, maria)
		one.apply(units("80215", 2, "10.00"))
		one.apply(units("80215", 1, "10.00"))
		one.sell("K")
		s.drained()
		s.post("/v2/coupons-cancellation", idBody("coupon", "K"))
		s.drained()
		received := s.clouds.Mercafacil.Received()
		for _, arrival := range received {
			if arrival.Version != "7.8.9" || !strings.HasPrefix(cloudToken, arrival.Shop) || arrival.Shop == "" || arrival.Status == http.StatusMethodNotAllowed || arrival.Status == http.StatusUnauthorized {
				t.Errorf("%s: version %q, shop %q, answered %d %s", arrival.Path, arrival.Version, arrival.Shop, arrival.Status, arrival.Says)
			}
		}
		if len(received) < 8 {
			t.Errorf("only %d requests arrived", len(received))
		}
	})
}

func TestR12TheTokenNamesTheShop(t *testing.T) {
	other := strings.Repeat("B", 30)
	s := newSite(t, "token: 'CANARY-CLOUD-TOKEN'", "token: '"+other+"'")
	s.open()
	if got := s.post("/v2/transaction/start", startBody("v2", "")); got.status != http.StatusOK || got.field("agent.reason") != "auth" {
		t.Errorf("a token of another shop: got %d %s", got.status, got.body)
	}
	if got := s.call(http.MethodGet, "/v1/status", supportToken, ""); got.header.Get("X-Agent-Alarm") != "cloud_unauthorized" {
		t.Errorf("no alarm: %v", got.header)
	}
}

func TestR13ATokenOfAnyLengthIsSentWhole(t *testing.T) {
	long := strings.Repeat("abcdefghij", 200)
	s := newSiteWith(t, long)
	s.open()
	if got := s.post("/v2/transaction/start", startBody("v2", "")); got.header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestR20R39IdentificationTakesCPFAndCNPJAsTheyAre(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		for _, document := range []string{maria, agenttest.CNPJ, agenttest.LetterCNPJ, "00000000191"} {
			s.member(document, "Alguém")
			got := s.post("/"+dialect+"/transaction/start", startBody(dialect, document))
			if got.field("loyalty") != true || got.field("user.document_no") != document || s.lastBody("start") != startBody(dialect, document) {
				t.Errorf("%s: got %s, the cloud heard %s", document, got.body, s.lastBody("start"))
			}
			receipt := agenttest.ReceiptWith(fmt.Sprintf(`"client_id":%q,"coupon":%q`, document, "K-"+document))
			if got := s.post("/v2/coupons", receipt); got.status != http.StatusAccepted {
				t.Errorf("%s: coupon got %d %s", document, got.status, got.body)
			}
			s.drained()
			if body := s.lastBody("coupon"); body != receipt {
				t.Errorf("%s: went up as %s", document, body)
			}
		}
		for _, wrong := range []string{"191", "000052998224725", "529.982.247-25", "52998224726", "1122233300018"} {
			receipt := agenttest.ReceiptWith(fmt.Sprintf(`"client_id":%q,"coupon":%q`, wrong, "W-"+wrong))
			if got := s.post("/v2/coupons", receipt); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "client_id") {
				t.Errorf("%s: got %d %s", wrong, got.status, got.body)
			}
		}
	})
}

func TestR23TheNameReachesTheTill(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria Aparecida")
		if got := s.post("/"+dialect+"/transaction/start", startBody(dialect, maria)); got.field("user.name") != "Maria Aparecida" {
			t.Errorf("got %s", got.body)
		}
	})
}

func TestR24AMessageReachesTheTill(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		got := s.post("/"+dialect+"/transaction/start", startBody(dialect, stranger))
		if text, _ := got.field("message.text").(string); !strings.Contains(text, "pré-cadastro") {
			t.Errorf("got %s", got.body)
		}
	})
}

// sentItems is what the cloud was told of the basket.
func (s *site) sentItems(dialect string) []map[string]json.RawMessage {
	s.t.Helper()
	route := map[string]string{"v2": "apply", "v2.2": "pre-apply"}[dialect]
	var body struct {
		Items []map[string]json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal([]byte(s.lastBody(route)), &body); err != nil {
		s.t.Fatal(err)
	}
	return body.Items
}

func TestR25R27R28AllItemsGoUpAsTheTillSpeltThem(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		basket := []line{{"411", "1.235", "36.927"}}
		for i := range 60 {
			basket = append(basket, units(fmt.Sprint("P", i), 2, "3.33"))
		}
		if got := s.begin(dialect, "0").apply(basket...); got.status != http.StatusOK || len(got.given(t).Agent.Lines) != 61 {
			t.Fatalf("got %d %s", got.status, got.body)
		}
		sent := s.sentItems(dialect)
		if len(sent) != 61 || string(sent[0]["quantity"]) != "1.235" || string(sent[0]["total_value"]) != "36.927" || string(sent[60]["packing_quantity"]) != "1" {
			t.Errorf("%d items, the first %s", len(sent), sent[0])
		}
	})
}

func TestR26ValuesReducedByTheTillsOwnOffersGoUp(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.offer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		one := s.begin(dialect, "0")
		reduced := `"items":[{"sku":"A","ean":"1","quantity":1,"packing_quantity":12,"total_value":10.00,"total_value_with_discount":8.00}]`
		got := s.post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":"0",%s}`, one.id, reduced))
		if dialect == "v2.2" {
			s.post("/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, one.id, reduced))
			got = s.post("/v2.2/transaction/apply", idBody("transaction_id", one.id))
		}
		if g := got.given(t); g.discount(t) != "0.80" || g.Agent.Lines[0].Total != "7.20" {
			t.Errorf("got %s", got.body)
		}
		if sent := s.sentItems(dialect); string(sent[0]["total_value_with_discount"]) != "8.00" || string(sent[0]["packing_quantity"]) != "12" {
			t.Errorf("sent %s", sent[0])
		}
	})
}

func TestR29AShopperOutsideTheClubIsAppliedWithZero(t *testing.T) {
	s := newSite(t).open()
	s.offer(`{"id":"all","type":"percentage","product":"A","percent":10}`)
	for _, begun := range []bool{true, false} {
		id := ""
		if begun {
			id = fmt.Sprintf(`"transaction_id":%q,`, s.begin("v2", "0").id)
		}
		got := s.post("/v2/transaction/apply", `{`+id+`"client_id":"0",`+items(units("A", 1, "10.00"))+`}`)
		if g := got.given(t); g.discount(t) != "1.00" || got.field("transaction_id") == nil || !strings.Contains(s.lastBody("apply"), `"client_id":"0"`) {
			t.Errorf("begun %v: got %s", begun, got.body)
		}
	}
}

func TestR30R31R32R33EveryFormOfDiscountReachesTheTillAlsoTogether(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.offer(`{"id":"item","type":"percentage","product":"A","percent":10}`)
		s.offer(`{"id":"absolute","type":"absolute","value":5}`)
		s.offer(`{"id":"payment","type":"payment","value":3}`)
		for _, spelling := range []string{"number", "string"} {
			s.set(`{"decimals":"` + spelling + `"}`)
			g := s.begin(dialect, "0").apply(units("A", 1, "10.00"), units("B", 1, "20.00")).given(t)
			if g.discount(t) != "1.00" || fmt.Sprint(g.Absolute.Discount) == "<nil>" || fmt.Sprint(g.Payment.Discount) == "<nil>" ||
				!slices.Equal(g.shares(), []string{"1.55", "3.45"}) || g.Agent.Lines[0].Total != "7.45" || g.Agent.Lines[1].Total != "16.55" {
				t.Errorf("%s: got %+v", spelling, g)
			}
		}
	})
}

func TestR35GivingUpAndAChangedBasketCancelTheSession(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.offer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		one := s.begin(dialect, "0")
		one.apply(units("A", 2, "10.00"))
		if g := one.apply(units("A", 1, "10.00")).given(t); g.discount(t) != "1.00" || g.Agent.Delivery != "live" { // a product was taken out
			t.Errorf("got %+v", g)
		}
		s.drained()
		sessions := s.clouds.Mercafacil.SessionList()
		if len(sessions) != 2 || sessions[0].Stage != "cancelled" || sessions[0].ID != one.id || sessions[1].Stage != "open" {
			t.Fatalf("after the change: %+v", sessions)
		}
		one.end("cancel") // and then they give up
		s.nothingOpen()
		if body := s.lastBody("cancel"); body != idBody("transaction_id", sessions[1].ID) {
			t.Errorf("the cancel went up as %s", body)
		}
	})
}

func TestR37R38OnlyAMemberIsNamedInAReceipt(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := newSite(t).open()
		s.member(maria, "Maria")
		for i, client := range []string{maria, stranger} {
			one := s.begin(dialect, client)
			one.apply(units("80215", 2, "10.00"))
			one.sell(fmt.Sprint("K-", i))
			s.drained()
			want := one.receipt(fmt.Sprint("K-", i))
			if client == stranger {
				want = strings.Replace(want, stranger, "0", 1)
			}
			if body := s.lastBody("coupon"); body != want {
				t.Errorf("%s: went up as %s, want %s", client, body, want)
			}
		}
	})
}

func TestR40AReceiptWithoutAnIDGetsAUniqueOne(t *testing.T) {
	for _, way := range []string{"composed", "uuid"} {
		s := newSite(t, "coupon_id: composed", "coupon_id: "+way).open()
		for i := range 3 {
			receipt := strings.Replace(agenttest.ReceiptWith(`"client_id":"0"`), "19:12:46", fmt.Sprintf("19:12:4%d", i), 1)
			if got := s.post("/v2/coupons", receipt); got.status != http.StatusAccepted || got.field("coupon") == nil {
				t.Fatalf("%s: got %d %s", way, got.status, got.body)
			}
		}
		s.drained()
		seen := make(map[string]bool)
		for _, coupon := range s.clouds.Mercafacil.Coupons() {
			seen[coupon.ID] = true
		}
		if len(seen) != 3 {
			t.Errorf("%s: the cloud has %v", way, seen)
		}
	}
}

func TestR41PackingQuantityTravelsInReceipts(t *testing.T) {
	s := newSite(t).open()
	receipt := strings.Replace(agenttest.Receipt("K", ""), `"packing_quantity":1,"unit_value":10.00`, `"packing_quantity":12,"unit_value":10.00`, 1)
	receipt = strings.Replace(receipt, `"transaction_id":"",`, "", 1)
	s.post("/v2/coupons", receipt)
	s.drained()
	if body := s.lastBody("coupon"); body != receipt || !strings.Contains(body, `"packing_quantity":12`) {
		t.Errorf("went up as %s", body)
	}
}

func TestR43ASaleCancelledAfterItWentIsCancelledInTheCloud(t *testing.T) {
	s := newSite(t).open()
	one := s.begin("v2", "0")
	one.apply(units("80215", 2, "10.00"))
	one.sell("K")
	s.drained()
	s.post("/v2/coupons-cancellation", idBody("coupon", "K"))
	s.drained()
	if coupons := s.clouds.Mercafacil.Coupons(); len(coupons) != 1 || !coupons[0].Cancelled {
		t.Errorf("the cloud has %+v", coupons)
	}
}

// TestASaleOfMoreThan400DaysAgoIsForgotten: until then the same coupon is the same sale, whatever became of its body.
func TestASaleOfMoreThan400DaysAgoIsForgotten(t *testing.T) {
	for days, gone := range map[int]bool{399: false, 401: true} {
		t.Run(fmt.Sprint(days, " days"), func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				b.post("/v2/coupons", agenttest.Receipt("A", ""))
				b.drained(time.Hour)
				b.stop()
				<-time.After(time.Duration(days) * 24 * time.Hour)
				b.start()
				run := b.runNow("retention")
				if run.State != routine.Done || run.Counts["bodies_dropped"] != 1 || (run.Counts["heads_dropped"] == 1) != gone {
					t.Errorf("got %+v", run)
				}
				again := b.post("/v2/coupons", agenttest.Receipt("A", ""))
				<-time.After(time.Minute)
				if delivery, requests := again.header.Get("X-Agent-Delivery"), b.requests("coupon"); gone != (requests == 2) || gone != (delivery == "queued") {
					t.Errorf("the same sale again: %d %q, the cloud was told %d times", again.status, delivery, requests)
				}
			})
		})
	}
}
