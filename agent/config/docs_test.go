package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/config"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	ownFile   = regexp.MustCompile(`/etc/pdvagent/([a-z.-]+)`)
)

// Every configuration in the documents starts as it is written: a whole one alone, a part of one in the template.
func TestConfigurationsInTheDocumentsStartAsWritten(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the documents have Linux paths")
	}
	paths, err := filepath.Glob(filepath.Join(agenttest.Root(), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range append(paths, filepath.Join(agenttest.Root(), "docs", "spec", "till-api.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(match[1], "scrape_configs:") { // Prometheus'
				continue
			}
			n++
			_, warnings, err := config.Parse([]byte(inTemplate(t, withFiles(t, match[1]))), t.TempDir(), noEnv)
			if err != nil || slices.ContainsFunc(warnings, config.Fault.Idle) && !strings.Contains(match[1], "webhook:") { // its provider stands in another block
				t.Errorf("%s:\n%s\n%v %v", filepath.Base(path), match[1], err, warnings)
			}
		}
	}
	if n < 7 {
		t.Errorf("there are %d configurations", n)
	}
}

// withFiles makes the files that a configuration names, in a folder of the test.
func withFiles(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	for _, match := range ownFile.FindAllStringSubmatch(text, -1) {
		if err := os.WriteFile(filepath.Join(folder, match[1]), []byte("a:b"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.ReplaceAll(text, "/etc/pdvagent", folder)
}

// inTemplate puts a part of a configuration into the template; a whole one stays.
func inTemplate(t *testing.T, text string) string {
	t.Helper()
	if strings.HasPrefix(text, "version:") {
		return text
	}
	var whole, piece map[string]any
	if err := yaml.Unmarshal([]byte(config.Template(config.Example())), &whole); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(text), &piece); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	merge(whole, piece)
	merged, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(merged)
}

func merge(whole, piece map[string]any) {
	for name, value := range piece {
		inner, isSection := value.(map[string]any)
		if old, ok := whole[name].(map[string]any); ok && isSection {
			merge(old, inner)
			continue
		}
		whole[name] = value
	}
}

func TestTheProxyIsCheckedInWords(t *testing.T) {
	for text, want := range map[string]string{
		"{proxy: none}": "", "{proxy: 'http://proxy.loja:3128', proxy_login: 'ana:senha'}": "", "{proxy: system}": "o serviço não vê o proxy do usuário", "{proxy: 'proxy:3128'}": "http://endereço:porta",
		"{proxy: 'http://ana:senha@proxy:3128'}": "sem usuário", "{proxy: 'http://proxy'}": "http://endereço:porta", "{proxy_login: 'a:b'}": "só vale com network.proxy", "{proxy: 'http://proxy:1', proxy_login: ana}": "usuário:senha",
	} {
		_, faults := parse(t, minimal("network: "+text))
		if want == "" && faults != nil || want != "" && (len(faults) != 1 || !strings.Contains(faults[0].Detail, want)) {
			t.Errorf("%s: got %v", text, faults)
		}
	}
}

func TestAPathOfAnotherSystemIsAFault(t *testing.T) {
	for _, path := range []string{`Z:\produtos`, `\\servidor\produtos`} {
		text := minimal("routines: {products: {source: {type: folder, path: '" + path + "'}}}")
		cfg, warnings, err := config.Parse([]byte(text), t.TempDir(), noEnv)
		switch {
		case runtime.GOOS != "windows" && (err == nil || !strings.Contains(err.Error(), "é um caminho do Windows")):
			t.Errorf("%s: got %+v, %v", path, cfg, err)
		case runtime.GOOS == "windows" && strings.HasPrefix(path, `\\`) && (err != nil || len(warnings) != 1):
			t.Errorf("%s: got %v, %v", path, warnings, err)
		}
	}
}
