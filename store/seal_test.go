package store_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pdvagent/agent"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

// recoveryKey is a pair that all tests share: making one takes a while.
var recoveryKey = sync.OnceValues(func() (private, public []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	p, _ := x509.MarshalPKCS8PrivateKey(key)
	q, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: q})
})

// oldTill makes a data folder with a pending sale, a large one and a sent one, and its sealed backup with a file beside it.
func oldTill(t *testing.T) (dir string, sealed []byte) {
	t.Helper()
	_, public := recoveryKey()
	dir = storetest.Dir(t)
	s := storetest.OpenIn(t, store.Config{Dir: dir, RecoveryKey: public})
	seqs := add(t, s, coupon("pending"), large("large"), coupon("sent"))
	if err := move(t, s, seqs[2], to(agent.Sent)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Seal(&out, []store.SealedFile{{Name: "config.yaml", Content: []byte("token: SECRET-OF-THE-SHOP")}, {Name: "some-frames", Content: make([]byte, 1<<20)}}); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	return dir, out.Bytes()
}

// restored brings a folder into a new till and gives its open store.
func restored(t *testing.T, folder string, resend bool) *store.Store {
	t.Helper()
	cfg := store.Config{Dir: storetest.Dir(t), ResendSalvaged: resend}
	storetest.Close(t, storetest.OpenIn(t, cfg)) // a new till that has started once
	if _, err := store.Restore(cfg, folder); err != nil {
		t.Fatal(err)
	}
	return storetest.OpenIn(t, cfg)
}

// TestASealedBackupIsAWholeTillForWhoHasTheRecoveryKey, and says nothing to anybody else.
func TestASealedBackupIsAWholeTillForWhoHasTheRecoveryKey(t *testing.T) {
	old, sealed := oldTill(t)
	keys, err := os.ReadFile(filepath.Join(old, "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"SECRET-OF-THE-SHOP", "config.yaml", "agent_id", string(keys[len(keys)/2 : len(keys)/2+20])} {
		if bytes.Contains(sealed, []byte(secret)) {
			t.Errorf("it shows %q", secret)
		}
	}
	private, _ := recoveryKey()
	folder := filepath.Join(storetest.Dir(t), "brought")
	brought, err := store.Unseal(bytes.NewReader(sealed), private, folder)
	if err != nil || brought.Jobs != 3 || brought.Faults != 0 || brought.AgentID == "" || len(brought.Others) != 2 || len(brought.Others[1].Content) != 1<<20 ||
		brought.Others[0].Name != "config.yaml" || string(brought.Others[0].Content) != "token: SECRET-OF-THE-SHOP" {
		t.Fatalf("got %+v, %v", brought, err)
	}
	s := restored(t, folder, false)
	if s.AgentID() != brought.AgentID {
		t.Error("it is another agent")
	}
	wantState(t, s, 1, agent.Held, agent.ReasonSalvaged)
	wantState(t, s, 3, agent.Sent, "")
	if job, err := s.Job(2); err != nil || !bytes.Equal(job.Body, large("large").Body) {
		t.Errorf("the large one: %d bytes, %v", len(job.Body), err)
	}
	s = restored(t, folder, true)
	wantState(t, s, 1, agent.Pending, "")
	if job, err := s.Job(1); err != nil || !job.Status.Unanswered {
		t.Errorf("the cloud's 409 would not count as sent: %+v, %v", job.Status, err)
	}
}

func TestASealedBackupThatIsCutChangedOrForeignIsRefusedWhole(t *testing.T) {
	_, sealed := oldTill(t)
	private, _ := recoveryKey()
	other, _, err := store.NewRecoveryKey()
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)/2] ^= 1
	for name, c := range map[string]struct {
		sealed, key []byte
		says        string
	}{
		"cut in a frame":      {sealed[:len(sealed)-100], private, "cortada ou alterada"},
		"cut in its head":     {sealed[:20], private, "não é uma cópia selada"},
		"changed":             {changed, private, "cortada ou alterada"},
		"another key":         {sealed, other, "não abre esta cópia"},
		"a key that is none":  {sealed, []byte("x"), "não abre esta cópia"},
		"something else":      {[]byte("version: 1\n"), private, "não é uma cópia selada"},
		"without its last":    {withoutLastFrame(sealed), private, "cortada ou alterada"},
		"frames out of order": {swapped(sealed), private, "cortada ou alterada"},
	} {
		_, err := store.Unseal(bytes.NewReader(c.sealed), c.key, filepath.Join(storetest.Dir(t), "brought"))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// frames are the offsets of a sealed backup's frames, and its end.
func frames(sealed []byte) (at []int) {
	next := len("pdvagent-sealed-1\n")
	next += 2 + int(sealed[next])<<8 + int(sealed[next+1])
	for next < len(sealed) {
		at = append(at, next)
		next += 4 + int(sealed[next])<<24 + int(sealed[next+1])<<16 + int(sealed[next+2])<<8 + int(sealed[next+3])
	}
	return append(at, next)
}

func withoutLastFrame(sealed []byte) []byte {
	at := frames(sealed)
	return sealed[:at[len(at)-2]]
}

func swapped(sealed []byte) []byte {
	at := frames(sealed)
	first, second := sealed[at[1]:at[2]], sealed[at[2]:at[3]] // within one file
	return bytes.Join([][]byte{sealed[:at[1]], second, first, sealed[at[3]:]}, nil)
}

// TestADiskWhoseKeysOnlyItsMachineOpensIsReadWithTheRecoveryKey: as those of Windows.
func TestADiskWhoseKeysOnlyItsMachineOpensIsReadWithTheRecoveryKey(t *testing.T) {
	old, _ := oldTill(t)
	sealKeys(t, old)
	private, _ := recoveryKey()
	folder := filepath.Join(storetest.Dir(t), "brought")
	if _, err := store.Bring(old, nil, folder); agent.CodeOf(err) != agent.CodeConflict || !strings.Contains(err.Error(), "--recovery-key") {
		t.Errorf("without the key: %v", err)
	}
	other, _, _ := store.NewRecoveryKey()
	if _, err := store.Bring(old, other, folder); err == nil || !strings.Contains(err.Error(), "faz par com") {
		t.Errorf("with another key: %v", err)
	}
	before := contents(t, old)
	brought, err := store.Bring(old, private, folder)
	if err != nil || brought.Jobs != 3 || brought.AgentID == "" {
		t.Fatalf("got %+v, %v", brought, err)
	}
	if after := contents(t, old); after != before {
		t.Error("the old disk was written to")
	}
	s := restored(t, folder, true)
	wantState(t, s, 1, agent.Pending, "")
	wantState(t, s, 3, agent.Sent, "")
	if s.AgentID() != brought.AgentID {
		t.Error("it is another agent")
	}
	if _, err := store.Bring(storetest.Dir(t), nil, folder); agent.CodeOf(err) != agent.CodeNotFound {
		t.Errorf("an empty folder: %v", err)
	}
}

// sealKeys makes a key file one that no other machine opens.
func sealKeys(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "keys.json")
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, regexp.MustCompile(`"protection": "[a-z]+"`).ReplaceAll(raw, []byte(`"protection": "another machine's"`)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contents are the names and sizes of a folder's files, with the key file and the database in full.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.WriteString(path)
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
