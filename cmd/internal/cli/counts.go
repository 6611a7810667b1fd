package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pdvagent/agent/ops/routine"
)

// figure is the words for one of a routine's counts: of one, and of more.
type figure struct{ name, one, many string }

// figures are in the order in which a run's result tells them.
func figures() []figure {
	return []figure{
		{"windows", "janela pedida", "janelas pedidas"},
		{"inconclusive", "janela inconclusiva", "janelas inconclusivas"},
		{"records", "registro do banco", "registros do banco"},
		{"paid", "pago", "pagos"},
		{"review", "a conferir", "a conferir"},
		{"known", "já conhecido", "já conhecidos"},
		{"outside", "emitido em outro lugar", "emitidos em outro lugar"},
		{"unmatched", "sem boleto", "sem boleto"},
		{"other", "de outros movimentos", "de outros movimentos"},
		{"open", "boleto por acertar", "boletos por acertar"},
		{"accepted", "certo", "certos"},
		{"changed", "enviado", "enviados"},
		{"unchanged", "sem mudança", "sem mudança"},
		{"rejected", "recusado", "recusados"},
		{"removed", "sumiu", "sumiram"},
		{"rounded", "arredondado a três casas", "arredondados a três casas"},
		{"batches", "lote", "lotes"},
		{"superseded", "substituído por um mais novo", "substituídos por um mais novo"},
		{"delivered", "entregue", "entregues"},
		{"pending", "esperando", "esperando"},
		{"hastened", "adiantado", "adiantados"},
		{"abandoned", "abandonada", "abandonadas"},
		{"unconfirmed", "sem confirmação", "sem confirmação"},
		{"done", "dia terminado", "dias terminados"},
		{"half", "dia pela metade", "dias pela metade"},
		{"payments_emptied", "pagamento antigo esvaziado", "pagamentos antigos esvaziados"},
		{"boletos_dropped", "boleto antigo apagado", "boletos antigos apagados"},
		{"orders_dropped", "pedido antigo apagado", "pedidos antigos apagados"},
		{"unread_dropped", "ilegível de mais de 7 dias apagado", "ilegíveis de mais de 7 dias apagados"},
		{"trail_dropped", "linha da trilha de mais de 400 dias apagada", "linhas da trilha de mais de 400 dias apagadas"},
		{"values_read", "valor lido", "valores lidos"},
		{"bodies_dropped", "corpo apagado", "corpos apagados"},
		{"heads_dropped", "registro de mais de 400 dias apagado", "registros de mais de 400 dias apagados"},
		{"bytes_freed", "byte liberado", "bytes liberados"},
		{"bytes", "byte copiado", "bytes copiados"},
	}
}

// countsInWords tells what a run did; what it counted none of is left out.
func countsInWords(run routine.Report) string {
	left := maps.Clone(run.Counts)
	var parts []string
	for _, f := range figures() {
		switch n := left[f.name]; n {
		case 0:
		case 1:
			parts = append(parts, "1 "+f.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, f.many))
		}
		delete(left, f.name)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) { // of a newer agent
		parts = append(parts, fmt.Sprintf("%d %s", left[name], name))
	}
	if len(parts) == 0 {
		return "nada a fazer"
	}
	return strings.Join(parts, ", ")
}
