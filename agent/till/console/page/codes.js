// Made of the words in cmd/internal/cli (words.go, counts.go) by a test (-update). It is not edited.
export const codes = {
  "boletoStates": {
    "open": "aberto",
    "paid": "pago",
    "review": "conferir",
    "written_off": "baixado"
  },
  "channels": {
    "bank": "banco",
    "other": "outro",
    "pix": "Pix"
  },
  "counts": {
    "abandoned": [
      "abandonada",
      "abandonadas"
    ],
    "accepted": [
      "certo",
      "certos"
    ],
    "batches": [
      "lote",
      "lotes"
    ],
    "bodies_dropped": [
      "corpo apagado",
      "corpos apagados"
    ],
    "boletos_dropped": [
      "boleto antigo apagado",
      "boletos antigos apagados"
    ],
    "bytes": [
      "byte copiado",
      "bytes copiados"
    ],
    "bytes_freed": [
      "byte liberado",
      "bytes liberados"
    ],
    "changed": [
      "enviado",
      "enviados"
    ],
    "delivered": [
      "entregue",
      "entregues"
    ],
    "done": [
      "dia terminado",
      "dias terminados"
    ],
    "half": [
      "dia pela metade",
      "dias pela metade"
    ],
    "hastened": [
      "adiantado",
      "adiantados"
    ],
    "heads_dropped": [
      "registro de mais de 400 dias apagado",
      "registros de mais de 400 dias apagados"
    ],
    "inconclusive": [
      "janela inconclusiva",
      "janelas inconclusivas"
    ],
    "known": [
      "já conhecido",
      "já conhecidos"
    ],
    "open": [
      "boleto por acertar",
      "boletos por acertar"
    ],
    "orders_dropped": [
      "pedido antigo apagado",
      "pedidos antigos apagados"
    ],
    "other": [
      "de outros movimentos",
      "de outros movimentos"
    ],
    "outside": [
      "emitido em outro lugar",
      "emitidos em outro lugar"
    ],
    "paid": [
      "pago",
      "pagos"
    ],
    "payments_emptied": [
      "pagamento antigo esvaziado",
      "pagamentos antigos esvaziados"
    ],
    "pending": [
      "esperando",
      "esperando"
    ],
    "records": [
      "registro do banco",
      "registros do banco"
    ],
    "rejected": [
      "recusado",
      "recusados"
    ],
    "removed": [
      "sumiu",
      "sumiram"
    ],
    "review": [
      "a conferir",
      "a conferir"
    ],
    "rounded": [
      "arredondado a três casas",
      "arredondados a três casas"
    ],
    "superseded": [
      "substituído por um mais novo",
      "substituídos por um mais novo"
    ],
    "trail_dropped": [
      "linha da trilha de mais de 400 dias apagada",
      "linhas da trilha de mais de 400 dias apagadas"
    ],
    "unchanged": [
      "sem mudança",
      "sem mudança"
    ],
    "unconfirmed": [
      "sem confirmação",
      "sem confirmação"
    ],
    "unmatched": [
      "sem boleto",
      "sem boleto"
    ],
    "unread_dropped": [
      "ilegível de mais de 7 dias apagado",
      "ilegíveis de mais de 7 dias apagados"
    ],
    "values_read": [
      "valor lido",
      "valores lidos"
    ],
    "windows": [
      "janela pedida",
      "janelas pedidas"
    ]
  },
  "jobKinds": {
    "cancel": "cancelamento",
    "confirm": "confirmação",
    "coupon": "venda",
    "coupon-cancellation": "cancelamento de venda",
    "coupons-list": "vendas antigas",
    "message": "resposta do cliente",
    "operators": "operadores",
    "products": "produtos"
  },
  "jobReasons": {
    "broken": "a conexão caiu",
    "cancelled": "cancelado antes de ser enviado",
    "cloned": "os dados são uma cópia (clone) dos de outro pdvagent",
    "conflict": "outro conteúdo com a mesma identificação",
    "denied": "a Mercafácil responde que não o aceitou",
    "duplicate_key": "o mesmo campo duas vezes",
    "encoding": "outra codificação de texto",
    "foreign": "uma resposta que não é da Mercafácil",
    "invalid": "os dados não podem estar certos",
    "key_missing": "falta a chave que o cifrou",
    "lost": "o conteúdo se perdeu",
    "malformed": "não é JSON",
    "no_session": "a Mercafácil não tem a transação",
    "nothing_sent": "o que ele cancelaria não foi enviado",
    "refused": "a Mercafácil recusou o conteúdo",
    "route_passes": "a Mercafácil recusa este, e aceita os outros",
    "salvaged": "achado num arquivo danificado; talvez já enviado",
    "split": "dividido em lotes menores",
    "status": "a Mercafácil respondeu",
    "superseded": "um corrigido tomou o lugar",
    "timeout": "sem resposta a tempo",
    "too_deep": "níveis demais",
    "unknown": "a Mercafácil não conhece a venda ou a transação",
    "unreachable": "sem conexão"
  },
  "jobStates": {
    "annulled": "anulado",
    "damaged": "danificado",
    "dead": "recusado",
    "discarded": "descartado",
    "held": "retido",
    "pending": "esperando",
    "sent": "enviado",
    "unread": "ilegível"
  },
  "orderStates": {
    "completed": "concluído",
    "failed": "recusado",
    "unknown": "sem resposta"
  },
  "paymentKinds": {
    "invoice": "fatura",
    "pix": "Pix",
    "title": "título"
  },
  "paymentStates": {
    "awaiting_payment": "esperando o pagamento",
    "canceled": "cancelado",
    "completed": "concluído",
    "confirming": "confirmando",
    "conflicted": "outro valor",
    "created": "criado",
    "expired": "venceu",
    "failed": "falhou",
    "paid": "pago",
    "paid_late": "pago tarde",
    "registering": "registrando",
    "unknown": "sem resposta"
  },
  "provers": {
    "machine": "máquina",
    "person": "pessoa",
    "pilot": "piloto"
  },
  "verdicts": {
    "answered": "respondido",
    "failed": "ERRADO",
    "open": "aberto",
    "passed": "ok",
    "unneeded": "não se aplica"
  }
};
