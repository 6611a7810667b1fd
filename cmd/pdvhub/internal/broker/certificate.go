package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"path/filepath"
	"time"

	"pdvagent/agent/osfile"
)

// authorityName is the file of the hub's certificate authority, with its key.
const authorityName = "authority.pem"

const (
	authorityLife = 20 * 365 * 24 * time.Hour
	serverLife    = 2 * 365 * 24 * time.Hour // one is made at each start
)

// Certificates are the hub's authority, which agents pin, and what its listeners show.
type Certificates struct {
	authority *x509.Certificate
	server    tls.Certificate
}

// openCertificates reads the authority, or makes it, and signs a certificate for the names.
func openCertificates(dir string, names []string) (c Certificates, err error) {
	path := filepath.Join(dir, authorityName)
	var key *ecdsa.PrivateKey
	text, err := osfile.ReadUpTo(path, maxKeys)
	switch {
	case err == nil:
		c.authority, key, err = parseAuthority(text)
	case errors.Is(err, fs.ErrNotExist):
		if text, err = newAuthorityPEM(); err == nil {
			err = osfile.WriteNew(path, text)
		}
		if err == nil {
			c.authority, key, err = parseAuthority(text)
		}
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	c.server, err = c.sign(key, names)
	return c, err
}

func newAuthorityPEM() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template, err := template("pdvhub authority", authorityLife)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), err
}

func parseAuthority(text []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the authority's key is not ECDSA")
	}
	return pair.Leaf, key, nil
}

func template(name string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(life)}, err
}

func (c Certificates) sign(authority *ecdsa.PrivateKey, names []string) (pair tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, err
	}
	template, err := template("pdvhub", serverLife)
	if err != nil {
		return pair, err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.authority, &key.PublicKey, authority)
	return tls.Certificate{Certificate: [][]byte{der, c.authority.Raw}, PrivateKey: key}, err
}

// Server is the configuration of a listener.
func (c Certificates) Server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.server}, MinVersion: tls.VersionTLS13}
}

// Pin is the SHA-256 of the authority, by which an invited agent knows the hub.
func (c Certificates) Pin() []byte {
	sum := sha256.Sum256(c.authority.Raw)
	return sum[:]
}

// PEM is the authority's certificate.
func (c Certificates) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.authority.Raw}))
}
