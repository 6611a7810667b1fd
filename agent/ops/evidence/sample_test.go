package evidence_test

import (
	"time"

	"pdvagent/agent"
	"pdvagent/agent/ops/evidence"
)

// clock is a moment of the sample, in Brazil.
func clock(minute, second int) time.Time {
	return time.Date(2026, 11, 20, 9, minute, second, 0, time.FixedZone("", -3*60*60))
}

// sample is a small report with every verdict and every kind of text.
func sample() *evidence.Report {
	return &evidence.Report{
		Cover: evidence.Cover{
			Shop: "001", ShopName: "Mercado São João & Filhos", Till: "012", AgentVersion: "1.4.0", PDVVersion: "3.1",
			Plan: "Integração PDV Tempo Real V2", PlanVersion: "2.0", Mode: evidence.Watched, BaseURL: "https://discounts-beta.mercafacil.com/api/", Dialect: "v2",
			Began: clock(0, 0), Ended: clock(48, 12), Notes: []string{"A corrida foi interrompida às 09:20 e retomada às 09:31."},
		},
		Stages: []evidence.Stage{{ID: "implantation", Title: "Implantação e envios de rotina"}, {ID: "confirmation", Title: "Confirmação de vendas"}, {ID: "script", Title: "Roteiro de novos tipos de ofertas"}, {ID: "pilot", Title: "Cliente piloto"}, {ID: "assumptions", Title: "Perguntas em aberto"}},
		Items: []evidence.Item{
			{ID: "H1", Stage: "implantation", Title: "Envio de produtos", Reference: "manual, 2.a", Verdict: evidence.Passed, At: clock(2, 5), Asked: []string{"Envie a carga completa de produtos."}, Seen: []string{"3 lotes com 1.200 produtos, todos aceitos."}},
			{ID: "H9", Stage: "implantation", Group: "Configurações", Title: "A base é unificada em multiloja", Verdict: evidence.Unneeded, At: clock(3, 0), Asked: []string{"Confirme se a rede tem uma base só."}, Seen: []string{"A rede tem uma loja só."}},
			{
				ID: "H14", Stage: "confirmation", Title: "client_id de clientes dentro e fora do clube", Reference: "manual, 3.e", Verdict: evidence.Failed, At: clock(12, 30),
				Asked:    []string{"Identifique o CPF 529.982.247-25, que não é do clube.", "Venda 1 unidade do produto 80215 e feche a venda."},
				Expected: []string{"O cupom leva client_id \"0\"."}, Seen: []string{"O cupom 001-20261120-091230-0123-012-45871 levou client_id \"52998224725\"."},
				Fault: "O cupom levou client_id 52998224725, mas este cliente não é do clube: deveria ir 0.",
				Exchanges: []evidence.Exchange{
					{At: clock(12, 28), Side: agent.SideTill, Method: "POST", Route: "/v2/transaction/start", Status: 200, MS: 41.25, Request: `{"document_no":"52998224725"}`, Response: `{"loyalty":false,"transaction_id":"79a8bc0a-e8b8-41b2-ba86-91b9763f5d75"}`},
					{At: clock(12, 30), Side: agent.SideCloud, Method: "POST", Route: "/v2/coupons/", MS: 5000, Detail: "sem resposta a tempo", Request: `{"coupon":"001-20261120-091230-0123-012-45871","client_id":"52998224725","items":[{"sku":"80215","product_name":"<b>CAFÉ</b> 500G","quantity":1}]}`},
				},
			},
			{ID: "H20", Stage: "script", Group: "percentage", Title: "Apply com 2 produtos, juntos e separados", Verdict: evidence.Open, Asked: []string{"Passe 2 unidades do produto 80215 em linhas separadas e peça o subtotal."}, Missing: "Falta a oferta: percentage, mínimo 2, máximo 4, no produto 80215."},
			{ID: "H40", Stage: "pilot", Title: "Cliente treinado", Verdict: evidence.Passed, At: clock(40, 0), Asked: []string{"Confirme que a equipe da loja foi treinada."}, Confirmed: &evidence.Confirmation{By: "Maria de Conceição, implantação", At: clock(40, 0), Says: "Treinamento de 3 operadoras em 20/11."}},
			{ID: "A3", Stage: "assumptions", Title: "O que a nuvem faz com um cupom repetido", Verdict: evidence.Answered, At: clock(44, 0), Asked: []string{"O mesmo cupom é enviado duas vezes, byte a byte."}, Seen: []string{"Status 409 com a mensagem \"coupon already exists\"."}},
		},
	}
}
