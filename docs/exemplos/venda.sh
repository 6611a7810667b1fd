#!/bin/sh
# Uma venda inteira pelo pdvagent: curl e jq. Uso: PDVAGENT_TOKEN=... sh venda.sh
url=${PDVAGENT_URL:-http://127.0.0.1:8780}
api() { # rota, corpo: imprime a resposta; recusado, a frase para o operador
  answer=$(curl -sS --max-time 35 --fail-with-body -X POST "$url$1" -H "Authorization: Bearer $PDVAGENT_TOKEN" \
    -H 'Content-Type: application/json' -d "$2") || { printf %s "$answer" | jq -r .detail >&2; exit 1; }
  printf '%s\n' "$answer"
}
items='[{"sku":"80215","ean":"7890000000017","product_name":"CAFE 500G","quantity":3,"packing_quantity":1,"unit_value":10.00,"total_value":30.00},
        {"sku":"411","ean":"2000411000000","product_name":"QUEIJO KG","quantity":1.235,"packing_quantity":1,"unit_value":29.90,"total_value":36.93}]'

start=$(api /v2/transaction/start '{"document_no":"52998224725"}') || exit 1
id=$(printf %s "$start" | jq -r .transaction_id)
client=$(printf %s "$start" | jq -r 'if .loyalty then "52998224725" else "0" end')

apply=$(api /v2/transaction/apply "$(jq -nc --arg id "$id" --arg client "$client" --argjson items "$items" \
  '{transaction_id: $id, client_id: $client, origin: "pdv", items: $items}')") || exit 1

api /v2/transaction/confirm "{\"transaction_id\":\"$id\"}" >&2 || exit 1

# agent.lines tem uma entrada por linha, na ordem do pedido, com as contas feitas; payment_discount é uma forma de pagamento
api /v2/coupons "$(printf %s "$apply" | jq -c --arg id "$id" --arg client "$client" --arg coupon "$1" --argjson items "$items" '
  def round3: . * 1000 | round / 1000;
  .agent.lines as $lines
  | ($lines | map(.total | tonumber) | add | round3) as $total
  | ((.payment_discount.discount_value // 0) | tonumber) as $cashback
  | {transaction_id: $id, client_id: $client, coupon: $coupon, date: "2026-05-14", time: "19:12:46", origin: "pdv",
     pdv_code: "012", operator_id: "0123", total_value: 66.93, total_value_with_discount: $total,
     items: [range($items | length) as $i | $items[$i] + {total_value_with_discount: ($lines[$i].total | tonumber)}],
     payments: ([{payment_form: "cash", amount: ($total - $cashback | round3), instalments: 1}]
       + if $cashback > 0 then [{payment_form: "cashback", amount: $cashback, instalments: 1}] else [] end)}')"
