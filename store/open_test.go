package store_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/store"
	"pdvagent/store/storetest"
)

func TestSecondAgentOnTheSameFolderEndsWithASentence(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	storetest.OpenIn(t, cfg)
	_, err := store.Open(cfg)
	if agent.CodeOf(err) != agent.CodeAlreadyRunning {
		t.Fatalf("got %v", err)
	}
	if e, _ := errors.AsType[*agent.Error](err); !strings.Contains(e.Message, "já está usando") {
		t.Errorf("got %q", e.Message)
	}
}

func TestEmptyFileIsDamageThatIsReportedAndNoNewStore(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	first := add(t, s, coupon("A"))[0]
	storetest.Close(t, s)
	if err := os.Truncate(filepath.Join(cfg.Dir, "pdvagent.db"), 0); err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenIn(t, cfg)
	report := s.Salvaged()
	if report == nil || !report.Unsure || report.Kept == "" || len(report.Missing) != 1 {
		t.Fatalf("the report is %+v", report)
	}
	if again := add(t, s, coupon("B"))[0]; again <= first+1000 {
		t.Errorf("a number may have been given twice: %d, %d", first, again)
	}
	if stored, err := store.LastSalvage(cfg.Dir); err != nil || stored == nil || stored.Kept != report.Kept {
		t.Errorf("on disk: %+v, %v", stored, err)
	}
}

func TestLeftoverOfAnInterruptedCreationDoesNotHinder(t *testing.T) {
	dir := storetest.Dir(t)
	if err := os.WriteFile(filepath.Join(dir, "pdvagent.db.tmp"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, storetest.OpenIn(t, store.Config{Dir: dir}), coupon("A"))
}

func TestFilesAndFoldersAreForTheirOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are access control lists there; the service's own test looks at them")
	}
	dir := filepath.Join(storetest.Dir(t), "data")
	s := storetest.OpenIn(t, store.Config{Dir: dir})
	large := coupon("large")
	large.Body = bytes.Repeat([]byte("x"), 300<<10)
	add(t, s, large)
	for _, loosen := range []string{"", "keys.json", "pdvagent.db"} {
		if err := os.Chmod(filepath.Join(dir, loosen), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Close(t, s)
	storetest.OpenIn(t, store.Config{Dir: dir})
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	cfg := store.Config{Dir: storetest.Dir(t)}
	storetest.Close(t, storetest.OpenIn(t, cfg))
	store.SetSchema(t, cfg, 99)
	before, err := os.ReadFile(filepath.Join(cfg.Dir, "pdvagent.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(cfg); agent.CodeOf(err) != agent.CodeDamaged || !strings.Contains(err.Error(), "versão mais nova") {
		t.Errorf("got %v", err)
	}
	after, err := os.ReadFile(filepath.Join(cfg.Dir, "pdvagent.db"))
	if err != nil || len(after) != len(before) {
		t.Errorf("the file changed: %d bytes, then %d, %v", len(before), len(after), err)
	}
}

// hold opens a store with a job in every state after its key was changed.
func hold(t *testing.T, change func(dir string)) (*store.Store, []uint64) {
	t.Helper()
	cfg := store.Config{Dir: storetest.Dir(t)}
	s := storetest.OpenIn(t, cfg)
	seqs := add(t, s, coupon("pending"), coupon("sent"), coupon("dead"))
	if err := errors.Join(move(t, s, seqs[1], to(agent.Sent)), move(t, s, seqs[2], to(agent.Dead))); err != nil {
		t.Fatal(err)
	}
	storetest.Close(t, s)
	change(cfg.Dir)
	s = storetest.OpenIn(t, cfg)
	if jobs, _, err := s.Due(s.LastTime(), 0, 10, nil); err != nil || len(jobs) != 0 {
		t.Errorf("due: %v, %v: nothing may go up under a new key", jobs, err)
	}
	c := s.Counters()
	if c.Accepted() != 3 || c.Total(agent.Held) != 1 || c.Total(agent.Sent) != 1 || c.Total(agent.Dead) != 1 {
		t.Errorf("counters: %v", c.ByKind)
	}
	if next := add(t, s, coupon("next"))[0]; next != 4 {
		t.Errorf("the sequence goes on at %d, want 4", next)
	}
	return s, seqs
}

func TestMissingKeyHoldsOldJobsAndTheAgentServes(t *testing.T) {
	s, seqs := hold(t, func(dir string) {
		if err := os.Remove(filepath.Join(dir, "keys.json")); err != nil {
			t.Fatal(err)
		}
	})
	head, err := s.Head(seqs[0])
	if err != nil || head.Status.State != agent.Held || head.Status.Reason != agent.ReasonKeyMissing || head.Kind != agent.KindCoupon {
		t.Errorf("got %+v, %v", head, err)
	}
	if _, err := s.Job(seqs[0]); !errors.Is(err, agent.ErrKeyMissing) {
		t.Errorf("the old body: got %v, want ErrKeyMissing", err)
	}
}

func TestUnreadableKeyFileIsKeptForAPerson(t *testing.T) {
	hold(t, func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "keys.json"), []byte("{half"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if kept, err := filepath.Glob(filepath.Join(dir, "keys.json.unreadable-*")); err != nil || len(kept) != 1 {
				t.Errorf("kept %v, %v", kept, err)
			}
		})
	})
}

