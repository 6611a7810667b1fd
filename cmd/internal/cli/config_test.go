package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

func admin(s *e2e.Site, method, path, body string) e2e.Answer {
	s.Helper()
	return s.Call(method, path, e2e.AdminToken, body)
}

func list(a e2e.Answer, name string) string {
	values, _ := a.Field(name).([]any)
	var out []string
	for _, value := range values {
		text, _ := value.(string)
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestAdminChangesTheConfigurationOfTheRunningAgent(t *testing.T) {
	s := e2e.NewSite(t).Start()
	before := s.ConfigText()
	shown := admin(s, "GET", "/v1/config", "")
	if shown.Status != 200 || shown.Field("mercafacil.token") != "***" || strings.Contains(shown.Body, e2e.CloudToken) || strings.Contains(shown.Body, e2e.TillToken) || shown.Field("sender.parallel") != 4.0 {
		t.Errorf("got %d %s", shown.Status, shown.Body)
	}
	got := admin(s, "PUT", "/v1/config", `{"log":{"level":"warn"},"sender":{"per_second":7.5,"parallel":2},"mercafacil":{"token":"***"}}`)
	if got.Status != 200 || list(got, "applied") != "log.level sender.per_second" || list(got, "needs_restart") != "sender.parallel" || got.Field("version.author") != "admin" || list(got, "version.changed") != "log.level sender.parallel sender.per_second" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	after := s.ConfigText()
	if strings.Count(after, "#") != strings.Count(before, "#") || !strings.Contains(after, "level: warn ") || !strings.Contains(after, e2e.CloudToken) {
		t.Errorf("the file is %s", after)
	}
	if got := admin(s, "PUT", "/v1/config", `{"sender":{"parallel":0},"shop":{"till":null}}`); got.Status != 422 || !strings.Contains(got.Body, `"field":"sender.parallel"`) || !strings.Contains(got.Body, `"field":"shop.till"`) || s.ConfigText() != after {
		t.Errorf("wrong: got %d %s", got.Status, got.Body)
	}
	if got := admin(s, "POST", "/v1/config/undo", ""); got.Status != 200 || list(got, "applied") != "log.level sender.per_second" || list(got, "needs_restart") != "" || s.ConfigText() != before {
		t.Errorf("undo: got %d %s\n%s", got.Status, got.Body, s.ConfigText())
	}
	versions := admin(s, "GET", "/v1/config/versions", "")
	if numbers, _ := versions.Field("versions").([]any); len(numbers) != 3 {
		t.Errorf("versions: %s", versions.Body)
	}
	for _, call := range [][2]string{{"GET", "/v1/config"}, {"PUT", "/v1/config"}, {"GET", "/v1/config/versions"}, {"POST", "/v1/config/undo"}} {
		if got := s.Call(call[0], call[1], e2e.SupportToken, "{}"); got.Status != http.StatusForbidden {
			t.Errorf("support may %s %s: %d", call[0], call[1], got.Status)
		}
	}
	s.Stop()
	for _, canary := range []string{e2e.CloudToken, e2e.TillToken, e2e.AdminToken} {
		if strings.Contains(s.AgentLog.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
}

func TestNewTokensHoldAtOnceOnBothSides(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddFault(simkit.Fault{Route: "*", Fault: "status", Status: 401, Times: 1})
	s.Post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.Until("the cloud refuses the token", func() bool {
		return s.Status().Header.Get("X-Agent-Alarm") == "cloud_unauthorized"
	})
	tokens := `{"api":{"tokens":[{"name":"caixa","scope":"till","token":"novo-token-do-caixa-novo-token"},{"name":"suporte","scope":"support","token":"***"},{"name":"admin","scope":"admin","token":"***"}]}}`
	if got := admin(s, "PUT", "/v1/config", tokens); got.Status != 200 || list(got, "applied") != "api.tokens" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got := s.Post("/v2/transaction/cancel", e2e.IDBody("transaction_id", "T")); got.Status != 401 {
		t.Errorf("the old token: %d", got.Status)
	}
	if got := s.Call("POST", "/v2/transaction/cancel", "novo-token-do-caixa-novo-token", e2e.IDBody("transaction_id", "T")); got.Status != 202 {
		t.Errorf("the new token: %d %s", got.Status, got.Body)
	}
	s.WaitDrained() // the change let what was paused be tried
	if got := admin(s, "PUT", "/v1/config", `{"mercafacil":{"token":"outro-token-da-loja"}}`); got.Status != 200 || list(got, "applied") != "mercafacil.token" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got := s.Call("POST", "/v2/transaction/start", "novo-token-do-caixa-novo-token", `{"document_no":""}`); got.Field("agent.reason") != "auth" {
		t.Errorf("the cloud was asked with the token of before: %s", got.Body)
	}
}

func TestConfigurationIsChangedByCommand(t *testing.T) {
	s := e2e.NewSite(t).Start()
	code, out, errOut := e2e.RunCommand(t, "config", "set", "sender.per_second", "9", "--config", s.Config)
	if code != cli.ExitDone || !strings.Contains(out, "versão 2, sender.per_second") || !strings.Contains(out, "Já vale.") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	if code, out, errOut = e2e.RunCommand(t, "config", "set", "sender.per_second", "9", "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "nada mudou") {
		t.Errorf("the same again: %d %s %s", code, out, errOut)
	}
	if code, out, errOut = e2e.RunCommand(t, "config", "set", "till.queued_status", "200", "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "Reinicie o pdvagent para valer: till.queued_status.") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	if code, _, errOut = e2e.RunCommand(t, "config", "set", "till.queued_status", "201", "--config", s.Config); code != cli.ExitFailed || !strings.Contains(errOut, "till.queued_status: deve ser um destes: 202, 200") {
		t.Errorf("wrong: got %d, %s", code, errOut)
	}
	if code, _, errOut = e2e.RunCommand(t, "config", "set", "till.queued_status", "--config", s.Config); code != cli.ExitUsage {
		t.Errorf("half a pair: got %d, %s", code, errOut)
	}
	if code, out, errOut = e2e.RunCommand(t, "config", "set", "sender.retry_max", "20ms", "sender.retry_min", "10ms", "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "sender.retry_max, sender.retry_min") {
		t.Errorf("two that depend on each other: got %d, %s, %s", code, out, errOut)
	}
	if code, out, _ = e2e.RunCommand(t, "config", "undo", "--config", s.Config); code != cli.ExitDone || strings.Contains(s.ConfigText(), "retry_max: 20ms") {
		t.Errorf("undo of both: got %d, %s", code, out)
	}
	if code, out, _ = e2e.RunCommand(t, "config", "undo", "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "Já vale.") || !strings.Contains(s.ConfigText(), "queued_status: 202") {
		t.Errorf("undo: got %d, %s", code, out)
	}
	s.Stop()
	if code, out, _ = e2e.RunCommand(t, "config", "set", "sender.per_second", "", "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "próximo início") || strings.Contains(s.ConfigText(), "per_second") {
		t.Errorf("while it is stopped: got %d, %s", code, out)
	}
	if code, out, _ = e2e.RunCommand(t, "config", "history", "--config", s.Config); code != cli.ExitDone || strings.Count(out, "sender.per_second") < 2 || !strings.Contains(out, "volta à versão 2") {
		t.Errorf("history: got %d, %s", code, out)
	}
	if code, out, _ = e2e.RunCommand(t, "config", "schema"); code != cli.ExitDone || !strings.Contains(out, `"json-schema.org`) && !strings.Contains(out, "json-schema.org") {
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
		code, _, errOut := e2e.RunCommand(t, "config", "init", "--config", path, "--answers", answers, "--till", till, "--listen", "127.0.0.1:"+port, "--primary="+strconv.FormatBool(till == "001"))
		if code != cli.ExitDone {
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
	code, _, errOut := e2e.RunCommandInput(t, "\n012\nsegredo\n", "config", "init", "--ask", "--config", path)
	if code != cli.ExitDone || strings.Contains(errOut, "código da loja") || strings.Count(errOut, "código deste caixa") != 2 {
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
		if code, _, errOut := e2e.RunCommandInput(t, "", "config", "init", "--config", other, "--answers", answers); code == cli.ExitDone || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: got %d, %s", c.answers, code, errOut)
		}
		if _, err := os.Stat(other); !os.IsNotExist(err) {
			t.Errorf("%s: a file was written: %v", c.answers, err)
		}
	}
}

func TestCheckOnlineTriesTheFoldersAndTheCloud(t *testing.T) {
	s := e2e.NewSite(t)
	code, out, errOut := e2e.RunCommand(t, "config", "check", "--online", "--config", s.Config)
	if code != cli.ExitDone || !strings.Contains(out, "Resposta da nuvem") || strings.Contains(out, "Alarmes") {
		t.Errorf("got %d, %s, %s", code, out, errOut)
	}
	s.Clouds.Leave()
	code, out, errOut = e2e.RunCommand(t, "config", "check", "--online", "--config", s.Config)
	if code != cli.ExitFailed || !strings.Contains(out, "está correto") || !strings.Contains(out, "falha") || !strings.Contains(errOut, "algo não funciona") {
		t.Errorf("without the cloud: got %d, %s, %s", code, out, errOut)
	}
	if code, out, _ = e2e.RunCommand(t, "config", "check", "--config", s.Config); code != cli.ExitDone || strings.Contains(out, "nuvem") {
		t.Errorf("not online: got %d, %s", code, out)
	}
}

func TestATextIsSetAsItIsTyped(t *testing.T) {
	s := e2e.NewSite(t)
	token := strings.Repeat("1234567890", 4)
	code, _, errOut := e2e.RunCommand(t, "config", "set", "shop.till", "013", "shop.id", "001", "mercafacil.token", token, "mercafacil.pdv_version", "3.0", "--config", s.Config)
	cfg, _, err := config.Load(s.Config, os.LookupEnv)
	if code != cli.ExitDone || err != nil || cfg.Shop.Till != "013" || cfg.Shop.ID != "001" || cfg.Mercafacil.Token.Reveal() != token || cfg.Mercafacil.PDVVersion != "3.0" {
		t.Errorf("got %d %s, %+v %v", code, errOut, cfg, err)
	}
	if code, _, errOut = e2e.RunCommand(t, "config", "set", "sender.parallel", "muitos", "--config", s.Config); code == cli.ExitDone || !strings.Contains(errOut, "sender.parallel: deve ser um número inteiro") {
		t.Errorf("got %d %s", code, errOut)
	}
}

func TestACutOrUnfilledFileIsRefusedByCheck(t *testing.T) {
	s := e2e.NewSite(t).Start()
	if code, _, errOut := e2e.RunCommand(t, "config", "set", "log.level", "warn", "--config", s.Config); code != cli.ExitDone {
		t.Fatal(errOut)
	}
	s.Stop()
	whole := s.ConfigText()
	cut, _, _ := strings.Cut(whole, "\nsender:")
	for _, text := range []string{cut + "\n", cut + "\n\tx"} {
		if err := os.WriteFile(s.Config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errOut := e2e.RunCommand(t, "config", "check", "--config", s.Config); code == cli.ExitDone || !strings.Contains(errOut, "erro(s)") {
			t.Errorf("got %d %s", code, errOut)
		}
		undo := []string{"config", "undo", "--config", s.Config}
		if text != cut+"\n" { // what is no YAML says no address that the version's could be compared with
			if code, _, errOut := e2e.RunCommand(t, undo...); code == cli.ExitDone || !strings.Contains(errOut, "--confirm") || s.ConfigText() != text {
				t.Errorf("undo: got %d %s", code, errOut)
			}
			undo = append(undo, "--confirm")
		}
		if code, out, errOut := e2e.RunCommand(t, undo...); code != cli.ExitDone || s.ConfigText() != whole {
			t.Errorf("undo: got %d %s %s", code, out, errOut)
		}
	}
	if err := os.WriteFile(s.Config, []byte(cut+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := e2e.RunCommand(t, "config", "accept", "--config", s.Config); code != cli.ExitDone {
		t.Errorf("accept: got %d %s", code, errOut)
	}
	if code, _, errOut := e2e.RunCommand(t, "config", "check", "--config", s.Config); code != cli.ExitDone {
		t.Errorf("got %d %s", code, errOut)
	}
	example := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(example, []byte(strings.Replace(config.Template(config.Example()), "/var/lib/pdvagent", t.TempDir(), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := e2e.RunCommand(t, "config", "check", "--config", example); code == cli.ExitDone || !strings.Contains(errOut, "mercafacil.token: ainda é o texto do exemplo (cole-aqui") {
		t.Errorf("got %d %s", code, errOut)
	}
}

func TestAnswersAreReadAsEditorsSaveThemAndTheirFaultHasALine(t *testing.T) {
	for text, want := range map[string]string{
		"{\"shop\":\"1\",\n\"till\":\"013\",\"token\":\"\xe3\",\"pdv_version\":\"9.10\"}": "mercafacil.token", // windows-1252: read, and the token is what is wrong
		"\xff\xfe{\x00}\x00":                  "--shop, --till, --token",
		"":                                    "linha 1",
		"{\n\"shop\":\"1\",\n\"till\":013}":   "linha 3",
		"{\n\"shop\":\"1\",\n}":               "linha 3",
		"{\n\"shop\":\"1\",\n\"shop\":\"2\"}": `linha 3: "shop" está duas vezes`,
		"{\n\u00a0\"shop\":\"1\"}":            "linha 2: há um espaço",
		"{\n\n\"shpo\":\"1\"}":                `linha 3: "shpo" não é`,
		"{\"shop\":\"1\",\"till\":[1],\"token\":\"abc\"}": `"till" deve ser um texto`,
	} {
		answers := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(answers, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errOut := e2e.RunCommandInput(t, "", "config", "init", "--config", filepath.Join(t.TempDir(), "config.yaml"), "--answers", answers); code == cli.ExitDone || !strings.Contains(errOut, want) {
			t.Errorf("%q: got %d, %s", text, code, errOut)
		}
	}
}
