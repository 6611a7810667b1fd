package sale

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/routine"
	"pdvagent/cmd/internal/e2e"
)

func TestR02R21R22LoyaltyTellsWhetherTheShopperIsInTheClub(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria Aparecida")
		for document, want := range map[string]bool{e2e.Maria: true, e2e.Stranger: false, "": false} {
			got := s.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, document))
			if got.Status != http.StatusOK || got.Field("loyalty") != want || got.Header.Get("X-Agent-Delivery") != "live" {
				t.Errorf("%q: got %d %s, want loyalty %v", document, got.Status, got.Body, want)
			}
		}
	})
}

func TestR03OffersApplyToIdentifiedAndUnidentifiedShoppers(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria")
		s.AddOffer(`{"id":"all","type":"percentage","product":"A","percent":10}`)
		s.AddOffer(`{"id":"club","type":"percentage","product":"B","percent":10,"club":true}`)
		for client, want := range map[string]string{e2e.Maria: "2.00", "0": "1.00"} {
			if g := s.Begin(dialect, client).Apply(e2e.Units("A", 1, "10.00"), e2e.Units("B", 1, "10.00")).Discounts(t); g.LineSum(t) != want {
				t.Errorf("%s: got %s, want %s", client, g.LineSum(t), want)
			}
		}
	})
}

func TestR04R34ConfirmTellsTheCloudWhichOffersWereUsed(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria")
		s.AddOffer(`{"id":"p","type":"percentage","product":"A","percent":10,"maximum":4}`)
		one := s.Begin(dialect, e2e.Maria)
		one.Apply(e2e.Units("A", 3, "10.00"))
		if got := one.End("confirm"); got.Status != http.StatusAccepted {
			t.Fatalf("confirm: %d %s", got.Status, got.Body)
		}
		s.WaitDrained()
		if used := s.Clouds.Mercafacil.Used("p", e2e.Maria); used != "3.00" {
			t.Errorf("the cloud counts %s units, want 3.00", used)
		}
		if got := s.Call(http.MethodGet, "/v1/sales/"+one.ID, e2e.TillToken, ""); got.Field("loyalty.applied") != true || got.Field("session") != "confirmed" {
			t.Errorf("the sale says %s", got.Body)
		}
		if body := s.LastBody("confirm"); body != e2e.IDBody("transaction_id", one.ID) {
			t.Errorf("confirm went up as %s", body)
		}
	})
}

func TestR05R36EverySaleArrivesIdentifiedOrNot(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria")
		for i, client := range []string{e2e.Maria, "0"} {
			one := s.Begin(dialect, client)
			one.Apply(e2e.Units("80215", 2, "10.00"))
			one.Sell(fmt.Sprint("K-", i))
			s.WaitDrained()
			if coupons := s.Clouds.Mercafacil.Coupons(); len(coupons) != i+1 || string(coupons[i].Body) != one.Receipt(fmt.Sprint("K-", i)) || len(coupons[i].Warnings) != 0 {
				t.Errorf("%s: the cloud has %+v", client, coupons)
			}
		}
	})
}

func TestR10R11R12R14EveryRequestIsAPostWithTheShopsTokenAndTheVersion(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t, "pdv_version: '1.0.0'", "pdv_version: '7.8.9'").Start()
		s.AddMember(e2e.Maria, "Maria")
		one := s.Begin(dialect, e2e.Maria)
		one.Apply(e2e.Units("80215", 2, "10.00"))
		one.Apply(e2e.Units("80215", 1, "10.00"))
		one.Sell("K")
		s.WaitDrained()
		s.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", "K"))
		s.WaitDrained()
		received := s.Clouds.Mercafacil.Received()
		for _, arrival := range received {
			if arrival.Version != "7.8.9" || !strings.HasPrefix(e2e.CloudToken, arrival.Shop) || arrival.Shop == "" || arrival.Status == http.StatusMethodNotAllowed || arrival.Status == http.StatusUnauthorized {
				t.Errorf("%s: version %q, shop %q, answered %d %s", arrival.Path, arrival.Version, arrival.Shop, arrival.Status, arrival.Message)
			}
		}
		if len(received) < 8 {
			t.Errorf("only %d requests arrived", len(received))
		}
	})
}

