package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"pdvagent/agent/config"
)

// byHand is a file as people write it.
const byHand = `version: 1
data_dir: /data   # não mexa
shop:
  id: 001
  till: 020
api:
  tokens:
    - name: caixa
      scope: till
      token: aaaaaaaaaaaaaaaaaaaaaa
mercafacil:
  base_url: 'https://example.com/api/ '
  token: 1234567890123456789012345678901234567890
  pdv_version: 3.0
sender:
  per_second: 010
`

func TestATextIsATextHoweverItLooks(t *testing.T) {
	cfg, faults := parse(t, byHand+`payments: {sicoob: {base_url: 'http://127.0.0.1:1', token_url: 'http://127.0.0.1:1', client_id: 1e5, numero_cliente: 0012345}}
routines: {products: {source: {type: query, driver: sqlite, dsn: ' x ', query: select 1, columns: {sku: 010}}}}
`)
	s := cfg.Payments.Sicoob
	if faults != nil || cfg.Shop.ID != "001" || cfg.Shop.Till != "020" || cfg.Mercafacil.BaseURL != "https://example.com/api/" || cfg.Mercafacil.PDVVersion != "3.0" ||
		cfg.Mercafacil.Token.Reveal() != "1234567890123456789012345678901234567890" || cfg.Sender.PerSecond != 10 || s.ClientID != "1e5" || s.NumeroCliente != 12345 ||
		cfg.Routines["products"].Source.Columns["sku"] != "010" || cfg.Routines["products"].Source.DSN.Reveal() != " x " {
		t.Errorf("got %+v %+v %v", cfg, s, faults)
	}
}

func TestAValueHasItsFieldsTypeAndNotItsLooks(t *testing.T) {
	for _, c := range []struct {
		field, text string
		want        any
	}{
		{"shop.till", "013", "013"},
		{"shop.till", "010", "010"},
		{"shop.id", "001", "001"},
		{"shop.till", `"013"`, "013"},
		{"shop.till", "null", "null"},
		{"shop.till", "1e3", "1e3"},
		{"mercafacil.token", strings.Repeat("1234567890", 4), strings.Repeat("1234567890", 4)},
		{"mercafacil.token", "abc #def", "abc #def"},
		{"mercafacil.token", "a: b", "a: b"},
		{"mercafacil.pdv_version", "3.0", "3.0"},
		{"mercafacil.base_url", "https://x/ ", "https://x/"},
		{"sender.parallel", "08", int64(8)},
		{"sender.per_second", "0,5", 0.5},
		{"shop.primary", "sim", true},
		{"till.queued_status", "200", int64(200)},
		{"sender.retry_min", "5s", "5s"},
		{"api.tokens[0].token", "0123", "0123"},
		{"routines.products.source.separator", ";", ";"},
		{"routines.products.source.columns.sku", "010", "010"},
		{"payments.sicoob.certificate_password", " x ", " x "},
		{"shop.id", "", nil},
	} {
		if got, err := config.ParseValue(c.field, c.text); err != nil || got != c.want {
			t.Errorf("%s %s: got %#v, %v", c.field, c.text, got, err)
		}
		edited, err := config.Edit([]byte(byHand), []config.Change{{Path: c.field, Value: c.want}})
		if strings.HasPrefix(c.field, "mercafacil.") && err != nil {
			t.Errorf("%s %s: %s %v", c.field, c.text, edited, err)
		}
	}
	got, err := config.ParseValue("api.tokens", "[{name: 010, scope: till, token: 0x10}]")
	entry, _ := got.([]any)[0].(map[string]any)
	if err != nil || entry["name"] != "010" || entry["token"] != "0x10" {
		t.Errorf("got %#v %v", got, err)
	}
	for field, text := range map[string]string{"sender.parallel": "quatro", "sender.per_second": "x", "shop.primary": "talvez", "shop.lodge": "1", "no name": "1", "api.allowed_origins": "[a"} {
		if got, err := config.ParseValue(field, text); err == nil {
			t.Errorf("%s %s: got %#v", field, text, got)
		}
	}
}

func TestEditorsOfWindowsSaveTheFileInTheirWays(t *testing.T) {
	text := strings.Replace(byHand, "/data", root()+"data", 1)
	latin, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		little, big = append(little, byte(unit), byte(unit>>8)), append(big, byte(unit>>8), byte(unit))
	}
	for name, saved := range map[string]string{
		"windows-1252": latin, "UTF-8 with a mark": "\ufeff" + text, "UTF-16": "\xff\xfe" + string(little), "UTF-16 big endian": "\xfe\xff" + string(big), "UTF-16 without a mark": string(little),
		"CR alone": strings.ReplaceAll(text, "\n", "\r"), "DOS' mark at the end": text + "\x1a",
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			e := &config.Editor{Path: filepath.Join(folder, "config.yaml"), Folder: filepath.Join(folder, "versions"), Env: noEnv}
			if err := os.WriteFile(e.Path, []byte(saved), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := config.Load(e.Path, noEnv); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Apply([]config.Change{{Path: "shop.till", Value: "013"}}, "ana"); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(e.Path); err != nil || string(got) != strings.Replace(text, "020", "'013'", 1) {
				t.Errorf("got %q %v", got, err)
			}
		})
	}
}

func TestTheRealFaultIsToldAloneWithItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		line     int
		says     string
	}{
		"a tab":                          {"  till: 020", "\ttill: 020", 5, "tabulações"},
		"zeros of a power cut":           {"  till: 020", "  till: 020\x00\x00", 5, "bytes zero"},
		"a tab behind spaces":            {"      scope: till", "    \tscope: till", 9, "tabulações"},
		"a space of a page":              {"  till: 020", "\u00a0\u00a0till: 020", 5, "espaço que não é o comum"},
		"one behind a colon":             {"till: 020", "till:\u00a0020", 5, "espaço que não é o comum"},
		"too little":                     {"  till: 020", " till: 020", 5, "o recuo não é o de nenhuma linha acima"},
		"too much":                       {"  till: 020", "    till: 020", 5, "o recuo é maior que o da linha 4"},
		"none":                           {"  id: 001\n  till: 020", "id: 001\ntill: 020", 4, "falta o recuo: id é da seção shop"},
		"in a list":                      {"      scope: till", "     scope: till", 9, "o recuo não é"},
		"a key twice":                    {"  till: 020", "  till: 020\n  till: 021", 6, `"till" já foi definida na linha 5`},
		"a section twice":                {"sender:", "shop: {id: 002}\nsender:", 15, `"shop" já foi definida na linha 3`},
		"a section with a wrong name":    {"shop:", "loja:", 3, `a chave "loja" não existe`},
		"a colon that is missing":        {"  till: 020", "  till 020", 5, "YAML"},
		"two faults, the first in order": {"  till: 020", "  till: 020\n\tx: 1\n y: 2", 6, "tabulações"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := parse(t, strings.Replace(byHand, c.old, c.new, 1))
			if len(faults) != 1 || faults[0].Line != c.line || !strings.Contains(faults[0].Detail, c.says) {
				t.Errorf("got %v, want line %d: %s", faults, c.line, c.says)
			}
		})
	}
}

func TestAFileThatLacksASectionIsNotTaken(t *testing.T) {
	folder := t.TempDir()
	e := &config.Editor{Path: filepath.Join(folder, "config.yaml"), Folder: filepath.Join(folder, "versions"), Env: noEnv}
	whole := strings.Replace(byHand, "/data", root()+"data", 1) + "routines: {resend: {every: 30m}, backup: {off: true}}\n"
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(e.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(whole)
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(e.Folder); err != nil || len(entries) != 1 {
		t.Errorf("a start keeps more than the names of sections: %v %v", entries, err)
	}
	if _, err := e.Current(); err != nil {
		t.Fatal(err)
	}
	put(whole[:strings.Index(whole, "sender:")])
	_, err := e.Current()
	faults, _ := errors.AsType[config.Faults](err)
	if len(faults) != 1 || faults[0].Field != "routines, routines.backup, routines.resend, sender" || !strings.Contains(faults[0].Detail, "pdvagent config undo") || e.Start() == nil {
		t.Fatalf("got %v", err)
	}
	if _, err := e.Apply([]config.Change{{Path: "shop.till", Value: "9"}}, "ana"); err == nil {
		t.Error("half a file was edited")
	}
	if _, err := e.Undo("ana", false); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(e.Path); err != nil || string(got) != whole || e.Lost() != nil {
		t.Errorf("got %s %v", got, err)
	}
	put(strings.Replace(whole, ", backup: {off: true}", "", 1))
	if _, err := e.Accept(); err != nil || e.Lost() != nil {
		t.Errorf("got %v, %v", err, e.Lost())
	}
	if _, err := e.Apply([]config.Change{{Path: "sender"}}, "ana"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Current(); err != nil {
		t.Errorf("a section that a command removes is not lost: %v", err)
	}
}

func TestTheExamplesValuesAreFound(t *testing.T) {
	var fields []string
	for _, fault := range config.Placeholders([]byte(config.Template(config.Example()))) {
		fields = append(fields, fault.Field)
	}
	if got := strings.Join(fields, " "); got != "api.tokens[0].token api.tokens[1].token api.tokens[2].token mercafacil.token" {
		t.Errorf("got %s", got)
	}
	for _, value := range []string{"cole-aqui-o-token", "COLE_AQUI", "troque_este_token", "<token da loja>", "xxxxxxxx", "...", "seu-token-aqui", "SUA_CHAVE", "changeme", "your-token"} {
		if faults := config.Placeholders([]byte("mercafacil:\n  token: '" + value + "'\n")); len(faults) != 1 {
			t.Errorf("%s: got %v", value, faults)
		}
	}
	if faults := config.Placeholders([]byte(byHand)); len(faults) != 0 {
		t.Errorf("got %v", faults)
	}
}
