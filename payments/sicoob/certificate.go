package sicoob

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"pdvagent/agent/osfile"
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
	content, err := osfile.ReadUpTo(i.Path, maxCertificate)
	if err != nil {
		return nil, wrong("O arquivo do certificado do Sicoob não pôde ser lido. Confira payments.sicoob.certificate.")
	}
	now := time.Now()
	if i.Now != nil {
		now = i.Now()
	}
	pair, err := i.read(content, now)
	if err != nil {
		return nil, err
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, wrong("O certificado do Sicoob venceu em %s. Renove-o e troque o arquivo.", leaf.NotAfter.Format("02/01/2006"))
	case now.Before(leaf.NotBefore):
		return nil, wrong("O certificado do Sicoob só vale a partir de %s. Confira a data desta máquina.", leaf.NotBefore.Format("02/01/2006"))
	}
	return pair, nil
}

func (i *Identity) read(content []byte, now time.Time) (*tls.Certificate, error) {
	if bytes.Contains(content, []byte("-----BEGIN ")) {
		return readPEM(content, now)
	}
	key, first, others, err := pkcs12.DecodeChain(content, i.Password)
	switch {
	case err == nil:
		return paired(key, append([]*x509.Certificate{first}, others...), now)
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, wrong("A senha do certificado do Sicoob está errada. Confira payments.sicoob.certificate_password.")
	case strings.HasSuffix(err.Error(), "private key missing"), certificateOnly(content):
		return nil, errKeyless
	case strings.HasSuffix(err.Error(), "certificate missing"):
		return nil, wrong("O arquivo do certificado do Sicoob só tem a chave. Exporte-o de novo, com o certificado da loja.")
	case len(bytes.TrimSpace(content)) == 0:
		return nil, wrong("O arquivo do certificado do Sicoob está vazio. Copie-o de novo.")
	}
	return nil, wrong("O arquivo do certificado do Sicoob não é um PKCS#12 (.pfx) nem um PEM, ou veio pela metade. Exporte-o de novo, com a chave.")
}

// certificateOnly tells a .cer file: a certificate by itself.
func certificateOnly(content []byte) bool {
	_, err := x509.ParseCertificate(content)
	return err == nil
}

// paired takes the certificate that belongs to the key for ours, wherever it stands in the file: programs write the root
// first, too. Of several for one key, as after a renewal, it is the one that is good for longest. Those that signed it follow
// in their order.
func paired(key any, list []*x509.Certificate, now time.Time) (*tls.Certificate, error) {
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, errNoPair
	}
	public, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, errNoPair
	}
	var ours *x509.Certificate
	for _, c := range list {
		if public.Equal(c.PublicKey) && (ours == nil || better(c, ours, now)) {
			ours = c
		}
	}
	if ours == nil {
		return nil, errNoPair
	}
	pair := &tls.Certificate{PrivateKey: key, Leaf: ours, Certificate: [][]byte{ours.Raw}}
	for below, n := ours, 1; n < len(list) && !bytes.Equal(below.RawIssuer, below.RawSubject); n++ {
		up := slices.IndexFunc(list, func(c *x509.Certificate) bool { return c != below && bytes.Equal(c.RawSubject, below.RawIssuer) })
		if up < 0 {
			break
		}
		below = list[up]
		pair.Certificate = append(pair.Certificate, below.Raw)
	}
	return pair, nil
}

// better tells that a certificate is to be shown rather than another: it has begun, and ends later.
func better(c, than *x509.Certificate, now time.Time) bool {
	if begun := !now.Before(c.NotBefore); begun == now.Before(than.NotBefore) {
		return begun
	}
	return c.NotAfter.After(than.NotAfter)
}

var errNoPair = wrong("Nenhum certificado do arquivo do Sicoob é o da chave que está nele. Exporte de novo o certificado da loja, com a chave dele.")

var errKeyless = wrong("O arquivo do certificado do Sicoob veio sem a chave privada. Exporte-o de novo, com a chave.")

func readPEM(content []byte, now time.Time) (*tls.Certificate, error) {
	var list []*x509.Certificate
	var keys []any
	closed := false
	for rest := content; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
				list = append(list, certificate)
			}
			continue
		}
		if key := privateKey(block.Bytes); key != nil {
			keys = append(keys, key)
		} else {
			closed = true
		}
	}
	switch {
	case len(list) == 0:
		return nil, wrong("O arquivo PEM do Sicoob não tem certificado.")
	case len(keys) == 0 && closed:
		return nil, wrong("A chave do arquivo PEM do Sicoob está cifrada ou não pode ser lida. Exporte-o de novo, com a chave sem senha.")
	case len(keys) == 0:
		return nil, errKeyless
	}
	for _, key := range keys {
		if pair, err := paired(key, list, now); err == nil {
			return pair, nil
		}
	}
	return nil, errNoPair
}

// privateKey reads a key in any of its three forms; nil for none of them.
func privateKey(raw []byte) any {
	if key, err := x509.ParsePKCS8PrivateKey(raw); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PrivateKey(raw); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(raw); err == nil {
		return key
	}
	return nil
}

// Ends tells until when the shop's own certificate is good.
func (i *Identity) Ends() (time.Time, error) {
	pair, err := i.Load()
	if err != nil {
		return time.Time{}, err
	}
	return pair.Leaf.NotAfter, nil
}

// ReadRoots reads certificates that are trusted besides nobody else: a sandbox's, or of a proxy that opens connections.
func ReadRoots(path string) (*x509.CertPool, error) {
	content, err := osfile.ReadUpTo(path, maxCertificate)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no PEM certificate", path)
	}
	return pool, nil
}
