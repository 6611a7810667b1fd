#!/bin/sh
# Uma venda inteira pelo pdvagent: curl e jq. Uso: PDVAGENT_TOKEN=... sh venda.sh CUPOM [CPF]
url=${PDVAGENT_URL:-http://127.0.0.1:8780}
api() { # rota, corpo: imprime a resposta; recusado, a frase para o operador
  answer=$(curl -sS --max-time 35 --fail-with-body -X POST "$url$1" -H "Authorization: Bearer $PDVAGENT_TOKEN" \
    -H 'Content-Type: application/json' -d "$2") || { printf %s "$answer" | jq -r .detail >&2; exit 1; }
  printf '%s\n' "$answer"
}
items='[{"sku":"80215","ean":"7890000000017","product_name":"CAFE 500G","quantity":3,"packing_quantity":1,"unit_value":10.00,"total_value":30.00},
        {"sku":"411","ean":"2000411000000","product_name":"QUEIJO KG","quantity":1.235,"packing_quantity":1,"unit_value":29.90,"total_value":36.93}]'

# Enquanto a nuvem tiver o que dizer: mostra, pergunta e responde. Enter ou fim da entrada: a venda segue sem responder.
see() { printf %s "$said" | jq -r "$1"; }
talk() {
  said=$1
  while [ "$(see '.should_display_message == true')" = true ]; do
    see '.message | .text // "", ((.responses // []) | to_entries[] | "\(.key + 1) = \(.value.button)")' >&2
    input=$(see '.message.input | IN(null, false, "", 0) | not') buttons=$(see '.message.responses // [] | length') typed='' button='{"tag":""}'
    if [ "$input$buttons" = false0 ]; then return; fi # um aviso: nada a responder
    if [ "$input" = true ]; then read -r typed; fi
    if [ "$buttons" != 0 ]; then
      read -r choice
      if [ -z "$choice" ]; then return; fi
      button=$(see ".message.responses[$choice - 1] | tojson")
    fi
    said=$(api /v2.2/transaction/message "$(printf %s "$button" | jq -c --arg id "$id" --arg typed "$typed" \
      '{transaction_id: $id, tag, input_value: $typed}')") || exit 1
    if [ "$(printf %s "$button" | jq '.end_message_flow == true')" = true ]; then return; fi
  done
}

document=${2:-52998224725}
start=$(api /v2.2/transaction/start "{\"transaction_context\":{\"document_no\":\"$document\",\"phone\":\"\"},\"transaction_id\":\"\"}") || exit 1
id=$(printf %s "$start" | jq -r .transaction_id)
client=$(printf %s "$start" | jq -r --arg document "$document" 'if .loyalty then $document else "0" end')
talk "$start"
basket=$(api /v2.2/transaction/pre-apply "{\"transaction_id\":\"$id\",\"origin\":\"pdv\",\"items\":$items}") || exit 1
talk "$basket"
apply=$(api /v2.2/transaction/apply "{\"transaction_id\":\"$id\"}") || exit 1

api /v2.2/transaction/confirm "{\"transaction_id\":\"$id\"}" >&2 || exit 1

# agent.lines tem uma entrada por linha, na ordem do pedido, com as contas feitas; payment_discount é uma forma de pagamento
api /v2/coupons "$(printf %s "$apply" | jq -c --arg id "$id" --arg client "$client" --arg coupon "$1" --argjson items "$items" '
  def cents: . * 1000 | round | (. + 5) / 10 | floor; # como o caixa o cobra: o meio centavo para cima
  (.agent.lines | map(.total | tonumber | cents)) as $totals
  | ((.payment_discount.discount_value // 0) | tonumber | cents) as $cashback
  | {transaction_id: $id, client_id: $client, coupon: $coupon, date: "2026-05-14", time: "19:12:46", origin: "pdv",
     pdv_code: "012", operator_id: "0123", total_value: 66.93, total_value_with_discount: (($totals | add) / 100),
     items: [range($items | length) as $i | $items[$i] + {total_value_with_discount: ($totals[$i] / 100)}],
     payments: ([{payment_form: "cash", amount: ((($totals | add) - $cashback) / 100), instalments: 1}]
       + if $cashback > 0 then [{payment_form: "cashback", amount: ($cashback / 100), instalments: 1}] else [] end)}')"
