package upstream_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
)

// proxyOf starts a proxy that answers with a status, and as the cloud behind it when that is 200.
func proxyOf(t *testing.T, status string, asked chan<- *http.Request) *url.URL {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // it was only for this test
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				asked <- request
				_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\n\r\n")
				_, _ = io.WriteString(conn, "") // the cloud says nothing first
			}
			if !strings.HasPrefix(status, "200") {
				_ = conn.Close()
				continue
			}
			_, _ = io.Copy(conn, conn) // an echo
			_ = conn.Close()
		}
	}()
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}

func TestAProxyOpensTheWay(t *testing.T) {
	asked := make(chan *http.Request, 1)
	conn, err := upstream.ThroughProxy(proxyOf(t, "200 OK", asked), "ana:segredo")(t.Context(), "tcp", "cloud.example.com:443")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // only a test
	request := <-asked
	if request.Method != http.MethodConnect || request.Host != "cloud.example.com:443" || request.Header.Get("Proxy-Authorization") != "Basic YW5hOnNlZ3JlZG8=" {
		t.Errorf("got %s %s %v", request.Method, request.Host, request.Header)
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 3)
	if _, err := io.WriteString(conn, "olá"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ol\xc3" {
		t.Errorf("got %q %v", got, err)
	}
}

func TestAProxyThatRefusesSaysWhy(t *testing.T) {
	for status, want := range map[string]string{"407 Proxy Authentication Required": "proxy_login_file", "403 Forbidden": "não deixa sair para cloud.example.com:443: 403"} {
		asked := make(chan *http.Request, 1)
		if _, err := upstream.ThroughProxy(proxyOf(t, status, asked), "")(t.Context(), "tcp", "cloud.example.com:443"); err == nil || !strings.Contains(agent.Sentence(err), want) {
			t.Errorf("%s: got %v", status, err)
		}
	}
	nobody := &url.URL{Host: "127.0.0.1:1"}
	if _, err := upstream.ThroughProxy(nobody, "")(t.Context(), "tcp", "cloud.example.com:443"); err == nil || !strings.Contains(agent.Sentence(err), "O proxy 127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}
