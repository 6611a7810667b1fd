package sicoobsim_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/payments/sicoob/sicoobsim"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

type object = map[string]any

// shop is a caller of the bank with a token of every scope.
type shop struct {
	*agenttest.Caller
	t   *testing.T
	sim *sicoobsim.Sim
}

// noon is the bank's time.
func noon() time.Time { return time.Date(2026, 3, 12, 15, 0, 0, 0, time.UTC) }

const (
	v3        = "/cobranca-bancaria/v3/"
	v2        = "/cobranca-bancaria/v2/"
	allScopes = "boletos_inclusao boletos_consulta boletos_alteracao cobranca_boletos_incluir cobranca_boletos_consultar"
)

func open(t *testing.T) shop {
	t.Helper()
	sim, err := sicoobsim.New(sicoobsim.Config{ClientID: "app", Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle("/control/", http.StripPrefix("/control", sim.Control()))
	s := shop{agenttest.NewCaller(t, mux), t, sim}
	s.Header = http.Header{"Client_id": {"app"}, "Content-Type": {"application/json"}}
	s.Header.Set("Authorization", "Bearer "+s.token(allScopes))
	return s
}

func (s shop) token(scopes string) string {
	s.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "scope": {scopes}}
	value, _ := s.must(200, http.MethodPost, "/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")["access_token"].(string)
	return value
}

// must sends a request that is answered with a status, and gives the answer's fields; none of one without a body.
func (s shop) must(status int, method, path, body string, headers ...string) object {
	s.t.Helper()
	got := s.Send(method, path, body, headers...)
	if got.Status != status {
		s.t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, got.Status, got.Body, status)
	}
	var fields object
	if err := json.Unmarshal([]byte(got.Body), &fields); err != nil && got.Body != "" {
		s.t.Fatalf("%s %s: %s: %v", method, path, got.Body, err)
	}
	return fields
}

// refused sends a request that is refused with the bank's error, and gives its code and message.
func (s shop) refused(status int, method, path, body string, headers ...string) string {
	s.t.Helper()
	list, _ := s.must(status, method, path, body, headers...)["mensagens"].([]any)
	if len(list) != 1 {
		s.t.Fatalf("%s %s: it is no error of the bank's", method, path)
	}
	first, _ := list[0].(object)
	return fmt.Sprint(first["codigo"], " ", first["mensagem"])
}

func (s shop) set(change func(*sicoobsim.Settings)) { s.sim.Set(change) }

func TestTokenIsForClientCredentialsAlone(t *testing.T) {
	s := open(t)
	const right = "grant_type=client_credentials&client_id=app&scope=boletos_consulta"
	for _, c := range []struct {
		method, body, kind string
		status             int
		want               string
	}{
		{http.MethodGet, "", "application/x-www-form-urlencoded", 405, "Not Allowed"},
		{http.MethodPost, right, "application/json", 415, "Media Type"},
		{http.MethodPost, strings.Replace(right, "client_credentials", "password", 1), "application/x-www-form-urlencoded", 400, "unsupported_grant_type"},
		{http.MethodPost, strings.Replace(right, "=app", "=other", 1), "application/x-www-form-urlencoded", 401, "invalid_client"},
		{http.MethodPost, strings.Replace(right, "client_id=app&", "", 1), "application/x-www-form-urlencoded", 401, "invalid_client"},
		{http.MethodPost, right + "&client_secret=x", "application/x-www-form-urlencoded", 400, "client_secret"},
		{http.MethodPost, right + "+cco_extrato", "application/x-www-form-urlencoded", 400, "invalid_scope"},
	} {
		for _, path := range []string{"/token", "/auth/realms/cooperado/protocol/openid-connect/token"} {
			if got := s.Send(c.method, path, c.body, "Content-Type", c.kind); got.Status != c.status || !strings.Contains(got.Body, c.want) {
				t.Errorf("%s %s as %s: got %d %s, want %d %s", c.method, c.body, c.kind, got.Status, got.Body, c.status, c.want)
			}
		}
	}
	got := s.must(200, http.MethodPost, "/token", right, "Content-Type", "application/x-www-form-urlencoded")
	if got["expires_in"] != 300.0 || got["token_type"] != "Bearer" || got["scope"] != "boletos_consulta" {
		t.Errorf("got %v", got)
	}
	s.set(func(settings *sicoobsim.Settings) { settings.Scopes = "any" })
	s.must(200, http.MethodPost, "/token", right+"+cco_extrato", "Content-Type", "application/x-www-form-urlencoded")
}

