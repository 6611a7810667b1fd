package operation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// wire sends text as it is, on a connection of its own: HTTP libraries would rewrite Host and refuse half of it.
func wire(s *e2e.Site, text string) (*http.Response, string) {
	s.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(s.Context(), "tcp", strings.TrimPrefix(s.Base, "http://"))
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, text) // who is refused early may be cut off
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.Fatalf("%v after %.300q", err, text)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

// door is one route as a stranger finds it.
type door struct {
	method, path string
	public       bool
	support      bool
	admin        bool
}

// doors are all routes of the document, and some that do not exist.
func doors(t *testing.T) []door {
	t.Helper()
	document, err := e2e.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var list []door
	for template := range document.Object("/paths") {
		path := strings.NewReplacer("{id}", "1", "{nosso_numero}", "1", "{file}", "start.js", "/v1/events", "/v1/events?after=x").Replace(template) // one that never ends is no answer
		for method := range document.Object("/paths/" + e2e.EscapePointer(template)) {
			operation := document.Object("/paths/" + e2e.EscapePointer(template) + "/" + method)
			tags, _ := operation["tags"].([]any)
			list = append(list, door{strings.ToUpper(method), path, fmt.Sprint(tags[0]) == "Aberto", fmt.Sprint(tags[0]) == "Suporte", fmt.Sprint(tags[0]) == "Configuração"})
		}
	}
	if len(list) < 24 {
		t.Fatalf("the document has %d operations", len(list))
	}
	for _, path := range []string{"/", "/v1/nothing", "/v9/transaction/start", "/v2/coupons/../../etc/passwd"} {
		list = append(list, door{method: "GET", path: path, public: true}, door{method: "POST", path: path, public: true})
	}
	return list
}

// knock writes a request; HOST and PORT in its headers are this agent's.
func knock(s *e2e.Site, d door, headers, body string) (int, string, *http.Response) {
	s.Helper()
	host := strings.TrimPrefix(s.Base, "http://")
	_, port, _ := strings.Cut(host, ":")
	headers = strings.NewReplacer("HOST", host, "PORT", port).Replace(headers)
	length := ""
	if body != "" {
		length = fmt.Sprintf("Content-Length: %d\n", len(body))
	}
	head := strings.ReplaceAll(d.method+" "+d.path+" HTTP/1.1\n"+headers+length+"Connection: close\n\n", "\n", "\r\n")
	response, text := wire(s, head+body)
	var problem struct{ Code string }
	_ = json.Unmarshal([]byte(text), &problem) // an answer that is no problem has no code
	return response.StatusCode, problem.Code, response
}

// refusals is what no route lets in, whoever asks; a new line is a new rule for every route. Headers are sent as they stand.
func refusals() []struct {
	name, headers string
	status        int
	code          string
} {
	const auth = "Authorization: Bearer " + e2e.SupportToken + "\n"
	return []struct {
		name, headers string
		status        int
		code          string
	}{
		{"SEC-02 another host", "Host: evil.example\n" + auth, 421, "host"},
		{"SEC-02 another host on our port", "Host: evil.example:PORT\n" + auth, 421, "host"},
		{"SEC-02 a host that begins like ours", "Host: localhost.evil.com:PORT\n" + auth, 421, "host"},
		{"SEC-02 short address", "Host: 127.1:PORT\n" + auth, 421, "host"},
		{"SEC-02 mapped address", "Host: [::ffff:127.0.0.1]:PORT\n" + auth, 421, "host"},
		{"SEC-02 port only", "Host: :PORT\n" + auth, 421, "host"},
		{"SEC-02 empty host", "Host: \n" + auth, 421, "host"},
		{"SEC-03 another origin", "Host: HOST\nOrigin: https://evil.example\n" + auth, 403, "origin"},
		{"SEC-03 null origin", "Host: HOST\nOrigin: null\n" + auth, 403, "origin"},
		{"SEC-03 a loopback page on another port", "Host: HOST\nOrigin: http://127.0.0.1:1\n" + auth, 403, "origin"},
		{"SEC-04 cross-site", "Host: HOST\nSec-Fetch-Site: cross-site\n" + auth, 403, "origin"},
		{"SEC-04 same-site", "Host: HOST\nSec-Fetch-Site: same-site\n" + auth, 403, "origin"},
		{"SEC-04 no-cors", "Host: HOST\nSec-Fetch-Mode: no-cors\n" + auth, 400, "browser"},
		{"SEC-04 websocket", "Host: HOST\nUpgrade: websocket\n" + auth, 400, "browser"},
	}
}

// SEC-02 to SEC-04 on every route, unknown paths included, and nothing that asks is told who may.
func TestEveryRouteKeepsOutWhatTheGuardKeepsOut(t *testing.T) {
	s := e2e.NewSite(t).Start()
	for _, rule := range refusals() {
		t.Run(rule.name, func(t *testing.T) {
			for _, d := range doors(t) {
				status, code, response := knock(s, d, rule.headers, "")
				if status != rule.status || code != rule.code || response.Header.Get("Access-Control-Allow-Origin") != "" || response.Header.Get("X-Request-Id") == "" {
					t.Errorf("%s %s: got %d %s %v", d.method, d.path, status, code, response.Header)
				}
			}
		})
	}
}

