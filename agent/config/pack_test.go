package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pdvagent/agent/config"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// oldTill writes the configuration of a till with files of its own in and outside of its folder.
func oldTill(t *testing.T) (path, elsewhere string) {
	t.Helper()
	folder := t.TempDir()
	elsewhere = t.TempDir()
	token := write(t, filepath.Join(elsewhere, "cloud.token"), "the-cloud's-token")
	write(t, filepath.Join(folder, "cloud.token"), "0123456789012345678901") // another file of the same name
	write(t, filepath.Join(folder, "publica.pem"), "-----BEGIN PUBLIC KEY-----")
	text := minimal("security: {recovery_public_key: publica.pem}", "api: {tokens: [{name: caixa, scope: till, token_file: cloud.token}]}",
		"mercafacil: {base_url: 'https://x.example/', token_file: '"+token+"', pdv_version: '1'}   # a comment")
	return write(t, filepath.Join(folder, "config.yaml"), text), elsewhere
}

func TestAPackedConfigurationRunsOnAnotherMachine(t *testing.T) {
	old, elsewhere := oldTill(t)
	packed, err := config.Pack(old, false)
	if err != nil || len(packed.Missing) != 0 || len(packed.Files) != 3 {
		t.Fatalf("got %+v, %v", packed, err)
	}
	if strings.Contains(string(packed.Text), elsewhere) || !strings.Contains(string(packed.Text), "# a comment") {
		t.Errorf("the text is %s", packed.Text)
	}
	e := newEditor(t, minimal("shop: {id: '1', till: '1'}"))
	here := filepath.Dir(e.Path)
	write(t, filepath.Join(here, "publica.pem"), "of the installation")
	data := t.TempDir()
	if _, err := packed.Check(t.TempDir(), data, noEnv); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Adopt(packed, "troca"); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(e.Path, noEnv)
	if err != nil || cfg.Mercafacil.Token.Reveal() != "the-cloud's-token" || cfg.API.Tokens[0].Token.Reveal() != "0123456789012345678901" ||
		cfg.DataDir != data || cfg.Security.RecoveryPublicKey != filepath.Join(here, "publica.pem") {
		t.Errorf("got %+v, %v", cfg, err)
	}
	if kept, _ := filepath.Glob(filepath.Join(here, "publica.pem.replaced-*")); len(kept) != 1 {
		t.Error("the installation's file is gone")
	}
	if _, err := e.Undo("x", true); err != nil {
		t.Errorf("there is no way back: %v", err)
	}
}

func TestFilesOfAnOldDiskAreThoseBesideItsConfiguration(t *testing.T) {
	old, elsewhere := oldTill(t)
	write(t, filepath.Join(elsewhere, "cloud.token"), "of the new machine, under the same path")
	packed, err := config.Pack(old, true)
	if err != nil || len(packed.Missing) != 0 || string(packed.Files["cloud.token"]) != "0123456789012345678901" {
		t.Errorf("got %+v, %v", packed, err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(old), "publica.pem")); err != nil {
		t.Fatal(err)
	}
	packed, err = config.Pack(old, true)
	if err != nil || len(packed.Missing) != 1 || packed.Missing[0].Field != "security.recovery_public_key" || !strings.Contains(packed.Missing[0].Detail, "publica.pem") {
		t.Errorf("got %+v, %v", packed.Missing, err)
	}
	_, err = packed.Check(t.TempDir(), t.TempDir(), noEnv)
	if faults, ok := errors.AsType[config.Faults](err); !ok || len(faults) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestWhatAnotherMachineSealedIsSaid(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config.yaml"), minimal("mercafacil: {base_url: 'https://x.example/', token: 'dpapi:AAAA', pdv_version: '1'}"))
	packed, err := config.Pack(path, true)
	if err != nil || len(packed.Missing) != 1 || packed.Missing[0].Field != "mercafacil.token" {
		t.Errorf("got %+v, %v", packed, err)
	}
}

func TestBackupsGoToAnotherMachineAndSealed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the paths are Linux's")
	}
	key := write(t, filepath.Join(t.TempDir(), "publica.pem"), "-----BEGIN PUBLIC KEY-----")
	sealed := "security: {recovery_public_key: '" + key + "'}"
	for path, want := range map[string]string{
		"/mnt/servidor": "", "": "", "mnt/servidor": "caminho completo", `\\servidor\pdvagent`: "monte a pasta", "/data/backup/mais": "se perde com esta máquina",
	} {
		text := "backup: {copy_to: '" + path + "'}"
		_, faults := parse(t, minimal(text, sealed))
		if want == "" && faults != nil || want != "" && (len(faults) != 1 || !strings.Contains(faults[0].Detail, want)) {
			t.Errorf("%s: got %v", text, faults)
		}
	}
	if _, faults := parse(t, minimal("backup: {copy_to: /mnt/servidor}")); len(faults) != 1 || !strings.Contains(faults[0].Detail, "store keypair") {
		t.Errorf("without a key: got %v", faults)
	}
}
