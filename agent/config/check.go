package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent/chain"
	"pdvagent/agent/osfile"
)

// minToken is the shortest local token: 22 characters of base64 carry 128 bits.
const minToken = 22

type checker struct {
	cfg    *Config
	lines  lineIndex
	folder string
	env    Env
	faults Faults
}

func (c *checker) fault(field, format string, args ...any) {
	line := c.lines[field]
	for parent := field; line == 0 && parent != ""; {
		parent = parent[:max(strings.LastIndexAny(parent, ".["), 0)]
		line = c.lines[parent]
	}
	c.faults = append(c.faults, Fault{Line: line, Field: field, Detail: fmt.Sprintf(format, args...)})
}

func (c *checker) all() {
	if c.cfg.Version != 1 {
		c.fault("version", "deve ser 1")
	}
	if !filepath.IsAbs(c.cfg.DataDir) {
		c.fault("data_dir", "deve ser um caminho completo, a partir da raiz do disco")
	}
	c.shop()
	c.api()
	c.oneOf("till.queued_status", strconv.Itoa(c.cfg.Till.QueuedStatus), "202", "200")
	c.oneOf("till.coupon_id", c.cfg.Till.CouponID, "composed", "uuid")
	c.oneOf("till.charset", c.cfg.Till.Charset, "utf-8", "windows-1252")
	c.mercafacil()
	c.payments()
	c.loyalty()
	c.sender()
	c.network()
	c.routines()
	if mb := c.cfg.Store.MaxMB; mb < 16 || mb > 1<<20 || mb&(mb-1) != 0 {
		c.fault("store.max_mb", "deve ser uma potência de dois, de 16 a 1048576")
	}
	if mb := c.cfg.Store.SpoolMB; mb < 1 || mb > 1<<20 {
		c.fault("store.spool_mb", "deve ser de 1 a 1048576")
	}
	if days := c.cfg.Traffic.KeepDays; days < 1 || days > 365 {
		c.fault("traffic.keep_days", "deve ser de 1 a 365")
	}
	if mb := c.cfg.Traffic.MaxMB; mb < 16 || mb > 1<<20 {
		c.fault("traffic.max_mb", "deve ser de 16 a 1048576")
	}
	c.backup()
	c.oneOf("traffic.bodies", c.cfg.Traffic.Bodies, "masked", "none")
	if mb := c.cfg.Log.MaxMB; mb < 5 || mb > 1<<20 {
		c.fault("log.max_mb", "deve ser de 5 a 1048576")
	}
	c.oneOf("log.level", c.cfg.Log.Level, "debug", "info", "warn", "error")
}

func (c *checker) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.fault(field, "deve ser um destes: %s", strings.Join(allowed, ", "))
	}
}

func (c *checker) shop() {
	for _, code := range []struct{ field, value string }{{"shop.id", c.cfg.Shop.ID}, {"shop.till", c.cfg.Shop.Till}} {
		if code.value == "" {
			c.fault(code.field, "falta; informe o código entre aspas, por exemplo \"001\"")
		} else if len(code.value) > 20 || strings.ContainsFunc(code.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			c.fault(code.field, "use até 20 letras e números, sem espaços nem acentos")
		}
	}
	if _, err := Zone(c.cfg.Shop.Timezone); err != nil || c.cfg.Shop.Timezone == "" {
		c.fault("shop.timezone", "fuso horário desconhecido; use um nome como America/Sao_Paulo")
	}
}

func (c *checker) api() {
	host, port, err := net.SplitHostPort(c.cfg.API.Listen)
	ip := net.ParseIP(host)
	switch number, portErr := strconv.Atoi(port); {
	case err != nil || portErr != nil || number < 0 || number > 65535:
		c.fault("api.listen", "deve ser endereço:porta, por exemplo 127.0.0.1:8780")
	case host != "localhost" && (ip == nil || !ip.IsLoopback()):
		c.fault("api.listen", "só endereços desta própria máquina são aceitos, por exemplo 127.0.0.1:%s", port)
	}
	for i, origin := range c.cfg.API.AllowedOrigins {
		parsed, err := url.Parse(origin)
		if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Scheme+"://"+parsed.Host != origin {
			c.fault(fmt.Sprintf("api.allowed_origins[%d]", i), "deve ser só esquema, nome e porta, por exemplo https://caixa.exemplo.com.br")
		}
	}
	if len(c.cfg.API.Tokens) == 0 {
		c.fault("api.tokens", "falta ao menos um token com scope: till; gere com: pdvagent config init")
	}
	names, secrets := make(map[string]bool), make(map[Secret]bool)
	for i, token := range c.cfg.API.Tokens {
		field := fmt.Sprintf("api.tokens[%d]", i)
		if token.Name == "" || names[token.Name] {
			c.fault(field+".name", "cada token precisa de um nome só dele")
		}
		names[token.Name] = true
		c.oneOf(field+".scope", token.Scope, "till", "support", "admin")
		switch {
		case len(token.Token) < minToken:
			c.fault(field+".token", "falta ou é curto demais: use ao menos %d caracteres sorteados (128 bits)", minToken)
		case secrets[token.Token]:
			c.fault(field+".token", "é igual a outro; cada token deve ser único")
		}
		secrets[token.Token] = true
	}
}