func TestR12TheTokenNamesTheShop(t *testing.T) {
	other := strings.Repeat("B", 30)
	s := e2e.NewSite(t, "token: 'CANARY-CLOUD-TOKEN'", "token: '"+other+"'")
	s.Start()
	if got := s.Post("/v2/transaction/start", e2e.StartBody("v2", "")); got.Status != http.StatusOK || got.Field("agent.reason") != "auth" {
		t.Errorf("a token of another shop: got %d %s", got.Status, got.Body)
	}
	if got := s.Status(); got.Header.Get("X-Agent-Alarm") != "cloud_unauthorized" {
		t.Errorf("no alarm: %v", got.Header)
	}
}

func TestR13ATokenOfAnyLengthIsSentWhole(t *testing.T) {
	long := strings.Repeat("abcdefghij", 200)
	s := e2e.NewSiteWithToken(t, long)
	s.Start()
	if got := s.Post("/v2/transaction/start", e2e.StartBody("v2", "")); got.Header.Get("X-Agent-Delivery") != "live" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestR20R39IdentificationTakesCPFAndCNPJAsTheyAre(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		for _, document := range []string{e2e.Maria, agenttest.CNPJ, agenttest.LetterCNPJ, "00000000191"} {
			s.AddMember(document, "Alguém")
			got := s.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, document))
			if got.Field("loyalty") != true || got.Field("user.document_no") != document || s.LastBody("start") != e2e.StartBody(dialect, document) {
				t.Errorf("%s: got %s, the cloud heard %s", document, got.Body, s.LastBody("start"))
			}
			receipt := agenttest.ReceiptWith(fmt.Sprintf(`"client_id":%q,"coupon":%q`, document, "K-"+document))
			if got := s.Post("/v2/coupons", receipt); got.Status != http.StatusAccepted {
				t.Errorf("%s: coupon got %d %s", document, got.Status, got.Body)
			}
			s.WaitDrained()
			if body := s.LastBody("coupon"); body != receipt {
				t.Errorf("%s: went up as %s", document, body)
			}
		}
		for _, wrong := range []string{"191", "000052998224725", "529.982.247-26", "52998224726", "1122233300018"} {
			receipt := agenttest.ReceiptWith(fmt.Sprintf(`"client_id":%q,"coupon":%q`, wrong, "W-"+wrong))
			if got := s.Post("/v2/coupons", receipt); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "client_id") {
				t.Errorf("%s: got %d %s", wrong, got.Status, got.Body)
			}
		}
	})
}

func TestR23TheNameReachesTheTill(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria Aparecida")
		if got := s.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, e2e.Maria)); got.Field("user.name") != "Maria Aparecida" {
			t.Errorf("got %s", got.Body)
		}
	})
}

func TestR24AMessageReachesTheTill(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		got := s.Post("/"+dialect+"/transaction/start", e2e.StartBody(dialect, e2e.Stranger))
		if text, _ := got.Field("message.text").(string); !strings.Contains(text, "pré-cadastro") {
			t.Errorf("got %s", got.Body)
		}
	})
}

// sentItems is the basket as the cloud received it.
func sentItems(s *e2e.Site, dialect string) []map[string]json.RawMessage {
	s.Helper()
	route := map[string]string{"v2": "apply", "v2.2": "pre-apply"}[dialect]
	var body struct {
		Items []map[string]json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal([]byte(s.LastBody(route)), &body); err != nil {
		s.Fatal(err)
	}
	return body.Items
}

func TestR25R27R28AllItemsGoUpAsTheTillSpeltThem(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		basket := []e2e.Line{{SKU: "411", Quantity: "1.235", Total: "36.927"}}
		for i := range 60 {
			basket = append(basket, e2e.Units(fmt.Sprint("P", i), 2, "3.33"))
		}
		if got := s.Begin(dialect, "0").Apply(basket...); got.Status != http.StatusOK || len(got.Discounts(t).Agent.Lines) != 61 {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
		sent := sentItems(s, dialect)
		if len(sent) != 61 || string(sent[0]["quantity"]) != "1.235" || string(sent[0]["total_value"]) != "36.927" || string(sent[60]["packing_quantity"]) != "1" {
			t.Errorf("%d items, the first %s", len(sent), sent[0])
		}
	})
}

