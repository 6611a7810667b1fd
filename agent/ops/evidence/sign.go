package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"time"

	"github.com/smallstep/pkcs7"

	"pdvagent/agent"
)

// Signer signs reports: with the shop's certificate, or with a key that was made for one report.
type Signer struct {
	leaf  *x509.Certificate
	above []*x509.Certificate // those that signed it
	key   crypto.Signer
	made  bool
}

// NewSigner takes the shop's certificate, as [pdvagent/agent/certificate.File] reads it.
func NewSigner(pair *tls.Certificate) (*Signer, error) {
	s := &Signer{leaf: pair.Leaf}
	switch key := pair.PrivateKey.(type) {
	case *rsa.PrivateKey:
		s.key = key
	case *ecdsa.PrivateKey:
		s.key = key
	default:
		return nil, agent.Errorf(agent.CodeBadConfig, nil, "A chave do certificado da loja não é RSA nem ECDSA; com ela o relatório não pode ser assinado.")
	}
	for _, raw := range pair.Certificate[min(1, len(pair.Certificate)):] {
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, err
		}
		s.above = append(s.above, certificate)
	}
	return s, nil
}

// MakeSigner makes a key for one report. The same random bytes give the same key and certificate: its fingerprint stands on the
// cover. It has no last day: what it proves does not age.
func MakeSigner(random io.Reader) (*Signer, error) {
	seed := make([]byte, 32)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	below := new(big.Int).Sub(elliptic.P256().Params().N, big.NewInt(1))
	number := new(big.Int).SetBytes(seed)
	number.Mod(number, below).Add(number, big.NewInt(1)) // 1 to N-1
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), number.FillBytes(seed))
	if err != nil {
		return nil, err
	}
	name := pkix.Name{CommonName: "pdvagent, chave feita para um relatório"}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	raw, err := x509.CreateCertificate(nil, template, template, key.Public(), key) // without randomness: RFC 6979
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(raw)
	return &Signer{leaf: leaf, key: key, made: true}, err
}

// Signature is what the cover says of the signer.
func (s *Signer) Signature() Signature {
	signature := Signature{Made: s.made, Fingerprint: fingerprint(s.leaf)}
	if !s.made {
		signature.Subject = s.leaf.Subject.CommonName
	}
	return signature
}

func fingerprint(certificate *x509.Certificate) string { return hash(certificate.Raw) }

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// sign gives a PKCS#7 SignedData that holds the content: one file says what was signed, of four files, and openssl gives it back
// (openssl cms -verify -inform DER). Detached it would cover one file alone.
func (s *Signer) sign(content []byte) ([]byte, error) {
	signed, err := pkcs7.NewSignedData(content)
	if err != nil {
		return nil, err
	}
	signed.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := signed.AddSigner(s.leaf, s.key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, err
	}
	for _, certificate := range s.above {
		signed.AddCertificate(certificate)
	}
	return signed.Finish()
}

// opened is what a signature's file holds.
type opened struct {
	content []byte
	leaf    *x509.Certificate
	at      time.Time // of the signing, by the clock of the machine that signed
}

// errBroken is a signature that does not belong to its content.
var errBroken = errors.New("the signature does not verify")

// openSigned gives the content of a signature's file where the signature is good.
func openSigned(file []byte) (*opened, error) {
	parsed, err := pkcs7.Parse(file)
	if err != nil {
		return nil, err
	}
	leaf := parsed.GetOnlySigner()
	if leaf == nil {
		return nil, errBroken
	}
	if err := parsed.Verify(); err != nil {
		return nil, errors.Join(errBroken, err)
	}
	found := &opened{content: parsed.Content, leaf: leaf}
	err = parsed.UnmarshalSignedAttribute(pkcs7.OIDAttributeSigningTime, &found.at)
	return found, err
}