// fromAnotherMachine makes a data folder look as if its disk had been copied. It gives the id of its agent.
func fromAnotherMachine(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "keys.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	id, _ := file["agent_id"].(string)
	key, _ := file["keys"].([]any)[0].(map[string]any)
	if key["machine"] == "" {
		agenttest.Missing(t, "an id of this machine")
	}
	key["machine"] = "0123456789abcdef"
	if raw, err = json.Marshal(file); err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestClonedDiskHoldsJobsOfTheOtherMachineAndCanStillReadThem(t *testing.T) {
	var before string
	s, seqs := hold(t, func(dir string) { before = fromAnotherMachine(t, dir) })
	if s.AgentID() == before || s.AgentID() == "" {
		t.Errorf("the agent's id is %q as on the other machine", s.AgentID())
	}
	job, err := s.Job(seqs[0])
	if err != nil || job.Status.Reason != agent.ReasonCloned || !bytes.Contains(job.Body, []byte("pending")) {
		t.Errorf("got %+v, %v", job.Status, err)
	}
	if err := move(t, s, seqs[0], to(agent.Pending)); err != nil {
		t.Errorf("support cannot release it: %v", err)
	}
}

func TestRecoveryKeyOpensACopyOfTheStore(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	cfg := store.Config{Dir: storetest.Dir(t), RecoveryKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
	s := storetest.OpenIn(t, cfg)
	add(t, s, coupon("A"))
	storetest.Close(t, s)
	var wrapped struct {
		Secret []byte `json:"secret"`
	}
	if err := json.Unmarshal(clearValue(t, cfg.Dir, "meta", "recovery"), &wrapped); err != nil {
		t.Fatal(err)
	}
	secret, err := rsa.DecryptOAEP(sha256.New(), nil, private, wrapped.Secret, nil)
	if err != nil || len(secret) != 64 {
		t.Fatalf("got %d bytes, %v", len(secret), err)
	}
	if runtime.GOOS != "windows" { // there the key file is sealed by the machine
		raw, err := os.ReadFile(filepath.Join(cfg.Dir, "keys.json"))
		var file struct {
			Keys []struct {
				Secret []byte `json:"secret"`
			} `json:"keys"`
		}
		if err = errors.Join(err, json.Unmarshal(raw, &file)); err != nil || !bytes.Equal(file.Keys[0].Secret, secret) {
			t.Errorf("the wrapped secret is not the store's: %v", err)
		}
	}
}

func TestBadRecoveryKeyIsRefusedInWords(t *testing.T) {
	_, err := store.Open(store.Config{Dir: storetest.Dir(t), RecoveryKey: []byte("not PEM")})
	if agent.CodeOf(err) != agent.CodeBadConfig {
		t.Errorf("got %v", err)
	}
}

// clearValue reads the payload of an envelope that is in clear, as the owner of a recovery key would.
func clearValue(t *testing.T, dir, bucket, key string) []byte {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "pdvagent.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var payload []byte
	err = db.View(func(tx *bbolt.Tx) error {
		value := tx.Bucket([]byte(bucket)).Get([]byte(key))
		size := int(binary.BigEndian.Uint32(value[8:]))
		payload = bytes.Clone(value[44+len(key) : 44+len(key)+size])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}