func TestACallWantsItsTokenClientAndScope(t *testing.T) {
	s := open(t)
	const path = v3 + "pagadores/12345678909/boletos?numeroCliente=567890"
	s.must(204, http.MethodGet, path, "")
	for _, headers := range [][]string{
		{"Authorization", ""},
		{"Authorization", "Bearer other"},
		{"Authorization", strings.TrimPrefix(s.Header.Get("Authorization"), "Bearer ")},
		{"client_id", ""},
		{"client_id", "other"},
		{"client_id", "", "x-sicoob-clientid", "app"},
	} {
		s.refused(401, http.MethodGet, path, "", headers...)
	}
	s.set(func(settings *sicoobsim.Settings) { settings.ClientName = "any" })
	s.must(204, http.MethodGet, path, "", "client_id", "", "x-sicoob-clientid", "app")

	readOnly := "Bearer " + s.token("boletos_consulta")
	s.must(204, http.MethodGet, path, "", "Authorization", readOnly)
	s.refused(403, http.MethodPost, v3+"boletos", issue, "Authorization", readOnly)
	s.refused(403, http.MethodPost, v3+"boletos/1013/baixar", "{}", "Authorization", readOnly)
	s.set(func(settings *sicoobsim.Settings) { settings.Scopes = "any" })
	s.must(200, http.MethodPost, v3+"boletos", issue, "Authorization", readOnly)

	s.sim.Advance(299 * time.Second)
	s.must(204, http.MethodGet, path+"&dataInicio=2027-01-01", "")
	s.sim.Advance(time.Second)
	s.refused(401, http.MethodGet, path, "")
	s.set(func(settings *sicoobsim.Settings) { settings.TokenLife = 2 })
	short := "Bearer " + s.token(allScopes)
	s.sim.Advance(2 * time.Second)
	s.refused(401, http.MethodGet, path, "", "Authorization", short)
}

// Over TLS the bank wants a certificate that is in its time, and the token's own.
func TestTheTokenBelongsToItsCertificate(t *testing.T) {
	s := open(t)
	certificate := func(raw string, from, to time.Duration) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(raw), NotBefore: noon().Add(from), NotAfter: noon().Add(to)}}}
	}
	mine := certificate("mine", -time.Hour, time.Hour)
	send := func(state *tls.ConnectionState, method, path, body, kind, token string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(method, path, strings.NewReader(body))
		request.TLS = state
		request.Header = http.Header{"Client_id": {"app"}, "Content-Type": {kind}, "Authorization": {"Bearer " + token}}
		recorder := httptest.NewRecorder()
		s.sim.ServeHTTP(recorder, request)
		return recorder
	}
	const form, credentials = "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=app&scope=boletos_consulta"
	for name, state := range map[string]*tls.ConnectionState{
		"none": {}, "expired": certificate("mine", -2*time.Hour, -time.Hour), "not yet": certificate("mine", time.Hour, 2*time.Hour),
	} {
		if got := send(state, http.MethodPost, "/token", credentials, form, ""); got.Code != 403 {
			t.Errorf("%s: got %d %s", name, got.Code, got.Body)
		}
	}
	var given struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(send(mine, http.MethodPost, "/token", credentials, form, "").Body.Bytes(), &given); err != nil || given.Token == "" {
		t.Fatal(given, err)
	}
	const path = v3 + "pagadores/12345678909/boletos?numeroCliente=567890"
	for name, c := range map[string]struct {
		state  *tls.ConnectionState
		status int
	}{"mine": {mine, 204}, "another": {certificate("another", -time.Hour, time.Hour), 401}, "plain HTTP": {nil, 401}} {
		if got := send(c.state, http.MethodGet, path, "", "", given.Token); got.Code != c.status {
			t.Errorf("%s: got %d %s, want %d", name, got.Code, got.Body, c.status)
		}
	}
}

// Paths of the other version, and those that circulate and are wrong, are not there (contract section 1).
func TestWrongPathsAreNotFound(t *testing.T) {
	s := open(t)
	for _, call := range []string{
		"POST " + v3 + "boletos/solicitacoes/movimentacao", "GET " + v3 + "boletos/solicitacoes/movimentacao", "GET " + v3 + "boletos/solicitacoes/movimentacao-download",
		"GET " + v3 + "boletos/movimentacao-download", "POST " + v2 + "boletos/movimentacoes", "GET " + v2 + "boletos/movimentacoes/download",
		"PATCH " + v3 + "boletos/baixa", "POST " + v2 + "boletos/1013/baixar", "GET " + v2 + "pagadores/12345678909/boletos", "GET " + v3 + "boletos/pagadores/12345678909",
		"GET /cobranca-bancaria/v1/boletos", "GET /boletos", "DELETE " + v3 + "boletos", "GET " + v3,
	} {
		method, path, _ := strings.Cut(call, " ")
		s.refused(404, method, path, "{}")
	}
}

func TestLimitOfCallsIsOfASecond(t *testing.T) {
	s := open(t)
	s.set(func(settings *sicoobsim.Settings) { settings.PerSecond = 2 })
	const path = v3 + "boletos/movimentacoes?numeroCliente=567890&codigoSolicitacao=1"
	var statuses []int
	for range 4 {
		statuses = append(statuses, s.Send(http.MethodGet, path, "").Status)
	}
	s.sim.Advance(time.Second)
	statuses = append(statuses, s.Send(http.MethodGet, path, "").Status)
	if want := []int{404, 404, 429, 429, 404}; !slices.Equal(statuses, want) {
		t.Errorf("got %v, want %v", statuses, want)
	}
}
