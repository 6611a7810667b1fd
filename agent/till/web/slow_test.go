package web_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/till/web"
)

func dial(t *testing.T, port int) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, _ = io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")) // who was cut off cannot be told
}

const sale = "POST /echo HTTP/1.1\nHost: 127.0.0.1:PORT\nAuthorization: Bearer " + tillToken +
	"\nContent-Type: application/json\nContent-Length: 2\nConnection: close\n\n{}"

// Clients of every slow kind, more of them than there are places, hold what they have; each sale passes all the same.
func TestSlowClientsKeepNoTillOut(t *testing.T) {
	for name, slow := range map[string]string{
		"say nothing":              "",
		"send half a header":       "GET /health HTTP/1.1\nHost: 127.0.0.1:PORT\nX-Slow: ",
		"promise a body, no token": "POST /echo HTTP/1.1\nHost: 127.0.0.1:PORT\nContent-Type: application/json\nContent-Length: 900\n\n{",
		"a body on a public route": "GET /health HTTP/1.1\nHost: 127.0.0.1:PORT\nContent-Length: 900\n\n{",
		"ask, and keep the line":   "GET /health HTTP/1.1\nHost: 127.0.0.1:PORT\n\n",
		"are refused, and keep it": "GET /health HTTP/1.1\nHost: evil.example\n\n",
		"chunks without end":       "POST /bare HTTP/1.1\nHost: 127.0.0.1:PORT\nTransfer-Encoding: chunked\n\n1\nx\n",
	} {
		t.Run(name, func(t *testing.T) {
			port := door(t)
			for i := range 200 + web.MaxConnections {
				say(t, dial(t, port), strings.ReplaceAll(slow, "PORT", fmt.Sprint(port)))
				if i%50 == 0 {
					if response, body := raw(t, port, sale); response.StatusCode != 200 {
						t.Fatalf("after %d of them: got %d %s", i, response.StatusCode, body)
					}
				}
			}
			if response, body := raw(t, port, sale); response.StatusCode != 200 {
				t.Errorf("got %d %s", response.StatusCode, body)
			}
		})
	}
}

// The bound holds: of clients that say nothing, the oldest are cut off, the newest stay.
func TestTheLongestSilentIsCutOffWhenTheDoorIsFull(t *testing.T) {
	port := door(t)
	conns := make([]net.Conn, 0, web.MaxConnections+10)
	for range web.MaxConnections + 10 {
		conns = append(conns, dial(t, port))
	}
	if response, _ := raw(t, port, sale); response.StatusCode != 200 {
		t.Fatal(response.Status)
	}
	for i, conn := range conns {
		patience := 5 * time.Second
		if i >= 11 {
			patience = 20 * time.Millisecond
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, err := conn.Read(make([]byte, 1))
		var timeout net.Error
		cut := !errors.As(err, &timeout) || !timeout.Timeout()
		if want := i < 11; cut != want {
			t.Errorf("connection %d: cut off %v, want %v", i, cut, want)
		}
		if i == 20 {
			break
		}
	}
}

// A request at work is not cut for a new client.
func TestRequestAtWorkIsNotCut(t *testing.T) {
	port := door(t)
	till := dial(t, port)
	begin, rest := strings.ReplaceAll(sale[:len(sale)-1], "PORT", fmt.Sprint(port)), sale[len(sale)-1:]
	say(t, till, begin)
	<-time.After(50 * time.Millisecond) // its header is read
	for range web.MaxConnections + 50 {
		dial(t, port)
	}
	say(t, till, rest)
	_ = till.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := io.ReadAll(till)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("got %q, %v", answer, err)
	}
}
