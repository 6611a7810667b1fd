package doctor_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/ops/doctor"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

// look gives one check's finding of a site whose agent answers with metrics, or does not run when they are empty.
func look(t *testing.T, check, metrics string, change func(*doctor.Site)) doctor.Finding {
	t.Helper()
	site := doctor.Site{
		Version: "1", DataDir: t.TempDir(), Listen: "127.0.0.1:0", Timezone: "America/Sao_Paulo", MaxBytes: 1, Getenv: func(string) string { return "" },
		Local: func(_ context.Context, path string) (int, []byte, error) {
			switch {
			case metrics == "":
				return 0, nil, errors.New("connection refused")
			case path == "/health":
				return 200, []byte(`{"status":"ok","version":"1"}`), nil
			}
			return 200, []byte(metrics), nil
		},
	}
	change(&site)
	for _, f := range doctor.Examine(t.Context(), site, "agent", "local-token", check) {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no check %s", check)
	return doctor.Finding{}
}

func TestServiceThatDoesNotComeBackWithTheMachineIsSaid(t *testing.T) {
	for _, c := range []struct {
		service  doctor.Service
		running  string
		verdict  doctor.Verdict
		evidence string
	}{
		{doctor.Service{State: "running", Start: "delayed"}, "x", doctor.OK, "em execução"},
		{doctor.Service{State: "not_installed"}, "x", doctor.Warn, "não é um serviço"},
		{doctor.Service{State: "not_installed"}, "", doctor.Warn, "não está instalado"},
		{doctor.Service{State: "running", Start: "disabled"}, "x", doctor.Warn, "não volta com a máquina"},
		{doctor.Service{State: "stopped", Start: "auto", Exit: 1067}, "", doctor.Fail, "código 1067"},
	} {
		f := look(t, "service", c.running, func(s *doctor.Site) {
			s.Service = func(context.Context) (doctor.Service, error) { return c.service, nil }
		})
		if f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) {
			t.Errorf("%+v: %+v", c.service, f)
		}
	}
	f := look(t, "service", "", func(s *doctor.Site) {
		s.Service = func(context.Context) (doctor.Service, error) { return doctor.Service{}, errors.New("sem systemd") }
	})
	if f.Verdict != doctor.Skipped || f.Evidence != "sem systemd" {
		t.Errorf("got %+v", f)
	}
}

func TestFreshCrashIsAWarningAndAnOldOneIsNot(t *testing.T) {
	died := time.Date(2026, 5, 14, 19, 12, 46, 0, time.UTC)
	for later, want := range map[time.Duration]doctor.Verdict{time.Hour: doctor.Warn, 8 * 24 * time.Hour: doctor.OK} {
		f := look(t, "crashes", "", func(s *doctor.Site) {
			s.Crashes, s.Now = []doctor.Crash{{File: "x.txt", At: died}}, func() time.Time { return died.Add(later) }
		})
		if f.Verdict != want {
			t.Errorf("after %v: %+v", later, f)
		}
	}
}

