package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/osfile"
)

// afar makes one change as a caller of the API does.
func afar(e *config.Editor, path string, value any) error {
	return allAfar(e, config.Change{Path: path, Value: value})
}

func allAfar(e *config.Editor, changes ...config.Change) error {
	_, err := e.ApplyAfar(func(config.Version, []byte) ([]config.Change, error) { return changes, nil }, "chefe")
	return err
}

func TestFromAfarSecretsComeFromAndGoToWhereTheyDid(t *testing.T) {
	answers := config.Example()
	answers.DataDir = t.TempDir()
	e := newEditor(t, config.Template(answers))
	before := content(t, e)
	elsewhere := filepath.Join(t.TempDir(), "um-segredo-de-root")
	own := filepath.Join(filepath.Dir(e.Path), "mercafacil.token")
	for _, path := range []string{elsewhere, own} {
		if err := os.WriteFile(path, []byte("0123456789012345678901"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(filepath.Dir(e.Path), "atalho.token")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	evil := "https://evil.example/"
	for field, value := range map[string]any{
		"mercafacil.base_url":      evil,
		"mercafacil.token_file":    elsewhere,
		"mercafacil":               map[string]any{"base_url": evil, "token": "abc", "pdv_version": "1"},
		"network.proxy_login_file": "../" + filepath.Base(elsewhere),
		"api.tokens":               []any{map[string]any{"name": "a", "scope": "till", "token_file": elsewhere}},
		"api.tokens[0].token_file": link,
		"payments.ideamaker":       map[string]any{"gateway_url": evil},
		"payments.sicoob.ca_file":  elsewhere,
		"routines.products.source": map[string]any{"type": "query", "driver": "postgres", "dsn_file": "/etc/passwd"},
		"security":                 map[string]any{"recovery_public_key": elsewhere},
		"routines.operators":       map[string]any{"source": map[string]any{"type": "folder", "path": 7}},
	} {
		err := afar(e, field, value)
		faults, ok := errors.AsType[config.Faults](err)
		if !ok || len(faults) != 1 || !strings.HasPrefix(faults[0].Field, field) || !strings.Contains(faults[0].Detail, "pdvagent config set "+faults[0].Field) {
			t.Errorf("%s: got %v", field, err)
		}
		if content(t, e) != before {
			t.Fatalf("%s: the file was changed", field)
		}
	}
	cfg, _, err := config.Load(e.Path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		field string
		value any
	}{
		{"mercafacil.base_url", cfg.Mercafacil.BaseURL},
		{"mercafacil.token", nil},
		{"log.level", "debug"},
		{"payments.ideamaker.gateway_url", nil},
		{"network.proxy", "none"},
		{"data_dir", answers.DataDir},
		{"api.listen", cfg.API.Listen},
	} {
		if err := afar(e, change.field, change.value); err != nil && !strings.Contains(err.Error(), "mercafacil.token: falta") {
			t.Errorf("%s: %v", change.field, err)
		}
	}
	if err := allAfar(e, config.Change{Path: "mercafacil.token"}, config.Change{Path: "mercafacil.token_file", Value: "mercafacil.token"}); err != nil {
		t.Errorf("a file in the configuration's folder: %v", err)
	}
	set(t, e, "mercafacil.base_url", evil) // the local administrator may
	set(t, e, "mercafacil.base_url", cfg.Mercafacil.BaseURL)
	if _, err := e.UndoAfar("chefe", func(config.Version) error { return nil }); err == nil || !strings.Contains(err.Error(), "mercafacil.base_url") {
		t.Errorf("an undo led elsewhere: %v", err)
	}
}

// Whoever has the service's rights can write a version; root's undo would call its places and read its files.
func TestAnUndoToOtherPlacesAndFilesWantsTheAdministratorsWord(t *testing.T) {
	answers := config.Example()
	answers.DataDir = t.TempDir()
	e := newEditor(t, config.Template(answers))
	set(t, e, "log.level", "debug")
	present := content(t, e)
	planted := strings.Replace(present, answers.BaseURL, "https://evil.example/", 1)
	planted = strings.Replace(planted, "  token: '"+answers.Token+"'", "  token_file: /etc/shadow", 1)
	raw, err := json.Marshal(map[string]any{"number": 1, "at": "2026-11-28T01:02:03Z", "author": "arquivo", "changed": []string{}, "text": planted})
	if err == nil {
		err = os.WriteFile(filepath.Join(e.Folder, "000001.json"), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Undo("root", false)
	faults, ok := errors.AsType[config.Faults](err)
	if !ok || content(t, e) != present || len(faults) != 2 || !strings.Contains(err.Error(), `a versão anterior diz "https://evil.example/"`) ||
		!strings.Contains(err.Error(), `token_file: a versão anterior diz "/etc/shadow"`) || !strings.Contains(err.Error(), "--confirm") {
		t.Errorf("got %v, %v; the file is %s", faults, err, content(t, e))
	}
}

// unbound are the texts of the schema that name no file and no place, each by its last two names.
var unbound = []string{
	"shop.id", "shop.till", "shop.timezone", "tokens.name", "tokens.token", "mercafacil.token", "mercafacil.pdv_version", "network.proxy_login",
	"ideamaker.customer_id", "ideamaker.customer_key", "ideamaker.api_key", "ideamaker.gateway_key", "seller.distribuidor", "seller.pdv",
	"sevenaz.api_key", "webhook.path_secret", "sicoob.client_id", "sicoob.certificate_password", "sicoob.scopes", "cashorder.header",
	"source.separator", "source.quote", "source.columns",
	"api.allowed_origins", // pages that may call with a token, and are called by nobody
}

// A new option with a text says in the schema whether it names a file or a place, or stands in unbound.
func TestEveryFieldThatNamesAFileOrAPlaceIsOutOfReachFromAfar(t *testing.T) {
	_, document := schema(t)
	e := newEditor(t, minimal())
	before := content(t, e)
	bound := 0
	eachText(document, func(path, names string) {
		steps := strings.Split(strings.NewReplacer("[0]", "", ".*", "").Replace(path), ".")
		short := strings.Join(steps[max(0, len(steps)-2):], ".")
		if (names == "") != slices.Contains(unbound, short) {
			t.Errorf("%s is %q in the schema and in unbound %v", path, names, slices.Contains(unbound, short))
		}
		if names == "" {
			return
		}
		bound++
		err := afar(e, path, "/outro")
		faults, _ := errors.AsType[config.Faults](err)
		if len(faults) != 1 || faults[0].Field != path || !strings.Contains(faults[0].Detail, "pdvagent config set "+path+" VALOR") || content(t, e) != before {
			t.Errorf("%s: got %v", path, err)
		}
	})
	if bound < 30 {
		t.Errorf("%d fields are bound", bound)
	}
}

// eachText calls do for each field of the schema that takes any text.
func eachText(document map[string]any, do func(path, names string)) {
	var walk func(path string, at map[string]any)
	walk = func(path string, at map[string]any) {
		if reference, ok := at["$ref"].(string); ok {
			name := strings.TrimPrefix(reference, "#/$defs/")
			if name == "duration" || name == "times" {
				return
			}
			at = document["$defs"].(map[string]any)[name].(map[string]any)
		}
		properties, _ := at["properties"].(map[string]any)
		for name, below := range properties {
			walk(strings.TrimPrefix(path+"."+name, "."), below.(map[string]any))
		}
		if items, ok := at["items"].(map[string]any); ok {
			walk(path+"[0]", items)
		}
		if below, ok := at["additionalProperties"].(map[string]any); ok {
			walk(path+".*", below)
		}
		if at["type"] == "string" {
			names, _ := at["x-names"].(string)
			do(path, names)
		}
	}
	walk("", document)
}

func TestAFileThatCannotBeWrittenIsSaidAndStays(t *testing.T) {
	for cause, want := range map[error]agent.Code{
		syscall.EACCES: agent.CodeConflict, syscall.EROFS: agent.CodeConflict, osfile.ErrDiskFull: agent.CodeStoreFull, syscall.EIO: agent.CodeStoreFailed,
	} {
		err := config.NotWritten("/etc/pdvagent/config.yaml", &os.PathError{Op: "open", Path: "x", Err: cause})
		if agent.CodeOf(err) != want || !strings.Contains(agent.Sentence(err), "não foi alterada") {
			t.Errorf("%v: got %v", cause, err)
		}
	}
	answers := config.Example()
	answers.DataDir = t.TempDir()
	e := newEditor(t, config.Template(answers))
	before := content(t, e)
	if err := os.MkdirAll(filepath.Join(e.Path+".tmp", "x"), 0o700); err != nil { // nothing can be made there, even by root
		t.Fatal(err)
	}
	if err := afar(e, "log.level", "debug"); agent.CodeOf(err) != agent.CodeStoreFailed || content(t, e) != before {
		t.Errorf("got %v", err)
	}
}