// SEC-05 and SEC-06: the matrix of routes, tokens and types.
func TestEveryRouteWantsItsTokenAndJSON(t *testing.T) {
	s := e2e.NewSite(t).Start()
	tokens := map[string]string{"none": "", "wrong": strings.Repeat("x", 30), "till": e2e.TillToken, "support": e2e.SupportToken, "admin": e2e.AdminToken}
	for _, d := range doors(t) {
		for name, token := range tokens {
			headers := "Host: HOST\n"
			if token != "" {
				headers += "Authorization: Bearer " + token + "\n"
			}
			status, code, _ := knock(s, d, headers, "")
			refused := status == 401 || status == 403
			want := !d.public && (name == "none" || name == "wrong" || (name == "till" && (d.support || d.admin)) || (name == "support" && d.admin))
			if refused != want || (want && code != "unauthorized" && code != "scope") {
				t.Errorf("%s %s with token %s: got %d %s", d.method, d.path, name, status, code)
			}
		}
		if d.method == http.MethodGet || d.public {
			continue
		}
		for _, media := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/jsonp", "json"} {
			if status, code, _ := knock(s, d, "Host: HOST\nAuthorization: Bearer "+e2e.AdminToken+"\nContent-Type: "+media+"\n", "{}"); status != 415 || code != "media_type" {
				t.Errorf("%s %s of type %s: got %d %s", d.method, d.path, media, status, code)
			}
		}
		for _, method := range []string{"GET", "DELETE", "PATCH", "TRACE"} {
			if status, code, response := knock(s, door{method: method, path: d.path}, "Host: HOST\nAuthorization: Bearer "+e2e.AdminToken+"\n", ""); status != 405 && status != 200 && status != 404 || (status == 405 && (code != "method" || response.Header.Get("Allow") == "")) {
				t.Errorf("%s %s: got %d %s", method, d.path, status, code)
			}
		}
	}
}

