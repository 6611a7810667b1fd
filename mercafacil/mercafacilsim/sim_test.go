package mercafacilsim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/simkit"
	"pdvagent/mercafacil/mercafacilsim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// caller speaks to a simulator as any program would.
type caller struct {
	t     *testing.T
	sim   *mercafacilsim.Sim
	base  string
	http  *http.Client
	token string
}

func newCaller(t *testing.T, cfg mercafacilsim.Config) *caller {
	t.Helper()
	sim, err := mercafacilsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle("/control/", http.StripPrefix("/control", sim.Control()))
	server := httptest.NewServer(mux)
	client := &http.Client{
		Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return &caller{t, sim, server.URL, client, "any"}
}

// do gives status and body; 0 and the error's text when there was no whole answer.
func (c *caller) do(method, path, body string, headers ...string) (int, string, http.Header) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("pdv-version", "1")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error(), nil
	}
	return response.StatusCode, string(raw), response.Header
}

func (c *caller) post(path, body string, headers ...string) (int, string) {
	c.t.Helper()
	status, text, _ := c.do(http.MethodPost, path, body, headers...)
	return status, text
}

func (c *caller) set(settings string) {
	c.t.Helper()
	if err := c.sim.Set(settings); err != nil {
		c.t.Fatal(err)
	}
}

func TestRoutesTakeWhatTheContractGives(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	for _, call := range []struct {
		path, body string
		status     int
	}{
		{"/v2/transaction/confirm", `{"transaction_id":"T"}`, 200},
		{"/v2/transaction/confirm/", `{"transaction_id":"T","items":[]}`, 200},
		{"/v2.2/transaction/confirm", `{"transaction_id":"V"}`, 200},
		{"/v2/transaction/cancel", `{"transaction_id":"U"}`, 200},
		{"/v2/coupons", agenttest.Receipt("C-1", "T"), 201},
		{"/v2/coupons/", agenttest.Receipt("C-2", "T"), 201},
		{"/v2/coupons-cancellation/", `{"coupon":"C-1"}`, 200},
		{"/v2/coupons-cancellation", `{"coupon":"C-1"}`, 200},
	} {
		if status, body := c.post(call.path, call.body); status != call.status {
			t.Errorf("%s: got %d %s, want %d", call.path, status, body, call.status)
		}
	}
	coupons := c.sim.Coupons()
	if len(coupons) != 2 || !coupons[0].Cancelled || coupons[1].Cancelled || coupons[0].ID != "C-1" {
		t.Errorf("coupons: %+v", coupons)
	}
	if said := c.sim.Sessions(); len(said["T"]) != 2 || said["U"][0] != "cancel" {
		t.Errorf("sessions: %v", said)
	}
}

