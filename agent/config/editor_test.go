package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
)

func newEditor(t *testing.T, text string) *config.Editor {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tick := 0
	return &config.Editor{
		Path: path, Folder: filepath.Join(folder, "versions"), Env: noEnv,
		Now: func() time.Time { tick++; return time.Unix(int64(tick), 0).UTC() },
	}
}

func content(t *testing.T, e *config.Editor) string {
	t.Helper()
	text, err := os.ReadFile(e.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func set(t *testing.T, e *config.Editor, path string, value any) config.Edited {
	t.Helper()
	edited, err := e.Apply([]config.Change{{Path: path, Value: value}}, "ana")
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

func history(t *testing.T, e *config.Editor) string {
	t.Helper()
	versions, err := e.Versions()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range versions {
		out = append(out, fmt.Sprintf("%d %s %v %d", v.Number, v.Author, v.Changed, v.Restores))
	}
	return strings.Join(out, "; ")
}

func TestVersionsSayWhoChangedWhatAndUndoGoesBackStepByStep(t *testing.T) {
	e := newEditor(t, minimal())
	first := content(t, e)
	if edited := set(t, e, "sender.parallel", 8); edited.Config.Sender.Parallel != 8 || !reflect.DeepEqual(edited.Version.Changed, []string{"sender.parallel"}) {
		t.Errorf("got %+v", edited)
	}
	second := content(t, e)
	if err := os.WriteFile(e.Path, []byte(second+"log: {level: debug}\n"), 0o600); err != nil { // somebody with an editor
		t.Fatal(err)
	}
	set(t, e, "log.level", "warn")
	if got, want := history(t, e), "1 arquivo [] 0; 2 ana [sender.parallel] 0; 3 arquivo [log.level] 0; 4 ana [log.level] 0"; got != want {
		// the added section differs as a whole only in its one field
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, want := range []string{second + "log: {level: debug}\n", second, first} {
		if _, err := e.Undo("bia", false); err != nil {
			t.Fatal(err)
		}
		if got := content(t, e); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if _, err := e.Undo("bia", false); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("before the first: got %v", err)
	}
	set(t, e, "sender.parallel", 2) // going on after going back
	if _, err := e.Undo("bia", false); err != nil || content(t, e) != first {
		t.Errorf("got %s, %v", content(t, e), err)
	}
}

func TestWrongChangeLeavesTheFileAsItWas(t *testing.T) {
	e := newEditor(t, minimal())
	before := content(t, e)
	for path, value := range map[string]any{"sender.parallel": 0, "nonsense.key": 1, "shop.till": nil, "api.listen": "0.0.0.0:80", "data_dir": "relative"} {
		_, err := e.Apply([]config.Change{{Path: path, Value: value}}, "ana")
		if _, ok := errors.AsType[config.Faults](err); !ok || content(t, e) != before {
			t.Errorf("%s: got %v, the file is %s", path, err, content(t, e))
		}
	}
	if got := history(t, e); got != "1 arquivo [] 0" {
		t.Errorf("versions: %s", got)
	}
}

func TestTheLastTenVersionsAreKept(t *testing.T) {
	e := newEditor(t, minimal())
	for n := range 25 {
		set(t, e, "sender.parallel", n+1)
	}
	versions, err := e.Versions()
	if err != nil || len(versions) != 10 || versions[0].Number != 17 || versions[9].Number != 26 {
		t.Errorf("got %+v, %v", versions, err)
	}
	for range 9 {
		if _, err := e.Undo("ana", false); err != nil {
			break
		}
	}
	if !strings.Contains(content(t, e), "parallel: ") {
		t.Errorf("the oldest kept is %s", content(t, e))
	}
}

func TestTwoWritersTakeTurns(t *testing.T) {
	e := newEditor(t, minimal("sender: {parallel: 1, per_second: 1}"))
	other := &config.Editor{Path: e.Path, Folder: e.Folder, Env: noEnv}
	var wait sync.WaitGroup
	for i, writer := range []*config.Editor{e, other} {
		wait.Go(func() {
			for n := range 20 {
				if _, err := writer.Apply([]config.Change{{Path: []string{"sender.parallel", "sender.per_second"}[i], Value: n + 2}}, "ana"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if text := content(t, e); !strings.Contains(text, "{parallel: 21, per_second: 21}") {
		t.Errorf("one of them lost a change: %s", text)
	}
}

func TestDamagedVersionIsNoVersion(t *testing.T) {
	e := newEditor(t, minimal())
	set(t, e, "sender.parallel", 8)
	if err := os.WriteFile(filepath.Join(e.Folder, "000001.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Undo("ana", false); agent.CodeOf(err) != agent.CodeConflict {
		t.Errorf("got %v", err)
	}
}

func TestPatchKeepsSecretsThatStayHidden(t *testing.T) {
	file := []byte(minimal("api: {tokens: [{name: a, scope: till, token: aaaaaaaaaaaaaaaaaaaaaa}, {name: b, scope: support, token: bbbbbbbbbbbbbbbbbbbbbb}]}"))
	changes, err := config.Patch(map[string]any{
		"mercafacil": map[string]any{"token": "***", "dialect": "v2.2"},
		"api":        map[string]any{"tokens": []any{map[string]any{"name": "b", "scope": "admin", "token": "***"}, map[string]any{"name": "c", "scope": "till", "token": "cccccccccccccccccccccc"}}},
		"log":        nil,
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Change{
		{Path: "api.tokens", Value: []any{
			map[string]any{"name": "b", "scope": "admin", "token": "bbbbbbbbbbbbbbbbbbbbbb"},
			map[string]any{"name": "c", "scope": "till", "token": "cccccccccccccccccccccc"},
		}},
		{Path: "log"},
		{Path: "mercafacil.dialect", Value: "v2.2"},
	}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("got %+v", changes)
	}
}

func TestMarkedTreeShowsNoSecretAndTellsTwoApart(t *testing.T) {
	mark := func(token string) string {
		cfg, faults := parse(t, minimal("mercafacil: {base_url: https://example.com/api/, token: "+token+", pdv_version: '1'}"))
		if faults != nil {
			t.Fatal(faults)
		}
		tree, err := cfg.Marked()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(tree)
	}
	if one, two := mark("secret-one"), mark("secret-two"); one == two || strings.Contains(one, "secret-one") || strings.Contains(one, "aaaaaaaaaa") || one != mark("secret-one") {
		t.Errorf("got %s and %s", one, two)
	}
}

func TestALinkAmongTheVersionsIsNone(t *testing.T) {
	answers := config.Example()
	answers.DataDir = t.TempDir()
	e := newEditor(t, config.Template(answers))
	set(t, e, "log.level", "debug")
	before := history(t, e)
	elsewhere := filepath.Join(t.TempDir(), "x.json")
	if err := errors.Join(os.WriteFile(elsewhere, []byte(`{"number":99,"text":"x"}`), 0o600), os.Symlink(elsewhere, filepath.Join(e.Folder, "000099.json"))); err != nil {
		t.Fatal(err)
	}
	if got := history(t, e); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
}
