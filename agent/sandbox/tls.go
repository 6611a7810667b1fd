package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Password is that of the client's PKCS#12 file.
const Password = "sandbox"

// papers are the certificates of one sandbox: its authority's, its own, and one for a client.
type papers struct {
	authority []byte // PEM
	client    []byte // PEM, with its key
	bundle    []byte // the client's as PKCS#12
	server    tls.Certificate
}

// newPapers makes them anew: nothing that was trusted once is trusted again.
func newPapers(now time.Time) (p papers, err error) {
	root, rootKey, err := sign(now, 1, pkix.Name{CommonName: "pdvagent sandbox"}, nil, nil)
	if err != nil {
		return p, err
	}
	server, serverKey, err := sign(now, 2, pkix.Name{CommonName: "localhost"}, root, rootKey)
	if err != nil {
		return p, err
	}
	client, clientKey, err := sign(now, 3, pkix.Name{CommonName: "LOJA DE EXEMPLO"}, root, rootKey)
	if err != nil {
		return p, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(clientKey)
	if err != nil {
		return p, err
	}
	p.authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	p.client = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	p.bundle, err = pkcs12.Modern.Encode(clientKey, client, nil, Password)
	p.server = tls.Certificate{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey, Leaf: server}
	return p, err
}

// sign makes a certificate; without an authority it is one.
func sign(now time.Time, serial int64, name pkix.Name, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: name, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if authority == nil {
		authority, authorityKey = template, key
		template.IsCA, template.KeyUsage, template.ExtKeyUsage, template.DNSNames, template.IPAddresses = true, x509.KeyUsageCertSign, nil, nil, nil
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), authorityKey)
	if err != nil {
		return nil, nil, err
	}
	made, err := x509.ParseCertificate(raw)
	return made, key, err
}

// handOut adds the files that a client of the TLS listener needs.
func (p papers) handOut(mux *http.ServeMux) {
	for name, content := range map[string][]byte{"ca.pem": p.authority, "client.pem": p.client, "client.pfx": p.bundle} {
		mux.HandleFunc("GET /control/sicoob/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write(content) // the client is gone: nobody to tell
		})
	}
}

// config has a client asked for its certificate; the clouds that demand one look at it themselves. One that is of no use to
// them, expired or of another authority, gets that far, too: what is said then is theirs to say.
func (p papers) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{p.server}, ClientAuth: tls.RequestClientCert}
}