func TestEveryRefusalNamesWhatIsWrong(t *testing.T) {
	receipt := agenttest.Receipt("C", "T")
	for _, r := range []struct {
		name, path, body string
		headers          []string
		status           int
		says             string
	}{
		{"no token", "/v2/coupons", receipt, []string{"Authorization", ""}, 401, "Unauthorized"},
		{"wrong token", "/v2/coupons", receipt, []string{"Authorization", "Bearer other"}, 401, "Unauthorized"},
		{"no pdv-version", "/v2/coupons", receipt, []string{"pdv-version", ""}, 400, "pdv-version"},
		{"not JSON by its type", "/v2/coupons", receipt, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		{"half a body", "/v2/coupons", receipt[:50], nil, 400, "JSON"},
		{"unknown route", "/v2/cupons", receipt, nil, 404, "cupons"},
		{"field missing", "/v2/coupons", strings.Replace(receipt, `"operator_id"`, `"operator"`, 1), nil, 400, "required"},
		{"price as a word", "/v2/coupons", strings.Replace(receipt, `"unit_value":10.00`, `"unit_value":"dez"`, 1), nil, 400, "items/0/unit_value"},
		{"sku as a number", "/v2/coupons", strings.Replace(receipt, `"sku":"80215"`, `"sku":80215`, 1), nil, 400, "items/0/sku"},
		{"instalments as a text", "/v2/coupons", strings.Replace(receipt, `"instalments":1`, `"instalments":"1"`, 1), nil, 400, "payments/0/instalments"},
		{"date in another order", "/v2/coupons", strings.Replace(receipt, "2026-05-14", "14/05/2026", 1), nil, 400, "date"},
		{"document with punctuation", "/v2/coupons", strings.Replace(receipt, `"client_id":"0"`, `"client_id":"529.982.247-25"`, 1), nil, 400, "client_id"},
		{"no items", "/v2/coupons", strings.Replace(receipt, `"items":[`, `"items":[],"x":[`, 1), nil, 400, "items"},
		{"neither spelling of the net total", "/v2/coupons", strings.ReplaceAll(receipt, "total_value_with_discount", "net"), nil, 400, ""},
		{"coupon as a number", "/v2/coupons", strings.Replace(receipt, `"coupon":"C"`, `"coupon":1`, 1), nil, 400, "coupon"},
		{"confirm of nothing", "/v2/transaction/confirm", `{}`, nil, 400, "required"},
		{"cancellation of an unknown coupon", "/v2/coupons-cancellation", `{"coupon":"ghost"}`, nil, 404, "ghost"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := newCaller(t, mercafacilsim.Config{Tokens: []string{"any"}})
			status, body := c.post(r.path, r.body, r.headers...)
			if status != r.status || !strings.Contains(body, r.says) {
				t.Errorf("got %d %s, want %d with %q", status, body, r.status, r.says)
			}
			if len(c.sim.Coupons()) != 0 {
				t.Error("it took effect")
			}
		})
	}
	c := newCaller(t, mercafacilsim.Config{})
	if status, _, _ := c.do(http.MethodGet, "/v2/coupons", ""); status != 405 {
		t.Errorf("GET on a route: got %d", status)
	}
	if status, _, _ := c.do(http.MethodGet, "/", ""); status != 200 {
		t.Errorf("GET on the base: got %d", status)
	}
}

func TestCouponsAreUniqueUnlessTheCloudUpserts(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	c.post("/v2/coupons", agenttest.Receipt("C", "T"))
	if status, body := c.post("/v2/coupons", agenttest.Receipt("C", "T")); status != 409 || !strings.Contains(body, "already exists") {
		t.Errorf("got %d %s", status, body)
	}
	c = newCaller(t, mercafacilsim.Config{})
	c.set(`{"repeated_coupon":"replace"}`)
	c.post("/v2/coupons", agenttest.Receipt("C", "T"))
	if status, _ := c.post("/v2/coupons", agenttest.Receipt("C", "U")); status != 201 || len(c.sim.Coupons()) != 1 || !strings.Contains(string(c.sim.Coupons()[0].Body), `"U"`) {
		t.Errorf("got %d, %+v", status, c.sim.Coupons())
	}
}

func TestEachFaultPlaysAsOftenAsItWasTold(t *testing.T) {
	for _, f := range []struct {
		fault  simkit.Fault
		status int // 0: no whole answer
		says   string
		effect bool
	}{
		{simkit.Fault{Fault: "status", Status: 503}, 503, "Service Unavailable", false},
		{simkit.Fault{Fault: "status", Status: 400, Body: "<h1>no"}, 400, "<h1>no", false},
		{simkit.Fault{Fault: "status", Status: 422, Body: `{"message":"coupon must be unique"}`}, 422, `must be unique`, false},
		{simkit.Fault{Fault: "says", Body: `{"a":1,}`}, 200, `{"a":1,}`, false},
		{simkit.Fault{Fault: "says", Body: `{"success":false}`}, 200, `"success":false`, false},
		{simkit.Fault{Fault: "html"}, 200, "<!DOCTYPE html>", false},
		{simkit.Fault{Fault: "redirect"}, 307, "", false},
		{simkit.Fault{Fault: "error200"}, 200, `"error"`, false},
		{simkit.Fault{Fault: "reset"}, 0, "", false},
		{simkit.Fault{Fault: "silence"}, 0, "", false},
		{simkit.Fault{Fault: "slow", DelayMS: 10}, 201, "created", true},
		{simkit.Fault{Fault: "lost"}, 0, "", true},
		{simkit.Fault{Fault: "cut"}, 0, "", true},
	} {
		t.Run(f.fault.Fault, func(t *testing.T) {
			c := newCaller(t, mercafacilsim.Config{})
			c.http.Timeout = 300 * time.Millisecond
			f.fault.Route, f.fault.Times = "coupon", 2
			if err := c.sim.Add(f.fault); err != nil {
				t.Fatal(err)
			}
			c.post("/v2/transaction/confirm", `{"transaction_id":"T"}`) // another route does not use it up
			for _, id := range []string{"A", "B"} {
				if status, body := c.post("/v2/coupons", agenttest.Receipt(id, "T")); status != f.status || !strings.Contains(body, f.says) {
					t.Errorf("%s: got %d %s, want %d with %q", id, status, body, f.status, f.says)
				}
			}
			if got := len(c.sim.Coupons()); (got == 2) != f.effect {
				t.Errorf("%d coupons took effect, want effect: %v", got, f.effect)
			}
			if status, body := c.post("/v2/coupons", agenttest.Receipt("D", "T")); status != 201 {
				t.Errorf("after the fault: got %d %s", status, body)
			}
		})
	}
}

