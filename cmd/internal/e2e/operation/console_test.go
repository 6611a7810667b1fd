package operation_test

import (
	"net/http"
	"strings"
	"testing"

	"pdvagent/cmd/internal/e2e"
)

// Support opens the console by a code of its token, looks around, and loses it when the administrator removes that token.
func TestConsoleIsOpenedAndEnds(t *testing.T) {
	s := e2e.NewSite(t).Start()
	open := func(token string) (session e2e.Answer, code string) {
		code = s.Call(http.MethodPost, "/v1/console/codes", token, `{}`).Text("code")
		return s.Call(http.MethodPost, "/v1/console/session", "", e2e.IDBody("code", code)), code
	}
	support, code := open(e2e.SupportToken)
	token := support.Text("token")
	if got := s.Call(http.MethodGet, "/v1/console/session", token, ""); got.Status != http.StatusOK || got.Text("scope") != "support" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/status", token, ""); got.Status != http.StatusOK {
		t.Errorf("status: got %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/config", token, ""); got.Status != http.StatusForbidden {
		t.Errorf("configuration: got %d %s", got.Status, got.Body)
	}
	admin := s.Call(http.MethodPost, "/v1/console/session", "", e2e.IDBody("token", e2e.AdminToken))
	other, _ := open(e2e.SupportToken)
	if got := s.Call(http.MethodDelete, "/v1/console/sessions/"+other.Text("id"), admin.Text("token"), ""); got.Status != http.StatusNoContent {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/console/sessions", admin.Text("token"), ""); strings.Count(got.Body, `"id"`) != 2 {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	change := `{"api":{"tokens":[{"name":"admin","scope":"admin","token":"` + e2e.AdminToken + `"}]}}`
	if got := s.Call(http.MethodPut, "/v1/config", admin.Text("token"), change); got.Status != http.StatusOK {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/status", token, ""); got.Status != http.StatusUnauthorized {
		t.Errorf("the session of a token that is gone: got %d %s", got.Status, got.Body)
	}
	if got := s.Call(http.MethodDelete, "/v1/console/session", admin.Text("token"), ""); got.Status != http.StatusNoContent {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	trail := s.Call(http.MethodGet, "/v1/audit", e2e.AdminToken, "")
	if !strings.Contains(trail.Body, `"before":{"api.tokens"`) || strings.Count(trail.Body, `"number"`) != 8 {
		t.Errorf("the trail has %s", trail.Body)
	}
	journal := s.Call(http.MethodGet, "/v1/traffic?limit=500", e2e.AdminToken, "")
	for _, secret := range []string{code, token, admin.Text("token"), e2e.AdminToken} {
		if strings.Contains(journal.Body+trail.Body+s.AgentLog.String(), secret) {
			t.Errorf("journal or log have %q", secret)
		}
	}
}
