package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/paying/webhook"
)

// freeAddress is an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	return taken.Addr().String()
}

// listening runs a listener of notices until the test ends, by TLS where a certificate is given.
func listening(t *testing.T, cert, key string) string {
	t.Helper()
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- webhook.Run(ctx, webhook.Config{
			Listen: address, Secret: secret, Cert: cert, Key: key, Log: slog.New(slog.DiscardHandler), PerSecond: 1000,
			Read: func(body []byte) (string, string, error) { return string(body), "", nil }, Hint: func(string, string) bool { return true },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for {
		if conn, err := dial(t, address); err == nil {
			_ = conn.Close()
			return address
		}
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func dial(t *testing.T, address string) (net.Conn, error) {
	t.Helper()
	return new(net.Dialer).DialContext(t.Context(), "tcp", address)
}

// notice sends one, and gives the status of its answer.
func notice(t *testing.T, conn io.ReadWriter) string {
	t.Helper()
	if _, err := io.WriteString(conn, "POST /"+secret+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"); err != nil {
		return err.Error()
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err.Error()
	}
	return response.Status
}

// hello is what a client begins a TLS connection with.
func hello(t *testing.T) []byte {
	t.Helper()
	here, there := net.Pipe()
	go func() {
		_ = tls.Client(here, &tls.Config{ServerName: "x", MinVersion: tls.VersionTLS12}).HandshakeContext(t.Context()) // nobody answers
	}()
	out := make([]byte, 64<<10)
	n, err := there.Read(out)
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil || n < 100 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	return out[:n]
}

// Whatever bytes come to the listener, with TLS or without, each gateway's own notice is answered.
func TestStrangeBytesKeepNoNoticeOut(t *testing.T) {
	cert, key, pool := pair(t)
	begin := hello(t)
	record := func(kind byte, length int) []byte {
		return append([]byte{kind, 3, 1, byte(length >> 8), byte(length)}, make([]byte, length)...)
	}
	bytesOf := map[string][]byte{
		"nothing": nil, "a TLS hello": begin, "half a hello": begin[:len(begin)/2], "a letter of it": begin[:1], "two hellos": append(bytes.Clone(begin), begin...),
		"a record of the longest length": record(22, 16384+2048), "a record that is too long": append([]byte{22, 3, 1, 0xff, 0xff}, make([]byte, 70_000)...),
		"an alert": record(21, 2), "records of nothing": bytes.Repeat([]byte{22, 3, 1, 0, 0}, 10_000), "SSL 2": {0x80, 0x2e, 1, 0, 2}, "zeros": make([]byte, 100_000),
		"HTTP/2": []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), "HTTP": []byte("GET / HTTP/1.1\r\n\r\n"), "SSH": []byte("SSH-2.0-x\r\n"),
		"headers without end": []byte("POST / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 100)), "a body that is longer": []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx"),
		"a smuggled request": []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
	}
	for name, address := range map[string]string{"by TLS": listening(t, cert, key), "without": listening(t, "", "")} {
		t.Run(name, func(t *testing.T) {
			for what, content := range bytesOf {
				for range 10 { // more than the listener's connections in all
					conn, err := dial(t, address)
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()         // it stays while the notice comes
					_, _ = conn.Write(content) // the listener may have hung up
				}
				conn, err := dial(t, address)
				if err != nil {
					t.Fatal(err)
				}
				if name == "by TLS" {
					conn = tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
				}
				if got := notice(t, conn); got != "200 OK" {
					t.Errorf("%s: %s", what, got)
				}
				_ = conn.Close()
			}
		})
	}
}

// A client that prefers HTTP/2, and one of old versions of TLS.
func TestWhatATLSClientMayWish(t *testing.T) {
	cert, key, pool := pair(t)
	address := listening(t, cert, key)
	for name, c := range map[string]struct {
		config *tls.Config
		want   string
	}{
		"HTTP/2 or 1.1": {&tls.Config{NextProtos: []string{"h2", "http/1.1"}}, "200 OK"}, "TLS 1.3": {&tls.Config{MinVersion: tls.VersionTLS13}, "200 OK"},
		"TLS 1.2": {&tls.Config{MaxVersion: tls.VersionTLS12}, "200 OK"}, "TLS 1.1": {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "protocol version"},
	} {
		c.config.RootCAs, c.config.ServerName = pool, "127.0.0.1"
		conn, err := dial(t, address)
		if err != nil {
			t.Fatal(err)
		}
		client := tls.Client(conn, c.config)
		if got := notice(t, client); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if state := client.ConnectionState(); state.NegotiatedProtocol == "h2" {
			t.Errorf("%s: HTTP/2", name)
		}
		_ = conn.Close()
	}
}
