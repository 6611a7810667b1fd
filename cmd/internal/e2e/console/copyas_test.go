package console

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pdvagent/agent/agenttest"
)

// wired is a request as a program must make it.
type wired struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    *string     `json:"body,omitempty"`
}

// bodies are what literals of programs stumble over.
func bodies() []string {
	return []string{
		`{"a":"b"}`, "", `{"q":"aspas \" 'simples' e \\barra\\ final \\"}`, "linha 1\nlinha 2\r\nlinha 3\r\tfim\n", `{"nome":"AÇÚCAR ÇÃO ñ € 😀"}`, `$HOME ${x} $(id) %s %d %% %1$s {{ }} #{x} ` + "`x`",
		`''' """ \' \" \\ \n \u0041 @' '@`, "\x01\x02\x1f\x7f\u0080\u00ff\u2028\ufeff", strings.Repeat(`{"item":"CAFÉ 'x' \"y\" 100%"},`, 40), " ", "x?y&z=1#;", "!history !! \\!",
	}
}

// translated has the page's own script write the programs of every language, all requests in each.
func translated(t *testing.T, requests []wired) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		agenttest.Missing(t, "node")
	}
	folder := t.TempDir()
	for _, name := range []string{"copyas.js", "json.js"} {
		text, err := os.ReadFile(filepath.Join(agenttest.Root(), "agent/till/console/page", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	given, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"package.json": `{"type":"module"}`, "requests.json": string(given),
		"run.js": `import { readFileSync } from "node:fs";
import { languages, program } from "./copyas.js";
const requests = JSON.parse(readFileSync("requests.json", "utf8"));
console.log(JSON.stringify(Object.fromEntries(languages.map(([code]) => [code, program(code, requests)]))));`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "node", "run.js")
	command.Dir, command.Stderr = folder, os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	programs := make(map[string]string)
	if err := json.Unmarshal(out, &programs); err != nil {
		t.Fatal(err)
	}
	return programs
}

// Each language whose compiler is to be had here is compiled once over all requests, and what goes over the wire is
// what the request says, byte by byte.
func TestCopiedProgramsSayWhatTheRequestSays(t *testing.T) {
	var mu sync.Mutex
	var came []wired
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body := string(text)
		mu.Lock()
		defer mu.Unlock()
		came = append(came, wired{r.Method, "http://" + r.Host + r.RequestURI, [][2]string{{"Authorization", r.Header.Get("Authorization")}, {"Content-Type", r.Header.Get("Content-Type")}, {"Idempotency-Key", r.Header.Get("Idempotency-Key")}}, &body})
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true}`)
	}))
	defer server.Close()
	const token = `senha-'com'-$inal`
	var requests, want []wired
	for i, body := range bodies() {
		requests = append(requests, wired{[]string{"POST", "PUT"}[i%2], fmt.Sprintf("%s/v2/coupons?n=%d&x=a%%20b", server.URL, i), [][2]string{{"Authorization", "Bearer {{TOKEN_DO_CAIXA}}"}, {"Content-Type", "application/json"}, {"Idempotency-Key", fmt.Sprintf("chave-%d", i)}}, &body})
	}
	requests = append(requests, wired{"GET", server.URL + "/v1/sales/C-1", [][2]string{{"Authorization", "Bearer {{TOKEN_DO_CAIXA}}"}}, nil})
	for _, r := range requests {
		body, headers := "", [][2]string{{"Authorization", "Bearer " + token}, {"Content-Type", ""}, {"Idempotency-Key", ""}}
		if r.Body != nil {
			body, headers[1], headers[2] = *r.Body, r.Headers[1], r.Headers[2]
		}
		want = append(want, wired{r.Method, r.URL, headers, &body})
	}
	programs := translated(t, requests)
	for _, l := range []struct {
		code, file, secret string
		needs              []string
		build, run         []string
	}{
		{"curl", "programa.sh", `'senha-'\''com'\''-$inal'`, []string{"sh", "curl"}, nil, []string{"sh", "programa.sh"}},
		{"python", "programa.py", `"senha-'com'-$inal"`, []string{"python3"}, nil, []string{"python3", "programa.py"}},
		{"php", "programa.php", `'senha-\'com\'-$inal'`, []string{"php"}, nil, []string{"php", "programa.php"}},
		{"java", "Programa.java", `"senha-'com'-$inal"`, []string{"java", "javac"}, []string{"javac", "-proc:none", "Programa.java"}, []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "Programa"}},
		{"csharp", "Programa.cs", `"senha-'com'-$inal"`, []string{"mcs", "mono"}, []string{"mcs", "-r:System.Net.Http.dll", "Programa.cs"}, []string{"mono", "Programa.exe"}},
		{"lazarus", "programa.pas", `'senha-''com''-$inal'`, []string{"fpc"}, []string{"fpc", "-v0", "programa.pas"}, []string{"./programa"}},
	} {
		t.Run(l.code, func(t *testing.T) {
			for _, tool := range l.needs {
				if _, err := exec.LookPath(tool); err != nil {
					agenttest.Missing(t, tool)
				}
			}
			folder := t.TempDir()
			text := strings.NewReplacer(`"cole aqui"`, l.secret, `'cole aqui'`, l.secret).Replace(programs[l.code])
			if err := os.WriteFile(filepath.Join(folder, l.file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			came = nil
			mu.Unlock()
			for _, line := range [][]string{l.build, l.run} {
				if line == nil {
					continue
				}
				command := exec.CommandContext(t.Context(), line[0], line[1:]...)
				command.Dir = folder
				if out, err := command.CombinedOutput(); err != nil {
					t.Fatalf("%v: %v\n%s", line, err, out)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			wantOnTheWire(t, came, want)
		})
	}
}

// wantOnTheWire compares what came with what was meant. A library may say how the missing body of a GET is typed.
func wantOnTheWire(t *testing.T, came, want []wired) {
	t.Helper()
	if len(came) != len(want) {
		t.Errorf("%d calls came, want %d", len(came), len(want))
	}
	for i := range min(len(came), len(want)) {
		if *want[i].Body == "" && want[i].Method == "GET" {
			came[i].Headers = slices.Clone(came[i].Headers)
			came[i].Headers[1][1] = ""
		}
		if !reflect.DeepEqual(came[i], want[i]) {
			t.Errorf("call %d: %s %s %v %q\nwant: %s %s %v %q", i, came[i].Method, came[i].URL, came[i].Headers, *came[i].Body, want[i].Method, want[i].URL, want[i].Headers, *want[i].Body)
		}
	}
}