func TestR26ValuesReducedByTheTillsOwnOffersGoUp(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		one := s.Begin(dialect, "0")
		reduced := `"items":[{"sku":"A","ean":"1","quantity":1,"packing_quantity":12,"total_value":10.00,"total_value_with_discount":8.00}]`
		got := s.Post("/v2/transaction/apply", fmt.Sprintf(`{"transaction_id":%q,"client_id":"0",%s}`, one.ID, reduced))
		if dialect == "v2.2" {
			s.Post("/v2.2/transaction/pre-apply", fmt.Sprintf(`{"transaction_id":%q,"origin":"pdv",%s}`, one.ID, reduced))
			got = s.Post("/v2.2/transaction/apply", e2e.IDBody("transaction_id", one.ID))
		}
		if g := got.Discounts(t); g.LineSum(t) != "0.80" || g.Agent.Lines[0].Total != "7.20" {
			t.Errorf("got %s", got.Body)
		}
		if sent := sentItems(s, dialect); string(sent[0]["total_value_with_discount"]) != "8.00" || string(sent[0]["packing_quantity"]) != "12" {
			t.Errorf("sent %s", sent[0])
		}
	})
}

func TestR29AShopperOutsideTheClubIsAppliedWithZero(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddOffer(`{"id":"all","type":"percentage","product":"A","percent":10}`)
	for _, begun := range []bool{true, false} {
		id := ""
		if begun {
			id = fmt.Sprintf(`"transaction_id":%q,`, s.Begin("v2", "0").ID)
		}
		got := s.Post("/v2/transaction/apply", `{`+id+`"client_id":"0",`+e2e.Items(e2e.Units("A", 1, "10.00"))+`}`)
		if g := got.Discounts(t); g.LineSum(t) != "1.00" || got.Field("transaction_id") == nil || !strings.Contains(s.LastBody("apply"), `"client_id":"0"`) {
			t.Errorf("begun %v: got %s", begun, got.Body)
		}
	}
}

