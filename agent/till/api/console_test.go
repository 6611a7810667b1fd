package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/till/web"
)

// console opens a session by a configured token, and gives the session's token.
func (f *fixture) console(token string) string {
	f.t.Helper()
	got := f.post("/v1/console/session", `{"token":"`+token+`"}`, "Authorization", "")
	if got.status != http.StatusCreated {
		f.t.Fatalf("got %d %s", got.status, got.body)
	}
	text, _ := got.field("token").(string)
	return text
}

// code asks for a code with a token.
func (f *fixture) code(token string) string {
	f.t.Helper()
	got := f.post("/v1/console/codes", `{}`, "Authorization", "Bearer "+token)
	if got.status != http.StatusCreated {
		f.t.Fatalf("got %d %s", got.status, got.body)
	}
	text, _ := got.field("code").(string)
	if address, want := got.field("url"), "http://127.0.0.1:8780/console/#codigo="+text; address != want {
		f.t.Errorf("the address is %v", address)
	}
	return text
}

// enter opens a session by a code.
func (f *fixture) enter(code string) answer {
	f.t.Helper()
	return f.post("/v1/console/session", `{"code":"`+code+`"}`, "Authorization", "")
}

// status asks for the status, which wants support's token.
func (f *fixture) status(token string, headers ...string) int {
	f.t.Helper()
	return f.call(http.MethodGet, "/v1/status", "", append([]string{"Authorization", "Bearer " + token}, headers...)...).status
}

func TestCodeOpensOneSessionWithTheScopeOfWhoAskedForIt(t *testing.T) {
	f := newFixture(t)
	for token, want := range map[string][2]string{supportToken: {"suporte", "support"}, adminToken: {"chefe", "admin"}} {
		code := f.code(token)
		got := f.enter(code)
		if got.status != http.StatusCreated || got.field("name") != want[0] || got.field("scope") != want[1] || got.field("idle_seconds") != 1800.0 {
			t.Fatalf("got %d %s", got.status, got.body)
		}
		if got.field("expires_at") != noon().Add(8*time.Hour).Format(time.RFC3339) {
			t.Errorf("it ends at %v", got.field("expires_at"))
		}
		session, _ := got.field("token").(string)
		if f.status(session) != http.StatusOK {
			t.Error("the session is not accepted")
		}
		f.enter(code).wantProblem(http.StatusUnauthorized, "unauthorized") // a link that somebody else has read
		if f.status(session) != http.StatusOK {
			t.Error("the second use of its code ended the session")
		}
	}
}

func TestCodeIsWorthNothingAfterAMinute(t *testing.T) {
	f := newFixture(t)
	first, second := f.code(supportToken), f.code(supportToken)
	f.now = f.now.Add(web.CodeLife - time.Second)
	if got := f.enter(first); got.status != http.StatusCreated {
		t.Errorf("got %d %s", got.status, got.body)
	}
	f.now = f.now.Add(time.Second)
	f.enter(second).wantProblem(http.StatusUnauthorized, "unauthorized")
}

