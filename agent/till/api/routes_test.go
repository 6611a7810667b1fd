package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/till/api"
	"pdvagent/payments"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// concrete fills the parameters of a route's path.
func concrete(path string) string {
	return strings.NewReplacer("{id}", "1", "{nosso_numero}", "15", "{name}", "resend", "{cpf}", "52998224725", "{product}", "P-1").Replace(path)
}

// Every route that a token of the till opens is a sale or a payment: a route that is not named here is support's.
func TestEveryRouteWantsTheTokenOfItsScope(t *testing.T) {
	f := newFixture(t)
	a, err := api.New(f.cfg)
	if err != nil {
		t.Fatal(err)
	}
	public := []string{"GET /health", "GET /openapi.yaml", "GET /openapi.json", "GET /docs", "POST /v1/console/session"}
	till := []string{"/v2/", "/v2.2/", "/v1/sales/", "/v1/payments", "/v1/events", "/v1/titles/", "/v1/invoices", "/v1/boletos", "/v1/orders"}
	admin := []string{"/v1/config", "/v1/config/schema", "/v1/config/versions", "/v1/config/undo", "/v1/config/trial", "/v1/config/trial/confirm", "/v1/queue/{id}/text"}
	for _, route := range a.Routes() {
		least := "support"
		switch {
		case slices.Contains(public, route.Method+" "+route.Path):
			least = ""
		case slices.Contains(admin, route.Path) && route.Method+" "+route.Path != "GET /v1/config/trial": // names of fields, for every console
			least = "admin"
		case slices.ContainsFunc(till, func(prefix string) bool { return strings.HasPrefix(route.Path, prefix) }):
			least = "till"
		}
		tokens := map[string]string{"": "", "till": tillToken, "support": supportToken, "admin": adminToken}
		if !strings.HasPrefix(route.Path, "/v1/console") { // the same rights, whichever way they came
			tokens["support session"], tokens["admin session"] = f.console(supportToken), f.console(adminToken)
		}
		for name, token := range tokens {
			path := strings.Replace(concrete(route.Path), "/v1/events", "/v1/events?after=x", 1) // a stream that is refused, not one without end
			got := f.call(route.Method, path, "", "Authorization", strings.TrimSuffix("Bearer "+token, "Bearer "))
			order := []string{"", "till", "support", "admin"}
			opens := slices.Index(order, strings.TrimSuffix(name, " session")) >= slices.Index(order, least)
			if refused := got.status == http.StatusUnauthorized || got.status == http.StatusForbidden; refused == opens {
				t.Errorf("%s %s with the token %q: got %d %s", route.Method, route.Path, name, got.status, got.body)
			}
		}
	}
}

// Every code of a use case is one status for the till, with where it comes from and whether to repeat.
func TestRefusalsOfUseCasesAreTranslatedByOneTable(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		err    error
		status int
		code   string
		origin string
		retry  string
	}{
		{agent.Errorf(agent.CodeInvalid, nil, "x"), 422, "invalid", "till", "never"},
		{agent.Errorf(agent.CodeConflict, nil, "x"), 409, "conflict", "till", "never"},
		{agent.Errorf(agent.CodeDialectMixed, nil, "x"), 409, "dialect_mixed", "till", "never"},
		{agent.Errorf(agent.CodeNotPrimary, nil, "x"), 409, "not_primary", "till", "never"},
		{agent.Errorf(agent.CodeNoKey, nil, "x"), 400, "idempotency_key_missing", "till", "never"},
		{agent.Errorf(agent.CodeCloudAway, nil, "x"), 503, "cloud_away", "network", "later"},
		{agent.Errorf(agent.CodeInFlight, nil, "x"), 409, "in_flight", "agent", "same-key"},
		{agent.Errorf(agent.CodeUnknownSession, nil, "x"), 404, "unknown_transaction", "till", "never"},
		{agent.Errorf(agent.CodeNotConfigured, nil, "x"), 404, "not_configured", "agent", "never"},
		{agent.Errorf(agent.CodeStoreFull, nil, "x"), 507, "store_full", "agent", "later"},
		{agent.Errorf(agent.CodeStoreFailed, nil, "x"), 503, "store_failed", "agent", "same-key"},
		{agent.Errorf(agent.CodeNotFound, nil, "x"), 404, "not_found", "till", "never"},
		{agent.Errorf(agent.CodeMalformed, nil, "x"), 400, "malformed", "till", "never"},
		{&agent.Error{Code: agent.CodeCloudRefused, Status: 418, Message: "x"}, 418, "cloud_refused", "cloud", "never"},
		{fmt.Errorf("wrapped: %w", agent.Errorf(agent.CodeConflict, nil, "x")), 409, "conflict", "till", "never"},
		{agent.Errorf(agent.CodeDamaged, nil, "CANARY"), 500, "internal", "agent", "same-key"},
		{errFailed, 500, "internal", "agent", "same-key"},
	} {
		f.loyalty.err = c.err
		got := f.post("/v2/transaction/start", "{}")
		got.wantProblem(c.status, c.code)
		got.wantField("origin", c.origin)
		got.wantField("retry", c.retry)
	}
}

