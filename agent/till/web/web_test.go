package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/agenttest"
	"pdvagent/agent/till/web"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

const (
	tillToken    = "till-token-till-token-till"
	supportToken = "support-token-support-token"
	webTill      = "https://caixa.example.com"
)

// door runs a listener with one route of each scope, and these, and gives its port.
func door(t *testing.T, more ...web.Route) int {
	t.Helper()
	listeners, _, err := web.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listeners[0].Addr().(*net.TCPAddr).Port
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, err := web.Body(w, r, 1000)
		if err != nil {
			web.Problem(w, r, err, nil, "")
			return
		}
		_, _ = w.Write(body)
	}
	say := func(w http.ResponseWriter, _ *http.Request) {
		web.JSON(w, http.StatusOK, map[string]string{"ok": "ok"})
	}
	handler, err := web.Handler(web.Config{
		Port: port, Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "store_full" },
		NewID:  func() string { return "request-1" },
		Access: web.NewAccess([]web.Token{{Name: "t", Scope: web.Till, Secret: tillToken}, {Name: "s", Scope: web.Support, Secret: supportToken}}, []string{webTill}),
		Routes: append([]web.Route{
			{Method: "GET", Path: "/health", Scope: web.Public, Handler: say},
			{Method: "POST", Path: "/echo", Scope: web.Till, Handler: echo},
			{Method: "POST", Path: "/bare", Scope: web.Till, Handler: say},
			{Method: "GET", Path: "/support", Scope: web.Support, Handler: say},
			{Method: "GET", Path: "/panic", Scope: web.Public, Handler: func(http.ResponseWriter, *http.Request) { panic("CANARY") }},
		}, more...),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := web.Server(handler, slog.New(slog.DiscardHandler))
	done := make(chan struct{}, len(listeners))
	for _, listener := range listeners {
		go func() { _ = server.Serve(listener); done <- struct{}{} }()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		for range listeners {
			<-done
		}
	})
	return port
}

