package config

import (
	"os"
	"strings"
)

// Sicoob is the connection to the bank of the shop's boletos. PDVAGENT_SICOOB_CERTIFICATE_PASSWORD in the environment takes precedence.
type Sicoob struct {
	Version                 string   `yaml:"version,omitempty"` // v3 (default) or v2
	BaseURL                 string   `yaml:"base_url"`          // ends before /boletos
	TokenURL                string   `yaml:"token_url"`
	ClientID                string   `yaml:"client_id"`
	Certificate             string   `yaml:"certificate,omitempty"` // .pfx or PEM with its key
	CertificatePassword     Secret   `yaml:"certificate_password,omitempty"`
	CertificatePasswordFile string   `yaml:"certificate_password_file,omitempty"`
	CAFile                  string   `yaml:"ca_file,omitempty"` // PEM with the CA of the server's certificate; default the system's CAs
	NumeroCliente           int64    `yaml:"numero_cliente,omitempty"`
	NumeroContrato          int64    `yaml:"numero_contrato,omitempty"` // of v2
	ContaCorrente           int64    `yaml:"conta_corrente,omitempty"`  // to issue boletos
	Modalidade              int      `yaml:"modalidade,omitempty"`      // default 1
	Scopes                  []string `yaml:"scopes,omitempty"`          // default: what the version needs
}

// Client is the shop's number at the bank, which depends on the API's version.
func (s Sicoob) Client() int64 {
	if s.Version == "v2" {
		return s.NumeroContrato
	}
	return s.NumeroCliente
}

// CashOrder is the connection to the supplier of orders by card. PDVAGENT_CASHORDER_HEADER in the environment takes precedence.
type CashOrder struct {
	BaseURL        string `yaml:"base_url"`         // ends before /api
	Header         Secret `yaml:"header,omitempty"` // "Name: value"; empty: the supplier wants none
	HeaderFile     string `yaml:"header_file,omitempty"`
	AcceptCardData bool   `yaml:"accept_card_data,omitempty"` // false: no order is accepted
	Total          string `yaml:"total,omitempty"`            // what the card is charged: items (default) or items_and_shipping
}

// HeaderParts returns the header's name and value; empty without a header.
func (o CashOrder) HeaderParts() (name, value string) {
	name, value, _ = strings.Cut(o.Header.Reveal(), ":")
	return strings.TrimSpace(name), strings.TrimSpace(value)
}

// bankSecrets reads and checks the secrets of Sicoob and CashOrder.
func (c *checker) bankSecrets() {
	if m := c.cfg.Payments.Sicoob; m != nil {
		c.find("payments.sicoob", "PDVAGENT_SICOOB_CERTIFICATE_PASSWORD", &m.CertificatePassword, m.CertificatePasswordFile, "certificate_password")
		c.open("payments.sicoob.certificate_password", &m.CertificatePassword)
		if m.Certificate != "" {
			m.Certificate = c.resolve(m.Certificate)
		}
		if m.CAFile != "" {
			m.CAFile = c.resolve(m.CAFile)
		}
	}
	if m := c.cfg.Payments.CashOrder; m != nil {
		c.find("payments.cashorder", "PDVAGENT_CASHORDER_HEADER", &m.Header, m.HeaderFile, "header")
		c.open("payments.cashorder.header", &m.Header)
	}
}

func (c *checker) sicoob(m *Sicoob) {
	switch m.Version {
	case "":
		m.Version = "v3"
	case "v2", "v3":
	default:
		c.fault("payments.sicoob.version", "deve ser v3, ou v2 para o contrato antigo")
	}
	for field, text := range map[string]string{"base_url": m.BaseURL, "token_url": m.TokenURL} {
		if detail := paymentURL(text); detail != "" {
			c.fault("payments.sicoob."+field, "%s", detail)
		}
	}
	c.header("payments.sicoob.client_id", m.ClientID)
	switch {
	case m.Certificate == "" && (strings.HasPrefix(m.BaseURL, "https:") || strings.HasPrefix(m.TokenURL, "https:")):
		c.fault("payments.sicoob.certificate", "falta; é o certificado digital da loja (.pfx ou .pem)")
	case m.Certificate != "" && missing(m.Certificate):
		c.fault("payments.sicoob.certificate", "o arquivo não pôde ser lido")
	}
	if m.CAFile != "" && missing(m.CAFile) {
		c.fault("payments.sicoob.ca_file", "o arquivo não pôde ser lido")
	}
	for field, number := range map[string]int64{"numero_cliente": m.NumeroCliente, "numero_contrato": m.NumeroContrato, "conta_corrente": m.ContaCorrente} {
		needed := field == "numero_cliente" && m.Version == "v3" || field == "numero_contrato" && m.Version == "v2"
		switch {
		case needed && number == 0:
			c.fault("payments.sicoob."+field, "falta; é o número da loja no Sicoob (Sisbr)")
		case number < 0:
			c.fault("payments.sicoob."+field, "deve ser um número positivo")
		}
	}
	if m.Modalidade == 0 {
		m.Modalidade = 1
	}
	if m.Modalidade < 1 || m.Modalidade > 99 {
		c.fault("payments.sicoob.modalidade", "deve ser de 1 a 99")
	}
	for _, scope := range m.Scopes {
		c.header("payments.sicoob.scopes", scope)
	}
}

// missing reports whether a file does not exist.
func missing(path string) bool {
	_, err := os.Stat(path)
	return err != nil
}

func (c *checker) cashOrder(m *CashOrder) {
	if detail := paymentURL(m.BaseURL); detail != "" {
		c.fault("payments.cashorder.base_url", "%s", detail)
	}
	switch m.Total {
	case "":
		m.Total = "items"
	case "items", "items_and_shipping":
	default:
		c.fault("payments.cashorder.total", "deve ser items ou items_and_shipping")
	}
	if m.Header == "" {
		return
	}
	name, value := m.HeaderParts()
	switch {
	case name == "" || value == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
		c.fault("payments.cashorder.header", "deve ser Nome: valor")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
		c.fault("payments.cashorder.header", "tem caracteres que não podem estar em um cabeçalho; cole de novo")
	case strings.HasSuffix(strings.ToLower(name), "idempotency-key"):
		c.fault("payments.cashorder.header", "não pode ser Idempotency-Key")
	}
}
