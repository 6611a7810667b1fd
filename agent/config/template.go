package config

import (
	"fmt"
	"strings"
)

// Answers are the values that an installation needs; all others have defaults.
type Answers struct {
	DataDir      string
	Shop, Till   string
	Primary      bool
	Listen       string
	TillToken    string
	SupportToken string
	AdminToken   string
	BaseURL      string
	Token        string // of the loyalty cloud
	PDVVersion   string
	Dialect      string
}

// Example are the answers of config.example.yaml.
func Example() Answers {
	return Answers{
		DataDir: "/var/lib/pdvagent", Shop: "001", Till: "012", Listen: "127.0.0.1:8780",
		TillToken: "troque-este-token-do-caixa", SupportToken: "troque-este-token-do-suporte",
		AdminToken: "troque-este-token-de-admin",
		BaseURL:    "https://discounts-beta.mercafacil.com/api/", Token: "cole-aqui-o-token-da-loja", PDVVersion: "1.0.0",
		Dialect: "v2",
	}
}

// Template returns the file with comments for those answers.
func Template(a Answers) string { return fmt.Sprintf(template, a.quoted()...) }

func (a Answers) quoted() []any {
	return []any{
		quote(a.DataDir), quote(a.Shop), quote(a.Till), a.Primary, quote(a.Listen), quote(a.TillToken),
		quote(a.SupportToken), quote(a.AdminToken), quote(a.BaseURL), quote(a.Token), quote(a.PDVVersion), quote(a.Dialect),
	}
}

// quote returns a YAML text in single quotes, which take a backslash literally.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

