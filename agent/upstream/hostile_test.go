package upstream_test

import (
	"bufio"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/upstream"
)

// speaking is a server that reads a request's head and then says what it likes.
func speaking(t *testing.T, say func(io.Writer)) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				say(conn)
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return "http://" + listener.Addr().String()
}

// forever writes a text again and again until the client has gone.
func forever(w io.Writer, text string, pause time.Duration) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		if pause > 0 {
			<-time.After(pause)
		}
	}
}

// No answer lasts longer than the deadline or takes more memory than its bound, whatever a server says before, in and after it.
func TestAServerThatFloodsOrTricklesEndsWithTheDeadlineAtLatest(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, say := range map[string]func(io.Writer){
		"informational answers without end": func(w io.Writer) { forever(w, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0) },
		"informational answers, one by one": func(w io.Writer) { forever(w, "HTTP/1.1 102 Processing\r\n\r\n", 20*time.Millisecond) },
		"100 Continue without end":          func(w io.Writer) { forever(w, "HTTP/1.1 100 Continue\r\n\r\n", 0) },
		"headers without end": func(w io.Writer) {
			_, _ = io.WriteString(w, ok)
			forever(w, "X-A: "+strings.Repeat("a", 900)+"\r\n", 0)
		},
		"headers, a letter at a time": func(w io.Writer) { _, _ = io.WriteString(w, ok+"X: "); forever(w, "a", 20*time.Millisecond) },
		"a status line without end":   func(w io.Writer) { _, _ = io.WriteString(w, "HTTP/1.1 200 "); forever(w, "a", 0) },
		"chunks of nothing": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Transfer-Encoding: chunked\r\n\r\n")
			forever(w, "1;a=b\r\n \r\n", 0)
		},
		"a chunk's extension without end": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Transfer-Encoding: chunked\r\n\r\n1;")
			forever(w, "a", 0)
		},
		"trailers without end": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
			forever(w, "X: "+strings.Repeat("a", 900)+"\r\n", 0)
		},
		"a body without end":         func(w io.Writer) { _, _ = io.WriteString(w, ok+"\r\n"); forever(w, strings.Repeat("1", 4096), 0) },
		"a body, a letter at a time": func(w io.Writer) { _, _ = io.WriteString(w, ok+"\r\n"); forever(w, "1", 20*time.Millisecond) },
		"gzip that is none": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Content-Encoding: gzip\r\n\r\n\x1f\x8b")
			forever(w, "x", 0)
		},
		"frames of HTTP/2": func(w io.Writer) { forever(w, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\xff\xff", 0) },
		"a switch to HTTP/2": func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
			forever(w, "\x00\x00\x04\x08\x00\x00\x00\x00\x01\x7f\xff\xff\xff", 0)
		},
		"no HTTP at all": func(w io.Writer) { forever(w, "SSH-2.0-OpenSSH_9.2\r\n", 0) },
		"an upgrade that nobody asked for": func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
			forever(w, "x", 20*time.Millisecond)
		},
		"two lengths that differ":   func(w io.Writer) { _, _ = io.WriteString(w, ok+"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}") },
		"a length that is negative": func(w io.Writer) { _, _ = io.WriteString(w, ok+"Content-Length: -2\r\n\r\n{}") },
		"the answer to a question not asked": func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 206 Partial\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<a>")
		},
		"a length of more than it ever sends": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Content-Length: 9000000000000000000\r\n\r\n{")
			forever(w, " ", time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := upstream.New(upstream.Config{BaseURL: speaking(t, say), Deadline: 500 * time.Millisecond, MaxAnswer: 100_000})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			got := client.Post(t.Context(), "x", []byte("{}"))
			if got.Class == agent.ClassOK || got.Took > 10*time.Second || len(got.Body) > 100_000 {
				t.Errorf("got %s, %d, %d bytes after %v", got.Class, got.Status, len(got.Body), got.Took)
			}
		})
	}
}

// A redirect that keeps method and body would carry a sale and its token elsewhere.
func TestNoKindOfRedirectCarriesASaleElsewhere(t *testing.T) {
	for _, status := range []string{"300", "301", "302", "303", "305", "307", "308"} {
		elsewhere := make(chan string, 1)
		thief := speaking(t, func(io.Writer) { elsewhere <- "a request" })
		client, err := upstream.New(upstream.Config{BaseURL: speaking(t, func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 "+status+" Moved\r\nLocation: "+thief+"/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}), Deadline: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		got := client.Post(t.Context(), "x", []byte("{}"))
		client.Close()
		if got.Class != agent.ClassStatus {
			t.Errorf("%s: got %+v", status, got)
		}
		select {
		case what := <-elsewhere:
			t.Errorf("%s: %s went elsewhere", status, what)
		default:
		}
	}
}

// A cloud that speaks HTTP/2 by choice gets HTTP/1.1: floods of its frames, resets and pings reach nobody, and no request is sent
// again because it says GOAWAY (newTransport has the reasons).
func TestACloudThatPrefersHTTP2IsSpokenToInHTTP1(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.TLS.NegotiatedProtocol == "h2" {
			w.WriteHeader(http.StatusHTTPVersionNotSupported)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client, err := upstream.New(upstream.Config{BaseURL: server.URL, Roots: roots, Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got := client.Post(t.Context(), "x", []byte("{}")); got.Class != agent.ClassOK {
		t.Errorf("got %+v", got)
	}
}
