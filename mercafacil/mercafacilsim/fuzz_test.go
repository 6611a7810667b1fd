package mercafacilsim_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

// FuzzSimulator: whatever a till's programmer sends to the simulated cloud, it answers, and says what is wrong in JSON.
func FuzzSimulator(f *testing.F) {
	routes := []string{
		"/v2/transaction/start", "/v2/transaction/message", "/v2/transaction/apply", "/v2/transaction/confirm", "/v2/transaction/cancel", "/v2.2/transaction/start",
		"/v2.2/transaction/message", "/v2.2/transaction/pre-apply", "/v2.2/transaction/apply", "/v2/coupons/", "/v2/coupons-cancellation/",
	}
	for i := range routes {
		for _, sample := range agenttest.Samples() {
			f.Add(uint8(i), []byte(sample))
		}
	}
	sim, err := mercafacilsim.New(mercafacilsim.Config{Tokens: []string{"token"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, route uint8, body []byte) {
		sim.Reset()
		request := httptest.NewRequest(http.MethodPost, routes[int(route)%len(routes)], bytes.NewReader(body))
		request.Header.Set("Authorization", "Bearer token")
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("pdv-version", "1")
		recorder := httptest.NewRecorder()
		sim.ServeHTTP(recorder, request)
		if recorder.Code < 200 || recorder.Code == 500 || recorder.Code == http.StatusUnauthorized {
			t.Fatalf("answered %d %s", recorder.Code, recorder.Body)
		}
	})
}

// FuzzControl: nor does anything said to its control stop it.
func FuzzControl(f *testing.F) {
	routes := []string{
		"POST /faults", "DELETE /faults", "PUT /settings", "POST /clock", "POST /members", "POST /offers", "DELETE /offers", "POST /seed", "POST /reset",
		"GET /faults", "GET /settings", "GET /clock", "GET /members", "GET /offers", "GET /everything", "GET /received", "GET /coupons", "GET /sessions",
	}
	for i := range routes {
		for _, seed := range []string{
			`{"route":"coupon","fault":"status","status":503,"times":1}`, `{"route":"*","fault":"says","body":"{\"success\":false}"}`, `{"rounds":3}`,
			`{"advance_seconds":3600}`, `{"document_no":"52998224725","name":"A"}`, `{"id":"x","type":"percentage","product":"80215","percent":10}`,
			`{`, `{"times":-1}`, `[]`,
		} {
			f.Add(uint8(i), []byte(seed))
		}
	}
	sim, err := mercafacilsim.New(mercafacilsim.Config{Tokens: []string{"token"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, route uint8, body []byte) {
		sim.Reset()
		method, path, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		recorder := httptest.NewRecorder()
		sim.Control().ServeHTTP(recorder, httptest.NewRequest(method, path, bytes.NewReader(body)))
		if recorder.Code < 200 || recorder.Code == 500 || recorder.Code == http.StatusNotFound || recorder.Code == http.StatusMethodNotAllowed {
			t.Fatalf("answered %d %s", recorder.Code, recorder.Body)
		}
	})
}
