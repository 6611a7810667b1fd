package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pdvagent/agent/agenttest"
	"pdvagent/mercafacil/mercafacilsim"
)

// canaries are what must stand in no file, log line or answer to support: documents, a name, a phone, tokens.
func canaries() []string {
	return []string{maria, stranger, agenttest.LetterCNPJ, "CANARIANOME", "SOBRENOMECANARIO", "41987762038", cloudToken, tillToken, supportToken}
}

// Canaries through every route of a session, live, in contingency, queued, refused, resolved and abandoned; then a
// search of every byte that is left (SEC-14, SEC-15).
func TestNoFileLogOrSupportViewShowsAShopper(t *testing.T) {
	both(t, func(t *testing.T, dialect string) {
		s := hasty(t, "abandon_after: 2h", "abandon_after: 1s").open()
		s.notice(maria, "CANARIANOME SOBRENOMECANARIO", "card")
		one, _ := s.greet(dialect, maria)
		one.answer("aceitou", "41987762038")
		one.apply(units("80215", 2, "10.00"))
		one.apply(units("80215", 1, "10.00"))
		one.sell("K-1")
		lost, _ := s.greet(dialect, stranger)
		s.fault(mercafacilsim.Fault{Route: "message", Fault: "status", Status: 503, Body: `{"message":"CPF ` + stranger + `"}`, Times: 2})
		lost.answer("aceitou-pre-cadastro", "41987762038")
		lost.client = stranger
		lost.apply(units("80215", 1, "10.00"))
		s.fault(mercafacilsim.Fault{Route: "start", Fault: "status", Status: 422, Body: `{"message":"CPF ` + maria + ` bloqueado"}`, Times: 1})
		s.greet(dialect, maria)
		s.fault(mercafacilsim.Fault{Route: "start", Fault: "says", Body: `{"transaction_id":"` + maria + `",}`, Times: 1})
		s.greet(dialect, maria)
		s.clouds.Leave()
		away, _ := s.greet(dialect, stranger)
		away.client = stranger
		away.apply(units("80215", 2, "10.00"))
		away.sell("K-2")
		var shown strings.Builder
		look := func() {
			for _, path := range []string{"/v1/status", "/v1/traffic?limit=500", "/v1/queue", "/v1/sales/" + one.id, "/v1/sales/" + away.id, "/v1/sales/K-1"} {
				shown.WriteString(s.call(http.MethodGet, path, supportToken, "").body)
			}
			for seq := 1; seq <= 12; seq++ {
				shown.WriteString(s.call(http.MethodGet, fmt.Sprint("/v1/queue/", seq), supportToken, "").body)
			}
		}
		look()
		if err := s.clouds.Return(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.drained()
		s.nothingOpen()
		look()
		s.stop()
		if !strings.Contains(shown.String(), "K-2") || !strings.Contains(s.log.String(), "live_call_failed") {
			t.Fatalf("nothing was looked at: %s\n%s", shown.String(), s.log.String())
		}
		for _, canary := range canaries() {
			if strings.Contains(shown.String(), canary) {
				t.Errorf("support sees %s: %s", canary, shown.String())
			}
			if strings.Contains(s.log.String(), canary) {
				t.Errorf("the log shows %s", canary)
			}
		}
		searchFolder(t, filepath.Join(filepath.Dir(s.config), "data"))
	})
}

func searchFolder(t *testing.T, folder string) {
	t.Helper()
	searched, journal := 0, 0
	everyFile(t, folder, func(path string, content []byte) {
		if strings.HasSuffix(path, ".gz") {
			journal += len(content)
		}
		searched += len(content)
		for _, canary := range canaries() {
			if bytes.Contains(content, []byte(canary)) {
				t.Errorf("%s shows %s", filepath.Base(path), canary)
			}
		}
	})
	if searched < 16<<10 || journal < 4<<10 {
		t.Errorf("searched %d bytes, %d of them of the journal", searched, journal)
	}
}

// everyFile reads every file below a folder; what is packed is unpacked.
func everyFile(t *testing.T, folder string, look func(path string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".gz") {
			content = unzipped(t, content)
		}
		look(path, content)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func unzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Canaries wherever a caller can put one, on every route and in every kind of refusal: path, query, headers, bodies that
// are no JSON, tokens that are none. What is left afterwards shows none of them, on disk, in the log, to support or to the
// metrics; a sale's own id is what a till may ask for, so it is no canary.
func TestNoRefusalKeepsWhatWasInIt(t *testing.T) {
	s := newSite(t).open()
	s.clouds.Leave()
	const person = `"client_id":"` + maria + `","name":"CANARIANOME","phone":"41987762038","cnpj":"` + agenttest.LetterCNPJ + `"`
	bodies := []string{
		"{" + person + "}", "{" + person, "{" + person + "," + person + "}", `"` + maria + ` CANARIANOME"`, maria, "[" + strings.Repeat("[", 100) + maria,
		"{" + person + "}\xe9", "CANARIANOME;" + maria + ";41987762038", `{"items":[{` + person + `}],` + person + `}`, "<xml>" + agenttest.LetterCNPJ + "</xml>",
		`{"transaction_id":{` + person + `}}`, `{"document":"` + maria + `"}`, `{"reason":["CANARIANOME"]}`, `{"` + maria + `":"CANARIANOME"}`,
	}
	for _, d := range doors(t) {
		path := d.path + "?cpf=" + maria + "&state=" + maria + "&since=CANARIANOME&limit=" + maria
		for _, body := range bodies {
			for _, headers := range []string{
				"Host: HOST\nAuthorization: Bearer " + supportToken + "\nContent-Type: application/json\nX-Shopper: " + maria + "\n",
				"Host: HOST\nAuthorization: Bearer CANARIANOME" + maria + "\nContent-Type: application/json\n",
				"Host: " + maria + "\nAuthorization: Bearer " + supportToken + "\n",
				"Host: HOST\nOrigin: https://" + maria + ".example\nCookie: cpf=" + maria + "\n",
				"Host: HOST\nAuthorization: Bearer " + supportToken + "\nContent-Type: application/" + maria + "\nUser-Agent: CANARIANOME\n",
			} {
				if d.method == http.MethodGet {
					body = ""
				}
				s.knock(door{method: d.method, path: path}, headers, body)
				if body == "" {
					continue
				}
			}
		}
	}
	for _, path := range []string{"/v1/sales/" + maria, "/v1/queue/" + maria, "/" + maria, "/docs/" + maria, "/v2/" + maria + "/CANARIANOME"} {
		s.call(http.MethodGet, path, supportToken, "")
	}
	var shown strings.Builder
	s.until("the journal is written", func() bool { return len(s.journal("?limit=500")) > 400 })
	for _, path := range []string{"/v1/status", "/v1/traffic?limit=500", "/v1/queue?limit=500", "/metrics"} {
		shown.WriteString(s.call(http.MethodGet, path, supportToken, "").body)
	}
	for seq := range 40 {
		shown.WriteString(s.call(http.MethodGet, fmt.Sprint("/v1/queue/", seq+1), supportToken, "").body)
	}
	s.stop()
	for _, canary := range canaries() {
		if at := strings.Index(shown.String(), canary); at >= 0 {
			t.Errorf("support sees %s: %.300s", canary, shown.String()[max(at-150, 0):])
		}
		if at := strings.Index(s.log.String(), canary); at >= 0 {
			t.Errorf("the log shows %s: %.300s", canary, s.log.String()[max(at-150, 0):])
		}
	}
	searchFolder(t, filepath.Join(filepath.Dir(s.config), "data"))
}
