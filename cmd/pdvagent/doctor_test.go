package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/doctor"
	"pdvagent/mercafacil/mercafacilsim"
)

// diagnosis runs the command and gives each check's finding.
func (s *site) diagnosis() (int, map[string]doctor.Finding) {
	s.t.Helper()
	code, out, errOut := runCommand(s.t, "doctor", "--json", "--config", s.config)
	var report struct{ Findings []doctor.Finding }
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		s.t.Fatalf("%v: %s %s", err, out, errOut)
	}
	found := make(map[string]doctor.Finding)
	for _, f := range report.Findings {
		found[f.Check] = f
		if f.Evidence == "" || f.Title == "" || (f.Verdict == doctor.Fail || f.Verdict == doctor.Warn) && f.Advice == "" {
			s.t.Errorf("%+v says too little", f)
		}
	}
	return code, found
}

func (s *site) wantVerdicts(found map[string]doctor.Finding, want map[string]doctor.Verdict) {
	s.t.Helper()
	for check, verdict := range want {
		if f := found[check]; f.Verdict != verdict {
			s.t.Errorf("%s: got %+v, want %s", check, f, verdict)
		}
	}
}

func TestDoctorFindsNothingWrongWithAHealthyTill(t *testing.T) {
	s := newSite(t).open()
	s.post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.drained()
	s.until("the journal is written", func() bool { return len(s.journal("")) > 0 })
	code, found := s.diagnosis()
	if code != exitDone || len(found) < 25 {
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
	s.stop()
	code, found = s.diagnosis()
	s.wantVerdicts(found, map[string]doctor.Verdict{"agent": doctor.Fail, "port": doctor.OK, "store-verify": doctor.OK, "alarms": doctor.Skipped, "connect": doctor.OK})
	if code != exitFailed {
		t.Errorf("a stopped agent is no failure: %d", code)
	}
}

func TestDoctorSaysWhatIsWrong(t *testing.T) {
	s := newSite(t).open()
	if err := s.clouds.Mercafacil.Add(mercafacilsim.Fault{Route: "*", Fault: "status", Status: 401}); err != nil {
		t.Fatal(err)
	}
	s.post("/v2/coupons", agenttest.Receipt("K", "T"))
	s.post("/v2/coupons", "{}")
	s.until("the token is refused", func() bool {
		return s.call("GET", "/v1/status", supportToken, "").header.Get("X-Agent-Alarm") == "cloud_unauthorized"
	})
	_, found := s.diagnosis()
	s.wantVerdicts(found, map[string]doctor.Verdict{"alarms": doctor.Warn, "queue-attention": doctor.Warn, "deliveries": doctor.Fail, "cloud-token": doctor.Fail, "cloud-clock": doctor.OK})
	s.clouds.Leave()
	_, found = s.diagnosis()
	s.wantVerdicts(found, map[string]doctor.Verdict{"connect": doctor.Fail, "cloud-answer": doctor.Fail, "cloud-clock": doctor.Skipped})
	s.stop()
	db := filepath.Join(filepath.Dir(s.config), "data", "pdvagent.db")
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
	code, found := s.diagnosis()
	s.wantVerdicts(found, map[string]doctor.Verdict{"store-verify": doctor.Fail})
	if code != exitFailed {
		t.Errorf("a damaged store is no failure: %d", code)
	}
	if err := os.WriteFile(s.config, []byte(strings.Replace(s.file(), "parallel: 4", "parallel: 0", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, found = s.diagnosis()
	s.wantVerdicts(found, map[string]doctor.Verdict{"config": doctor.Fail, "version": doctor.OK, "connect": doctor.Skipped})
	if code != exitFailed || !strings.Contains(found["config"].Evidence, "sender.parallel") {
		t.Errorf("got %d, %+v", code, found["config"])
	}
}

// SEC-14: the bundle has everything and nobody.
func TestSupportBundleHasEverythingAndNobody(t *testing.T) {
	s := hasty(t)
	s.open()
	s.notice(maria, "CANARIANOME SOBRENOMECANARIO", "card")
	one, _ := s.greet("v2", maria)
	one.apply(units("80215", 2, "10.00"))
	one.sell("K-1")
	s.post("/v2/coupons", `{"client_id":"`+maria+`","name":"CANARIANOME"}`)
	s.drained()
	s.until("the journal is written", func() bool { return len(s.journal("?key=K-1")) > 1 })
	running := s.unpacked("running.zip")
	s.stop()
	stopped := s.unpacked("stopped.zip")
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
			for _, canary := range append(canaries(), adminToken) {
				if strings.Contains(text, canary) {
					t.Errorf("%s shows %s", name, canary)
				}
			}
		}
	}
}

func (s *site) unpacked(name string) map[string]string {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.config), name)
	if code, out, errOut := runCommand(s.t, "support-bundle", "--out", path, "--config", s.config); code != exitDone || !strings.Contains(out, "LEIA-ME.txt") {
		s.t.Fatalf("got %d, %s, %s", code, out, errOut)
	}
	if code, _, errOut := runCommand(s.t, "support-bundle", "--out", path, "--config", s.config); code == exitDone || !strings.Contains(errOut, "já existe") {
		s.t.Errorf("over another: %d, %s", code, errOut)
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer archive.Close()
	files := make(map[string]string)
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			s.t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		if err != nil || time.Since(file.Modified) > time.Hour {
			s.t.Errorf("%s: %v, of %v", file.Name, err, file.Modified)
		}
		files[file.Name] = string(text)
	}
	return files
}
