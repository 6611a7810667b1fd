package sale

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// A sale that cannot be read leaves a trace, is sent once it was repaired, and the next sale is unaffected.
func TestSaleThatCannotBeReadIsKeptRepairedAndArrivesOnce(t *testing.T) {
	s := e2e.NewSite(t).Start()
	good := agenttest.Receipt("C-1", "T")
	broken := strings.Replace(good, `"product_name":"`, `"product_name":"TV 32" `, 1)
	refused := s.Post("/v2/coupons", broken)
	id := refused.Text("job")
	if refused.Status != http.StatusBadRequest || !strings.HasPrefix(id, "u-") || !strings.Contains(refused.Text("detail"), "linha 1, coluna ") {
		t.Fatalf("got %d %s", refused.Status, refused.Body)
	}
	if got := s.Post("/v2/coupons", agenttest.Receipt("C-2", "T")); got.Status != http.StatusAccepted {
		t.Errorf("the next sale: %d %s", got.Status, got.Body)
	}
	if got := s.Status(); !strings.Contains(got.Body, "unread_bodies") || got.Field("queue.accepted") != 1.0 {
		t.Errorf("status: %s", got.Body)
	}
	list := s.Command(0, "queue", "ls", "--state", "unread")
	if !strings.Contains(list, id) || !strings.Contains(list, "linha 1, coluna") || strings.Contains(list, "TV 32") {
		t.Errorf("queue ls:\n%s", list)
	}
	if text := s.Command(0, "queue", "text", id); text != broken {
		t.Errorf("queue text: %s", text)
	}
	if got := s.Call(http.MethodGet, "/v1/queue/"+id+"/text", e2e.AdminToken, ""); got.Body != broken {
		t.Errorf("text: %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodPut, "/v1/queue/"+id+"/body", e2e.SupportToken, good); got.Status != http.StatusOK {
		t.Fatalf("repair: %d %s", got.Status, got.Body)
	}
	s.WaitDrained()
	s.WantSoldOnce("C-1", "C-2")
	if got := s.Post("/v2/coupons", good); got.Header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("the till sends it again: %d %s", got.Status, got.Body)
	}
	if got := s.Status(); strings.Contains(got.Body, "unread_bodies") {
		t.Errorf("the alarm stays: %s", got.Body)
	}
	for _, line := range s.Journal("") {
		if strings.Contains(string(line.Response.JSON), "TV 32") {
			t.Errorf("the journal has the text: %s", line.Response.JSON)
		}
	}
}

// What is almost JSON is understood, and goes up as JSON.
func TestSaleWithMistakesOfWritingArrivesAsStrictJSON(t *testing.T) {
	s := e2e.NewSite(t).Start()
	good := agenttest.Receipt("C-1", "T")
	almost := "/* cupom */ " + strings.TrimSuffix(good, "}") + ",\n}\r\n\x1a"
	if got := s.Post("/v2/coupons", almost); got.Status != http.StatusAccepted {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if sale := s.Call(http.MethodGet, "/v1/sales/C-1", e2e.TillToken, ""); !strings.Contains(sale.Body, `"code":"mended"`) {
		t.Errorf("its note: %s", sale.Body)
	}
	s.WaitDrained()
	s.WantSoldOnce("C-1")
	if got := strings.ReplaceAll(strings.TrimSpace(s.LastBody("coupon")), "\n", ""); got != good {
		t.Errorf("arrived %q\nwant %q", got, good)
	}
	if got := s.Post("/v2/coupons", good); got.Header.Get("X-Agent-Delivery") != "replayed" {
		t.Errorf("the same sale without the mistakes: %d %s %v", got.Status, got.Body, got.Header)
	}
}

func TestTillThatSendsWindowsTextsUndeclaredIsUnderstoodOnceConfigured(t *testing.T) {
	body := strings.Replace(agenttest.Receipt("C-1", "T"), `"product_name":"`, "\"product_name\":\"CAF\xc9 ", 1)
	s := e2e.NewSite(t).Start()
	if got := s.Post("/v2/coupons", body); got.Status != http.StatusBadRequest || got.Field("code") != "encoding" {
		t.Errorf("unconfigured: %d %s", got.Status, got.Body)
	}
	s = e2e.NewSite(t, "charset: utf-8", "charset: windows-1252").Start()
	if got := s.Post("/v2/coupons", body); got.Status != http.StatusAccepted {
		t.Fatalf("configured: %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v2/coupons", strings.Replace(agenttest.Receipt("C-2", "T"), `"product_name":"`, `"product_name":"CAFÉ `, 1)); got.Status != http.StatusAccepted {
		t.Fatalf("UTF-8: %d %s", got.Status, got.Body)
	}
	s.WaitDrained()
	s.WantSoldOnce("C-1", "C-2")
	for _, arrival := range s.Arrivals("coupon") {
		if !strings.Contains(string(arrival.Body), `CAFÉ `) {
			t.Errorf("arrived %s", arrival.Body)
		}
	}
	load := "[" + strings.Replace(body, `"C-1"`, `"C-3"`, 1) + "]\x1a"
	if got := s.Post("/v2/coupons-list", load); got.Status != http.StatusAccepted || !strings.Contains(got.Body, `"accepted":1,`) {
		t.Errorf("a load: %d %s", got.Status, got.Body)
	}
}
