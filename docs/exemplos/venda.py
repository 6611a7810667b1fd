"""Uma venda inteira pelo pdvagent: Python 3, sem bibliotecas. Uso: PDVAGENT_TOKEN=... python3 venda.py CUPOM [CPF]"""
import json
import os
import sys
import urllib.error
import urllib.request
from decimal import ROUND_HALF_UP, Decimal

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


def talk(answer):
    """Enquanto a nuvem tiver o que dizer: mostra, pergunta e responde. Enter ou fim da entrada: a venda segue sem responder."""
    while answer.get("should_display_message"):
        message = answer.get("message") or {}
        buttons = message.get("responses") or []
        print(message.get("text", ""), *(f"{n} = {b['button']}" for n, b in enumerate(buttons, 1)), sep="\n")
        if not buttons and not message.get("input"):
            return  # um aviso: nada a responder
        typed = sys.stdin.readline().strip() if message.get("input") else ""
        choice = sys.stdin.readline().strip() if buttons else ""
        if buttons and not choice:
            return
        button = buttons[int(choice) - 1] if buttons else {"tag": ""}
        answer = api("/v2.2/transaction/message", {"transaction_id": session, "tag": button["tag"], "input_value": typed})
        if button.get("end_message_flow"):
            return


def cents(value):
    """Um valor da nuvem como o caixa o cobra: em centavos, o meio centavo para cima."""
    return Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)


document = sys.argv[2] if len(sys.argv) > 2 else "52998224725"
start = api("/v2.2/transaction/start", {"transaction_context": {"document_no": document, "phone": ""}, "transaction_id": ""})
session = start["transaction_id"]
client = document if start.get("loyalty") else "0"
talk(start)
talk(api("/v2.2/transaction/pre-apply", {"transaction_id": session, "origin": "pdv", "items": ITEMS}))
apply = api("/v2.2/transaction/apply", {"transaction_id": session})
api("/v2.2/transaction/confirm", {"transaction_id": session})

# agent.lines tem uma entrada por linha, na ordem do pedido; payment_discount é uma forma de pagamento
totals = [cents(line["total"]) for line in apply["agent"]["lines"]]
cashback = cents((apply.get("payment_discount") or {}).get("discount_value") or 0)
payments = [{"payment_form": "cash", "amount": str(sum(totals) - cashback), "instalments": 1}]
if cashback:
    payments.append({"payment_form": "cashback", "amount": str(cashback), "instalments": 1})
print(api("/v2/coupons", {
    "transaction_id": session, "client_id": client, "coupon": sys.argv[1], "date": "2026-05-14", "time": "19:12:46",
    "items": [dict(item, total_value_with_discount=str(total)) for item, total in zip(ITEMS, totals)],
    "payments": payments, "total_value": "66.93", "total_value_with_discount": str(sum(totals)),
    "origin": "pdv", "pdv_code": "012", "operator_id": "0123"}))