// raw sends text as it is and reads the answer: HTTP libraries would rewrite Host.
func raw(t *testing.T, port int, text string) (*http.Response, string) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, strings.ReplaceAll(strings.ReplaceAll(text, "PORT", fmt.Sprint(port)), "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

// TestGuard is the table of security.md: one line for each thing that must be let in or kept out.
func TestGuard(t *testing.T) {
	port := door(t)
	const auth = "Authorization: Bearer " + tillToken + "\n"
	get := func(path, headers string) string {
		return "GET " + path + " HTTP/1.1\n" + headers + "Connection: close\n\n"
	}
	post := func(headers, body string) string {
		return fmt.Sprintf("POST /echo HTTP/1.1\nHost: 127.0.0.1:PORT\n%s%sContent-Length: %d\nConnection: close\n\n%s", auth, headers, len(body), body)
	}
	const host, jsonType = "Host: 127.0.0.1:PORT\n", "Content-Type: application/json\n"
	for _, c := range []struct {
		name, request string
		status        int
		code          string
	}{
		{"by address", get("/health", host), 200, ""},
		{"by name", get("/health", "Host: localhost:PORT\n"), 200, ""},
		{"by IPv6 address", get("/health", "Host: [::1]:PORT\n"), 200, ""},
		{"with a slash at the end", get("/health/", host), 200, ""},
		{"with two slashes at the beginning", get("//health", host), 200, ""},
		{"SEC-02 another name", get("/health", "Host: evil.example:PORT\n"), 421, "host"},
		{"SEC-02 a name that begins like ours", get("/health", "Host: localhost.evil.com\n"), 421, "host"},
		{"SEC-02 short address", get("/health", "Host: 127.1:PORT\n"), 421, "host"},
		{"SEC-02 mapped address", get("/health", "Host: [::ffff:127.0.0.1]:PORT\n"), 421, "host"},
		{"SEC-02 port only", get("/health", "Host: :PORT\n"), 421, "host"},
		{"SEC-02 no port", get("/health", "Host: 127.0.0.1\n"), 421, "host"},
		{"SEC-02 another port", get("/health", "Host: 127.0.0.1:1\n"), 421, "host"},
		{"capital letters", get("/health", "Host: LOCALHOST:PORT\n"), 200, ""},
		{"HTTP/1.0 without the port", "GET /health HTTP/1.0\nHost: 127.0.0.1\n\n", 200, ""},
		{"HTTP/1.0 by name without the port", "GET /health HTTP/1.0\nHost: Localhost\n\n", 200, ""},
		{"HTTP/1.0 by IPv6 address without the port", "GET /health HTTP/1.0\nHost: [::1]\n\n", 200, ""},
		{"SEC-02 HTTP/1.0 by another name", "GET /health HTTP/1.0\nHost: evil.example\n\n", 421, "host"},
		{"SEC-02 HTTP/1.0 with another port", "GET /health HTTP/1.0\nHost: localhost:1\n\n", 421, "host"},
		{"SEC-02 empty", get("/health", "Host: \n"), 421, "host"},
		{"SEC-02 missing in HTTP/1.0", "GET /health HTTP/1.0\n\n", 421, "host"},
		{"SEC-02 absolute target with another host", get("http://evil.example/health", host), 421, "host"},
		{"SEC-02 on an unknown path", get("/nowhere", "Host: evil.example\n"), 421, "host"},
		{"SEC-03 origin of nobody", get("/health", host+"Origin: https://evil.example\n"), 403, "origin"},
		{"SEC-03 null origin", get("/health", host+"Origin: null\n"), 403, "origin"},
		{"SEC-03 origin that ends like a listed one", get("/health", host+"Origin: https://xcaixa.example.com\n"), 403, "origin"},
		{"SEC-03 origin that begins like a listed one", get("/health", host+"Origin: https://caixa.example.com.evil\n"), 403, "origin"},
		{"SEC-03 listed origin on another port", get("/health", host+"Origin: https://caixa.example.com:444\n"), 403, "origin"},
		{"SEC-03 loopback page on another port", get("/health", host+"Origin: http://127.0.0.1:1\n"), 403, "origin"},
		{"SEC-03 our own page", get("/health", host+"Origin: http://127.0.0.1:PORT\n"), 200, ""},
		{"SEC-03 listed origin", get("/health", host+"Origin: "+webTill+"\n"), 200, ""},
		{"SEC-03 two origins", get("/health", host+"Origin: "+webTill+"\nOrigin: https://evil.example\n"), 400, "browser"},
		{"SEC-04 cross-site page without Origin", get("/health", host+"Sec-Fetch-Site: cross-site\n"), 403, "origin"},
		{"SEC-04 same-site page without Origin", get("/health", host+"Sec-Fetch-Site: same-site\n"), 403, "origin"},
		{"SEC-04 cross-site from a listed page", get("/health", host+"Sec-Fetch-Site: cross-site\nOrigin: "+webTill+"\n"), 200, ""},
		{"SEC-04 no-cors", get("/health", host+"Sec-Fetch-Mode: no-cors\n"), 400, "browser"},
		{"SEC-04 websocket", get("/health", host+"Upgrade: websocket\nConnection: Upgrade\n"), 400, "browser"},
		{"SEC-05 form", post("Content-Type: application/x-www-form-urlencoded\n", "a=1"), 415, "media_type"},
		{"SEC-05 plain text", post("Content-Type: text/plain\n", "{}"), 415, "media_type"},
		{"SEC-05 no type", post("", "{}"), 415, "media_type"},
		{"SEC-05 JSON", post(jsonType, `{"a":1}`), 200, ""},
		{"SEC-05 GET on a route that changes", get("/echo", host+auth), 405, "method"},
		{"SEC-05 form on a route without a body", "POST /bare HTTP/1.1\n" + host + auth + "Content-Type: application/x-www-form-urlencoded\nContent-Length: 0\nConnection: close\n\n", 415, "media_type"},
		{"SEC-05 no body on a route without one", "POST /bare HTTP/1.1\n" + host + auth + "Content-Length: 0\nConnection: close\n\n", 200, ""},
		{"SEC-06 no token", get("/support", host), 401, "unauthorized"},
		{"SEC-06 wrong token", get("/support", host+"Authorization: Bearer x\n"), 401, "unauthorized"},
		{"SEC-06 token in the address", get("/support?token="+supportToken, host), 401, "unauthorized"},
		{"SEC-06 another scheme", get("/support", host+"Authorization: Basic "+supportToken+"\n"), 401, "unauthorized"},
		{"SEC-06 two tokens", get("/support", host+auth+"Authorization: Bearer "+supportToken+"\n"), 401, "unauthorized"},
		{"SEC-06 scheme in small letters", "POST /bare HTTP/1.1\n" + host + "Authorization: bearer " + tillToken + "\nContent-Length: 0\nConnection: close\n\n", 200, ""},
		{"SEC-06 scope too small", get("/support", host+auth), 403, "scope"},
		{"two spaces after Bearer", get("/support", host+"Authorization: Bearer  "+supportToken+"\n"), 200, ""},
		{"SEC-06 larger scope", "POST /echo HTTP/1.1\n" + host + "Authorization: Bearer " + supportToken + "\n" + jsonType + "Content-Length: 2\nConnection: close\n\n{}", 200, ""},
		{"SEC-08 body too large", post(jsonType, `"`+strings.Repeat("x", 1000)+`"`), 413, "too_large"},
		{"SEC-08 header too large", get("/health", host+"X: "+strings.Repeat("x", 64<<10)+"\n"), 431, ""},
		{"SEC-08 chunks without end", "POST /echo HTTP/1.1\n" + host + auth + jsonType + "Transfer-Encoding: chunked\n\n" + strings.Repeat("40\n"+strings.Repeat("x", 64)+"\n", 1000), 413, "too_large"},
		{"SEC-08 half a body", "POST /echo HTTP/1.1\n" + host + auth + jsonType + "Transfer-Encoding: chunked\n\n5\nxxxxx\nZZ\n", 400, "malformed"},
		{"SEC-08 two lengths", "POST /echo HTTP/1.1\n" + host + auth + jsonType + "Content-Length: 2\nContent-Length: 3\n\n{} ", 400, ""},
		{"SEC-02 two hosts", get("/health", host+"Host: evil.example\n"), 400, ""},
		{"SEC-09 compressed", post(jsonType+"Content-Encoding: gzip\n", "x"), 415, "media_type"},
		{"unknown path", get("/nowhere", host), 404, "not_found"},
		{"panic", get("/panic", host), 500, "internal"},
		{"UTF-8 with a byte order mark", post(jsonType, "\xef\xbb\xbf{}"), 200, ""},
		{"bytes that are no UTF-8", post(jsonType, "{\"a\":\"\xe9\"}"), 400, "encoding"},
		{"a charset nobody knows", post("Content-Type: application/json; charset=utf-7\n", "{}"), 400, "encoding"},
		{"a byte that windows-1252 does not have", post("Content-Type: application/json; charset=windows-1252\n", "{\"a\":\"\x81\"}"), 400, "encoding"},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := raw(t, port, c.request)
			if response.StatusCode != c.status {
				t.Fatalf("got %d %s, want %d", response.StatusCode, body, c.status)
			}
			if strings.Contains(body, "CANARY") {
				t.Error("the answer shows the inside of the agent")
			}
			if c.code != "" {
				wantProblem(t, response, body, c.code)
			}
			if origin := response.Header.Get("Access-Control-Allow-Origin"); origin != "" && origin != webTill {
				t.Errorf("allowed origin %q", origin)
			}
		})
	}
}