func TestOnlyTheLastSixteenCodesAreAlive(t *testing.T) {
	f := newFixture(t)
	oldest := f.code(supportToken)
	next := f.code(supportToken)
	for range 15 {
		f.code(supportToken)
	}
	f.enter(oldest).wantProblem(http.StatusUnauthorized, "unauthorized")
	if got := f.enter(next); got.status != http.StatusCreated {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestSessionEndsAfterHalfAnHourWithoutAPerson(t *testing.T) {
	f := newFixture(t)
	token := f.console(supportToken)
	for range 3 { // used, it lives
		f.now = f.now.Add(web.SessionIdle - time.Second)
		if f.status(token) != http.StatusOK {
			t.Fatal("it ended too early")
		}
	}
	for range 2 { // what the page asks by itself does not count
		f.now = f.now.Add(web.SessionIdle/2 - time.Second)
		if f.status(token, web.HeaderBackground, "1") != http.StatusOK {
			t.Fatal("it ended too early")
		}
	}
	f.now = f.now.Add(2 * time.Second)
	if got := f.status(token, web.HeaderBackground, "1"); got != http.StatusUnauthorized {
		t.Errorf("got %d after half an hour", got)
	}
}

func TestSessionEndsAfterEightHoursHoweverItIsUsed(t *testing.T) {
	f := newFixture(t)
	token := f.console(adminToken)
	end := f.now.Add(web.SessionMost)
	for f.now.Add(20 * time.Minute).Before(end) {
		f.now = f.now.Add(20 * time.Minute)
		if f.status(token) != http.StatusOK {
			t.Fatalf("it ended at %s", f.now)
		}
	}
	f.now = end
	if got := f.status(token); got != http.StatusUnauthorized {
		t.Errorf("got %d after eight hours", got)
	}
}

// A token that is gone, or is another, or has another scope, takes its sessions and codes with it, for good.
func TestSessionEndsWithTheTokenThatOpenedIt(t *testing.T) {
	before := []web.Token{{Name: "suporte", Scope: web.Support, Secret: supportToken}, {Name: "chefe", Scope: web.Admin, Secret: adminToken}}
	for name, change := range map[string]web.Token{
		"removed":       {Name: "outro", Scope: web.Support, Secret: "another-token-another-token"},
		"changed":       {Name: "suporte", Scope: web.Support, Secret: "another-token-another-token"},
		"another scope": {Name: "suporte", Scope: web.Till, Secret: supportToken},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			token, code, kept := f.console(supportToken), f.code(supportToken), f.console(adminToken)
			f.access.Allow([]web.Token{change, before[1]}, nil)
			f.access.Allow(before, nil) // it comes back: what it opened does not
			if got := f.status(token); got != http.StatusUnauthorized {
				t.Errorf("the session gets %d", got)
			}
			f.enter(code).wantProblem(http.StatusUnauthorized, "unauthorized")
			if got := f.status(kept); got != http.StatusOK {
				t.Errorf("the session of the other token gets %d", got)
			}
		})
	}
}

func TestTheSessionThatIsIdleLongestMakesWay(t *testing.T) {
	f := newFixture(t)
	idle, used := f.console(supportToken), f.console(supportToken)
	f.now = f.now.Add(time.Minute)
	f.status(used)
	for range 63 {
		f.console(supportToken)
	}
	if got := f.status(idle); got != http.StatusUnauthorized {
		t.Errorf("the idle one gets %d", got)
	}
	if got := f.status(used); got != http.StatusOK {
		t.Errorf("the used one gets %d", got)
	}
}

func TestWrongCredentialsOpenNothing(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"a code that never was":  {`{"code":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`, 401, "unauthorized"},
		"an empty code":          {`{"code":""}`, 401, "unauthorized"},
		"a token that never was": {`{"token":"support-token-support-tokem"}`, 401, "unauthorized"},
		"the till's token":       {`{"token":"` + tillToken + `"}`, 403, "scope"},
		"both":                   {`{"code":"x","token":"` + adminToken + `"}`, 422, "invalid"},
		"neither":                {`{}`, 422, "invalid"},
		"a list":                 {`{"token":["` + adminToken + `"]}`, 422, "invalid"},
		"no object":              {`"` + adminToken + `"`, 422, "invalid"},
		"no JSON":                {`token=` + adminToken, 400, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.post("/v1/console/session", c.body, "Authorization", "").wantProblem(c.status, c.code)
		})
	}
	f := newFixture(t)
	f.post("/v1/console/session", "token="+adminToken, "Content-Type", "application/x-www-form-urlencoded").wantProblem(http.StatusUnsupportedMediaType, "media_type")
	if f.post("/v1/console/codes", `{}`, "Authorization", "Bearer "+f.console(adminToken)).status != http.StatusForbidden {
		t.Error("a session opens another one")
	}
}

// Too many wrong ones are answered 429, and nobody else is refused: neither a right code, nor a right token, nor any other call.
func TestWrongCredentialsAreCountedAndLockNobodyOut(t *testing.T) {
	f := newFixture(t)
	code := f.code(supportToken)
	for i := range 10 {
		f.enter(fmt.Sprint("wrong ", i)).wantProblem(http.StatusUnauthorized, "unauthorized")
	}
	got := f.enter("wrong again")
	got.wantProblem(http.StatusTooManyRequests, "too_many_attempts")
	if got.header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	if got := f.enter(code); got.status != http.StatusCreated {
		t.Errorf("a right code: got %d %s", got.status, got.body)
	}
	if session := f.console(supportToken); f.status(session) != http.StatusOK || f.status(supportToken) != http.StatusOK {
		t.Error("a right token is kept out")
	}
	f.now = f.now.Add(time.Minute)
	f.enter("wrong").wantProblem(http.StatusUnauthorized, "unauthorized")
}