const template = `# Configuração do pdvagent. Depois de editar, confira com: pdvagent config check
# Caminhos do Windows: entre aspas simples ('C:\Pasta') ou com barras comuns.
version: 1

# Pasta dos dados (fila de vendas, chaves). É criada se não existir; só em disco local.
data_dir: %s

shop:
  id: %s        # código da loja
  till: %s      # código deste caixa (PDV)
  timezone: America/Sao_Paulo
  primary: %t   # true em um só caixa da loja: o que envia cargas de produtos e operadores

api:
  listen: %s    # só endereços desta máquina são aceitos
  allowed_origins: []        # páginas de caixas web, por exemplo https://caixa.exemplo.com.br
  tokens:                    # ao menos 22 caracteres sorteados cada; ou token_file: caminho
    - {name: caixa, scope: till, token: %s}
    - {name: suporte, scope: support, token: %s}
    - {name: admin, scope: admin, token: %s}      # altera esta configuração pela API

till:
  queued_status: 202         # 200 para caixas que não aceitam outro
  coupon_id: composed        # cupom sem identificação: composed (loja-data-hora-operador-caixa-sequência) ou uuid
  charset: utf-8             # windows-1252 para caixas que enviam textos do Windows sem declarar charset

mercafacil:
  base_url: %s   # homologação; em produção https://discounts-secure.mercafacil.com/api/
  token: %s      # de qualquer tamanho; ou token_file: caminho
  pdv_version: %s   # versão do programa do caixa
  dialect: %s     # v2 ou v2.2: para as chamadas do próprio pdvagent e as rotas comuns
  live_deadline: 2500ms      # o caixa nunca espera mais do que isto por descontos; depois, contingência
  coupon_conflict: auto      # resposta 409 a um cupom: auto, sent ou dead

  wrapper: array             # como vai um lote de carga: array, ou object (a lista dentro de um objeto)

loyalty:
  abandon_after: 2h          # transação sem confirm, cancel nem cupom: é cancelada na nuvem
  member_cache: 720h         # por quanto tempo lembrar quem é do clube, para quando a internet cair; 0s: não lembrar
  unknown_member: resolve    # cliente que a nuvem não pôde identificar na venda: resolve (pergunta antes de enviar), zero ou as_given
  offline_transaction_id: omit   # transaction_id que a nuvem nunca teve: omit (sai do cupom) ou keep

sender:
  parallel: 4                # envios ao mesmo tempo
  per_second: 20             # envios por segundo
  retry_min: 5s              # primeira espera depois de uma falha
  retry_max: 30m             # maior espera
  start_jitter: 60s          # espera sorteada antes de enviar o acumulado; 0s para nenhuma
  resend_salvaged: false     # true: depois de um dano no disco, envia de novo o que não se sabe se foi enviado, em vez de reter

# Quando a rede da loja só sai para a internet por um proxy; usuário:senha em um arquivo só para isso.
# network: {proxy: 'http://proxy.loja:3128', proxy_login_file: '/etc/pdvagent/proxy.login'}

# O que roda pelo relógio, no fuso da loja. As que falam com a nuvem nunca a menos de 30 minutos. Para rodar uma já:
# pdvagent routines run NOME. De onde vêm produtos e operadores: docs/cargas.md; experimente com: pdvagent catalog preview
routines:
  resend: {every: 30m}       # tenta de novo o que está parado
  end-of-day: {at: ['23:30']}    # envia tudo o que ainda espera
  # products: {every: 6h, source: {type: folder, path: '/var/lib/erp/produtos', mode: full}}
  # operators: {at: ['06:00'], source: {type: folder, path: '/var/lib/erp/operadores'}}

# Pagamentos (docs/pagamentos.md). Sem a seção de um fornecedor, as rotas dele respondem not_configured.
# payments:
#   ideamaker:               # Pix; e títulos, se titles_url estiver aqui
#     gateway_url: 'https://sandbox.paymentgateway.ideamaker.com.br'
#     gateway_key: 'cole-aqui-a-chave-do-gateway'            # ou gateway_key_file
#     titles_url: 'https://sandbox.apiv3.ideamaker.com.br'   # até antes de /servicos
#     customer_id: 'cole-aqui'
#     customer_key: 'cole-aqui'                              # ou customer_key_file
#     seller: {distribuidor: 'loja-modelo', pdv: 'caixa01'}
#   sevenaz: {base_url: 'https://api.7az.com.br', api_key: 'cole-aqui'}   # ou api_key_file
#   sicoob:                  # boletos; a baixa dos pagos é a rotina sicoob-settlement, no caixa principal
#     base_url: 'https://api.sicoob.com.br/cobranca-bancaria/v3'
#     token_url: 'https://auth.sicoob.com.br/auth/realms/cooperado/protocol/openid-connect/token'
#     client_id: 'cole-aqui'
#     certificate: '/etc/pdvagent/loja.pfx'                  # ou .pem com a chave
#     certificate_password: 'cole-aqui'                      # ou certificate_password_file
#     numero_cliente: 567890
#     conta_corrente: 102938
#   cashorder: {base_url: 'https://fornecedor.example.com', header: 'X-Chave: cole-aqui', accept_card_data: false, total: items}
#   webhook:                 # desligado: os avisos do gateway só apressam o que o agente já pergunta sozinho
#     listen: '0.0.0.0:8443'
#     path_secret: 'ao menos 22 caracteres sorteados'
#     cert: '/etc/pdvagent/webhook.pem'
#     key: '/etc/pdvagent/webhook.key'

store:
  max_mb: 1024               # tamanho máximo do banco de dados, potência de dois
  spool_mb: 2048             # tamanho máximo dos corpos grandes

# Quem tiver a chave privada poderá ler uma cópia dos dados sem esta máquina (RSA de ao menos 2048 bits, em PEM). O par de
# chaves: pdvagent store keypair --to PASTA
# security:
#   recovery_public_key: '/etc/pdvagent/recuperacao-publica.pem'

# Cópias dos backups, seladas para essa chave, em uma pasta do servidor da loja: se esta máquina se perder, outra segue
# (docs/troca-de-maquina.md). A mesma pasta serve a todos os caixas, e é por ela que dois agentes do mesmo caixa se notam.
# backup:
#   copy_to: '/mnt/servidor/pdvagent'

# O hub da rede, se ela tem um: o convite que pdvhub invite mostrou, e que vale uma vez. Nenhuma venda espera pelo hub.
# chain:
#   invitation: 'pdvhub1.cole-aqui'

traffic:                     # diário das chamadas do caixa e das nuvens, com os dados pessoais escondidos
  keep_days: 7
  max_mb: 200                # de todos os arquivos juntos
  bodies: masked             # masked ou none

log:
  level: info                # debug, info, warn ou error
  max_mb: 50                 # de todos os arquivos de log juntos, em data_dir/log
`
