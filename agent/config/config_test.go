package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
)

var update = flag.Bool("update", false, "write config.example.yaml anew")

func noEnv(string) (string, bool) { return "", false }

func root() string {
	if runtime.GOOS == "windows" {
		return `C:\`
	}
	return "/"
}

// minimal is the smallest right file; a case replaces or adds lines.
func minimal(lines ...string) string {
	base := []string{
		"version: 1", "data_dir: " + root() + "data", `shop: {id: "001", till: "012"}`,
		"api: {tokens: [{name: caixa, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}]}",
		"mercafacil: {base_url: https://example.com/api/, token: t0ken, pdv_version: '1'}",
	}
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		replaced := false
		for i := range base {
			if strings.HasPrefix(base[i], key+":") {
				base[i], replaced = line, true
			}
		}
		if !replaced {
			base = append(base, line)
		}
	}
	return strings.Join(base, "\n") + "\n"
}

func parse(t *testing.T, text string) (config.Config, config.Faults) {
	t.Helper()
	cfg, _, err := config.Parse([]byte(text), t.TempDir(), noEnv)
	faults, ok := errors.AsType[config.Faults](err)
	if err != nil && !ok {
		t.Fatalf("got %v, want faults", err)
	}
	return cfg, faults
}

func TestExampleIsTheTemplateAndIsRight(t *testing.T) {
	path := filepath.Join(agenttest.Root(), "config.example.yaml")
	want := config.Template(config.Example())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("config.example.yaml is not what `config init` writes; run the test with -update")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the example's data_dir is a Linux path")
	}
	private := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(private, got, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, warnings, err := config.Load(private, noEnv)
	if err != nil || len(warnings) != 3 || !strings.Contains(warnings[0].Detail, "token do exemplo") {
		t.Fatalf("got %v, warnings %v, want one for each published token", err, warnings)
	}
	if cfg.Shop.ID != "001" || cfg.Mercafacil.Dialect != "v2" || time.Duration(cfg.Sender.StartJitter) != time.Minute {
		t.Errorf("got %+v", cfg)
	}
}

func TestDefaultsFillWhatIsNotSaid(t *testing.T) {
	cfg, faults := parse(t, minimal())
	if faults != nil {
		t.Fatal(faults)
	}
	if cfg.API.Listen != "127.0.0.1:8780" || cfg.Till.QueuedStatus != 202 || cfg.Sender.Parallel != 4 || cfg.Sender.PerSecond != 20 ||
		time.Duration(cfg.Sender.RetryMin) != 5*time.Second || time.Duration(cfg.Sender.RetryMax) != 30*time.Minute ||
		cfg.Shop.Timezone != "America/Sao_Paulo" || cfg.Mercafacil.CouponConflict != "auto" || cfg.Store.MaxMB != 1024 {
		t.Errorf("got %+v", cfg)
	}
}

func TestMissingMercafacilSwitchesThePartOff(t *testing.T) {
	text := strings.Replace(minimal(), "mercafacil:", "# mercafacil:", 1)
	if cfg, faults := parse(t, text); faults != nil || cfg.Mercafacil != nil {
		t.Errorf("got %+v, %v", cfg.Mercafacil, faults)
	}
}

func TestEveryFaultIsToldWithItsLineInPortuguese(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		says       string
	}{
		{"unknown key", minimal("shopp: {}"), 6, `a chave "shopp" não existe`},
		{"unknown key inside", minimal(`shop: {id: "1", till: "1", lodge: x}`), 3, `a chave "lodge" não existe`},
		{"the same key twice", minimal() + "version: 1\n", 6, `já foi definida`},
		{"a text for a number", minimal("sender: {parallel: muitos}"), 6, "um número inteiro"},
		{"a list for a section", minimal("shop: [1]"), 3, "uma seção com chaves"},
		{"a duration without unit", minimal("sender: {retry_min: 5}"), 6, "tempo com unidade"},
		{"a negative duration", minimal("sender: {retry_min: -5s}"), 6, "tempo com unidade"},
		{"wrong version", minimal("version: 2"), 1, "deve ser 1"},
		{"relative folder", minimal("data_dir: data"), 2, "caminho completo"},
		{"no shop", minimal("shop: {till: '1'}"), 3, "falta"},
		{"zone nobody knows", minimal("shop: {id: '1', till: '1', timezone: America/Curitiba}"), 3, "fuso horário"},
		{"listen for all", minimal("api: {listen: '0.0.0.0:8780', tokens: [{name: a, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}]}"), 4, "desta própria máquina"},
		{"listen without port", minimal("api: {listen: '127.0.0.1', tokens: [{name: a, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}]}"), 4, "endereço:porta"},
		{"short token", minimal("api: {tokens: [{name: a, scope: till, token: curto}]}"), 4, "128 bits"},
		{"unknown scope", minimal("api: {tokens: [{name: a, scope: root, token: aaaaaaaaaaaaaaaaaaaaaa}]}"), 4, "till, support, admin"},
		{"no token", minimal("api: {tokens: []}"), 4, "scope: till"},
		{"token twice", minimal("api: {tokens: [{name: a, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}, {name: b, scope: admin, token: aaaaaaaaaaaaaaaaaaaaaa}]}"), 4, "único"},
		{"origin with a path", minimal("api: {allowed_origins: ['https://x.com/y'], tokens: [{name: a, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}]}"), 4, "só esquema"},
		{"cloud without TLS", minimal("mercafacil: {base_url: 'http://example.com/api', token: t, pdv_version: '1'}"), 5, "https://"},
		{"cloud that only begins like loopback", minimal("mercafacil: {base_url: 'http://127.0.0.1.evil.com/', token: t, pdv_version: '1'}"), 5, "https://"},
		{"cloud with a user", minimal("mercafacil: {base_url: 'https://a:b@example.com/', token: t, pdv_version: '1'}"), 5, "sem usuário"},
		{"no cloud token", minimal("mercafacil: {base_url: 'https://example.com/', pdv_version: '1'}"), 5, "token"},
		{"no pdv version", minimal("mercafacil: {base_url: 'https://example.com/', token: t}"), 5, "pdv_version"},
		{"dialect nobody speaks", minimal("mercafacil: {base_url: 'https://example.com/', token: t, pdv_version: '1', dialect: v3}"), 5, "v2, v2.2"},
		{"hasty deadline", minimal("mercafacil: {base_url: 'https://example.com/', token: t, pdv_version: '1', live_deadline: 100ms}"), 5, "500ms"},
		{"retry_max below retry_min", minimal("sender: {retry_min: 1m, retry_max: 5s}"), 6, "retry_min"},
		{"size that is no power of two", minimal("store: {max_mb: 1000}"), 6, "potência de dois"},
		{"queued status", minimal("till: {queued_status: 201}"), 6, "202, 200"},
		{"Windows path that YAML turns into a tab", minimal(`data_dir: "C:\temp"`), 2, "barra invertida"},
		{"Windows path that YAML turns into a separator", minimal(`data_dir: "C:\ProgramData\Pdv"`), 2, "barra invertida"},
		{"Windows path that YAML refuses", minimal(`data_dir: "C:\Dados"`), 2, "barra invertida"},
		{"tab as indentation", "version: 1\nshop:\n\tid: 1\n", 3, "YAML"},
		{"two documents", minimal() + "---\nversion: 1\n", 0, "mais de um documento"},
		{"empty", "", 0, "vazio"},
		{"comments only", "# nada\n---\n", 0, "vazio"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := parse(t, c.text)
			for _, fault := range faults {
				if fault.Line == c.line && strings.Contains(fault.String(), c.says) {
					return
				}
			}
			t.Errorf("got %v, want line %d with %q", faults, c.line, c.says)
		})
	}
}

func TestAllFaultsAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	_, faults := parse(t, minimal("version: 3", "data_dir: x", "shop: {id: ''}", "sender: {parallel: 0, per_second: x}", "nada: 1"))
	var lines []int
	for _, fault := range faults {
		lines = append(lines, fault.Line)
	}
	if got := fmt.Sprint(lines); got != "[1 2 3 3 6 6 7]" {
		t.Errorf("got lines %s: %v", got, faults)
	}
}

func TestSecretsComeFromFilesAndTheEnvironment(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "loja.token"), []byte("\ufefffrom-file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := minimal("mercafacil: {base_url: https://example.com/, token_file: loja.token, pdv_version: '1'}")
	env := func(name string) (string, bool) {
		return "bbbbbbbbbbbbbbbbbbbbbbbbbb", name == "PDVAGENT_API_TOKEN_CAIXA"
	}
	cfg, _, err := config.Parse([]byte(text), folder, env)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Mercafacil.Token.Reveal(); got != "from-file" {
		t.Errorf("token of the cloud: got %q", got)
	}
	if got := cfg.API.Tokens[0].Token.Reveal(); got != "bbbbbbbbbbbbbbbbbbbbbbbbbb" {
		t.Errorf("token of the till: got %q", got)
	}
}

func TestTokenOfAnyLengthIsKeptWhole(t *testing.T) {
	long := strings.Repeat("x", 4000)
	cfg, faults := parse(t, minimal("mercafacil: {base_url: https://example.com/, token: "+long+", pdv_version: '1'}"))
	if faults != nil || cfg.Mercafacil.Token.Reveal() != long {
		t.Errorf("got %d characters, %v", len(cfg.Mercafacil.Token.Reveal()), faults)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	const canary = "CANARY-CANARY-CANARY-CANARY"
	cfg, faults := parse(t, minimal("mercafacil: {base_url: https://example.com/, token: "+canary+", pdv_version: '1'}"))
	if faults != nil {
		t.Fatal(faults)
	}
	asYAML, err := yaml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(cfg.Mercafacil)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", cfg.Mercafacil.Token, "all", cfg.Mercafacil)
	for how, text := range map[string]string{
		"%v": fmt.Sprintf("%v", cfg.Mercafacil), "%+v": fmt.Sprintf("%+v", *cfg.Mercafacil), "%#v": fmt.Sprintf("%#v", *cfg.Mercafacil),
		"%s": fmt.Sprintf("%s", cfg.Mercafacil.Token), "%q": fmt.Sprintf("%q", cfg.Mercafacil.Token), "%x": fmt.Sprintf("%x", cfg.Mercafacil.Token),
		"yaml": string(asYAML), "json": string(asJSON), "slog": logged.String(),
	} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("%s shows the secret", how)
		}
	}
}

func TestFaultsNeverRepeatASecret(t *testing.T) {
	const canary = "CANARYCANARYCANARYCANARY"
	for _, text := range []string{
		minimal("mercafacil: {base_url: https://example.com/, token: [" + canary + "], pdv_version: '1'}"),
		minimal("mercafacil: {base_url: https://example.com/, token: '" + canary + " x', pdv_version: '1', parallel: " + canary + "}"),
		minimal("api: {tokens: [{name: a, scope: till, token: " + canary + "}, {name: b, scope: till, token: " + canary + "}]}"),
		minimal("sender: {parallel: " + canary + ", retry_min: " + canary + "}"),
	} {
		_, faults := parse(t, text)
		if len(faults) == 0 || strings.Contains(faults.Error(), "CANARY") {
			t.Errorf("got %v", faults)
		}
	}
}

func TestTheBankAndTheOrders(t *testing.T) {
	const right = "base_url: 'http://127.0.0.1:1/v3', token_url: 'http://127.0.0.1:1/token', client_id: x, numero_cliente: 567890"
	cfg, faults := parse(t, minimal("payments: {sicoob: {"+right+"}, cashorder: {base_url: 'http://127.0.0.1:1', header: 'X-Key: a b'}}"))
	if len(faults) > 0 || cfg.Payments.Sicoob.Version != "v3" || cfg.Payments.Sicoob.Modalidade != 1 || cfg.Payments.Sicoob.Client() != 567890 || cfg.Payments.CashOrder.Total != "items" || cfg.Payments.CashOrder.AcceptCardData {
		t.Errorf("got %+v %v", cfg.Payments, faults)
	}
	if name, value := cfg.Payments.CashOrder.HeaderParts(); name != "X-Key" || value != "a b" {
		t.Errorf("header %q %q", name, value)
	}
	for _, c := range []struct {
		shop, sections, want string
	}{
		{"", "routines: {sicoob-settlement: {every: 60m}}", "payments.sicoob falta"},
		{"", "payments: {sicoob: {" + right + "}}\nroutines: {sicoob-settlement: {every: 60m}}", "só no principal"},
		{"primary: true, ", "payments: {sicoob: {" + right + "}}\nroutines: {sicoob-settlement: {every: 60m}}", ""},
	} {
		text := strings.Replace(minimal(c.sections), "shop: {", "shop: {"+c.shop, 1)
		_, warnings, err := config.Parse([]byte(text), t.TempDir(), noEnv)
		if err != nil || (c.want == "") != (len(warnings) == 0) || c.want != "" && !strings.Contains(warnings[0].Detail, c.want) {
			t.Errorf("%s: %v %v", text, warnings, err)
		}
	}
	for section, field := range map[string]string{
		"sicoob: {" + right + ", version: v4}":                                           "payments.sicoob.version",
		"sicoob: {" + right + ", version: v2}":                                           "payments.sicoob.numero_contrato",
		"sicoob: {" + strings.Replace(right, "http:", "https:", 1) + "}":                 "payments.sicoob.certificate",
		"sicoob: {" + right + ", certificate: nowhere.pfx}":                              "payments.sicoob.certificate",
		"sicoob: {" + right + ", ca_file: nowhere.pem}":                                  "payments.sicoob.ca_file",
		"sicoob: {" + right + ", modalidade: 100}":                                       "payments.sicoob.modalidade",
		"sicoob: {" + right + ", scopes: ['a b']}":                                       "payments.sicoob.scopes",
		"sicoob: {" + strings.Replace(right, "client_id: x, ", "", 1) + "}":              "payments.sicoob.client_id",
		"sicoob: {" + strings.Replace(right, "567890", "-1", 1) + "}":                    "payments.sicoob.numero_cliente",
		"cashorder: {base_url: 'http://example.com'}":                                    "payments.cashorder.base_url",
		"cashorder: {base_url: 'http://127.0.0.1:1', total: all}":                        "payments.cashorder.total",
		"cashorder: {base_url: 'http://127.0.0.1:1', header: 'no colon'}":                "payments.cashorder.header",
		"cashorder: {base_url: 'http://127.0.0.1:1', header: 'Idempotency-Key: x'}":      "payments.cashorder.header",
		"cashorder: {base_url: 'http://127.0.0.1:1', header: x, header_file: y}":         "payments.cashorder.header_file",
		"sicoob: {" + right + ", certificate_password: x, certificate_password_file: y}": "payments.sicoob.certificate_password_file",
	} {
		_, faults := parse(t, minimal("payments: {"+section+"}"))
		if len(faults) == 0 || faults[0].Field != field {
			t.Errorf("%s: %v", section, faults)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal()))
	f.Add([]byte(config.Template(config.Example())))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, _, err := config.Parse(text, t.TempDir(), noEnv)
		if _, isFaults := errors.AsType[config.Faults](err); err != nil && !isFaults {
			t.Fatalf("an error that is no list of faults: %v", err)
		}
		if err == nil && (cfg.Version != 1 || len(cfg.API.Tokens) == 0) {
			t.Fatalf("took %q", text)
		}
	})
}

// SEC-07: what others could read is closed at the next start, and said.
func TestFilesWithSecretsAreClosedToStrangers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are no mode there: package osfile has the test")
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"config.yaml": minimal("mercafacil: {base_url: https://example.com/api/, token_file: cloud.txt, pdv_version: '1'}",
			"api: {tokens: [{name: caixa, scope: till, token_file: till.txt}]}"),
		"cloud.txt": "t0ken", "till.txt": "aaaaaaaaaaaaaaaaaaaaaa",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(folder, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "config.yaml")
	for _, want := range []int{3, 0} {
		_, warnings, err := config.Load(path, noEnv)
		if err != nil || len(warnings) != want {
			t.Errorf("got %v, %v, want %d warnings", warnings, err, want)
		}
	}
	for _, name := range []string{"config.yaml", "cloud.txt", "till.txt"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: got %v, %v", name, info.Mode(), err)
		}
	}
}

// On Windows the whole round is tried in installer/test/windows.sh.
func TestSealedSecretOfAnotherMachineIsAFaultInWords(t *testing.T) {
	for _, text := range []string{"dpapi:AQAAANCMnd8=", "dpapi:???"} {
		_, _, err := config.Parse([]byte(minimal("mercafacil: {base_url: https://example.com/, token: '"+text+"', pdv_version: '1'}")), t.TempDir(), noEnv)
		if err == nil || !strings.Contains(err.Error(), "foi selado em outra máquina") || strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := config.Seal("segredo"); runtime.GOOS != "windows" && (err == nil || !strings.Contains(err.Error(), "LoadCredentialEncrypted")) {
		t.Errorf("got %v", err)
	}
}

func TestRoutinesAreCheckedWithTheirReason(t *testing.T) {
	for name, c := range map[string]struct{ text, field, words string }{
		"too often for the cloud":      {"resend: {every: 29m}", "routines.resend.every", "30m"},
		"times too close":              {"resend: {at: ['08:00', '08:20']}", "routines.resend.at", "30 minutos"},
		"times too close at midnight":  {"resend: {at: ['23:50', '00:10']}", "routines.resend.at", "30 minutos"},
		"no time of day":               {"backup: {at: ['25:00']}", "routines.backup.at[0]", "23:30"},
		"two rules":                    {"backup: {at: ['05:00'], every: 2h}", "routines.backup.at", "não os dois"},
		"a name nobody knows":          {"produtos: {every: 2h}", "routines.produtos", "products"},
		"no source":                    {"products: {every: 2h}", "routines.products.source", "de onde"},
		"a source of something else":   {"backup: {source: {type: folder, path: /x}}", "routines.backup.source", "só products"},
		"a folder without a path":      {"products: {source: {type: folder}}", "routines.products.source.path", "pasta"},
		"a kind of source nobody has":  {"products: {source: {type: ftp}}", "routines.products.source.type", "folder"},
		"a query that changes data":    {"products: {source: {type: query, driver: postgres, dsn: d, query: DELETE FROM x}}", "routines.products.source.query", "SELECT"},
		"two queries":                  {"products: {source: {type: query, driver: postgres, dsn: d, query: select 1; drop table x}}", "routines.products.source.query", "uma só"},
		"a database nobody speaks":     {"products: {source: {type: query, driver: oracle, dsn: d, query: select 1}}", "routines.products.source.driver", "firebird"},
		"out of use without the whole": {"products: {source: {type: folder, path: /x, removed: inactive}}", "routines.products.source.removed", "full"},
		"a wrong separator":            {"products: {source: {type: folder, path: /x, separator: ';;'}}", "routines.products.source.separator", "um só"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := parse(t, minimal("routines: {"+c.text+"}"))
			if len(faults) != 1 || faults[0].Field != c.field || !strings.Contains(faults[0].Detail, c.words) || faults[0].Line == 0 {
				t.Errorf("got %v", faults)
			}
		})
	}
}

func TestRoutinesThatNobodyConfiguresHaveTheirTime(t *testing.T) {
	cfg, faults := parse(t, minimal("routines: {resend: {every: 45m}, products: {off: true, at: ['06:00'], source: {type: query, driver: sqlite, dsn: SENHA, query: select 1}}}"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if r := cfg.Routine("resend"); time.Duration(r.Every) != 45*time.Minute {
		t.Errorf("resend: %+v", r)
	}
	if r := cfg.Routine("end-of-day"); len(r.At) != 1 || r.At[0] != "23:30" {
		t.Errorf("end-of-day: %+v", r)
	}
	if r := cfg.Routine("products"); !r.Off || r.Source.Open().DSN != "SENHA" || r.Source.Open().Mode != "changes" || r.Source.Open().Quote != `"` {
		t.Errorf("products: %+v", r)
	}
	tree, err := cfg.Tree()
	if err != nil || strings.Contains(fmt.Sprint(tree), "SENHA") {
		t.Errorf("the address of a database is shown: %v, %v", tree, err)
	}
	one, err := cfg.Marked()
	cfg.Routines["products"].Source.DSN = "OUTRA"
	other, err2 := cfg.Marked()
	if err != nil || err2 != nil || fmt.Sprint(one) == fmt.Sprint(other) || strings.Contains(fmt.Sprint(other), "OUTRA") {
		t.Errorf("a change of the address is not seen, or shown: %v, %v", err, err2)
	}
}
