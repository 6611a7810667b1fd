package sandbox_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
	"pdvagent/payments/cashorder/cashordersim"
	"pdvagent/payments/ideamaker/ideamakersim"
	"pdvagent/payments/sevenaz/sevenazsim"
	"pdvagent/payments/sicoob/sicoobsim"
)

var update = flag.Bool("update", false, "write the answers of testdata/control anew: only where the control's wire is meant to change")

// simulated is one simulator with its cloud at / and its control at /control/.
type simulated struct {
	cloud, control http.Handler
	header         http.Header // of every request
}

// fixed is the clock of every simulator: a year that the real clock of a test machine is not in.
func fixed() time.Time { return time.Date(2031, 9, 30, 12, 0, 0, 0, time.UTC) }

func simulators(t *testing.T) map[string]simulated {
	t.Helper()
	loyalty, err := mercafacilsim.New(mercafacilsim.Config{Now: fixed})
	if err != nil {
		t.Fatal(err)
	}
	titles, err := ideamakersim.New(ideamakersim.Config{Now: fixed, Base: func() string { return "http://titles.invalid" }})
	if err != nil {
		t.Fatal(err)
	}
	bank, err := sicoobsim.New(sicoobsim.Config{Now: fixed})
	if err != nil {
		t.Fatal(err)
	}
	supplier, err := cashordersim.New(cashordersim.Config{Now: fixed})
	if err != nil {
		t.Fatal(err)
	}
	invoices := sevenazsim.New(sevenazsim.Config{Now: fixed})
	both := http.NewServeMux()
	both.Handle("/pix", titles.Gateway())
	both.Handle("/pix/", titles.Gateway())
	both.Handle("/webhook/", titles.Gateway())
	both.Handle("/", titles.Titles())
	return map[string]simulated{
		"mercafacil": {loyalty, loyalty.Control(), http.Header{"Authorization": {"Bearer shop-one"}, "Pdv-Version": {"1"}}},
		"ideamaker":  {both, titles.Control(), http.Header{"Authorization": {"Basic OmtleQ=="}, "Customerid": {"id"}, "Customerkey": {"key"}}},
		"sevenaz":    {invoices, invoices.Control(), http.Header{"X-Api-Key": {"key"}}},
		"sicoob":     {bank, bank.Control(), http.Header{"Client_id": {"app"}}},
		"cashorder":  {supplier, supplier.Control(), http.Header{}},
	}
}

// The control API's wire is what docs/sandbox.md and programs outside this repository rely on. A file of testdata/control is a
// script: a line "> METHOD PATH BODY" is a request, the lines after it its answer: the status, headers that count, the body.
func TestControlAnswersAsEver(t *testing.T) {
	for name, sim := range simulators(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "control", name+".txt")
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := sim.play(t, string(script))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			wanted, answered := strings.SplitAfter(string(script), "> "), strings.SplitAfter(got, "> ")
			for i := range answered { // an exchange each
				if !*update && (i >= len(wanted) || answered[i] != wanted[i]) {
					t.Errorf("%s: got\n%s", file, answered[i])
				}
			}
		})
	}
}

// play sends a script's requests and gives the script with the answers that came.
func (s simulated) play(t *testing.T, script string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", s.cloud)
	mux.Handle("/control/", http.StripPrefix("/control", s.control))
	caller := agenttest.NewCaller(t, mux)
	caller.Header = s.header
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "# ") {
			fmt.Fprintf(&out, "%s\n", line)
		}
		request, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		kind := "application/json"
		if strings.HasPrefix(body, "grant_type=") {
			kind = "application/x-www-form-urlencoded"
		}
		response := caller.Send(method, path, body, "Content-Type", kind)
		fmt.Fprintf(&out, "%s\n%s\n", line, written(response))
		var token struct {
			Value string `json:"access_token"`
		}
		if json.Unmarshal([]byte(response.Body), &token) == nil && token.Value != "" {
			caller.Header.Set("Authorization", "Bearer "+token.Value)
		}
	}
	return out.String()
}

// written gives an answer's lines, without what differs from run to run.
func written(r agenttest.Response) string {
	if r.Status == 0 {
		return "no answer\n"
	}
	lines := []string{fmt.Sprint(r.Status)}
	for _, name := range []string{"Content-Type", "Location", "Retry-After", "Content-Encoding", "Date"} {
		if value := r.Header.Get(name); value != "" && (name != "Date" || strings.Contains(value, "2031")) {
			lines = append(lines, name+": "+value)
		}
	}
	if r.Cut {
		lines = append(lines, "cut")
	}
	body := strings.TrimRight(r.Body, "\n")
	for _, random := range []struct{ pattern, instead string }{
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "UUID"},
		{`eyJ[A-Z0-9]+`, "TOKEN"},
		{`("qrCode":)"000201[^"]+"`, `$1"BRCODE"`},
		{`("requestId":")[0-9a-f-]+$`, `${1}UUID`},
		{`("autenticacao":)"[0-9A-F]{8}"`, `$1"AUTH"`},
		{`("numero":)"[0-9A-F]{8}([0-9]{2})"`, `$1"AUTH$2"`},
	} {
		body = regexp.MustCompile(random.pattern).ReplaceAllString(body, random.instead)
	}
	if body != "" {
		lines = append(lines, strings.ReplaceAll(body, "\n", "\\n"))
	}
	return strings.Join(lines, "\n") + "\n"
}