func (c *checker) mercafacil() {
	m := c.cfg.Mercafacil
	if m == nil {
		return
	}
	if detail := cloudURL(m.BaseURL); detail != "" {
		c.fault("mercafacil.base_url", "%s", detail)
	}
	if m.Token == "" {
		c.fault("mercafacil.token", "falta; cole o token da loja ou use token_file")
	} else if strings.ContainsFunc(string(m.Token), func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.fault("mercafacil.token", "tem espaços ou caracteres que um token não tem; cole de novo")
	}
	if m.PDVVersion == "" || strings.ContainsFunc(m.PDVVersion, func(r rune) bool { return r < ' ' || r > '~' }) {
		c.fault("mercafacil.pdv_version", "falta; informe a versão do programa do caixa")
	}
	c.oneOf("mercafacil.dialect", m.Dialect, "v2", "v2.2")
	c.oneOf("mercafacil.wrapper", m.Wrapper, "array", "object")
	c.oneOf("mercafacil.coupon_conflict", m.CouponConflict, "auto", "sent", "dead")
	if m.LiveDeadline < Duration(500*time.Millisecond) || m.LiveDeadline > Duration(30*time.Second) {
		c.fault("mercafacil.live_deadline", "deve ser de 500ms a 30s")
	}
}

func (c *checker) loyalty() {
	l := c.cfg.Loyalty
	if l.AbandonAfter < Duration(time.Second) || l.AbandonAfter > Duration(7*24*time.Hour) {
		c.fault("loyalty.abandon_after", "deve ser de 1s a 168h")
	}
	if l.MemberCache < 0 || l.MemberCache > Duration(8760*time.Hour) {
		c.fault("loyalty.member_cache", "deve ser de 0s a 8760h (um ano)")
	}
	c.oneOf("loyalty.unknown_member", l.UnknownMember, "resolve", "zero", "as_given")
	c.oneOf("loyalty.offline_transaction_id", l.OfflineID, "omit", "keep")
}

// cloudURL returns what is wrong with a cloud's URL: it must be https, or http on this machine.
func cloudURL(text string) string {
	parsed, err := url.Parse(text)
	switch {
	case text == "":
		return "falta; por exemplo https://discounts-beta.mercafacil.com/api/"
	case err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return "deve ser um endereço completo, sem usuário, consulta (?) nem âncora (#)"
	case parsed.Scheme == "https":
		return ""
	}
	host := parsed.Hostname()
	if ip := net.ParseIP(host); parsed.Scheme == "http" && (host == "localhost" || (ip != nil && ip.IsLoopback())) {
		return ""
	}
	return "deve começar com https://; http:// só vale para esta própria máquina"
}

func (c *checker) sender() {
	s := c.cfg.Sender
	if s.Parallel < 1 || s.Parallel > 256 {
		c.fault("sender.parallel", "deve ser de 1 a 256")
	}
	if s.PerSecond < 0.1 || s.PerSecond > 100_000 {
		c.fault("sender.per_second", "deve ser de 0.1 a 100000")
	}
	if s.RetryMin < Duration(time.Millisecond) {
		c.fault("sender.retry_min", "deve ser de ao menos 1ms")
	}
	if s.RetryMax < s.RetryMin {
		c.fault("sender.retry_max", "não pode ser menor que retry_min")
	}
	if s.StartJitter > Duration(time.Hour) {
		c.fault("sender.start_jitter", "deve ser de no máximo 1h")
	}
}

func (c *checker) network() {
	n := c.cfg.Network
	proxy, err := url.Parse(n.Proxy)
	switch {
	case n.Proxy == "none":
		if n.Login != "" {
			c.fault("network.proxy_login", "só vale com network.proxy")
		}
	case n.Proxy == "system":
		c.fault("network.proxy", "o serviço não vê o proxy do usuário do Windows; escreva o endereço, por exemplo http://proxy.loja:3128, ou none")
	case err != nil || proxy.Scheme != "http" || proxy.Port() == "" || proxy.User != nil || strings.Trim(proxy.Path, "/") != "" || proxy.RawQuery != "":
		c.fault("network.proxy", "deve ser none, ou http://endereço:porta, sem usuário nem senha (esses, em proxy_login_file)")
	case n.Login != "" && !strings.Contains(n.Login.Reveal(), ":"):
		c.fault("network.proxy_login", "deve ser usuário:senha")
	}
}

