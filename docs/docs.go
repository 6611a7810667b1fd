// Package docs has the guides for people who implant, support or write a till, for the console to show them without internet.
package docs

import "embed"

// Guides are the documents in Portuguese, with the files that they lead to; pictures are left out.
//
//go:embed boletos.md cargas.md console.md fidelidade.md homologacao.md instalacao.md monitoramento.md pagamentos.md sandbox.md
//go:embed suporte.md troca-de-maquina.md CHANGELOG.md exemplos/README.md exemplos/?enda.* grafana-painel.json prometheus-alertas.yaml
var Guides embed.FS