func TestARefusalWithoutABodyHasNone(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	if err := c.sim.Add(simkit.Fault{Route: "coupon", Fault: "status", Status: 404, NoBody: true}); err != nil {
		t.Fatal(err)
	}
	if status, body := c.post("/v2/coupons", agenttest.Receipt("A", "T")); status != 404 || body != "" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestRetryAfterIsSent(t *testing.T) {
	c := newCaller(t, mercafacilsim.Config{})
	if err := c.sim.Add(simkit.Fault{Route: "*", Fault: "status", Status: 429, RetryAfter: 7}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // until told otherwise
		if status, _, header := c.do(http.MethodPost, "/v2/coupons", "{}"); status != 429 || header.Get("Retry-After") != "7" {
			t.Errorf("got %d %v", status, header)
		}
	}
	c.sim.Heal()
	if status, _ := c.post("/v2/coupons", agenttest.Receipt("C", "T")); status != 201 {
		t.Errorf("healed: got %d", status)
	}
}

func TestControlSteersAndShows(t *testing.T) {
	var gone time.Duration
	c := newCaller(t, mercafacilsim.Config{Gone: func(d time.Duration) { gone = d }})
	if status, body := c.post("/control/faults", `{"route":"coupon","fault":"status","status":500,"times":1}`); status != 201 || !strings.Contains(body, `"status":500`) {
		t.Errorf("got %d %s", status, body)
	}
	c.post("/v2/coupons", agenttest.Receipt("A", "T"))
	c.post("/v2/coupons", agenttest.Receipt("B", "T"))
	var arrivals []mercafacilsim.Arrival
	_, text, _ := c.do(http.MethodGet, "/control/received", "")
	if err := json.Unmarshal([]byte(text), &arrivals); err != nil || len(arrivals) != 2 || arrivals[0].Fault != "status" || arrivals[0].Effect || !arrivals[1].Effect || arrivals[1].Status != 201 {
		t.Errorf("%v: %+v", err, arrivals)
	}
	if _, text, _ := c.do(http.MethodGet, "/control/coupons", ""); strings.Count(text, `"cancelled":false`) != 1 {
		t.Errorf("coupons: %s", text)
	}
	for _, wrong := range []string{
		`{`, `{"fault":"fly"}`, `{"route":"coupon","fault":"status","status":200}`, `{"route":"nowhere","fault":"html"}`,
		`{"route":"coupon","fault":"html","times":-1}`, `{"fault":"gone"}`, `{"route":"coupon","fault":"html","tmies":1}`,
	} {
		if status, body := c.post("/control/faults", wrong); status != 422 {
			t.Errorf("%s: got %d %s", wrong, status, body)
		}
	}
	if status, _ := c.post("/control/faults", `{"fault":"gone","seconds":3600}`); status != 201 || gone != time.Hour {
		t.Errorf("gone: got %d, %v", status, gone)
	}
	c.post("/control/reset", "")
	if len(c.sim.Coupons())+len(c.sim.Received())+len(c.sim.Faults())+len(c.sim.Sessions()) != 0 {
		t.Error("reset left something")
	}
}
