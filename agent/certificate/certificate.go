// Package certificate reads a shop's certificate with its key, as authorities and banks hand it out: PKCS#12 (.pfx, .p12; old and
// new ciphers) or PEM. It says in Portuguese what is wrong with one. The bank's client and the signature of a report read
// theirs by it; it trusts and checks no chain.
package certificate

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
)

// File is a certificate's file.
type File struct {
	Path     string
	Password string           // of a PKCS#12
	Now      func() time.Time // default time.Now

	Of             string // whose it is, in the sentences: "do Sicoob"
	FileAdvice     string // sentence that tells what to look at when the file cannot be read
	PasswordAdvice string // the same when the password is wrong
}

// Fault is what is wrong with a certificate, as a person reads it.
type Fault struct{ Says string }

func (f *Fault) Error() string { return f.Says }

func (f *File) wrong(advice, format string, args ...any) error {
	says := fmt.Sprintf(format, args...)
	if advice != "" {
		says += " " + advice
	}
	return &Fault{Says: says}
}

// maxCertificate bounds the file, in bytes.
const maxCertificate = 1 << 20

// Load reads the certificate with its key, and those that signed it in their order. One that is not valid now is refused.
func (f *File) Load() (*tls.Certificate, error) {
	content, err := osfile.ReadUpTo(f.Path, maxCertificate)
	if err != nil {
		return nil, f.wrong(f.FileAdvice, "O arquivo do certificado %s não pôde ser lido.", f.Of)
	}
	now := time.Now()
	if f.Now != nil {
		now = f.Now()
	}
	pair, err := f.read(content, now)
	if err != nil {
		return nil, err
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, f.wrong("", "O certificado %s venceu em %s. Renove-o e troque o arquivo.", f.Of, leaf.NotAfter.Format("02/01/2006"))
	case now.Before(leaf.NotBefore):
		return nil, f.wrong("", "O certificado %s só vale a partir de %s. Confira a data desta máquina.", f.Of, leaf.NotBefore.Format("02/01/2006"))
	}
	return pair, nil
}

// Pair reads a certificate and its key from two files in PEM, of at most a megabyte each, which no link of another user leads to.
func Pair(cert, key string) (tls.Certificate, error) {
	public, err := osfile.ReadUpTo(cert, maxCertificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := osfile.ReadUpTo(key, maxCertificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(public, private)
}

func (f *File) read(content []byte, now time.Time) (*tls.Certificate, error) {
	if bytes.Contains(content, []byte("-----BEGIN ")) {
		return f.readPEM(content, now)
	}
	key, first, others, err := pkcs12.DecodeChain(content, f.Password)
	switch {
	case err == nil:
		return f.paired(key, append([]*x509.Certificate{first}, others...), now)
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, f.wrong(f.PasswordAdvice, "A senha do certificado %s está errada.", f.Of)
	case strings.HasSuffix(err.Error(), "private key missing"), certificateOnly(content):
		return nil, f.keyless()
	case strings.HasSuffix(err.Error(), "certificate missing"):
		return nil, f.wrong("", "O arquivo do certificado %s só tem a chave. Exporte-o de novo, com o certificado da loja.", f.Of)
	case len(bytes.TrimSpace(content)) == 0:
		return nil, f.wrong("", "O arquivo do certificado %s está vazio. Copie-o de novo.", f.Of)
	}
	return nil, f.wrong("", "O arquivo do certificado %s não é um PKCS#12 (.pfx) nem um PEM, ou veio pela metade. Exporte-o de novo, com a chave.", f.Of)
}

// certificateOnly tells a .cer file: a certificate by itself.
func certificateOnly(content []byte) bool {
	_, err := x509.ParseCertificate(content)
	return err == nil
}

// paired takes the certificate that belongs to the key for ours, wherever it stands in the file: programs write the root
// first, too. Of several for one key, as after a renewal, it is the one that is good for longest. Those that signed it follow
// in their order.
func (f *File) paired(key any, list []*x509.Certificate, now time.Time) (*tls.Certificate, error) {
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, f.noPair()
	}
	public, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, f.noPair()
	}
	var ours *x509.Certificate
	for _, c := range list {
		if public.Equal(c.PublicKey) && (ours == nil || better(c, ours, now)) {
			ours = c
		}
	}
	if ours == nil {
		return nil, f.noPair()
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

func (f *File) noPair() error {
	return f.wrong("", "Nenhum certificado do arquivo %s é o da chave que está nele. Exporte de novo o certificado da loja, com a chave dele.", f.Of)
}

func (f *File) keyless() error {
	return f.wrong("", "O arquivo do certificado %s veio sem a chave privada. Exporte-o de novo, com a chave.", f.Of)
}

func (f *File) readPEM(content []byte, now time.Time) (*tls.Certificate, error) {
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
		return nil, f.wrong("", "O arquivo PEM %s não tem certificado.", f.Of)
	case len(keys) == 0 && closed:
		return nil, f.wrong("", "A chave do arquivo PEM %s está cifrada ou não pode ser lida. Exporte-o de novo, com a chave sem senha.", f.Of)
	case len(keys) == 0:
		return nil, f.keyless()
	}
	for _, key := range keys {
		if pair, err := f.paired(key, list, now); err == nil {
			return pair, nil
		}
	}
	return nil, f.noPair()
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
