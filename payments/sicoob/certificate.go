package sicoob

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"pdvagent/agent/certificate"
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

// Load reads the certificate; what is wrong with it is said in Portuguese, for the routine's errors and for alarms.
func (i *Identity) Load() (*tls.Certificate, error) {
	file := certificate.File{
		Path: i.Path, Password: i.Password, Now: i.Now, Of: "do Sicoob",
		FileAdvice: "Confira payments.sicoob.certificate.", PasswordAdvice: "Confira payments.sicoob.certificate_password.",
	}
	pair, err := file.Load()
	if fault, ok := errors.AsType[*certificate.Fault](err); ok {
		return nil, &payments.Failure{Class: payments.Unauthorized, Detail: "our certificate", Says: fault.Says}
	}
	return pair, err
}

// Ends tells until when the shop's own certificate is good.
func (i *Identity) Ends() (time.Time, error) {
	pair, err := i.Load()
	if err != nil {
		return time.Time{}, err
	}
	return pair.Leaf.NotAfter, nil
}

// maxRoots bounds the file of roots, in bytes.
const maxRoots = 1 << 20

// ReadRoots reads certificates that are trusted besides nobody else: a sandbox's, or of a proxy that opens connections.
func ReadRoots(path string) (*x509.CertPool, error) {
	content, err := osfile.ReadUpTo(path, maxRoots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no PEM certificate", path)
	}
	return pool, nil
}
