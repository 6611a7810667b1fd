package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"pdvagent/agent/config"
)

func edited(t *testing.T, text, path string, value any) string {
	t.Helper()
	got, err := config.Edit([]byte(text), []config.Change{{Path: path, Value: value}})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(got)
}

func TestOneFieldChangesAndEverythingElseStays(t *testing.T) {
	const file = "# cabeçalho\nshop:\n  id: '001'      # a loja\n  till: \"012\"\n\napi:\n  allowed_origins: []   # caixas web\n  tokens:  # locais\n    - {name: caixão, scope: till, token: 'a''b'}\n    - {name: suporte, scope: support, token: x}\nsender: {parallel: 4, per_second: 20} # ritmo\ntraffic:\nlog:\n  level: info\n"
	for _, c := range []struct {
		path  string
		value any
		old   string
		new   string
	}{
		{"shop.id", "002", "'001'      # a loja", "'002'      # a loja"},
		{"shop.till", "9 # x", `"012"`, "'9 # x'"},
		{"log.level", "debug", "level: info", "level: debug"},
		{"sender.parallel", 8, "parallel: 4", "parallel: 8"},
		{"sender.retry_min", "10s", "per_second: 20}", "per_second: 20, retry_min: 10s}"},
		{"sender.per_second", nil, ", per_second: 20}", "}"},
		{"sender.parallel", nil, "{parallel: 4, per_second", "{per_second"},
		{"api.tokens[0].token", "it's", "'a''b'", "'it''s'"},
		{"api.tokens[0].name", "caixa 1", "name: caixão", "name: 'caixa 1'"},
		{"api.tokens[1].token", "zz", "token: x}", "token: zz}"},
		{"api.allowed_origins", []any{"https://caixa.example.com"}, "allowed_origins: []   # caixas", "allowed_origins: ['https://caixa.example.com']   # caixas"},
		{"log.max_mb", 60, "level: info\n", "level: info\n  max_mb: 60\n"},
		{"traffic.keep_days", 3, "traffic:\n", "traffic:\n  keep_days: 3\n"},
		{"till.queued_status", 200, "level: info\n", "level: info\ntill:\n  queued_status: 200\n"},
		{"shop.id", nil, "  id: '001'      # a loja\n", ""},
		{"log.level", nil, "  level: info\n", "  {}\n"},
		{"shop.primary", true, "  till: \"012\"\n", "  till: \"012\"\n  primary: true\n"},
		{"data_dir", `C:\temp\novo`, "level: info\n", "level: info\ndata_dir: 'C:\\temp\\novo'\n"},
		{"nothing.here", nil, "", ""},
	} {
		want := strings.Replace(file, c.old, c.new, 1)
		for name, eol := range map[string]string{"unix": "\n", "windows": "\r\n"} {
			got := edited(t, strings.ReplaceAll(file, "\n", eol), c.path, c.value)
			if got != strings.ReplaceAll(want, "\n", eol) {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", c.path, name, got, want)
			}
		}
	}
}

func TestWholeListIsReplacedInBlockAndInBrackets(t *testing.T) {
	tokens := []any{map[string]any{"name": "zz", "scope": "till", "token": "t"}}
	for _, file := range []string{
		"api:\n  tokens:\n    - name: a\n      token: |\n        x\n    - {name: b}\n  listen: 127.0.0.1:1 # fica\n",
		"api:\n  tokens: [{name: a}, # um\n    {name: \"]\"}]\n  listen: 127.0.0.1:1 # fica\n",
		"api:\n  listen: 127.0.0.1:1 # fica\n  tokens:\n  - name: a", // no line end
	} {
		got := edited(t, file, "api.tokens", tokens)
		if !strings.Contains(got, "tokens: [{name: zz, scope: till, token: t}]") || !strings.Contains(got, "listen: 127.0.0.1:1 # fica\n") {
			t.Errorf("got %s", got)
		}
	}
}

