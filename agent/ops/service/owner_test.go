package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent"
	"pdvagent/store/storetest"
)

func TestWhatAStrangerPreparedForAnInstallationIsRefusedAndAnEmptyFolderTakenOver(t *testing.T) {
	root := storetest.Dir(t)
	config, data := filepath.Join(root, Source, "config.yaml"), filepath.Join(root, "data")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	places := Places(config, data)
	if len(places) != 3 || places[0] != filepath.Dir(config) {
		t.Fatalf("got %q", places)
	}
	his := map[string]string{places[0]: `LOJA\caixa`}
	stranger := func(path string) (string, error) { return his[path], nil }
	if err := Own(stranger, places...); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(config, []byte("version: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range places[:2] {
		his = map[string]string{place: `LOJA\caixa`}
		err := Own(stranger, places...)
		if agent.CodeOf(err) != agent.CodeBadConfig || !strings.Contains(agent.Sentence(err), place+` já existia e é de LOJA\caixa`) {
			t.Errorf("%s: got %v", place, err)
		}
	}
	his = nil
	if err := Own(stranger, places...); err != nil {
		t.Errorf("an administrator's: %v", err)
	}
}