// What a vendor's failure means to a till is the same on every route of every vendor.
func TestFailuresOfVendorsAreTranslatedByOneTable(t *testing.T) {
	for class, want := range map[payments.Class]struct {
		status int
		code   string
	}{
		payments.Declined: {422, "cloud_refused"}, payments.Unauthorized: {502, "cloud_refused"}, payments.NotFound: {404, "not_found"},
		payments.Busy: {503, "cloud_away"}, payments.Away: {503, "cloud_away"}, payments.Lost: {503, "cloud_away"},
	} {
		f := newFixture(t)
		failure := fmt.Errorf("ask: %w", &payments.Failure{Class: class, Detail: "CANARY"})
		f.paying.titles.err, f.paying.invoices.err, f.paying.boletos.err, f.paying.orders.err = failure, failure, failure, failure
		for path, vendor := range map[string]string{
			"/v1/titles/customers/52998224725": "Idea Maker", "/v1/titles/products?cep=01001000": "Idea Maker", "/v1/titles/promotions/P-1": "Idea Maker", "/v1/titles/promotions/P-1/regulation": "Idea Maker",
			"/v1/invoices?document=52998224725": "7AZ", "/v1/invoices/1/payment-data": "7AZ", "/v1/invoices/1/pdf": "7AZ", "/v1/invoices/1/pix-status": "7AZ",
			"/v1/boletos/15?ask=1": "Sicoob", "/v1/boletos/15/pdf": "Sicoob", "/v1/orders/payment-options?value=100": "fornecedor", "/v1/orders/1": "fornecedor",
		} {
			got := f.get(path)
			got.wantProblem(want.status, want.code)
			if !strings.Contains(fmt.Sprint(got.field("detail")), vendor) {
				t.Errorf("%s: %s does not name %s", path, got.body, vendor)
			}
		}
	}
}

func TestRoutesOfAPartThatIsNotConfiguredSaySoInWords(t *testing.T) {
	f := newFixture(t, func(c *api.Config) { c.Sales, c.Paying = api.Sales{}, api.Paying{} })
	for section, routes := range map[string][]string{
		"mercafacil": {
			"POST /v2/transaction/start", "POST /v2/transaction/message", "POST /v2/transaction/apply", "POST /v2/transaction/confirm", "POST /v2/transaction/cancel",
			"POST /v2.2/transaction/start", "POST /v2.2/transaction/message", "POST /v2.2/transaction/pre-apply", "POST /v2.2/transaction/apply", "POST /v2.2/transaction/confirm", "POST /v2.2/transaction/cancel",
			"POST /v2/coupons", "POST /v2/coupons-cancellation", "POST /v2/products", "POST /v2/operators", "POST /v2/coupons-list",
			"POST /v1/members/forget", "POST /v1/queue/1/retry", "POST /v1/queue/1/discard", "PUT /v1/queue/1/body",
		},
		"payments": {
			"POST /v1/payments", "GET /v1/payments", "GET /v1/payments/1", "GET /v1/payments/1/qr.png", "POST /v1/payments/1/cancel", "POST /v1/payments/1/resolve",
		},
		"payments.ideamaker.titles_url": {
			"GET /v1/titles/customers/52998224725", "GET /v1/titles/products?cep=01001000", "GET /v1/titles/promotions/P-1", "GET /v1/titles/promotions/P-1/regulation", "POST /v1/titles/sales", "GET /v1/titles/sales/1",
		},
		"payments.sevenaz": {
			"GET /v1/invoices?document=52998224725", "GET /v1/invoices/1/payment-data", "GET /v1/invoices/1/pdf", "GET /v1/invoices/1/pix-status", "POST /v1/invoices/1/payments", "POST /v1/invoices/email",
		},
		"payments.sicoob": {
			"POST /v1/boletos", "GET /v1/boletos", "GET /v1/boletos/unmatched", "GET /v1/boletos/15", "GET /v1/boletos/15/pdf", "POST /v1/boletos/15/write-off", "POST /v1/boletos/15/resolve",
		},
		"payments.cashorder": {
			"GET /v1/orders/payment-options?value=100", "POST /v1/orders", "GET /v1/orders", "GET /v1/orders/1", "POST /v1/orders/1/resolve",
		},
	} {
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			body := map[bool]string{true: "", false: "{}"}[method == http.MethodGet]
			got := f.call(method, path, body, "Idempotency-Key", "k")
			got.wantProblem(http.StatusNotFound, "not_configured")
			if detail := fmt.Sprint(got.field("detail")); !strings.Contains(detail, section) {
				t.Errorf("%s: %q does not name %s", route, detail, section)
			}
		}
	}
	f.get("/v1/status").want(http.StatusOK).wantField("clouds", "[]")
	f.get("/v1/sales/nobody").wantProblem(http.StatusNotFound, "not_found")
	f.post("/v1/boletos/decode", `{"line":"1"}`).wantProblem(http.StatusUnprocessableEntity, "invalid", "line") // it needs no bank
}

