package config

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/certificate"
	"pdvagent/agent/osfile"
)

// An option without effect is one that a person wrote and that the rest of the file makes idle: the agent would start and not
// do what is asked. The defaults that config init writes ask for nothing. config check refuses such a file; the agent starts
// with it, and a change is taken, both with a warning: an installation of before keeps running.

// idle notes a field without effect, if the file has it.
func (c *checker) idle(found []Fault, field, why string) []Fault {
	line, there := c.lines[field]
	if !there {
		return found
	}
	return append(found, Fault{Line: line, Field: field, Detail: "não tem efeito: " + why, idle: true})
}

// ineffective lists the options without effect.
func (c *checker) ineffective() []Fault {
	found := append(c.idleRoutines(), c.idlePayments()...)
	if c.cfg.Mercafacil == nil {
		for _, field := range c.ownValues() {
			if strings.HasPrefix(field, "loyalty.") || strings.HasPrefix(field, "sender.") {
				found = c.idle(found, field, "é da Mercafácil, e a seção mercafacil falta")
			}
		}
	}
	return found
}

// ownValues are the fields that differ from the defaults.
func (c *checker) ownValues() []string {
	before, err := Default().Tree()
	if err != nil {
		return nil
	}
	after, err := c.cfg.Tree()
	if err != nil {
		return nil
	}
	return Differences(before, after)
}

func (c *checker) idleRoutines() (found []Fault) {
	ofCloud := []string{"resend", "end-of-day", "products", "operators", "abandoned"}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Routines)) {
		field, r := "routines."+name, c.cfg.Routines[name]
		when := rules()[name].when
		usual := r.Source == nil && (r.Every == 0 || r.Every == when.Every) && (len(r.At) == 0 || slices.Equal(r.At, when.At))
		switch {
		case name == "sicoob-settlement" && c.cfg.Payments.Sicoob == nil:
			found = c.idle(found, field, "a baixa é dos boletos do Sicoob, e payments.sicoob falta")
		case c.cfg.Mercafacil == nil && slices.Contains(ofCloud, name) && !usual:
			found = c.idle(found, field, "esta rotina é da Mercafácil, e a seção mercafacil falta")
		case r.Off:
			for _, key := range []string{".every", ".at"} {
				found = c.idle(found, field+key, "com off: true a rotina só roda quando uma pessoa a inicia; tire off, ou tire o horário")
			}
		}
	}
	return found
}

func (c *checker) idlePayments() (found []Fault) {
	p := c.cfg.Payments
	if m := p.IdeaMaker; m != nil && m.TitlesURL == "" {
		for _, key := range []string{"customer_id", "customer_key", "customer_key_file", "api_key", "seller"} {
			found = c.idle(found, "payments.ideamaker."+key, "é da venda de títulos, e payments.ideamaker.titles_url falta; só o Pix está ligado")
		}
	}
	if m := p.Sicoob; m != nil {
		if m.Version == "v2" {
			found = c.idle(found, "payments.sicoob.numero_cliente", "é da v3; com version: v2 vale numero_contrato")
		} else {
			found = c.idle(found, "payments.sicoob.numero_contrato", "é da v2; aqui vale numero_cliente")
		}
		if !strings.HasPrefix(m.BaseURL, "https:") && !strings.HasPrefix(m.TokenURL, "https:") {
			for _, key := range []string{"certificate", "ca_file"} {
				found = c.idle(found, "payments.sicoob."+key, "base_url e token_url são http://, sem TLS")
			}
		}
		if m.Certificate == "" {
			for _, key := range []string{"certificate_password", "certificate_password_file"} {
				found = c.idle(found, "payments.sicoob."+key, "é a senha do certificado, e payments.sicoob.certificate falta")
			}
		}
	}
	if m := p.CashOrder; m != nil && !m.AcceptCardData && m.Total != "items" {
		found = c.idle(found, "payments.cashorder.total", "nenhum pedido é aceito enquanto accept_card_data não for true")
	}
	if p.Webhook != nil && p.IdeaMaker == nil {
		found = c.idle(found, "payments.webhook", "os avisos são do gateway da Idea Maker, e payments.ideamaker falta")
	}
	return found
}

// elsewhere warns of a settlement that this till does not run: the file may be that of all tills of a shop.
func (c *checker) elsewhere() []Fault {
	const field = "routines.sicoob-settlement"
	if line, there := c.lines[field]; there && c.cfg.Payments.Sicoob != nil && !c.cfg.Shop.Primary {
		return []Fault{{Line: line, Field: field, Detail: "não roda neste caixa: só no principal da loja (shop.primary)"}}
	}
	return nil
}

// BrokenFiles looks into the certificates that the configuration names, but for the shop's own at its bank: that one may be
// renewed any time, and the client of the bank reads it. now is the time that they must be valid at.
func (c Config) BrokenFiles(now time.Time) (faults Faults) {
	wrong := func(field, detail string) { faults = append(faults, Fault{Field: field, Detail: detail}) }
	if m := c.Payments.Webhook; m != nil && m.Cert != "" {
		pair, err := certificate.Pair(m.Cert, m.Key)
		switch {
		case err != nil && len(blocks(m.Cert, "CERTIFICATE")) == 0:
			wrong("payments.webhook.cert", "não é um certificado em PEM (-----BEGIN CERTIFICATE-----)")
		case err != nil && strings.Contains(err.Error(), "does not match"):
			wrong("payments.webhook.key", "não é a chave deste certificado (cert); exporte os dois juntos")
		case err != nil:
			wrong("payments.webhook.key", "não é uma chave em PEM, sem senha, que sirva a este certificado (cert)")
		case now.After(pair.Leaf.NotAfter):
			wrong("payments.webhook.cert", "venceu em "+pair.Leaf.NotAfter.Format("02/01/2006")+"; troque o arquivo por um renovado")
		}
	}
	if m := c.Payments.Sicoob; m != nil && m.CAFile != "" {
		if list := blocks(m.CAFile, "CERTIFICATE"); len(list) == 0 || slices.ContainsFunc(list, unreadable) {
			wrong("payments.sicoob.ca_file", "não é um certificado em PEM (-----BEGIN CERTIFICATE-----)")
		}
	}
	return faults
}

func unreadable(der []byte) bool {
	_, err := x509.ParseCertificate(der)
	return err != nil
}

// blocks are the contents of a PEM file's blocks of a kind.
func blocks(path, kind string) (list [][]byte) {
	rest, err := osfile.ReadFile(path)
	if err != nil {
		return nil
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return list
		}
		if block.Type == kind {
			list = append(list, block.Bytes)
		}
	}
}