func wantProblem(t *testing.T, response *http.Response, body, code string) {
	t.Helper()
	var problem struct {
		Type, Title, Code, Detail, Origin, Retry string
		Status                                   int
		RequestID                                string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &problem); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if problem.Code != code || problem.Status != response.StatusCode || problem.Detail == "" || problem.Title == "" ||
		problem.Origin == "" || problem.Retry == "" || problem.RequestID != "request-1" {
		t.Errorf("got %+v, want code %s", problem, code)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/problem+json", "X-Request-Id": "request-1", "X-Agent-Alarm": "store_full", "X-Agent-Delivery": "refused",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := response.Header.Get("X-Agent-Time"); !strings.HasPrefix(got, "agent=") || !strings.Contains(got, ";cloud=") {
		t.Errorf("X-Agent-Time: %q", got)
	}
}

func TestWebTillsPreflightIsAnsweredForListedOriginsOnly(t *testing.T) {
	port := door(t)
	ask := "OPTIONS /echo HTTP/1.1\nHost: 127.0.0.1:PORT\nOrigin: %s\nAccess-Control-Request-Method: POST\n" +
		"Access-Control-Request-Private-Network: true\nConnection: close\n\n"
	response, _ := raw(t, port, fmt.Sprintf(ask, webTill))
	if response.StatusCode != 204 || response.Header.Get("Access-Control-Allow-Origin") != webTill ||
		response.Header.Get("Access-Control-Allow-Private-Network") != "true" || !strings.Contains(response.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("got %d %v", response.StatusCode, response.Header)
	}
	if response, _ := raw(t, port, fmt.Sprintf(ask, "https://evil.example")); response.StatusCode != 403 || response.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("got %d %v", response.StatusCode, response.Header)
	}
}

