package operation

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/osfile"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/cmd/internal/rig"
	"pdvagent/store"
)

// dyingTill starts the primary till of a shop as a process, with a boleto in its ledger, copies of its backups on a server and
// two sales that wait, and gives its server's folder and the recovery key.
func dyingTill(t *testing.T) (s *e2e.Site, old *rig.Process, server, key string) {
	t.Helper()
	safe := t.TempDir()
	server = t.TempDir()
	private, public, err := store.NewRecoveryKey()
	if err != nil {
		t.Fatal(err)
	}
	key = filepath.Join(safe, "privada.pem")
	s = e2e.NewSiteWithPayments(t, "primary: false", "primary: true")
	folder := filepath.Dir(s.Config)
	token := filepath.Join(safe, "loja.token") // outside of the configuration's folder
	for path, content := range map[string][]byte{key: private, filepath.Join(folder, "publica.pem"): public, token: []byte(e2e.CloudToken)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.EditConfig("token: '"+e2e.CloudToken+"'", "token_file: '"+token+"'")
	s.EditConfig("\nlog:\n", "\nsecurity: {recovery_public_key: publica.pem}\nbackup: {copy_to: '"+server+"'}\n\nlog:\n")
	e2e.RunAsProgram(t)
	old = s.StartProcess()
	s.Until("the first copy is there", func() bool { return newest(t, server) != "" })
	if got := s.Post("/v1/boletos", `{"register_only":true,"amount":15000,"due_date":"2020-01-31","nosso_numero":"0005029"}`, "Idempotency-Key", "b"); got.Status != http.StatusCreated {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	s.Clouds.Leave()
	for _, id := range []string{"A", "B"} {
		s.Post("/v2/coupons", agenttest.Receipt(id, "T-"+id))
	}
	return s, old, server, key
}

// newest is the newest sealed copy in a folder; empty when there is none.
func newest(t *testing.T, folder string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, "*.pdvselado"))
	if err != nil || len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// newMachine writes the configuration that an installation made with answers of its own.
func newMachine(t *testing.T, s *e2e.Site) *e2e.Site {
	t.Helper()
	answers, err := rig.Answers(t.Context(), t.TempDir(), s.Clouds.BaseURL())
	if err != nil {
		t.Fatal(err)
	}
	path, err := rig.WriteConfig(answers)
	if err != nil {
		t.Fatal(err)
	}
	other := *s
	other.Config = path
	return &other
}

// wantOldTill checks what a machine has that took a till's place, and that its sales went once.
func wantOldTill(t *testing.T, s *e2e.Site, agentID any) {
	t.Helper()
	s.WaitDrained()
	s.WantSoldOnce("A", "B")
	if got := s.Status(); got.Field("agent_id") != agentID {
		t.Errorf("it is another agent: %s", got.Body)
	}
	if got := s.Call(http.MethodGet, "/v1/boletos/5029", e2e.TillToken, ""); got.Status != http.StatusOK || got.Field("expected") != 15000.0 {
		t.Errorf("the ledger: %d %s", got.Status, got.Body)
	}
	if text := s.Command(cli.ExitDone, "config", "show"); !strings.Contains(text, "primary: true") || !strings.Contains(text, "012") {
		t.Errorf("the configuration is %s", text)
	}
	if got := s.Post("/v2/coupons", agenttest.Receipt("C", "T-C")); got.Status != http.StatusAccepted {
		t.Errorf("it does not sell: %d %s", got.Status, got.Body)
	}
	s.WaitDrained()
	s.WantSoldOnce("A", "B", "C")
}

// The machine of a primary till burns with its disk: another one goes on from the sealed copy, without what the copy is useless.
func TestATillGoesOnFromItsSealedCopyOnAnotherMachine(t *testing.T) {
	s, old, server, key := dyingTill(t)
	id := s.Status().Field("agent_id")
	before, err := os.ReadFile(newest(t, server))
	if err != nil {
		t.Fatal(err)
	}
	s.Call(http.MethodPost, "/v1/routines/backup/run", e2e.SupportToken, "")
	sealed := before
	s.Until("a copy with the sales is there", func() bool {
		if sealed, err = os.ReadFile(newest(t, server)); err != nil {
			return false
		}
		return !bytes.Equal(sealed, before)
	})
	if err := old.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{e2e.CloudToken, e2e.TillToken, "T-A", "copy_to"} {
		if bytes.Contains(sealed, []byte(secret)) {
			t.Errorf("without the key the copy shows %q", secret)
		}
	}
	if err := osfile.RemoveTree(filepath.Dir(s.Config)); err != nil {
		t.Fatal(err)
	}
	here := newMachine(t, s)
	installed := here.ConfigText()
	adopt := []string{"store", "adopt", newest(t, server), "--recovery-key", key}
	if out := here.Command(cli.ExitUsage, adopt...); !strings.Contains(out, "Caixa 012 da loja 001, o principal dela") || !strings.Contains(out, "Vem junto") || !strings.Contains(out, "--confirm") {
		t.Errorf("unconfirmed: %s", out)
	}
	if out := here.Command(cli.ExitUsage, slices.Clone(adopt[:3])...); !strings.Contains(out, "--recovery-key") {
		t.Errorf("without the key: %s", out)
	}
	if left, _ := os.ReadDir(here.DataDir()); here.ConfigText() != installed || len(left) != 0 {
		t.Errorf("unconfirmed it left %v", left)
	}
	if out := here.Command(cli.ExitDone, append(adopt, "--send", "--confirm")...); !strings.Contains(out, "segue sozinho") {
		t.Errorf("confirmed: %s", out)
	}
	here.ReturnClouds()
	here.StartProcess()
	wantOldTill(t, here, id)
}

// The machine dies, its disk does not: another one goes on from the disk, and when the old one comes back nothing is there twice.
func TestATillGoesOnFromItsOldDisk(t *testing.T) {
	s, old, _, _ := dyingTill(t)
	id := s.Status().Field("agent_id")
	if err := old.Kill(); err != nil {
		t.Fatal(err)
	}
	here := newMachine(t, s)
	adopt := []string{"store", "adopt", s.DataDir(), "--old-config", s.Config}
	if out := here.Command(cli.ExitUsage, slices.Clone(adopt[:3])...); !strings.Contains(out, "--old-config") {
		t.Errorf("without its configuration: %s", out)
	}
	installed := here.ConfigText()
	if out := here.Command(cli.ExitFailed, append(slices.Clone(adopt), "--confirm")...); !strings.Contains(out, "loja.token não pôde ser lido") || here.ConfigText() != installed {
		t.Errorf("a file of its own is elsewhere: %s", out)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.Config), "loja.token"), []byte(e2e.CloudToken), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := here.Command(cli.ExitDone, append(slices.Clone(adopt), "--confirm")...); !strings.Contains(out, "2 registros retidos") || !strings.Contains(out, "resgate") {
		t.Errorf("confirmed: %s", out)
	}
	here.ReturnClouds()
	process := here.StartProcess()
	if code, out, errOut := e2e.RunCommand(t, "queue", "retry", "--reason", "resgate", "--config", here.Config); code != cli.ExitDone || !strings.Contains(out, "2 registros") {
		t.Errorf("retry: %d %s%s", code, out, errOut)
	}
	wantOldTill(t, here, id)
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.StartProcess()
	s.WaitDrained()
	s.WantSoldOnce("A", "B", "C")
}