func TestEachGroupOfTheConfigurationChecksItself(t *testing.T) {
	whole := newFixture(t).cfg
	for name, c := range map[string]struct {
		change func(*api.Config)
		want   string
	}{
		"no store":                    {func(c *api.Config) { c.Agent.Store = nil }, "api.Agent"},
		"no alarms":                   {func(c *api.Config) { c.Agent.Alarms = nil }, "api.Agent"},
		"no zone":                     {func(c *api.Config) { c.Agent.Zone = nil }, "api.Agent"},
		"loyalty without a sender":    {func(c *api.Config) { c.Sales.Sender = nil }, "api.Sales"},
		"loyalty without a circuit":   {func(c *api.Config) { c.Sales.Circuit = nil }, "api.Sales"},
		"loyalty without loads":       {func(c *api.Config) { c.Sales.Loads = nil }, "api.Sales"},
		"titles that nobody can pay":  {func(c *api.Config) { c.Paying.Payments, c.Paying.Invoices = nil, nil }, "api.Paying"},
		"invoices nobody can pay":     {func(c *api.Config) { c.Paying.Payments, c.Paying.Titles = nil, nil }, "api.Paying"},
		"issues boletos without them": {func(c *api.Config) { c.Paying.Boletos = nil }, "api.Paying"},
		"no board":                    {func(c *api.Config) { c.Support.Board = nil }, "api.Support"},
		"no journal":                  {func(c *api.Config) { c.Support.Journal = nil }, "api.Support"},
		"no metrics":                  {func(c *api.Config) { c.Support.Metrics = nil }, "api.Support"},
		"no routines":                 {func(c *api.Config) { c.Support.Routines = nil }, "api.Support"},
		"no settings":                 {func(c *api.Config) { c.Support.Settings = nil }, "api.Support"},
		"no days":                     {func(c *api.Config) { c.Support.Day = nil }, "api.Support"},
	} {
		cfg := whole
		c.change(&cfg)
		if _, err := api.New(cfg); err == nil || !strings.HasPrefix(err.Error(), c.want+" wants") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want an error of %s alone", name, err, c.want)
		}
	}
}

// The watchdogs ask /health: a disk that takes minutes for a commit is no agent that hangs.
func TestHealthAnswersWhileACommitIsUnderWay(t *testing.T) {
	began, released := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	slow := storetest.OpenIn(t, store.Config{Dir: storetest.Dir(t), Committed: func(int, time.Duration) { begin(); <-released }})
	f := newFixture(t, func(cfg *api.Config) { cfg.Agent.Store = slow })
	committed := make(chan error, 1)
	go func() {
		_, err := slow.Commit(t.Context(), agent.Change{Puts: []agent.Record{{Bucket: store.UnreadRecords, Key: "k", Value: []byte("{}")}}})
		committed <- err
	}()
	<-began
	f.call(http.MethodGet, "/health", "", "Authorization", "").want(http.StatusOK)
	close(released)
	if err := <-committed; err != nil {
		t.Error(err)
	}
}

func TestHealthAndDocumentsNeedNoToken(t *testing.T) {
	f := newFixture(t)
	health := f.call(http.MethodGet, "/health", "", "Authorization", "").want(http.StatusOK)
	health.wantField("status", "ok")
	health.wantField("version", "1.2.3")
	contract := f.call(http.MethodGet, "/openapi.yaml", "", "Authorization", "").want(http.StatusOK)
	if !strings.Contains(contract.header.Get("Content-Type"), "yaml") || !strings.Contains(contract.body, "openapi: 3") {
		t.Errorf("got %s, %.100q", contract.header.Get("Content-Type"), contract.body)
	}
	page := f.call(http.MethodGet, "/docs", "", "Authorization", "").want(http.StatusSeeOther)
	if page.header.Get("Location") != "/console/#/guias/api" {
		t.Errorf("/docs leads to %q", page.header.Get("Location"))
	}
	f.get("/docs/nothing.js").wantProblem(http.StatusNotFound, "not_found")
}

// The contract as JSON says what the file says: every value, merged and aliased ones too.
func TestContractAsJSONIsTheContract(t *testing.T) {
	f := newFixture(t)
	var got, want any
	f.call(http.MethodGet, "/openapi.json", "", "Authorization", "").want(http.StatusOK).decode(&got)
	if err := yaml.Unmarshal([]byte(f.get("/openapi.yaml").body), &want); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("it is another one")
	}
}