func TestWindows1252BecomesUTF8(t *testing.T) {
	body := "{\"a\":\"caf\xe9 \x80\"}"
	_, got := raw(t, door(t), fmt.Sprintf("POST /echo HTTP/1.1\nHost: 127.0.0.1:PORT\nAuthorization: Bearer %s\n"+
		"Content-Type: application/json; charset=ISO-8859-1\nContent-Length: %d\nConnection: close\n\n%s", tillToken, len(body), body))
	if got != `{"a":"café €"}` {
		t.Errorf("got %q", got)
	}
}

func TestByteOrderMarkIsDropped(t *testing.T) {
	body := "\xef\xbb\xbf{\"a\":1}"
	_, got := raw(t, door(t), fmt.Sprintf("POST /echo HTTP/1.1\nHost: 127.0.0.1:PORT\nAuthorization: Bearer %s\n"+
		"Content-Type: application/json\nContent-Length: %d\nConnection: close\n\n%s", tillToken, len(body), body))
	if got != `{"a":1}` {
		t.Errorf("got %q", got)
	}
}

func TestBothLoopbackAddressesAnswer(t *testing.T) {
	port := door(t)
	for _, address := range []string{"127.0.0.1", "[::1]"} {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("%s:%d", address, port))
		if err != nil && address == "[::1]" {
			agenttest.Missing(t, "IPv6")
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.168.0.1:0", "example.com:0", "127.0.0.1"} {
		if listeners, _, err := web.Listen(context.Background(), address); agent.CodeOf(err) != agent.CodeBadConfig {
			t.Errorf("%s: got %v, %v", address, listeners, err)
		}
	}
}

func TestPortInUseIsSaidInASentence(t *testing.T) {
	port := door(t)
	_, _, err := web.Listen(t.Context(), fmt.Sprintf("127.0.0.1:%d", port))
	if agent.CodeOf(err) != agent.CodeBadConfig || !strings.Contains(err.Error(), "address already in use") && !strings.Contains(err.Error(), "Only one usage") {
		t.Errorf("got %v", err)
	}
}

