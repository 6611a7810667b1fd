package config

import (
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Payments are the payment providers. A provider without a section is off.
type Payments struct {
	IdeaMaker *IdeaMaker `yaml:"ideamaker,omitempty"`
	SevenAZ   *SevenAZ   `yaml:"sevenaz,omitempty"`
	Webhook   *Webhook   `yaml:"webhook,omitempty"`
	Sicoob    *Sicoob    `yaml:"sicoob,omitempty"`
	CashOrder *CashOrder `yaml:"cashorder,omitempty"`
}

// IdeaMaker is the connection to Idea Maker: its gateway (Pix), and its titles if titles_url is set. PDVAGENT_IDEAMAKER_CUSTOMER_KEY and
// PDVAGENT_IDEAMAKER_GATEWAY_KEY in the environment take precedence.
type IdeaMaker struct {
	TitlesURL       string `yaml:"titles_url,omitempty"` // ends before /servicos; empty: no titles
	CustomerID      string `yaml:"customer_id,omitempty"`
	CustomerKey     Secret `yaml:"customer_key,omitempty"`
	CustomerKeyFile string `yaml:"customer_key_file,omitempty"`
	APIKey          Secret `yaml:"api_key,omitempty"` // header x-api-key, of older accounts
	GatewayURL      string `yaml:"gateway_url"`
	GatewayKey      Secret `yaml:"gateway_key,omitempty"`
	GatewayKeyFile  string `yaml:"gateway_key_file,omitempty"`
	Seller          Seller `yaml:"seller,omitempty"`
}

// Seller identifies the shop to the vendor of titles.
type Seller struct {
	Distributor string `yaml:"distribuidor"`
	Till        string `yaml:"pdv"`
}

// SevenAZ is the connection to 7AZ, whose invoices are paid. PDVAGENT_SEVENAZ_API_KEY in the environment takes precedence.
type SevenAZ struct {
	BaseURL    string `yaml:"base_url"`
	APIKey     Secret `yaml:"api_key,omitempty"`
	APIKeyFile string `yaml:"api_key_file,omitempty"`
}

// Webhook is the listener for the gateway's notices, the only one that other machines may reach.
type Webhook struct {
	Listen         string `yaml:"listen"`
	PathSecret     Secret `yaml:"path_secret,omitempty"` // notices come to /<path_secret>
	PathSecretFile string `yaml:"path_secret_file,omitempty"`
	Cert           string `yaml:"cert,omitempty"` // PEM; without cert and key a proxy of the shop terminates TLS
	Key            string `yaml:"key,omitempty"`
}

// paymentSecrets reads the providers' secrets from the environment and from their files.
func (c *checker) paymentSecrets() {
	if m := c.cfg.Payments.IdeaMaker; m != nil {
		c.find("payments.ideamaker", "PDVAGENT_IDEAMAKER_CUSTOMER_KEY", &m.CustomerKey, m.CustomerKeyFile, "customer_key")
		c.find("payments.ideamaker", "PDVAGENT_IDEAMAKER_GATEWAY_KEY", &m.GatewayKey, m.GatewayKeyFile, "gateway_key")
		c.open("payments.ideamaker.customer_key", &m.CustomerKey)
		c.open("payments.ideamaker.gateway_key", &m.GatewayKey)
		c.open("payments.ideamaker.api_key", &m.APIKey)
	}
	if m := c.cfg.Payments.SevenAZ; m != nil {
		c.find("payments.sevenaz", "PDVAGENT_SEVENAZ_API_KEY", &m.APIKey, m.APIKeyFile, "api_key")
		c.open("payments.sevenaz.api_key", &m.APIKey)
	}
	c.bankSecrets()
	if m := c.cfg.Payments.Webhook; m != nil {
		c.find("payments.webhook", "PDVAGENT_WEBHOOK_PATH_SECRET", &m.PathSecret, m.PathSecretFile, "path_secret")
		c.open("payments.webhook.path_secret", &m.PathSecret)
		if m.Cert != "" {
			m.Cert = c.resolve(m.Cert)
		}
		if m.Key != "" {
			m.Key = c.resolve(m.Key)
		}
	}
}

// secrets returns each secret by its path in the file, and the files that hold secrets.
func (p Payments) secrets() (values map[string]Secret, files []string) {
	values = make(map[string]Secret)
	if m := p.IdeaMaker; m != nil {
		values["ideamaker.customer_key"], values["ideamaker.gateway_key"], values["ideamaker.api_key"] = m.CustomerKey, m.GatewayKey, m.APIKey
		files = append(files, m.CustomerKeyFile, m.GatewayKeyFile)
	}
	if m := p.SevenAZ; m != nil {
		values["sevenaz.api_key"] = m.APIKey
		files = append(files, m.APIKeyFile)
	}
	if m := p.Sicoob; m != nil {
		values["sicoob.certificate_password"] = m.CertificatePassword
		files = append(files, m.CertificatePasswordFile, m.Certificate)
	}
	if m := p.CashOrder; m != nil {
		values["cashorder.header"] = m.Header
		files = append(files, m.HeaderFile)
	}
	if m := p.Webhook; m != nil {
		values["webhook.path_secret"] = m.PathSecret
		files = append(files, m.PathSecretFile, m.Key)
	}
	return values, files
}

func (c *checker) payments() {
	if m := c.cfg.Payments.IdeaMaker; m != nil {
		c.ideaMaker(m)
	}
	if m := c.cfg.Payments.SevenAZ; m != nil {
		if detail := paymentURL(m.BaseURL); detail != "" {
			c.fault("payments.sevenaz.base_url", "%s", detail)
		}
		c.header("payments.sevenaz.api_key", string(m.APIKey))
	}
	if m := c.cfg.Payments.Sicoob; m != nil {
		c.sicoob(m)
	}
	if m := c.cfg.Payments.CashOrder; m != nil {
		c.cashOrder(m)
	}
	if m := c.cfg.Payments.Webhook; m != nil {
		c.webhook(m)
	}
}

func (c *checker) ideaMaker(m *IdeaMaker) {
	if detail := paymentURL(m.GatewayURL); detail != "" {
		c.fault("payments.ideamaker.gateway_url", "%s", detail)
	}
	c.header("payments.ideamaker.gateway_key", string(m.GatewayKey))
	if m.TitlesURL == "" {
		return
	}
	if detail := paymentURL(m.TitlesURL); detail != "" {
		c.fault("payments.ideamaker.titles_url", "%s", detail)
	}
	c.header("payments.ideamaker.customer_id", m.CustomerID)
	c.header("payments.ideamaker.customer_key", string(m.CustomerKey))
	if m.Seller.Distributor == "" {
		c.fault("payments.ideamaker.seller.distribuidor", "falta; é quem vende os títulos, como a Idea Maker o conhece")
	}
	if m.Seller.Till == "" {
		c.fault("payments.ideamaker.seller.pdv", "falta; é este caixa, como a Idea Maker o conhece")
	}
}

func paymentURL(text string) string {
	if text == "" {
		return "falta; o endereço que o fornecedor informou"
	}
	return cloudURL(text)
}

// header refuses a value that an HTTP header cannot have.
func (c *checker) header(field, text string) {
	switch {
	case text == "":
		c.fault(field, "falta")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		c.fault(field, "tem espaços ou caracteres que não podem estar nele; cole de novo")
	}
}

var pathSecret = regexp.MustCompile(`^[A-Za-z0-9_-]{22,200}$`)

func (c *checker) webhook(m *Webhook) {
	host, port, err := net.SplitHostPort(m.Listen)
	number, numberErr := strconv.Atoi(port)
	if err != nil || numberErr != nil || number < 1 || number > 65535 || (host != "" && net.ParseIP(host) == nil) {
		c.fault("payments.webhook.listen", "deve ser endereço e porta, por exemplo 0.0.0.0:8443")
	} else if m.Listen == c.cfg.API.Listen {
		c.fault("payments.webhook.listen", "é o endereço da API do caixa; use outra porta")
	}
	if !pathSecret.MatchString(string(m.PathSecret)) {
		c.fault("payments.webhook.path_secret", "deve ter ao menos 22 letras, números, _ ou - sorteados")
	}
	if (m.Cert == "") != (m.Key == "") {
		c.fault("payments.webhook.cert", "cert e key vêm juntos")
	}
	for field, path := range map[string]string{"cert": m.Cert, "key": m.Key} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			c.fault("payments.webhook."+field, "o arquivo não pôde ser lido")
		}
	}
}