func TestRoutineThatFailedOrDoesNotRunIsSaid(t *testing.T) {
	metrics := func(at time.Time, failed int) string {
		return fmt.Sprintf("# TYPE x gauge\npdvagent_routine_last_run_timestamp_seconds{routine=\"retention\"} %g\npdvagent_routine_last_run_failed{routine=\"retention\"} %d\n", float64(at.Unix()), failed)
	}
	for name, c := range map[string]struct {
		metrics string
		verdict doctor.Verdict
		text    string
	}{
		"ran an hour ago":   {metrics(time.Now().Add(-time.Hour), 0), doctor.OK, "retention em "},
		"went wrong":        {metrics(time.Now().Add(-time.Hour), 1), doctor.Warn, "retention não deu certo"},
		"sleeps since days": {metrics(time.Now().Add(-50*time.Hour), 0), doctor.Warn, "retention rodou pela última vez"},
		"just started":      {metrics(time.Unix(0, 0), 0), doctor.OK, "nenhuma ainda"},
		"not running":       {"", doctor.Skipped, "não está em execução"},
	} {
		if f := look(t, "routines", c.metrics, func(*doctor.Site) {}); f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.text) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestTakenPortIsSaid(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := look(t, "port", "", func(s *doctor.Site) { s.Listen = listener.Addr().String() })
	if f.Verdict != doctor.Fail || !strings.Contains(f.Evidence, listener.Addr().String()) || f.Advice == "" {
		t.Errorf("got %+v", f)
	}
}

func TestSalvageIsAWarningForAMonth(t *testing.T) {
	at := time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	for later, want := range map[time.Duration]doctor.Verdict{time.Hour: doctor.Warn, 31 * 24 * time.Hour: doctor.OK} {
		f := look(t, "salvage", "", func(s *doctor.Site) {
			s.Salvage, s.Now = &doctor.Salvage{At: at, Held: 3, Lost: 1, File: "x.db"}, func() time.Time { return at.Add(later) }
		})
		if f.Verdict != want || (want == doctor.Warn && !strings.Contains(f.Evidence, "3 retidos, 1 sem conteúdo")) {
			t.Errorf("%v later: %+v", later, f)
		}
	}
	if f := look(t, "salvage", "", func(*doctor.Site) {}); f.Verdict != doctor.OK {
		t.Errorf("without one: %+v", f)
	}
}

func TestTheShopsCertificateAtItsBank(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left     int
		err      error
		verdict  doctor.Verdict
		evidence string
	}{
		{200, nil, doctor.OK, "vale até 10/06/2027"}, {29, nil, doctor.Warn, "em 29 dias"}, {0, errors.New("A senha está errada."), doctor.Fail, "A senha está errada."},
	} {
		f := look(t, "bank-certificate", "", func(s *doctor.Site) {
			s.Now = func() time.Time { return now }
			s.Certificate = func() (time.Time, error) { return now.AddDate(0, 0, c.left), c.err }
		})
		if f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) || (f.Verdict != doctor.OK) != (f.Advice != "") {
			t.Errorf("%+v", f)
		}
	}
	if f := look(t, "bank-certificate", "", func(*doctor.Site) {}); f.Verdict != doctor.Skipped {
		t.Errorf("without one: %+v", f)
	}
}

