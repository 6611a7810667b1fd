package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/agent/paying/webhook"
)

func TestMain(m *testing.M) { agenttest.Main(m) }

const secret = "abcdefghijklmnopqrstuv"

func TestOnlyNoticesAtTheSecretPathAreRead(t *testing.T) {
	var hints []string
	handler, err := webhook.Handler(webhook.Config{
		Secret: secret, PerSecond: 8, Log: slog.New(slog.DiscardHandler),
		Read: func(body []byte) (string, string, error) {
			if string(body) == "bad" {
				return "", "", errors.New("bad")
			}
			return string(body), "", nil
		},
		Hint: func(id, _ string) bool { hints = append(hints, id); return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	send := func(method, path, body string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil || len(text) > 0 {
			t.Errorf("%s %s says %q %v", method, path, text, err)
		}
		return response.StatusCode
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodPost, "/" + secret, "one", 200},
		{http.MethodPost, "/" + secret, "bad", 200},
		{http.MethodPost, "/" + secret, strings.Repeat("x", 65<<10), 413},
		{http.MethodGet, "/" + secret, "", 200},
		{http.MethodHead, "/" + secret, "", 200},
		{http.MethodPut, "/" + secret, "two", 404},
		{http.MethodGet, "/" + secret + "x", "", 404},
		{http.MethodPost, "/", "two", 404},
		{http.MethodPost, "/" + secret + "/", "two", 404},
		{http.MethodPost, "/v1/payments", "two", 404},
		{http.MethodGet, "/health", "", 404},
	} {
		if got := send(c.method, c.path, c.body); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
	if len(hints) != 1 || hints[0] != "one" {
		t.Errorf("hints %q", hints)
	}
	late := 0
	for range 20 {
		if send(http.MethodPost, "/"+secret, "many") == http.StatusTooManyRequests {
			late++
		}
	}
	if late < 10 {
		t.Errorf("%d of 20 at once were told to come later", late)
	}
}

// pair writes a certificate of this machine and its key, as PEM files.
func pair(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	certText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	if err := errors.Join(os.WriteFile(cert, certText, 0o600), os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), 0o600)); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certText)
	return cert, key, pool
}

func TestNoticesComeInByTLSUntilTheAgentEnds(t *testing.T) {
	cert, key, pool := pair(t)
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hinted := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- webhook.Run(ctx, webhook.Config{
			Listen: address, Secret: secret, Cert: cert, Key: key, Log: slog.New(slog.DiscardHandler),
			Read: func(body []byte) (string, string, error) { return string(body), "", nil }, Hint: func(id, _ string) bool { hinted <- id; return true },
		})
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	send := func(scheme string) (int, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, scheme+"://"+address+"/"+secret, strings.NewReader("x"))
		if err != nil {
			return 0, err
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	for end := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		if status, err := send("https"); err == nil && status == http.StatusOK {
			break
		} else if time.Now().After(end) {
			t.Fatalf("got %d %v", status, err)
		}
	}
	if id := <-hinted; id != "x" {
		t.Errorf("hinted %q", id)
	}
	var silent []net.Conn
	for range 100 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	if status, err := send("https"); err != nil || status != http.StatusOK {
		t.Errorf("beside 100 silent connections: %d %v", status, err)
	}
	_ = silent[0].SetReadDeadline(time.Now().Add(4 * time.Second)) // less than a silent connection may last
	if _, err := silent[0].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("101 connections are held")
	}
	if status, err := send("http"); err == nil && status == http.StatusOK {
		t.Error("it is taken without TLS")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := send("https"); err == nil {
		t.Error("it answers after its end")
	}
}
