package sicoob

import (
	"strconv"
	"time"
)

// dialect is what differs between the two versions (contract section 1).
type dialect struct {
	client, modality, species string // names of fields
	date                      func(time.Time) string
	request, status, download string // paths of the three movement calls
	writeOff                  func(nosso int64) (method, path, route string)
	payer                     func(document string) (path, route string)
	list                      bool // boletos are issued and written off as an array
	instructions              func([]string) any
	scopes                    []string
}

func v3() dialect {
	return dialect{
		client: "numeroCliente", modality: "codigoModalidade", species: "codigoEspecieDocumento",
		date:    func(at time.Time) string { return at.Format(time.DateOnly) },
		request: "boletos/movimentacoes", status: "boletos/movimentacoes", download: "boletos/movimentacoes/download",
		writeOff: func(nosso int64) (method, path, route string) {
			return "POST", "boletos/" + itoa(nosso) + "/baixar", "/boletos/{nossoNumero}/baixar"
		},
		payer: func(document string) (path, route string) {
			return "pagadores/" + document + "/boletos", "/pagadores/{numeroCpfCnpj}/boletos"
		},
		instructions: func(lines []string) any { return lines },
		scopes:       []string{"boletos_inclusao", "boletos_consulta", "boletos_alteracao"},
	}
}

func v2() dialect {
	return dialect{
		client: "numeroContrato", modality: "modalidade", species: "especieDocumento",
		date:    func(at time.Time) string { return at.Format(time.DateOnly) + "T00:00:00-03:00" },
		request: "boletos/solicitacoes/movimentacao", status: "boletos/solicitacoes/movimentacao", download: "boletos/movimentacao-download",
		writeOff: func(int64) (method, path, route string) { return "PATCH", "boletos/baixa", "/boletos/baixa" },
		payer: func(document string) (path, route string) {
			return "boletos/pagadores/" + document, "/boletos/pagadores/{doc}"
		},
		list:         true,
		instructions: func(lines []string) any { return map[string]any{"tipoInstrucao": 1, "mensagens": lines} },
		scopes: []string{
			"cobranca_boletos_incluir", "cobranca_boletos_consultar", "cobranca_boletos_pagador", "cobranca_boletos_segunda_via", "cobranca_boletos_baixa",
			"cobranca_boletos_solicitacao_movimentacao_incluir", "cobranca_boletos_solicitacao_movimentacao_consultar", "cobranca_boletos_solicitacao_movimentacao_download",
		},
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