func TestATillThatDoesNotCallIsSaid(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	long, short := now.Add(-25*time.Hour), now.Add(-time.Hour)
	for name, c := range map[string]struct {
		running     string
		begun, last time.Time
		err         error
		verdict     doctor.Verdict
		evidence    string
	}{
		"calls":              {"x", long, short, nil, doctor.OK, "a última chamada de um caixa é de 22/11/2026 08:00"},
		"called a day ago":   {"x", long, long, nil, doctor.Warn, "a última chamada de um caixa é de 21/11/2026 08:00"},
		"never called":       {"x", long, time.Time{}, nil, doctor.Warn, "nenhum caixa chamou desde 21/11/2026 08:00"},
		"just installed":     {"x", short, time.Time{}, nil, doctor.OK, "nenhum caixa chamou ainda"},
		"the agent is off":   {"", long, long, nil, doctor.OK, "a última chamada"},
		"no journal":         {"x", time.Time{}, time.Time{}, nil, doctor.Skipped, "ainda não há diário"},
		"unreadable journal": {"x", time.Time{}, time.Time{}, errors.New("x"), doctor.Skipped, "não pode ser lido"},
	} {
		f := look(t, "journal", c.running, func(s *doctor.Site) {
			s.Now = func() time.Time { return now }
			s.LastTill = func() (time.Time, time.Time, error) { return c.begun, c.last, c.err }
		})
		if f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestACopyOfTheDataIsAWarningForAMonth(t *testing.T) {
	at := time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		clone    *doctor.Clone
		later    time.Duration
		verdict  doctor.Verdict
		evidence string
	}{
		"no copy":        {nil, 0, doctor.OK, "não são uma cópia"},
		"a copy":         {&doctor.Clone{At: at, Held: 3}, time.Hour, doctor.Warn, "clone: em 01/11/2026 00:00"},
		"nothing to do":  {&doctor.Clone{At: at}, time.Hour, doctor.OK, "0 ficaram retidos"},
		"a copy of then": {&doctor.Clone{At: at, Held: 3}, 31 * 24 * time.Hour, doctor.OK, "3 ficaram retidos"},
	} {
		f := look(t, "clone", "", func(s *doctor.Site) { s.Clone, s.Now = c.clone, func() time.Time { return at.Add(c.later) } })
		if f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) || (f.Verdict == doctor.Warn) != strings.Contains(f.Advice, "retry --reason copia") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestARestoredBackupIsNoDamage(t *testing.T) {
	f := look(t, "salvage", "", func(s *doctor.Site) {
		s.Salvage, s.Now = &doctor.Salvage{At: time.Now(), Held: 3, Restored: "backup"}, time.Now
	})
	if f.Verdict != doctor.Warn || !strings.Contains(f.Evidence, "restaurado: 3 retidos") || strings.Contains(f.Advice, "disco") {
		t.Errorf("%+v", f)
	}
}

func TestCopiesOfTheBackupThatDoNotProtectAreAWarning(t *testing.T) {
	now := time.Date(2026, 11, 1, 15, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		at       time.Time
		err      error
		evidence string
	}{
		"none yet":         {time.Time{}, nil, "não há cópia"},
		"an old one":       {now.Add(-30 * time.Hour), nil, "31/10/2026 06:00"},
		"away":             {time.Time{}, errors.New("no route"), "não pôde ser lida"},
		"on this machine":  {now.Add(-time.Hour), nil, "é um disco desta máquina"}, // as an empty mount point
		"none is asked of": {now.Add(time.Hour * 99), nil, ""},
	} {
		f := look(t, "backup-copy", "", func(s *doctor.Site) {
			s.Now, s.CopyTo = func() time.Time { return now }, t.TempDir()
			if c.evidence != "" {
				s.Copied = func() (time.Time, error) { return c.at, c.err }
			}
		})
		if c.evidence == "" && f.Verdict != doctor.OK || c.evidence != "" && (f.Verdict != doctor.Warn || !strings.Contains(f.Evidence, c.evidence)) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestASecondAgentOfATillIsAFailure(t *testing.T) {
	for alarms, want := range map[string]doctor.Verdict{
		`{"code":"shop_conflict","subject":"till","detail":"Outro pdvagent diz ser o caixa 012"}`: doctor.Fail,
		`{"code":"held_jobs","detail":"x"}`: doctor.OK,
	} {
		f := look(t, "shop", `{"alarms":[`+alarms+`]}`, func(s *doctor.Site) { s.Copied = func() (time.Time, error) { return time.Time{}, nil } })
		if f.Verdict != want || (want == doctor.Fail) != strings.Contains(f.Evidence, "caixa 012") {
			t.Errorf("%s: %+v", alarms, f)
		}
	}
}

func TestADatabaseThatIsGoneIsSaidBeforeTheStart(t *testing.T) {
	for _, c := range []struct {
		missing  bool
		backup   time.Time
		err      error
		verdict  doctor.Verdict
		evidence string
		advice   string
	}{
		{verdict: doctor.Skipped, evidence: "ainda não há"},
		{missing: true, verdict: doctor.Fail, evidence: "sumiu", advice: "começa vazio, com alarme"},
		{missing: true, backup: time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC), verdict: doctor.Fail, evidence: "o backup mais novo é de 28/11/2026 03:00", advice: "o refaz do backup"},
		{err: errors.New("sem acesso"), verdict: doctor.Fail, evidence: "sem acesso"},
	} {
		f := look(t, "store-verify", "", func(s *doctor.Site) {
			s.Missing = func() (bool, time.Time, error) { return c.missing, c.backup, c.err }
		})
		if f.Verdict != c.verdict || !strings.Contains(f.Evidence, c.evidence) || !strings.Contains(f.Advice, c.advice) {
			t.Errorf("%+v: %+v", c, f)
		}
		if c.missing && !strings.Contains(f.Advice, "pdvagent store new --confirm") {
			t.Errorf("how to start empty on purpose is not said: %s", f.Advice)
		}
	}
}

// A bundle has the beginning of what is too long, and the reason in place of what failed.
func TestBundleIsBounded(t *testing.T) {
	var out bytes.Buffer
	long := strings.Repeat("0123456789abcdef", 1<<16)
	err := doctor.Bundle(&out, time.Now(), []doctor.Item{
		{Name: "long", About: "longo", Write: func(w io.Writer) error {
			for range 20 {
				if _, err := io.Copy(w, strings.NewReader(long)); err != nil {
					return err
				}
			}
			return nil
		}},
		{Name: "broken", About: "quebrado", Write: func(io.Writer) error { return errors.New("sem acesso") }},
		{Name: "noise", About: "sem compressão", Write: func(w io.Writer) error { _, err := io.CopyN(w, rand.Reader, 16<<20); return err }},
		{Name: "more", About: "mais", Write: func(w io.Writer) error { _, err := io.CopyN(w, rand.Reader, 16<<20); return err }},
	})
	if err != nil || out.Len() > doctor.MaxBundle {
		t.Fatalf("%d bytes, %v", out.Len(), err)
	}
	archive, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	sizes := make(map[string]uint64)
	for _, file := range archive.File {
		sizes[file.Name] = file.UncompressedSize64
	}
	if _, more := sizes["more"]; sizes["long"] != 16<<20 || sizes["broken.erro.txt"] == 0 || sizes["noise"] != 16<<20 || more {
		t.Errorf("got %v", sizes)
	}
}
