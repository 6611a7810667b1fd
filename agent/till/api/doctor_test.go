package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/doctor"
)

// physician finds what a test says, one check after the other.
type physician struct {
	findings []doctor.Finding
	began    chan struct{} // closed when the first examination begins; nil: nobody waits
	goOn     chan struct{} // each check waits for one of these; nil: none waits
	admin    bool          // the last bundle was for an administrator
	err      error
}

func (p *physician) Examine(ctx context.Context, checked func(doctor.Finding), _ ...string) (found []doctor.Finding) {
	if p.began != nil {
		close(p.began)
	}
	for _, f := range p.findings {
		if p.goOn != nil {
			select {
			case <-p.goOn:
			case <-ctx.Done():
				return found
			}
		}
		if found = append(found, f); checked != nil {
			checked(f)
		}
	}
	return found
}

func (p *physician) Bundle(ctx context.Context, w io.Writer, at time.Time, admin bool) error {
	p.admin = admin
	p.Examine(ctx, nil)
	return errOr(p.err, doctor.Bundle(w, at, []doctor.Item{{Name: "a.txt", About: "x", Write: func(w io.Writer) error {
		_, err := io.WriteString(w, "a")
		return err
	}}}))
}

func errOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func ill() *physician {
	return &physician{findings: []doctor.Finding{
		{Check: "version", Title: "Versão", Verdict: doctor.OK, Evidence: "1"}, {Check: "dns", Title: "DNS", Verdict: doctor.Warn, Evidence: "lento", Advice: "Veja a rede."},
	}}
}

func TestDoctorIsAskedOverTheAPI(t *testing.T) {
	f := newFixture(t)
	f.cfg.Support.Doctor = ill()
	f.remake()
	got := f.get("/v1/doctor").want(http.StatusOK)
	got.wantField("verdict", "aviso")
	got.wantField("findings.1.advice", "Veja a rede.")
	f.call(http.MethodGet, "/v1/doctor", "", "Authorization", "Bearer "+tillToken).wantProblem(http.StatusForbidden, "scope")
	f.call(http.MethodPost, "/v1/support-bundle", "{}", "Authorization", "Bearer "+tillToken).wantProblem(http.StatusForbidden, "scope")
}

// Each finding of a stream comes as its check ends, and nobody else examines meanwhile.
func TestDoctorsFindingsComeAsTheyAreMade(t *testing.T) {
	f, p := newFixture(t), ill()
	p.goOn = make(chan struct{})
	f.cfg.Support.Doctor = p
	base := f.serve()
	l := listenTo(t, base+"/v1/doctor", "Authorization", "Bearer "+supportToken, "Accept", "text/event-stream")
	p.goOn <- struct{}{}
	if got := l.next(); got != `event: check data: {"check":"version","title":"Versão","verdict":"ok","evidence":"1"}` {
		t.Errorf("got %s", got)
	}
	for method, path := range map[string]string{"GET": "/v1/doctor", "POST": "/v1/support-bundle"} {
		if got := ask(t, method, base+path); got != http.StatusServiceUnavailable {
			t.Errorf("%s %s meanwhile: %d", method, path, got)
		}
	}
	p.goOn <- struct{}{}
	if first, second := l.next(), l.next(); !strings.Contains(first, "Veja a rede.") || second != `event: end data: {"verdict":"aviso"}` {
		t.Errorf("got %s, %s", first, second)
	}
	if got := l.next(); got != "end" {
		t.Errorf("after the end: %s", got)
	}
}

// ask makes a call with support's token, and gives the status.
func ask(t *testing.T, method, address string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+supportToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// A session that ends takes its stream and its download with it.
func TestDoctorEndsWithTheSession(t *testing.T) {
	f, p := newFixture(t), ill()
	p.goOn, p.began = make(chan struct{}), make(chan struct{})
	f.cfg.Support.Doctor = p
	f.now = time.Now() // the chain's clock is the sessions', too
	f.remake()
	session := f.console(supportToken)
	base := f.serve()
	l := listenTo(t, base+"/v1/doctor", "Authorization", "Bearer "+session, "Accept", "text/event-stream")
	p.goOn <- struct{}{}
	l.next()
	for _, s := range f.access.Sessions(f.now) {
		f.access.EndSession(s.ID)
	}
	if got := l.next(); got != "end" {
		t.Errorf("after the end of the session: %s", got)
	}
}

func TestSupportBundleIsADownloadThatTheTrailTellsOf(t *testing.T) {
	f, p := newFixture(t), ill()
	f.cfg.Support.Doctor = p
	f.remake()
	for token, admin := range map[string]bool{supportToken: false, adminToken: true} {
		got := f.post("/v1/support-bundle", "{}", "Authorization", "Bearer "+token).want(http.StatusOK)
		if name := got.header.Get("Content-Disposition"); name != `attachment; filename="pdvagent-suporte-20260514-120000.zip"` || got.header.Get("Content-Type") != "application/zip" {
			t.Errorf("got %v", got.header)
		}
		archive, err := zip.NewReader(bytes.NewReader([]byte(got.body)), int64(len(got.body)))
		if err != nil || len(archive.File) != 2 {
			t.Fatalf("got %v, %v", archive, err)
		}
		if p.admin != admin {
			t.Errorf("%s: with the configuration: %v", token, p.admin)
		}
	}
	p.err = errFailed
	f.post("/v1/support-bundle", "{}").wantProblem(http.StatusInternalServerError, "internal")
	trail := f.get("/v1/audit")
	trail.wantField("entries.0.outcome", "failed")
	trail.wantField("entries.1.what", "Levou um pacote de suporte")
	if n := strings.Count(trail.body, `"number"`); n != 3 {
		t.Errorf("the trail has %d entries: %s", n, fmt.Sprint(trail.body))
	}
}
