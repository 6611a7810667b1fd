package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pdvagent/cmd/internal/cli"
	"pdvagent/cmd/internal/e2e"
)

// writePEM makes a certificate that is valid for some days from now on, or was until some days ago, and its key.
func writePEM(t *testing.T, days int) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, days)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// A certificate that cannot serve is refused by config check, with its field and what to do; the agent's start is not its matter.
func TestCheckLooksIntoTheCertificates(t *testing.T) {
	good, key := writePEM(t, 90)
	old, oldKey := writePEM(t, -3)
	_, stranger := writePEM(t, 90)
	const garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	for _, c := range []struct{ name, webhook, webhookKey, bank, ca, want string }{
		{"all good", good, key, good + key, good, ""},
		{"webhook: no PEM", "cert", key, good + key, good, "payments.webhook.cert: não é um certificado em PEM"},
		{"webhook: the key for the certificate", key, key, good + key, good, "payments.webhook.cert: não é um certificado em PEM"},
		{"webhook: broken PEM", garbage, key, good + key, good, "payments.webhook"},
		{"webhook: another key", good, stranger, good + key, good, "payments.webhook.key: não é a chave deste certificado"},
		{"webhook: no key", good, good, good + key, good, "payments.webhook.key: não é uma chave em PEM"},
		{"webhook: expired", old, oldKey, good + key, good, "payments.webhook.cert: venceu em "},
		{"bank: no PEM", good, key, "pfx", good, "não é um PKCS#12"},
		{"bank: broken PEM", good, key, garbage + key, good, "O arquivo PEM do Sicoob não tem certificado"},
		{"bank: another key", good, key, good + stranger, good, "Nenhum certificado do arquivo do Sicoob é o da chave"},
		{"bank: expired", good, key, old + oldKey, good, "O certificado do Sicoob venceu em"},
		{"CA: no PEM", good, key, good + key, "ca", "payments.sicoob.ca_file: não é um certificado em PEM"},
		{"CA: broken PEM", good, key, good + key, garbage, "payments.sicoob.ca_file: não é um certificado em PEM"},
	} {
		folder := t.TempDir()
		for name, content := range map[string]string{"w.pem": c.webhook, "w.key": c.webhookKey, "bank.pem": c.bank, "ca.pem": c.ca} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := e2e.NewSite(t, "store:\n  max_mb", fmt.Sprintf("payments: {ideamaker: {gateway_url: 'http://127.0.0.1:1', gateway_key: k}, webhook: {listen: '127.0.0.1:8443', "+
			"path_secret: aaaaaaaaaaaaaaaaaaaaaaaa, cert: '%[1]s/w.pem', key: '%[1]s/w.key'}, sicoob: {base_url: 'https://127.0.0.1:1/v3', token_url: 'https://127.0.0.1:1/token', "+
			"client_id: loja, numero_cliente: 1, certificate: '%[1]s/bank.pem', ca_file: '%[1]s/ca.pem'}}\n\nstore:\n  max_mb", filepath.ToSlash(folder)))
		code, out, errOut := e2e.RunCommand(t, "config", "check", "--config", s.Config)
		if (code == cli.ExitDone) != (c.want == "") || !strings.Contains(out+errOut, c.want) {
			t.Errorf("%s: %d %s %s", c.name, code, out, errOut)
		}
	}
}

// An option without effect is refused by config check; a change is taken with a warning, and the agent starts with it.
func TestAnOptionWithoutEffectIsRefusedByCheckAndNoMore(t *testing.T) {
	s := e2e.NewSite(t, "resend: {every: 30m}", "resend: {every: 30m, off: true}").Start()
	code, _, errOut := e2e.RunCommand(t, "config", "check", "--config", s.Config)
	if code == cli.ExitDone || !strings.Contains(errOut, "routines.resend.every: não tem efeito: com off: true") || strings.Count(errOut, "não tem efeito") != 1 {
		t.Errorf("check: %d %s", code, errOut)
	}
	code, out, errOut := e2e.RunCommand(t, "config", "set", "log.level", "info", "--config", s.Config)
	if code != cli.ExitDone || !strings.Contains(out, "aviso: linha") || !strings.Contains(out, "não tem efeito") {
		t.Errorf("set: %d %s %s", code, out, errOut)
	}
	if _, out, errOut = e2e.RunCommand(t, "doctor", "--config", s.Config); !strings.Contains(out, "routines.resend.every: não tem efeito") {
		t.Errorf("doctor: %s %s", out, errOut)
	}
}