// SEC-08 and SEC-09: bodies that are no bodies, on every route that takes one. Nothing of them is kept.
func TestEveryRouteRefusesBodiesThatAreNone(t *testing.T) {
	s := e2e.NewSiteWithPayments(t).Start()
	s.Clouds.Leave()
	var blanks bytes.Buffer
	zipped := gzip.NewWriter(&blanks)
	_, _ = zipped.Write(bytes.Repeat([]byte(" "), 1<<20))
	_ = zipped.Close()
	bomb := strings.Repeat(blanks.String(), 64) // what is zipped may stand in parts
	const utf8 = "Content-Type: application/json\n"
	bodies := []struct {
		name, headers, body string
		status              int
		code                string
	}{
		{"nothing", utf8, "", 400, "malformed"},
		{"half an object", utf8, `{"a":`, 400, "malformed"},
		{"two values", utf8, `{} {}`, 400, "malformed"},
		{"no comma", utf8, `{"a":1 x}`, 400, "malformed"},
		{"NaN", utf8, `{"a":NaN}`, 400, "malformed"},
		{"a key twice", utf8, `{"document":"1","document":"2"}`, 400, "duplicate_key"},
		{"a key twice by escapes", utf8, `{"reason":"a","re\u0061son":"b"}`, 400, "duplicate_key"},
		{"a key twice, deep inside", utf8, `{"items":[{"sku":"1","sku":"2"}]}`, 400, "duplicate_key"},
		{"1,000 levels of arrays", utf8, strings.Repeat("[", 1000) + strings.Repeat("]", 1000), 400, "too_deep"},
		{"1,000 levels of objects", utf8, strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000), 400, "too_deep"},
		{"Latin-1 that says it is UTF-8", utf8, "{\"reason\":\"caf\xe9\"}", 400, "encoding"},
		{"a code page nobody has", "Content-Type: application/json; charset=ebcdic\n", "{}", 400, "encoding"},
		{"a byte that windows-1252 has not", "Content-Type: application/json; charset=windows-1252\n", "{\"reason\":\"\x81\"}", 400, "encoding"},
		{"UTF-16", utf8, "\xff\xfe{\x00}\x00", 400, "encoding"},
		{"more than the largest sale", utf8, `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too_large"},
		{"a gzip bomb", utf8 + "Content-Encoding: gzip\n", bomb, 415, "media_type"},
		{"brotli", utf8 + "Content-Encoding: br\n", "{}", 415, "media_type"},
	}
	for _, d := range doors(t) {
		if d.method == http.MethodGet || d.method == http.MethodDelete || d.public || strings.HasSuffix(d.path, "/retry") || strings.HasSuffix(d.path, "/run") || strings.HasSuffix(d.path, "/undo") || strings.HasPrefix(d.path, "/v1/files/") || strings.HasSuffix(d.path, "/1/cancel") || strings.HasSuffix(d.path, "/write-off") {
			continue
		}
		if d.support && strings.Contains(d.path, "/queue/") {
			s.Post("/v2/coupons", "{}") // a held job to repair or discard
		}
		for _, c := range bodies[:agenttest.Amount(len(bodies), len(bodies)/2)] {
			status, code, _ := knock(s, d, "Host: HOST\nAuthorization: Bearer "+e2e.AdminToken+"\n"+c.headers, c.body)
			if status != c.status || code != c.code {
				t.Errorf("%s %s, %s: got %d %s, want %d %s", d.method, d.path, c.name, status, code, c.status, c.code)
			}
		}
		endless := "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		head := fmt.Sprintf(endless, d.method, d.path, strings.TrimPrefix(s.Base, "http://"), e2e.AdminToken)
		response, text := wire(s, head+strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 64))
		seenAtOnce := response.StatusCode == 400 && strings.Contains(text, "uma lista de objetos") // by a load, which reads as it comes
		if response.StatusCode != 413 && !seenAtOnce {
			t.Errorf("%s %s, chunks without end: got %d %s", d.method, d.path, response.StatusCode, text)
		}
	}
	if got := s.Status(); got.Field("queue.accepted") != 1.0 {
		t.Errorf("something was kept: %s", got.Body)
	}
}

// Bodies that Windows programs send, and that are right.
func TestBodiesOfWindowsProgramsAreTaken(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	for name, c := range map[string]struct{ media, body string }{
		"windows-1252":         {"application/json; charset=windows-1252", "{\"document\":\"52998224725\",\"x\":\"caf\xe9\"}"},
		"ISO-8859-1, capitals": {"Application/JSON; Charset=ISO-8859-1", "{\"document\":\"52998224725\",\"x\":\"a\xe7\xe3o\"}"},
		"byte order mark":      {"application/json", "\xef\xbb\xbf{\"document\":\"52998224725\"}"},
		"UTF-8 in quotes":      {`application/json; charset="utf-8"`, `{"document":"52998224725"}`},
		"a vendor's JSON":      {"application/vnd.pdv+json", `{"document":"52998224725"}`},
	} {
		if status, code, _ := knock(s, door{method: "POST", path: "/v1/members/forget"}, "Host: HOST\nAuthorization: Bearer "+e2e.SupportToken+"\nContent-Type: "+c.media+"\n", c.body); status != 200 {
			t.Errorf("%s: got %d %s", name, status, code)
		}
	}
}

// SEC-01: the port is open on loopback alone.
func TestNoOtherInterfaceListens(t *testing.T) {
	s := e2e.NewSite(t).Start()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Base, "http://"), ":")
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.IsLinkLocalUnicast() {
			continue
		}
		dialer := net.Dialer{Timeout: 2 * time.Second}
		if conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(network.IP.String(), port)); err == nil {
			_ = conn.Close()
			t.Errorf("%s answers", network.IP)
		}
	}
}

// SEC-12: what a till or a cloud says is never a page.
func TestNothingThatWasSaidIsShownAsAPage(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>`
	s := e2e.NewSite(t).Start()
	s.Clouds.Leave()
	s.Post("/v2/coupons", `{"coupon":"`+evil+`","date":"`+evil+`","items":[{"product_name":"`+evil+`"}]}`)
	for _, path := range []string{"/v1/queue", "/v1/queue/1", "/v1/sales/" + strings.ReplaceAll(evil, " ", "%20"), "/v1/traffic", "/metrics", "/" + strings.ReplaceAll(evil, " ", "%20")} {
		got := s.Call(http.MethodGet, path, e2e.SupportToken, "")
		if strings.Contains(got.Body, "<img") || strings.Contains(got.Header.Get("Content-Type"), "html") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v %s", path, got.Header, got.Body)
		}
	}
}

// SEC-08: 200 clients that hold a connection each, in every way, while a till sells.
func TestTillSellsWhileSlowClientsHoldTheDoor(t *testing.T) {
	s := e2e.NewSite(t).Start()
	s.AddMember(e2e.Maria, "Maria")
	host := strings.TrimPrefix(s.Base, "http://")
	for i := range 200 {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, []string{
			"", "POST /v2/coupons HTTP/1.1\r\nHost: " + host + "\r\nX-Slow: ",
			"POST /v2/coupons HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 1000\r\n\r\n{",
			"GET /health HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
			"POST /v2/coupons HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + e2e.TillToken + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		}[i%5]) // a slow client's troubles are its own
	}
	var coupons []string
	for i := range 10 {
		one := s.Begin("v2", e2e.Maria)
		one.Apply(e2e.Units("80215", 2, "10.00"))
		coupons = append(coupons, fmt.Sprint("K-", i))
		one.Sell(coupons[i])
	}
	s.WaitDrained()
	s.WantSoldOnce(coupons...)
}
