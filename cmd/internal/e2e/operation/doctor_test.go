package operation

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/simkit"
	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

func wantVerdicts(s *e2e.Site, found map[string]doctor.Finding, want map[string]doctor.Verdict) {
	s.Helper()
	for check, verdict := range want {
		if f := found[check]; f.Verdict != verdict {
			s.Errorf("%s: got %+v, want %s", check, f, verdict)
		}
	}
}

func TestDoctorFindsNothingWrongWithAHealthyTill(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("K", "T")))
	s.WaitDrained()
	s.Until("the journal is written", func() bool { return len(s.Journal("")) > 0 })
	code, found := s.Doctor()
	if code != cli.ExitDone || len(found) < 25 {
		t.Errorf("got %d, %d checks", code, len(found))
	}
	for check, f := range found {
		switch check {
		case "store-verify", "tls", "dns", "ipv6", "timezone", "disk-sync", "disk-space", "proxy", "service", "bank-certificate": // the machine's, or of who has a bank
		default:
			if f.Verdict != doctor.OK {
				t.Errorf("%+v", f)
			}
		}
	}
	s.Stop()
	code, found = s.Doctor()
	wantVerdicts(s, found, map[string]doctor.Verdict{"agent": doctor.Fail, "port": doctor.OK, "store-verify": doctor.OK, "alarms": doctor.Skipped, "connect": doctor.OK})
	if code != cli.ExitFailed {
		t.Errorf("a stopped agent is no failure: %d", code)
	}
}