func TestR30R31R32R33EveryFormOfDiscountReachesTheTillAlsoTogether(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"item","type":"percentage","product":"A","percent":10}`)
		s.AddOffer(`{"id":"absolute","type":"absolute","value":5}`)
		s.AddOffer(`{"id":"payment","type":"payment","value":3}`)
		for _, spelling := range []string{"number", "string"} {
			s.SetCloud(`{"decimals":"` + spelling + `"}`)
			g := s.Begin(dialect, "0").Apply(e2e.Units("A", 1, "10.00"), e2e.Units("B", 1, "20.00")).Discounts(t)
			if g.LineSum(t) != "1.00" || fmt.Sprint(g.Absolute.Discount) == "<nil>" || fmt.Sprint(g.Payment.Discount) == "<nil>" ||
				!slices.Equal(shares(g), []string{"1.55", "3.45"}) || g.Agent.Lines[0].Total != "7.45" || g.Agent.Lines[1].Total != "16.55" {
				t.Errorf("%s: got %+v", spelling, g)
			}
		}
	})
}

func TestR35GivingUpAndAChangedBasketCancelTheSession(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddOffer(`{"id":"p","type":"percentage","product":"A","percent":10}`)
		one := s.Begin(dialect, "0")
		one.Apply(e2e.Units("A", 2, "10.00"))
		if g := one.Apply(e2e.Units("A", 1, "10.00")).Discounts(t); g.LineSum(t) != "1.00" || g.Agent.Delivery != "live" { // a product was taken out
			t.Errorf("got %+v", g)
		}
		s.WaitDrained()
		sessions := s.Clouds.Mercafacil.SessionList()
		if len(sessions) != 2 || sessions[0].Stage != "cancelled" || sessions[0].ID != one.ID || sessions[1].Stage != "open" {
			t.Fatalf("after the change: %+v", sessions)
		}
		one.End("cancel") // and then they give up
		s.WaitNoOpenSession()
		if body := s.LastBody("cancel"); body != e2e.IDBody("transaction_id", sessions[1].ID) {
			t.Errorf("the cancel went up as %s", body)
		}
	})
}

func TestR37R38OnlyAMemberIsNamedInAReceipt(t *testing.T) {
	e2e.BothDialects(t, func(t *testing.T, dialect string) {
		s := e2e.NewSite(t).Start()
		s.AddMember(e2e.Maria, "Maria")
		for i, client := range []string{e2e.Maria, e2e.Stranger} {
			one := s.Begin(dialect, client)
			one.Apply(e2e.Units("80215", 2, "10.00"))
			one.Sell(fmt.Sprint("K-", i))
			s.WaitDrained()
			want := one.Receipt(fmt.Sprint("K-", i))
			if client == e2e.Stranger {
				want = strings.Replace(want, e2e.Stranger, "0", 1)
			}
			if body := s.LastBody("coupon"); body != want {
				t.Errorf("%s: went up as %s, want %s", client, body, want)
			}
		}
	})
}

func TestR40AReceiptWithoutAnIDGetsAUniqueOne(t *testing.T) {
	for _, way := range []string{"composed", "uuid"} {
		s := e2e.NewSite(t, "coupon_id: composed", "coupon_id: "+way).Start()
		for i := range 3 {
			receipt := strings.Replace(agenttest.ReceiptWith(`"client_id":"0"`), "19:12:46", fmt.Sprintf("19:12:4%d", i), 1)
			if got := s.Post("/v2/coupons", receipt); got.Status != http.StatusAccepted || got.Field("coupon") == nil {
				t.Fatalf("%s: got %d %s", way, got.Status, got.Body)
			}
		}
		s.WaitDrained()
		seen := make(map[string]bool)
		for _, coupon := range s.Clouds.Mercafacil.Coupons() {
			seen[coupon.ID] = true
		}
		if len(seen) != 3 {
			t.Errorf("%s: the cloud has %v", way, seen)
		}
	}
}

func TestR41PackingQuantityTravelsInReceipts(t *testing.T) {
	s := e2e.NewSite(t).Start()
	receipt := strings.Replace(agenttest.Receipt("K", ""), `"packing_quantity":1,"unit_value":10.00`, `"packing_quantity":12,"unit_value":10.00`, 1)
	receipt = strings.Replace(receipt, `"transaction_id":"",`, "", 1)
	s.Post("/v2/coupons", receipt)
	s.WaitDrained()
	if body := s.LastBody("coupon"); body != receipt || !strings.Contains(body, `"packing_quantity":12`) {
		t.Errorf("went up as %s", body)
	}
}

func TestR43ASaleCancelledAfterItWentIsCancelledInTheCloud(t *testing.T) {
	s := e2e.NewSite(t).Start()
	one := s.Begin("v2", "0")
	one.Apply(e2e.Units("80215", 2, "10.00"))
	one.Sell("K")
	s.WaitDrained()
	s.Post("/v2/coupons-cancellation", e2e.IDBody("coupon", "K"))
	s.WaitDrained()
	if coupons := s.Clouds.Mercafacil.Coupons(); len(coupons) != 1 || !coupons[0].Cancelled {
		t.Errorf("the cloud has %+v", coupons)
	}
}

// TestASaleOfMoreThan400DaysAgoIsForgotten: until then the same coupon is the same sale, whatever became of its body.
func TestASaleOfMoreThan400DaysAgoIsForgotten(t *testing.T) {
	for days, gone := range map[int]bool{399: false, 401: true} {
		t.Run(fmt.Sprint(days, " days"), func(t *testing.T) {
			e2e.InBubble(t, func(b *e2e.Bubble) {
				b.Post("/v2/coupons", agenttest.Receipt("A", ""))
				b.WaitDrained(time.Hour)
				b.Stop()
				<-time.After(time.Duration(days) * 24 * time.Hour)
				b.Start()
				run := b.RunRoutine("retention")
				if run.State != routine.Done || run.Counts["bodies_dropped"] != 1 || (run.Counts["heads_dropped"] == 1) != gone {
					t.Errorf("got %+v", run)
				}
				again := b.Post("/v2/coupons", agenttest.Receipt("A", ""))
				<-time.After(time.Minute)
				if delivery, requests := again.Header.Get("X-Agent-Delivery"), b.RequestCount("coupon"); gone != (requests == 2) || gone != (delivery == "queued") {
					t.Errorf("the same sale again: %d %q, the cloud was told %d times", again.Status, delivery, requests)
				}
			})
		})
	}
}