// backup checks where copies of backups go: whoever reads that folder must not read the backups.
func (c *checker) backup() {
	const field = "backup.copy_to"
	path := c.cfg.Backup.CopyTo
	below, err := filepath.Rel(c.cfg.DataDir, path)
	switch {
	case path == "":
	case windowsPath.MatchString(path) && runtime.GOOS != "windows":
		c.fault(field, "é um caminho do Windows, e esta máquina não é; monte a pasta da rede nesta máquina e informe onde ela está")
	case !filepath.IsAbs(path):
		c.fault(field, "deve ser um caminho completo, a partir da raiz do disco ou do servidor")
	case err == nil && filepath.IsLocal(below):
		c.fault(field, "fica na pasta de dados, que se perde com esta máquina; informe uma pasta de outra, como a do servidor da loja")
	case c.cfg.Security.RecoveryPublicKey == "":
		c.fault(field, "as cópias são seladas para security.recovery_public_key, e ela falta; crie o par de chaves com: pdvagent store keypair --to PASTA")
	}
}

// chain checks that an invitation is one.
func (c *checker) chain() {
	if code := c.cfg.Chain.Invitation.Reveal(); code != "" {
		if _, err := chain.ParseInvitation(code); err != nil {
			c.fault("chain.invitation", "%s", err)
		}
	}
}

// secrets reads the tokens from the environment and from their files.
func (c *checker) secrets() {
	for i := range c.cfg.API.Tokens {
		token := &c.cfg.API.Tokens[i]
		c.secret(fmt.Sprintf("api.tokens[%d]", i), "PDVAGENT_API_TOKEN_"+envName(token.Name), &token.Token, token.File)
	}
	if m := c.cfg.Mercafacil; m != nil {
		c.secret("mercafacil", "PDVAGENT_MERCAFACIL_TOKEN", &m.Token, m.TokenFile)
	}
	c.find("network", "PDVAGENT_NETWORK_PROXY_LOGIN", &c.cfg.Network.Login, c.cfg.Network.LoginFile, "proxy_login")
	c.open("network.proxy_login", &c.cfg.Network.Login)
	c.open("chain.invitation", &c.cfg.Chain.Invitation)
	c.chain()
	c.paymentSecrets()
	if path := c.cfg.Security.RecoveryPublicKey; path != "" {
		if _, err := os.Stat(c.resolve(path)); err != nil {
			c.fault("security.recovery_public_key", "o arquivo não pôde ser lido")
		}
		c.cfg.Security.RecoveryPublicKey = c.resolve(path)
	}
}

// secret reads a token and decrypts a sealed one.
func (c *checker) secret(section, variable string, secret *Secret, file string) {
	c.find(section, variable, secret, file, "token")
	c.open(section+".token", secret)
}

// open decrypts a sealed secret.
func (c *checker) open(field string, secret *Secret) {
	opened, err := unseal(*secret)
	if err != nil {
		c.fault(field, "foi selado em outra máquina ou está incompleto; grave de novo com: pdvagent config set --seal")
		return
	}
	*secret = opened
}

// find reads a secret from the environment, or from its file; key and key_file are its names in the section.
func (c *checker) find(section, variable string, secret *Secret, file, key string) {
	if value, ok := c.env(variable); ok {
		*secret = Secret(value)
		return
	}
	if file == "" {
		return
	}
	if *secret != "" {
		c.fault(section+"."+key+"_file", "use %s ou %s_file, não os dois", key, key)
		return
	}
	raw, err := osfile.ReadFile(c.resolve(file))
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.fault(section+"."+key+"_file", "o arquivo não existe")
	case err != nil:
		c.fault(section+"."+key+"_file", "o arquivo não pôde ser lido")
	default:
		*secret = Secret(strings.TrimSpace(strings.TrimPrefix(string(raw), "\ufeff")))
	}
}

func (c *checker) resolve(path string) string { return resolve(c.folder, path) }

// envName makes the part of an environment variable's name from a token's name.
func envName(name string) string {
	return strings.Map(func(r rune) rune {
		if (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// exampleTokens warns of tokens that are copied from the example file.
func (c *checker) exampleTokens() []Fault {
	var warnings []Fault
	for i, token := range c.cfg.API.Tokens {
		if strings.HasPrefix(token.Token.Reveal(), "troque-este") {
			field := fmt.Sprintf("api.tokens[%d].token", i)
			warnings = append(warnings, Fault{Line: c.lines[field], Field: field, Detail: "é o token do exemplo, que todos conhecem; sorteie outro"})
		}
	}
	return warnings
}

// inOrder sorts faults by line and drops duplicates.
func inOrder(faults Faults) Faults {
	slices.SortStableFunc(faults, func(a, b Fault) int { return a.Line - b.Line })
	return slices.CompactFunc(faults, func(a, b Fault) bool { return a == b })
}
