package sicoob

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"pdvagent/payments"
)

// Identity is the shop's certificate: a PKCS#12 file (.pfx, .p12; old and new ciphers) or a PEM one with its key. The file
// is read at every handshake: a renewed one is taken without a restart.
type Identity struct {
	Path     string
	Password string
	Now      func() time.Time // default time.Now
}

// wrong says what is wrong with the certificate, in words.
func wrong(format string, args ...any) error {
	return &payments.Failure{Class: payments.Unauthorized, Detail: "our certificate", Says: fmt.Sprintf(format, args...)}
}

// maxCertificate bounds the file, in bytes.
const maxCertificate = 1 << 20

// Load reads the certificate; what is wrong with it is said in Portuguese, for the routine's errors and for alarms.
func (i *Identity) Load() (*tls.Certificate, error) {
	info, err := os.Stat(i.Path)
	if err != nil || info.Size() > maxCertificate {
		return nil, wrong("O arquivo do certificado do Sicoob não pôde ser lido. Confira payments.sicoob.certificate.")
	}
	content, err := os.ReadFile(i.Path)
	if err != nil {
		return nil, wrong("O arquivo do certificado do Sicoob não pôde ser lido. Confira payments.sicoob.certificate.")
	}
	pair, err := i.read(content)
	if err != nil {
		return nil, err
	}
	now := time.Now
	if i.Now != nil {
		now = i.Now
	}
	switch leaf := pair.Leaf; {
	case now().After(leaf.NotAfter):
		return nil, wrong("O certificado do Sicoob venceu em %s. Renove-o e troque o arquivo.", leaf.NotAfter.Format("02/01/2006"))
	case now().Before(leaf.NotBefore):
		return nil, wrong("O certificado do Sicoob só vale a partir de %s. Confira a data desta máquina.", leaf.NotBefore.Format("02/01/2006"))
	}
	return pair, nil
}

func (i *Identity) read(content []byte) (*tls.Certificate, error) {
	if bytes.Contains(content, []byte("-----BEGIN ")) {
		return readPEM(content)
	}
	key, leaf, chain, err := pkcs12.DecodeChain(content, i.Password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, wrong("A senha do certificado do Sicoob está errada. Confira payments.sicoob.certificate_password.")
	case err != nil && keyless(content, i.Password):
		return nil, errKeyless
	case err != nil:
		return nil, wrong("O arquivo do certificado do Sicoob não é um PKCS#12 (.pfx) nem um PEM. Exporte-o de novo, com a chave.")
	}
	pair := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, above := range chain {
		pair.Certificate = append(pair.Certificate, above.Raw)
	}
	return pair, nil
}

var errKeyless = wrong("O arquivo do certificado do Sicoob veio sem a chave privada. Exporte-o de novo, com a chave.")

// keyless tells a PKCS#12 file that holds certificates only.
func keyless(content []byte, password string) bool {
	certificates, err := pkcs12.DecodeTrustStore(content, password)
	if err == nil {
		return len(certificates) > 0
	}
	blocks, err := pkcs12.ToPEM(content, password) //nolint:staticcheck // it is the one reader that takes a file without a key
	if err != nil {
		return false
	}
	for _, block := range blocks {
		if block.Type == "PRIVATE KEY" {
			return false
		}
	}
	return len(blocks) > 0
}

func readPEM(content []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(content, content)
	if err == nil {
		return &pair, nil
	}
	certificates, keys := 0, 0
	for rest := content; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			certificates++
		} else {
			keys++
		}
	}
	switch {
	case certificates > 0 && keys == 0:
		return nil, errKeyless
	case certificates == 0:
		return nil, wrong("O arquivo PEM do Sicoob não tem certificado.")
	}
	return nil, wrong("O certificado e a chave do arquivo PEM do Sicoob não são um par, ou a chave está cifrada.")
}

// Ends tells until when the certificate is good.
func (i *Identity) Ends() (time.Time, error) {
	pair, err := i.Load()
	if err != nil {
		return time.Time{}, err
	}
	return pair.Leaf.NotAfter, nil
}

// ReadRoots reads certificates that are trusted besides nobody else: a sandbox's, or of a proxy that opens connections.
func ReadRoots(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no PEM certificate", path)
	}
	return pool, nil
}
