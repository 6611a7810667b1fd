package payment

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/agent/ops/doctor"
	"pdvagent/agent/sandbox"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/e2e"
	"pdvagent/payments/sicoob/sicoobsim"
)

// TestTheBankBehindTLSDemandsTheShopsCertificate speaks with the sandbox as production is spoken with.
func TestTheBankBehindTLSDemandsTheShopsCertificate(t *testing.T) {
	clouds, err := sandbox.Start(t.Context(), sandbox.Config{Listen: "127.0.0.1:0", TLS: "127.0.0.1:0", Log: app.NewLog(io.Discard, "error")})
	if err != nil {
		t.Fatal(err)
	}
	defer clouds.Close()
	folder := t.TempDir()
	for _, name := range []string{"ca.pem", "client.pfx", "client.pem"} {
		response, err := e2e.HTTPClient.Get("http://" + clouds.Address() + "/control/sicoob/" + name)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || os.WriteFile(filepath.Join(folder, name), content, 0o600) != nil {
			t.Fatal(err)
		}
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	bare := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer bare.CloseIdleConnections()
	for path, want := range map[string]int{"/sicoob/token": http.StatusForbidden, "/sevenaz/v2/integrations/omnichannel/invoices?txId=12345678909": http.StatusUnauthorized} {
		response, err := bare.Get("https://" + clouds.TLSAddress() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s without a certificate: %d", path, response.StatusCode)
		}
	}
	s := e2e.NewSite(t, "store:\n  max_mb", fmt.Sprintf("payments: {sicoob: {base_url: 'https://%[1]s/sicoob/cobranca-bancaria/v3', token_url: 'https://%[1]s/sicoob/token', client_id: loja, numero_cliente: 567890, "+
		"certificate: '%[2]s/client.pfx', certificate_password: %[3]s, ca_file: '%[2]s/ca.pem'}}\n\nstore:\n  max_mb", clouds.TLSAddress(), filepath.ToSlash(folder), sandbox.Password),
		"primary: false", "primary: true").Start()
	clouds.Sicoob.Set(func(c *sicoobsim.Settings) { c.ReadyAfter, c.PerSecond = 0, 1000 })
	b, err := clouds.Sicoob.AddBoleto(sicoobsim.Boleto{SeuNumero: "A", Amount: 15000})
	if err != nil {
		t.Fatal(err)
	}
	register(s, fmt.Sprintf(`,"nosso_numero":%d,"issue_date":"%s"`, b.NossoNumero, time.Now().Format(time.DateOnly)))
	if err := clouds.Sicoob.Pay(sicoobsim.Movement{NossoNumero: b.NossoNumero}); err != nil {
		t.Fatal(err)
	}
	if runs := settle(s); s.Call(http.MethodGet, fmt.Sprint("/v1/boletos/", b.NossoNumero), e2e.TillToken, "").Field("status") != "paid" {
		t.Errorf("got %s", runs.Body)
	}
	if _, found := s.Doctor(); found["bank-certificate"].Verdict != doctor.OK {
		t.Errorf("doctor: %+v", found["bank-certificate"])
	}
	if err := os.WriteFile(filepath.Join(folder, "client.pfx"), []byte("trocado"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found := s.Doctor(); found["bank-certificate"].Verdict != doctor.Fail {
		t.Errorf("doctor: %+v", found["bank-certificate"])
	}
	if runs := settle(s); !strings.Contains(runs.Body, "não é um PKCS#12") {
		t.Errorf("a file that is none: %s", runs.Body)
	}
	if got := s.Post("/v1/boletos", `{"seu_numero":"A","amount":1,"due_date":"2099-01-01"}`, "Idempotency-Key", "k"); got.Status != http.StatusNotFound || !strings.Contains(got.Body, "conta_corrente") {
		t.Errorf("issuing without an account: %d %s", got.Status, got.Body)
	}
}