func TestDoctorSaysWhatIsWrong(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddFault(simkit.Fault{Route: "*", Fault: "status", Status: 401})
	s.Post("/v2/coupons", agenttest.Today(agenttest.Receipt("K", "T")))
	s.Post("/v2/coupons", "{}")
	s.Until("the token is refused", func() bool {
		return s.Status().Header.Get("X-Agent-Alarm") == "cloud_unauthorized"
	})
	_, found := s.Doctor()
	wantVerdicts(s, found, map[string]doctor.Verdict{"alarms": doctor.Warn, "queue-attention": doctor.Warn, "deliveries": doctor.Fail, "cloud-token": doctor.Fail, "cloud-clock": doctor.OK})
	s.Clouds.Leave()
	_, found = s.Doctor()
	wantVerdicts(s, found, map[string]doctor.Verdict{"connect": doctor.Fail, "cloud-answer": doctor.Fail, "cloud-clock": doctor.Skipped})
	s.Stop()
	db := filepath.Join(s.DataDir(), "pdvagent.db")
	content, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; ; { // one bit of every value, which bbolt does not see; some lie in pages that are free
		next := bytes.Index(content[at:], []byte("\xa7PDV"))
		if next < 0 {
			break
		}
		at += next + 4
		if at+50 < len(content) {
			content[at+46] ^= 1
		}
	}
	if err := os.WriteFile(db, content, 0o600); err != nil {
		t.Fatal(err)
	}
	code, found := s.Doctor()
	wantVerdicts(s, found, map[string]doctor.Verdict{"store-verify": doctor.Fail})
	if code != cli.ExitFailed {
		t.Errorf("a damaged store is no failure: %d", code)
	}
	if err := os.Rename(db, db+".quarantine"); err != nil {
		t.Fatal(err)
	}
	if code, found = s.Doctor(); code != cli.ExitFailed || !strings.Contains(found["store-verify"].Evidence, "sumiu") {
		t.Errorf("a store that is gone: %d, %+v", code, found["store-verify"])
	}
	if _, err := os.Lstat(db); err == nil {
		t.Error("doctor has made a new database")
	}
	if err := os.Rename(db+".quarantine", db); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Config, []byte(strings.Replace(s.ConfigText(), "parallel: 4", "parallel: 0", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, found = s.Doctor()
	wantVerdicts(s, found, map[string]doctor.Verdict{"config": doctor.Fail, "version": doctor.OK, "connect": doctor.Skipped})
	if code != cli.ExitFailed || !strings.Contains(found["config"].Evidence, "sender.parallel") {
		t.Errorf("got %d, %+v", code, found["config"])
	}
}

// SEC-14: the bundle has everything and nobody.
func TestSupportBundleHasEverythingAndNobody(t *testing.T) {
	s := e2e.NewSiteShortDeadline(t)
	s.Start()
	s.AddMemberWithNotice(e2e.Maria, "CANARIANOME SOBRENOMECANARIO", "card")
	one, _ := s.Identify("v2", e2e.Maria)
	one.Apply(e2e.Units("80215", 2, "10.00"))
	one.Sell("K-1")
	s.Post("/v2/coupons", `{"client_id":"`+e2e.Maria+`","name":"CANARIANOME"}`)
	s.WaitDrained()
	s.Until("the journal is written", func() bool { return len(s.Journal("?key=K-1")) > 1 })
	running := unpacked(s, "running.zip")
	wantTheSameFromTheAgent(s, running)
	s.Stop()
	secret, planted := filepath.Join(filepath.Dir(s.Config), "of-root"), filepath.Join(s.DataDir(), "crash", "20200101T000000.000Z.txt")
	if err := errors.Join(os.WriteFile(secret, []byte(e2e.AdminToken), 0o600), os.MkdirAll(filepath.Dir(planted), 0o700), os.Symlink(secret, planted)); err != nil {
		t.Fatal(err)
	}
	stopped := unpacked(s, "stopped.zip")
	if text := stopped["quedas/20200101T000000.000Z.txt.erro.txt"]; !strings.Contains(text, "não é um arquivo comum") {
		t.Errorf("a link among the crash files: %q", text)
	}
	for _, name := range []string{
		"LEIA-ME.txt", "verificacoes.txt", "verificacoes.json", "situacao.json", "fila-pendente.json", "fila-recusada.json", "fila-retida.json", "metricas.txt",
		"configuracao.yaml", "versoes.json", "diario.ndjson", "log/pdvagent.log",
	} {
		if text, ok := running[name]; !ok || text == "" {
			t.Errorf("no %s in %d files", name, len(running))
		}
		if name != "LEIA-ME.txt" && !strings.Contains(running["LEIA-ME.txt"], name) {
			t.Errorf("LEIA-ME.txt does not name %s", name)
		}
	}
	if !strings.Contains(running["diario.ndjson"], `"K-1"`) || !strings.Contains(running["fila-retida.json"], `"held"`) || !strings.Contains(stopped["situacao.json.erro.txt"], "Não foi possível") || stopped["diario.ndjson"] == "" {
		t.Errorf("running %v, stopped %v", running["fila-retida.json"], stopped["situacao.json.erro.txt"])
	}
	for _, bundle := range []map[string]string{running, stopped} {
		for name, text := range bundle {
			for _, canary := range append(e2e.Canaries(), e2e.AdminToken) {
				if strings.Contains(text, canary) {
					t.Errorf("%s shows %s", name, canary)
				}
			}
		}
	}
}

func unpacked(s *e2e.Site, name string) map[string]string {
	s.Helper()
	path := filepath.Join(filepath.Dir(s.Config), name)
	if code, out, errOut := e2e.RunCommand(s, "support-bundle", "--out", path, "--config", s.Config); code != cli.ExitDone || !strings.Contains(out, "LEIA-ME.txt") {
		s.Fatalf("got %d, %s, %s", code, out, errOut)
	}
	if code, _, errOut := e2e.RunCommand(s, "support-bundle", "--out", path, "--config", s.Config); code == cli.ExitDone || !strings.Contains(errOut, "já existe") {
		s.Errorf("over another: %d, %s", code, errOut)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	return filesOf(s, raw)
}

// wantTheSameFromTheAgent asks the running agent for the bundle and for the doctor's findings: they are what the commands give. Only
// an administrator gets the configuration.
func wantTheSameFromTheAgent(s *e2e.Site, fromCommand map[string]string) {
	s.Helper()
	for token, withConfig := range map[string]bool{e2e.AdminToken: true, e2e.SupportToken: false} {
		got := s.Call(http.MethodPost, "/v1/support-bundle", token, "{}")
		if got.Status != http.StatusOK {
			s.Fatalf("got %d %s", got.Status, got.Body)
		}
		files := filesOf(s, []byte(got.Body))
		for name := range fromCommand {
			_, there := files[name]
			if ofConfig := name == "configuracao.yaml" || name == "versoes.json"; there != (withConfig || !ofConfig) {
				s.Errorf("%s for %s: %v", name, token, there)
			}
		}
		for name, text := range files {
			for _, canary := range append(e2e.Canaries(), e2e.AdminToken) {
				if strings.Contains(text, canary) {
					s.Errorf("%s shows %s", name, canary)
				}
			}
		}
	}
	_, byCommand := s.Doctor()
	var report struct{ Findings []doctor.Finding }
	s.Call(http.MethodGet, "/v1/doctor", e2e.SupportToken, "").Decode(s, &report)
	if len(report.Findings) != len(byCommand) {
		s.Errorf("the agent makes %d checks, the command %d", len(report.Findings), len(byCommand))
	}
	for _, f := range report.Findings {
		if f.Verdict != byCommand[f.Check].Verdict {
			s.Errorf("the agent finds %+v, the command %+v", f, byCommand[f.Check])
		}
	}
}

// filesOf unpacks a bundle.
func filesOf(s *e2e.Site, raw []byte) map[string]string {
	s.Helper()
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		s.Fatal(err)
	}
	files := make(map[string]string)
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			s.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil || time.Since(file.Modified) > time.Hour {
			s.Errorf("%s: %v, of %v", file.Name, err, file.Modified)
		}
		files[file.Name] = string(text)
	}
	return files
}
