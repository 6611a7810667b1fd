package sicoob_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"pdvagent/payments"
	"pdvagent/payments/sicoob"
	"pdvagent/payments/sicoob/sicoobsim"
)

// certificate makes one of the shop's, good from so many days from now to so many.
func certificate(t *testing.T, from, to int) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "LOJA TESTE:12345678000195"}, NotBefore: at.AddDate(0, 0, from), NotAfter: at.AddDate(0, 0, to),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, leaf
}

func file(t *testing.T, content []byte, err error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "certificado")
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func pemOf(t *testing.T, key any, leaf *x509.Certificate) (keyPEM, leafPEM string) {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
}

func TestEveryKindOfCertificateIsReadAndShown(t *testing.T) {
	key, leaf := certificate(t, -1, 300)
	keyPEM, leafPEM := pemOf(t, key, leaf)
	sim, err := sicoobsim.New(sicoobsim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(sim)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	old, err1 := pkcs12.LegacyRC2.Encode(key, leaf, nil, "senha")
	des, err2 := pkcs12.LegacyDES.Encode(key, leaf, []*x509.Certificate{server.Certificate()}, "senha")
	modern, err3 := pkcs12.Modern2023.Encode(key, leaf, nil, "senha")
	for name, id := range map[string]*sicoob.Identity{
		"PKCS#12 by RC2, as of old": {Path: file(t, old, err1), Password: "senha"}, "by 3DES, with its chain": {Path: file(t, des, err2), Password: "senha"}, "by AES": {Path: file(t, modern, err3), Password: "senha"},
		"PEM": {Path: file(t, []byte(leafPEM+keyPEM), nil)}, "PEM, the key first": {Path: file(t, []byte(keyPEM+leafPEM), nil)}, "none": nil,
	} {
		c, err := sicoob.New(sicoob.Config{BaseURL: server.URL + "/cobranca-bancaria/v3", TokenURL: server.URL + "/token", ClientID: "shop", Client: 567890, Certificate: id, Roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Find(t.Context(), 1)
		want := payments.NotFound // it is let in
		if id == nil {
			want = payments.Unauthorized
		}
		if payments.FailureOf(err).Class != want {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
	t.Run("a token is bound to its certificate", func(t *testing.T) {
		path := file(t, []byte(leafPEM+keyPEM), nil)
		c, err := sicoob.New(sicoob.Config{BaseURL: server.URL + "/cobranca-bancaria/v3", TokenURL: server.URL + "/token", ClientID: "shop", Client: 567890, Certificate: &sicoob.Identity{Path: path}, Roots: roots})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 2 {
			if _, err := c.Find(t.Context(), 1); payments.FailureOf(err).Class != payments.NotFound {
				t.Errorf("got %v", err)
			}
			otherKey, other := certificate(t, -1, 300) // the file is renewed while the agent runs
			keyPEM, leafPEM := pemOf(t, otherKey, other)
			if err := os.WriteFile(path, []byte(leafPEM+keyPEM), 0o600); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	})
	t.Run("whom the system does not trust is not spoken to", func(t *testing.T) {
		c, err := sicoob.New(sicoob.Config{BaseURL: server.URL + "/cobranca-bancaria/v3", TokenURL: server.URL + "/token", ClientID: "shop", Client: 567890, Certificate: &sicoob.Identity{Path: file(t, modern, nil), Password: "senha"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Find(t.Context(), 1); payments.FailureOf(err).Class != payments.Away {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatIsWrongWithACertificateIsSaid(t *testing.T) {
	key, leaf := certificate(t, -1, 300)
	keyPEM, leafPEM := pemOf(t, key, leaf)
	oldKey, expired := certificate(t, -400, -35)
	youngKey, early := certificate(t, 10, 375)
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strangePEM, _ := pemOf(t, strange, leaf)
	right, err1 := pkcs12.Modern.Encode(key, leaf, nil, "senha")
	late, err2 := pkcs12.Modern.Encode(oldKey, expired, nil, "senha")
	soon, err3 := pkcs12.Modern.Encode(youngKey, early, nil, "senha")
	keyless, err4 := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{leaf}, "senha")
	for name, c := range map[string]struct {
		path, password, says string
	}{
		"expired": {file(t, late, err2), "senha", "venceu em " + expired.NotAfter.Format("02/01/2006")}, "not yet valid": {file(t, soon, err3), "senha", "só vale a partir de " + early.NotBefore.Format("02/01/2006")},
		"wrong password": {file(t, right, err1), "outra", "senha do certificado"}, "without its key": {file(t, keyless, err4), "senha", "sem a chave privada"}, "PEM without its key": {file(t, []byte(leafPEM), nil), "", "sem a chave privada"},
		"another's key": {file(t, []byte(leafPEM+strangePEM), nil), "", "Nenhum certificado do arquivo"}, "a key only": {file(t, []byte(keyPEM), nil), "", "não tem certificado"}, "no certificate": {file(t, []byte("olá"), nil), "", "não é um PKCS#12"},
		"OpenSSL's without its key": {"testdata/certificate-only.pfx", "senha", "sem a chave privada"}, "OpenSSL's key only": {"testdata/key-only.pfx", "senha", "só tem a chave"},
		"a .cer": {file(t, leaf.Raw, nil), "senha", "sem a chave privada"}, "an empty file": {file(t, []byte("\n"), nil), "senha", "está vazio"},
		"no file": {filepath.Join(t.TempDir(), "x"), "", "não pôde ser lido"}, "half a file": {file(t, right[:len(right)/2], nil), "senha", "não é um PKCS#12"},
	} {
		id := &sicoob.Identity{Path: c.path, Password: c.password}
		if _, err := id.Load(); err == nil || !strings.Contains(payments.FailureOf(err).Says, c.says) || strings.Contains(payments.FailureOf(err).Says, c.path) {
			t.Errorf("%s: %v", name, err)
		}
		client, err := sicoob.New(sicoob.Config{BaseURL: "https://127.0.0.1:1", TokenURL: "https://127.0.0.1:1/token", ClientID: "shop", Client: 1, Certificate: id})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Find(t.Context(), 1)
		if f := payments.FailureOf(err); f.Class != payments.Unauthorized || !strings.Contains(f.Says, c.says) {
			t.Errorf("%s, a call: %+v", name, f)
		}
		client.Close()
	}
}

// TestOurCertificateIsTheOneOfTheKeyWhereverItStands has files whose first certificate is the root's, which ends later.
func TestOurCertificateIsTheOneOfTheKeyWhereverItStands(t *testing.T) {
	rootKey, root := certificate(t, -1, 3000)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(serial int64, name string, public any, days int) *x509.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, days)}
		raw, err := x509.CreateCertificate(rand.Reader, template, root, public, rootKey)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	leaf, other := sign(2, "LOJA", key.Public(), 20), sign(3, "OUTRA", rootKey.Public(), 900)
	rootFirst, err1 := pkcs12.Modern.Encode(key, root, []*x509.Certificate{other, leaf}, "senha")
	none, err2 := pkcs12.Modern.Encode(key, root, []*x509.Certificate{other}, "senha")
	keyPEM, leafPEM := pemOf(t, key, leaf)
	_, rootPEM := pemOf(t, rootKey, root)
	for name, id := range map[string]*sicoob.Identity{
		"PKCS#12": {Path: file(t, rootFirst, err1), Password: "senha"}, "PEM": {Path: file(t, []byte(rootPEM+leafPEM+keyPEM), nil)},
	} {
		pair, err := id.Load()
		if err != nil || !pair.Leaf.Equal(leaf) || len(pair.Certificate) != 2 || string(pair.Certificate[0]) != string(leaf.Raw) || string(pair.Certificate[1]) != string(root.Raw) {
			t.Errorf("%s: %v", name, err)
		}
		if ends, err := id.Ends(); err != nil || !ends.Equal(leaf.NotAfter) {
			t.Errorf("%s ends %v %v, want the shop's own", name, ends, err)
		}
	}
	id := &sicoob.Identity{Path: file(t, none, err2), Password: "senha"}
	if _, err := id.Load(); !strings.Contains(payments.FailureOf(err).Says, "Nenhum certificado do arquivo") {
		t.Errorf("none that is the key's: %v", err)
	}
}

// TestOfACertificateAndItsRenewalForOneKeyTheBetterOneIsShown: what a portal hands out is often appended to the old file.
func TestOfACertificateAndItsRenewalForOneKeyTheBetterOneIsShown(t *testing.T) {
	key, _ := certificate(t, 0, 1)
	good := func(from, to int) *x509.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "LOJA"}, NotBefore: time.Now().AddDate(0, 0, from), NotAfter: time.Now().AddDate(0, 0, to)}
		raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	strangerKey, _ := pemOf(t, stranger, &x509.Certificate{})
	old, ending, renewed, next := good(-400, -30), good(-300, 2), good(-1, 300), good(2, 365)
	for name, c := range map[string]struct{ want, first, second *x509.Certificate }{
		"expired": {renewed, old, renewed}, "ends soon": {renewed, ending, renewed}, "the renewed one first": {renewed, renewed, ending}, "not begun": {ending, next, ending}, "not begun, behind": {ending, ending, next},
	} {
		firstKey, first := pemOf(t, key, c.first)
		_, second := pemOf(t, key, c.second)
		for _, text := range []string{first + second + firstKey, strangerKey + firstKey + first + second} {
			if pair, err := (&sicoob.Identity{Path: file(t, []byte(text), nil)}).Load(); err != nil || !pair.Leaf.Equal(c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
