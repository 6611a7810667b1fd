package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/mercafacil/mercafacilsim"
)

func (s *site) admin(method, path, body string) answer {
	s.t.Helper()
	return s.call(method, path, adminToken, body)
}

func (s *site) file() string {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func list(a answer, name string) string {
	values, _ := a.field(name).([]any)
	var out []string
	for _, value := range values {
		text, _ := value.(string)
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestAdminChangesTheConfigurationOfTheRunningAgent(t *testing.T) {
	s := newSite(t).open()
	before := s.file()
	shown := s.admin("GET", "/v1/config", "")
	if shown.status != 200 || shown.field("mercafacil.token") != "***" || strings.Contains(shown.body, cloudToken) || strings.Contains(shown.body, tillToken) || shown.field("sender.parallel") != 4.0 {
		t.Errorf("got %d %s", shown.status, shown.body)
	}
	got := s.admin("PUT", "/v1/config", `{"log":{"level":"warn"},"sender":{"per_second":7.5,"parallel":2},"mercafacil":{"token":"***"}}`)
	if got.status != 200 || list(got, "applied") != "log.level sender.per_second" || list(got, "needs_restart") != "sender.parallel" || got.field("version.author") != "admin" || list(got, "version.changed") != "log.level sender.parallel sender.per_second" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	after := s.file()
	if strings.Count(after, "#") != strings.Count(before, "#") || !strings.Contains(after, "level: warn ") || !strings.Contains(after, cloudToken) {
		t.Errorf("the file is %s", after)
	}
	if got := s.admin("PUT", "/v1/config", `{"sender":{"parallel":0},"shop":{"till":null}}`); got.status != 422 || !strings.Contains(got.body, `"field":"sender.parallel"`) || !strings.Contains(got.body, `"field":"shop.till"`) || s.file() != after {
		t.Errorf("wrong: got %d %s", got.status, got.body)
	}
	if got := s.admin("POST", "/v1/config/undo", ""); got.status != 200 || list(got, "applied") != "log.level sender.per_second" || list(got, "needs_restart") != "" || s.file() != before {
		t.Errorf("undo: got %d %s\n%s", got.status, got.body, s.file())
	}
	versions := s.admin("GET", "/v1/config/versions", "")
	if numbers, _ := versions.field("versions").([]any); len(numbers) != 3 {
		t.Errorf("versions: %s", versions.body)
	}
	for _, call := range [][2]string{{"GET", "/v1/config"}, {"PUT", "/v1/config"}, {"GET", "/v1/config/versions"}, {"POST", "/v1/config/undo"}} {
		if got := s.call(call[0], call[1], supportToken, "{}"); got.status != http.StatusForbidden {
			t.Errorf("support may %s %s: %d", call[0], call[1], got.status)
		}
	}
	s.stop()
	for _, canary := range []string{cloudToken, tillToken, adminToken} {
		if strings.Contains(s.log.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
}

func TestNewTokensHoldAtOnceOnBothSides(t *testing.T) {
	s := newSite(t).open()
	if err := s.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "*", Fault: "status", Status: 401, Times: 1}); err != nil {
		t.Fatal(err)
	}
	s.post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.until("the cloud refuses the token", func() bool {
		return s.call("GET", "/v1/status", supportToken, "").header.Get("X-Agent-Alarm") == "cloud_unauthorized"
	})
	tokens := `{"api":{"tokens":[{"name":"caixa","scope":"till","token":"novo-token-do-caixa-novo-token"},{"name":"suporte","scope":"support","token":"***"},{"name":"admin","scope":"admin","token":"***"}]}}`
	if got := s.admin("PUT", "/v1/config", tokens); got.status != 200 || list(got, "applied") != "api.tokens" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if got := s.post("/v2/transaction/cancel", idBody("transaction_id", "T")); got.status != 401 {
		t.Errorf("the old token: %d", got.status)
	}
	if got := s.call("POST", "/v2/transaction/cancel", "novo-token-do-caixa-novo-token", idBody("transaction_id", "T")); got.status != 202 {
		t.Errorf("the new token: %d %s", got.status, got.body)
	}
	s.drained() // the change let what was paused be tried
	if got := s.admin("PUT", "/v1/config", `{"mercafacil":{"token":"outro-token-da-loja"}}`); got.status != 200 || list(got, "applied") != "mercafacil.token" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	if got := s.call("POST", "/v2/transaction/start", "novo-token-do-caixa-novo-token", `{"document_no":""}`); got.field("agent.reason") != "auth" {
		t.Errorf("the cloud was asked with the token of before: %s", got.body)
	}
}

func TestConfigurationIsChangedByCommand(t *testing.T) {
	s := newSite(t).open()
	code, out, errOut := runCommand(t, "config", "set", "sender.per_second", "9", "--config", s.config)
	if code != exitDone || !strings.Contains(out, "versão 2, sender.per_second") || !strings.Contains(out, "Já vale.") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	if code, out, errOut = runCommand(t, "config", "set", "till.queued_status", "200", "--config", s.config); code != exitDone || !strings.Contains(out, "Reinicie o pdvagent para valer: till.queued_status.") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	if code, _, errOut = runCommand(t, "config", "set", "till.queued_status", "201", "--config", s.config); code != exitFailed || !strings.Contains(errOut, "till.queued_status: deve ser um destes: 202, 200") {
		t.Errorf("wrong: got %d, %s", code, errOut)
	}
	if code, _, errOut = runCommand(t, "config", "set", "till.queued_status", "--config", s.config); code != exitUsage {
		t.Errorf("half a pair: got %d, %s", code, errOut)
	}
	if code, out, errOut = runCommand(t, "config", "set", "sender.retry_max", "20ms", "sender.retry_min", "10ms", "--config", s.config); code != exitDone || !strings.Contains(out, "sender.retry_max, sender.retry_min") {
		t.Errorf("two that depend on each other: got %d, %s, %s", code, out, errOut)
	}
	if code, out, _ = runCommand(t, "config", "undo", "--config", s.config); code != exitDone || strings.Contains(s.file(), "retry_max: 20ms") {
		t.Errorf("undo of both: got %d, %s", code, out)
	}
	if code, out, _ = runCommand(t, "config", "undo", "--config", s.config); code != exitDone || !strings.Contains(out, "Já vale.") || !strings.Contains(s.file(), "queued_status: 202") {
		t.Errorf("undo: got %d, %s", code, out)
	}
	s.stop()
	if code, out, _ = runCommand(t, "config", "set", "sender.per_second", "", "--config", s.config); code != exitDone || !strings.Contains(out, "próximo início") || strings.Contains(s.file(), "per_second") {
		t.Errorf("while it is stopped: got %d, %s", code, out)
	}
	if code, out, _ = runCommand(t, "config", "history", "--config", s.config); code != exitDone || strings.Count(out, "sender.per_second") < 2 || !strings.Contains(out, "volta à versão 2") {
		t.Errorf("history: got %d, %s", code, out)
	}
	if code, out, _ = runCommand(t, "config", "schema"); code != exitDone || !strings.Contains(out, `"json-schema.org`) && !strings.Contains(out, "json-schema.org") {
		t.Errorf("schema: got %d, %.200s", code, out)
	}
}

func TestOneFileOfAnswersServesThreeTills(t *testing.T) {
	folder := t.TempDir()
	answers := filepath.Join(folder, "pdvagent-install.json")
	if err := os.WriteFile(answers, []byte("\xef\xbb\xbf"+`{"shop":"007","token":"da-loja","base_url":"http://127.0.0.1:1/x/","primary":false,"pdv_version":"9.1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for till, port := range map[string]string{"001": "18781", "002": "18782", "003": "18783"} {
		path := filepath.Join(folder, till, "config.yaml")
		code, _, errOut := runCommand(t, "config", "init", "--config", path, "--answers", answers, "--till", till, "--listen", "127.0.0.1:"+port, "--primary="+strconv.FormatBool(till == "001"))
		if code != exitDone {
			t.Fatalf("%s: %d %s", till, code, errOut)
		}
		cfg, _, err := config.Load(path, os.LookupEnv)
		if err != nil || cfg.Shop.ID != "007" || cfg.Shop.Till != till || cfg.Shop.Primary != (till == "001") || cfg.API.Listen != "127.0.0.1:"+port || cfg.Mercafacil.Token.Reveal() != "da-loja" || cfg.Mercafacil.PDVVersion != "9.1" {
			t.Errorf("%s: got %+v, %v", till, cfg, err)
		}
	}
}

func TestInstallationIsAskedOnTheScreenOrByEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	t.Setenv("PDVAGENT_INSTALL_SHOP", "008")
	code, _, errOut := runCommandWith(t, "\n012\nsegredo\n", "config", "init", "--ask", "--config", path)
	if code != exitDone || strings.Contains(errOut, "código da loja") || strings.Count(errOut, "código deste caixa") != 2 {
		t.Fatalf("got %d, %s", code, errOut)
	}
	cfg, _, err := config.Load(path, os.LookupEnv)
	if err != nil || cfg.Shop.ID != "008" || cfg.Shop.Till != "012" || cfg.Mercafacil.Token.Reveal() != "segredo" {
		t.Errorf("got %+v, %v", cfg, err)
	}
	for _, c := range []struct{ answers, want string }{
		{`{"shpo":"1"}`, `"shpo"`}, {`{`, "JSON"}, {`{"primary":"maybe"}`, "primary"}, {`{"shop":"1"}`, "--till, --token"},
	} {
		answers := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(answers, []byte(c.answers), 0o600); err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(t.TempDir(), "config.yaml")
		if code, _, errOut := runCommandWith(t, "", "config", "init", "--config", other, "--answers", answers); code == exitDone || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: got %d, %s", c.answers, code, errOut)
		}
		if _, err := os.Stat(other); !os.IsNotExist(err) {
			t.Errorf("%s: a file was written: %v", c.answers, err)
		}
	}
}

func TestCheckOnlineTriesTheFoldersAndTheCloud(t *testing.T) {
	s := newSite(t)
	code, out, errOut := runCommand(t, "config", "check", "--online", "--config", s.config)
	if code != exitDone || !strings.Contains(out, "Resposta da nuvem") || strings.Contains(out, "Alarmes") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	s.clouds.Leave()
	code, out, errOut = runCommand(t, "config", "check", "--online", "--config", s.config)
	if code != exitFailed || !strings.Contains(out, "está correto") || !strings.Contains(out, "falha") || !strings.Contains(errOut, "algo não funciona") {
		t.Errorf("without the cloud: got %d, %s, %s", code, out, errOut)
	}
	if code, out, _ = runCommand(t, "config", "check", "--config", s.config); code != exitDone || strings.Contains(out, "nuvem") {
		t.Errorf("not online: got %d, %s", code, out)
	}
}
