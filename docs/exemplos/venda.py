"""Uma venda inteira pelo pdvagent: Python 3, sem bibliotecas. Uso: PDVAGENT_TOKEN=... python3 venda.py CUPOM"""
import json
import os
import sys
import urllib.error
import urllib.request
from decimal import Decimal

URL = os.environ.get("PDVAGENT_URL", "http://127.0.0.1:8780")
ITEMS = [
    {"sku": "80215", "ean": "7890000000017", "product_name": "CAFE 500G", "quantity": "3", "packing_quantity": "1",
     "unit_value": "10.00", "total_value": "30.00"},
    {"sku": "411", "ean": "2000411000000", "product_name": "QUEIJO KG", "quantity": "1.235", "packing_quantity": "1",
     "unit_value": "29.90", "total_value": "36.93"},
]


def api(path, body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), {
        "Authorization": "Bearer " + os.environ["PDVAGENT_TOKEN"], "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=35) as answer:
            return json.load(answer, parse_float=Decimal)
    except urllib.error.HTTPError as refused:  # problem+json: detail é a frase para o operador
        sys.exit(json.load(refused)["detail"])


start = api("/v2/transaction/start", {"document_no": "52998224725"})
session = start["transaction_id"]
client = "52998224725" if start.get("loyalty") else "0"
apply = api("/v2/transaction/apply", {"transaction_id": session, "client_id": client, "origin": "pdv", "items": ITEMS})
api("/v2/transaction/confirm", {"transaction_id": session})

# agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
totals = [Decimal(line["total"]) for line in apply["agent"]["lines"]]
cashback = Decimal(str((apply.get("payment_discount") or {}).get("discount_value") or 0))
payments = [{"payment_form": "cash", "amount": str(sum(totals) - cashback), "instalments": 1}]
if cashback:
    payments.append({"payment_form": "cashback", "amount": str(cashback), "instalments": 1})
print(api("/v2/coupons", {
    "transaction_id": session, "client_id": client, "coupon": sys.argv[1], "date": "2026-05-14", "time": "19:12:46",
    "items": [dict(item, total_value_with_discount=str(total)) for item, total in zip(ITEMS, totals)],
    "payments": payments, "total_value": "66.93", "total_value_with_discount": str(sum(totals)),
    "origin": "pdv", "pdv_code": "012", "operator_id": "0123"}))