func TestWhatCannotBeChangedInPlaceIsSaid(t *testing.T) {
	for _, c := range []struct {
		text, path string
		value      any
	}{
		{"a: &x 1\n", "a", 2},
		{"a: |\n  x\n", "a", "y"},
		{"a: [1]\n", "a[3]", 2},
		{"a: [1]\n", "a[0]", nil},
		{"a: 1\n", "a.b", 2},
		{"a: 1\n", "A b", 2},
		{"a: 1\n", "", 2},
		{"a: [\n", "a", 2},
		{"a: 1\n", "a", "x\ny\nz" + strings.Repeat("é", 3)},
	} {
		got, err := config.Edit([]byte(c.text), []config.Change{{Path: c.path, Value: c.value}})
		if faults, ok := err.(config.Faults); (!ok || len(faults) != 1) && err != nil || err == nil && !sameTree(got, c.text, c.path, c.value) { //nolint:errorlint // the very type is promised
			t.Errorf("%q %s: got %q, %v", c.text, c.path, got, err)
		}
	}
}

// sameTree tells whether an edit that was made did what was asked.
func sameTree(got []byte, before, path string, value any) bool {
	var tree map[string]any
	return yaml.Unmarshal(got, &tree) == nil && tree[path] == value && before != ""
}

// Any field of the example takes any value of its kind, and the file reads as before but for that.
func TestAnyFieldOfTheExampleCanBeChanged(t *testing.T) {
	text := config.Template(config.Example())
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	var paths []string
	var walk func(prefix string, node any)
	walk = func(prefix string, node any) {
		switch node := node.(type) {
		case map[string]any:
			for name, child := range node {
				walk(strings.TrimPrefix(prefix+"."+name, "."), child)
			}
		case []any:
			for i, child := range node {
				walk(fmt.Sprintf("%s[%d]", prefix, i), child)
			}
			paths = append(paths, prefix)
		default:
			paths = append(paths, prefix)
		}
	}
	walk("", tree)
	if len(paths) < 35 {
		t.Fatalf("found %q", paths)
	}
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		value := rapid.OneOf(
			rapid.Map(rapid.StringMatching(`[ -~áéçÿ€]{0,12}`), func(s string) any { return s }),
			rapid.Map(rapid.Int(), func(n int) any { return n }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,5}`), 0, 3), func(list []string) any {
				out := make([]any, len(list))
				for i, entry := range list {
					out[i] = entry
				}
				return out
			}),
		).Draw(t, "value")
		got, err := config.Edit([]byte(text), []config.Change{{Path: path, Value: value}})
		if err != nil {
			t.Fatalf("%s = %#v: %v", path, value, err)
		}
		if comments(string(got)) < comments(text)-2 { // a whole list takes those between its lines along
			t.Fatalf("%s = %#v lost comments:\n%s", path, value, got)
		}
		back, err := config.Edit(got, []config.Change{{Path: path, Value: lookup(tree, path)}})
		var again map[string]any
		if err != nil || yaml.Unmarshal(back, &again) != nil || !reflect.DeepEqual(again, tree) {
			t.Fatalf("%s = %#v and back: %v\n%s", path, value, err, back)
		}
	})
}

func comments(text string) int { return strings.Count(text, " # ") + strings.Count(text, "\n# ") }

func lookup(tree any, path string) any {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[step]
		case []any:
			var i int
			_, _ = fmt.Sscan(step, &i) // a digit by the expression
			tree = node[i]
		}
	}
	return tree
}

// FuzzEdit: an edit of any file changes that field and nothing else, or is refused.
func FuzzEdit(f *testing.F) {
	f.Add([]byte(config.Template(config.Example())), "sender.parallel", "8")
	f.Add([]byte("a: {b: [1, 'x', \"y\"], c: &d 1} # z\r\ne:\r\n- f\r\n"), "a.b[1]", "#")
	f.Fuzz(func(_ *testing.T, text []byte, path, value string) {
		_, _ = config.Edit(text, []config.Change{{Path: path, Value: value}}) // it checks itself; it must not panic
		_, _ = config.Edit(text, []config.Change{{Path: path}})
	})
}