func TestPageOfAnotherOriginOpensNoConsole(t *testing.T) {
	f := newFixture(t)
	for name, headers := range map[string][]string{
		"another origin":            {"Origin", "https://evil.example"},
		"no origin at all":          {"Origin", "null"},
		"a web till that is listed": {"Origin", webTill},
		"cross-site":                {"Sec-Fetch-Site", "cross-site"},
		"another port":              {"Sec-Fetch-Site", "same-site"},
	} {
		for _, route := range []string{"POST /v1/console/session", "POST /v1/console/codes", "GET /v1/console/sessions", "DELETE /v1/console/session"} {
			method, path, _ := strings.Cut(route, " ")
			body := `{"token":"` + adminToken + `"}`
			if method != http.MethodPost {
				body = ""
			}
			got := f.call(method, path, body, headers...)
			t.Log(name, route)
			got.wantProblem(http.StatusForbidden, "origin")
		}
	}
	got := f.post("/v1/console/session", `{"token":"`+adminToken+`"}`, "Authorization", "", "Origin", "http://127.0.0.1:8780", "Sec-Fetch-Site", "same-origin")
	if got.status != http.StatusCreated {
		t.Errorf("the agent's own page: got %d %s", got.status, got.body)
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	f := newFixture(t)
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	mine, other, boss := f.console(supportToken), f.console(supportToken), f.console(adminToken)
	own := f.call(http.MethodGet, "/v1/console/session", "", bearer(mine)...)
	if own.status != http.StatusOK || own.field("current") != true || own.field("token") != nil {
		t.Errorf("got %d %s", own.status, own.body)
	}
	f.get("/v1/console/session").wantProblem(http.StatusNotFound, "not_found") // a configured token has none
	f.call(http.MethodDelete, "/v1/console/session", "").wantProblem(http.StatusNotFound, "not_found")

	var list struct{ Sessions []struct{ ID, Name string } }
	f.call(http.MethodGet, "/v1/console/sessions", "", bearer(mine)...).decode(&list)
	if len(list.Sessions) != 2 || list.Sessions[0].Name != "suporte" {
		t.Errorf("support sees %v", list.Sessions)
	}
	second := list.Sessions[1].ID
	f.get("/v1/console/sessions").decode(&list)
	if len(list.Sessions) != 3 {
		t.Fatalf("the administrator sees %v", list.Sessions)
	}
	end := func(id, by string) int {
		return f.call(http.MethodDelete, "/v1/console/sessions/"+id, "", bearer(by)...).status
	}
	for name, c := range map[string]struct {
		got, want int
	}{
		"support, the administrator's": {end(list.Sessions[2].ID, mine), 403},
		"support, its own name's":      {end(second, mine), 204},
		"the same again":               {end(second, mine), 404},
		"its own":                      {f.call(http.MethodDelete, "/v1/console/session", "", bearer(mine)...).status, 204},
		"the administrator, any":       {end(list.Sessions[2].ID, adminToken), 204},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d", name, c.got)
		}
	}
	for _, token := range []string{mine, other, boss} {
		if got := f.status(token); got != http.StatusUnauthorized {
			t.Errorf("an ended session gets %d", got)
		}
	}
}

// The journal gets neither a code nor a token, right or wrong, sent or answered.
func TestCodesAndTokensReachNoJournal(t *testing.T) {
	f := newFixture(t)
	code := f.code(supportToken)
	session, _ := f.enter(code).field("token").(string)
	secrets := []string{code, session, f.console(adminToken), adminToken, "wrong-canary"}
	f.enter("wrong-canary")
	f.post("/v1/console/session", `{"token":"wrong-canary"}`, "Authorization", "")
	f.post("/v1/console/session", `{"token":"wrong-canary`, "Authorization", "")
	if f.status(session) != http.StatusOK || len(f.seen) < 6 {
		t.Fatal("the calls are not there")
	}
	for _, exchange := range f.seen {
		for _, secret := range secrets {
			if strings.Contains(fmt.Sprintf("%+v %s %s", exchange, exchange.Request, exchange.Response), secret) {
				t.Errorf("the journal gets %q of %s %s", secret, exchange.Method, exchange.Route)
			}
		}
	}
}