func TestIPv6PortOfAnotherProgramIsNoMissingIPv6(t *testing.T) {
	var config net.ListenConfig
	other, err := config.Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		agenttest.Missing(t, "IPv6")
	}
	defer other.Close()
	address := fmt.Sprintf("127.0.0.1:%d", other.Addr().(*net.TCPAddr).Port)
	if _, _, err := web.Listen(t.Context(), address); agent.CodeOf(err) != agent.CodeBadConfig {
		t.Errorf("got %v", err)
	}
}

// A till that keeps its connection has it for its next sale; the journal knows how long an answer was of which it got the
// beginning.
func TestConnectionIsKeptAndTheJournalHearsTheLengthOfAnAnswer(t *testing.T) {
	var seen []agent.Exchange
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: web.NewAccess(nil, nil), Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "r" },
		Observe: func(x agent.Exchange) { seen = append(seen, x) },
		Routes: []web.Route{{Method: "POST", Path: "/echo", Handler: func(w http.ResponseWriter, r *http.Request) {
			if _, err := web.Body(w, r, 1000); err != nil {
				web.Problem(w, r, err, nil, "")
				return
			}
			_, _ = w.Write(bytes.Repeat([]byte("x"), 100_000))
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{`{"a":1}`: "", `{"a":"` + strings.Repeat("x", 2000) + `"}`: "close"} {
		request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8780/echo", strings.NewReader(body))
		request.RemoteAddr = "127.0.0.1:1000"
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if got := recorder.Header().Get("Connection"); got != want {
			t.Errorf("a body of %d bytes, answered %d: Connection is %q, want %q", len(body), recorder.Code, got, want)
		}
		if x := seen[len(seen)-1]; recorder.Code == 200 && (x.ResponseBytes != 100_000 || len(x.Response) != 32<<10) {
			t.Errorf("the journal got %d bytes of %d", len(x.Response), x.ResponseBytes)
		}
	}
}

// What a handler panics with may hold what it was working on: neither the till nor the log is told, the journal has the
// call.
func TestPanicIsLoggedWithoutWhatItSaid(t *testing.T) {
	var log bytes.Buffer
	var seen []agent.Exchange
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: web.NewAccess(nil, nil), Log: slog.New(slog.NewTextHandler(&log, nil)), Alarm: func() string { return "" }, NewID: func() string { return "request-9" },
		Observe: func(x agent.Exchange) { seen = append(seen, x) },
		Routes: []web.Route{{Method: "POST", Path: "/panic", Handler: func(w http.ResponseWriter, r *http.Request) {
			body, _ := web.Body(w, r, 1000)
			panic("cannot handle " + string(body))
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8780/panic", strings.NewReader(`{"cpf":"52998224725"}`))
	request.RemoteAddr = "127.0.0.1:1000"
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != 500 || strings.Contains(recorder.Body.String(), "52998224725") {
		t.Errorf("got %d %s", recorder.Code, recorder.Body)
	}
	if strings.Contains(log.String(), "52998224725") || !strings.Contains(log.String(), "request-9") || !strings.Contains(log.String(), "web_test.go") {
		t.Errorf("the log says %s", log.String())
	}
	if len(seen) != 1 || seen[0].Status != 500 || seen[0].Origin != "agent" {
		t.Errorf("the journal got %+v", seen)
	}
}

func TestCallFromAnotherMachineIsRefused(t *testing.T) {
	handler, err := web.Handler(web.Config{
		Port: 8780, Access: web.NewAccess(nil, nil), Log: slog.New(slog.DiscardHandler), Alarm: func() string { return "" }, NewID: func() string { return "x" },
		Routes: []web.Route{{Method: "GET", Path: "/health", Handler: func(http.ResponseWriter, *http.Request) {}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for remote, want := range map[string]int{"192.168.0.9:1000": 403, "127.0.0.1:1000": 200, "[::1]:1000": 200, "nonsense": 403} {
		request := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8780/health", http.NoBody)
		request.RemoteAddr = remote
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("%s: got %d, want %d", remote, recorder.Code, want)
		}
	}
}
