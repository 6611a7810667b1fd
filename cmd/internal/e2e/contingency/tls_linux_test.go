package contingency

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pdvagent/agent/agenttest"
	"pdvagent/cmd/internal/e2e"
)

// TestExpiredCertificateOfTheCloudHoldsSalesBackUntilItIsRenewed serves the cloud over TLS with a certificate that ended
// yesterday, then with a new one (only Linux takes what it trusts from a file that a test may name). The sale is taken at once and arrives once.
func TestExpiredCertificateOfTheCloudHoldsSalesBackUntilItIsRenewed(t *testing.T) {
	e2e.RunAsProgram(t)
	authority := newAuthority(t)
	var now atomic.Pointer[tls.Certificate]
	now.Store(authority.leaf(t, time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)))
	s := e2e.NewSite(t)
	cloud := httptest.NewUnstartedServer(s.Clouds.Mercafacil)
	cloud.Config.ErrorLog = log.New(io.Discard, "", 0) // it says of every handshake that it failed
	cloud.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*now.Load()}}, nil
	}}
	cloud.StartTLS()
	defer cloud.Close()
	text, err := os.ReadFile(s.Config)
	if err == nil {
		err = os.WriteFile(s.Config, []byte(strings.ReplaceAll(string(text), s.Clouds.BaseURL(), cloud.URL+"/")), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", authority.file(t))
	process := s.StartProcess()
	if got := inTime(s, "coupon", func() e2e.Answer { return s.Post("/v2/coupons", agenttest.Receipt("A", "")) }); got.Status != http.StatusAccepted {
		t.Fatalf("coupon: %d %s", got.Status, got.Body)
	}
	s.Until("the certificate was refused", func() bool {
		return strings.Contains(s.Call(http.MethodGet, "/v1/queue/1", e2e.SupportToken, "").Body, "certificate has expired")
	})
	if len(s.Sold()) != 0 {
		t.Error("a sale went to a cloud whose certificate has expired")
	}
	now.Store(authority.leaf(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	s.WaitDrained()
	s.WantSoldOnce("A")
	if err := process.Kill(); err != nil {
		t.Error(err)
	}
	e2e.HTTPClient.CloseIdleConnections()
}

// authority signs certificates for 127.0.0.1.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-72 * time.Hour), NotAfter: time.Now().Add(72 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, cert}
}

func (a *authority) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (a *authority) leaf(t *testing.T, from, until time.Time) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.Unix()), Subject: pkix.Name{CommonName: "cloud"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}
