// One payment, boleto or order: state in words, what happened, and the form by which a person closes it.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { ask, badge, button, failure, head, moment, note, pairs, trail } from "../parts.js";
import { boletoTones, orderTones, paymentTones } from "./pagamentos.js";

const sources = { api: "caixa", poll: "pergunta ao fornecedor", webhook: "aviso do fornecedor", agent: "agente", operator: "uma pessoa" };

const resolution = (r) => r && note("ok", h("p", {}, `Resolvido por ${r.by}, `, moment(r.at), `: ${r.reason}`));

/** resolve asks why, and closes it. */
function resolve(view, path, { title, text, fields = [], body = (v) => v }) {
  return button("resolver", "Resolver", () => ask({
    title, button: "Gravar", body: [h("p", {}, text)],
    fields: [...fields, h("div", { class: "field" }, h("label", { for: "motivo" }, "O que foi decidido, e por quê"), h("textarea", { name: "reason", id: "motivo", required: true, maxlength: "500" }), h("p", { class: "help" }, "Fica gravado com o seu nome. Não escreva dados de clientes."))],
    act: async (values) => {
      await api.post(path, body(values));
      say("Gravado.");
      view.reload();
    },
  }), "primary");
}

export async function showPayment(view, id) {
  const p = await api.get("/v1/payments/" + encodeURIComponent(id), { signal: view.signal }), picture = h("figure", {});
  view.put(trail("#/pagamentos", "Pix e títulos"),
    head(`${words.capital(words.paymentKind(p.kind))} de ${words.reais(p.amount)}`, p.reference && `Referência ${p.reference}`,
      p.attention && resolve(view, `/v1/payments/${p.id}/resolve`, { title: "Como isto foi resolvido?", text: "O agente não mexe mais neste pagamento. Confira antes com o fornecedor se o dinheiro entrou." }),
      p.status === "awaiting_payment" && button("cancelar", "Cancelar a cobrança", () => ask({ title: "Cancelar esta cobrança?", danger: true, button: "Cancelar a cobrança", body: [h("p", {}, "O código deixa de ser mostrado. Se alguém pagar mesmo assim, o pagamento aparece aqui e pede uma decisão.")], act: async () => { await api.post(`/v1/payments/${p.id}/cancel`); view.reload(); } }), "danger")),
    h("section", { class: "card", "aria-label": "Situação" }, h("p", {}, badge(paymentTones[p.status] ?? "", words.paymentState(p.status)), p.detail && ` ${p.detail}`),
      pairs(["Valor", words.reais(p.amount)], ["Recebido", words.reais(p.received)], ["Fornecedor", p.provider], ["Criado", moment(p.created_at)], ["Vence", p.expires_at && moment(p.expires_at)], ["Pago", p.paid_at && moment(p.paid_at)], ["Número", p.id]),
      resolution(p.resolution), picture),
    h("section", { class: "card", "aria-labelledby": "historia" }, h("h2", { id: "historia" }, "O que aconteceu"), h("ol", { class: "line" }, (p.events ?? []).map((e) => h("li", { class: paymentTones[e.status] ?? "" }, moment(e.at), h("span", {}, words.capital(words.paymentState(e.status)), e.detail && !/^[a-z_]+$/i.test(e.detail) && `: ${e.detail}`), h("span", { class: "soft small" }, sources[e.source] ?? e.source))))));
  if (p.pix) await draw(view, p, picture);
  if (["created", "registering", "awaiting_payment", "paid", "confirming"].includes(p.status)) {
    view.every(3000, async () => {
      const now = await api.get("/v1/payments/" + encodeURIComponent(id), { background: true, signal: view.signal });
      if (now.status !== p.status) view.reload();
    });
  }
}

async function draw(view, p, picture) {
  const answer = await api.request("GET", `/v1/payments/${p.id}/qr.png?scale=5`, { signal: view.signal });
  const url = URL.createObjectURL(await answer.blob());
  view.signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  fill(picture, h("img", { src: url, alt: "Código Pix para o cliente pagar", class: "qr" }), h("figcaption", { class: "soft small" }, "O cliente paga por este código."));
}

export async function showBoleto(view, number) {
  const place = h("div", {}), path = "/v1/boletos/" + encodeURIComponent(number), b = await api.get(path, { signal: view.signal });
  const ask1 = button("perguntar", "Perguntar ao Sicoob", async () => {
    try {
      const now = await api.get(path + "?ask=1");
      fill(place, note("info", `O Sicoob diz: ${now.bank_status || "nada"}.`));
    } catch (error) {
      fill(place, failure(error));
    }
  });
  view.put(trail("#/pagamentos/boletos", "Boletos"),
    head(`Boleto ${b.nosso_numero}`, b.seu_numero && `Seu número ${b.seu_numero}`, ask1, b.attention && resolve(view, path + "/resolve", { title: "Como este boleto foi resolvido?", text: "O valor recebido não é o esperado, ou o banco disse algo que não fecha. Confira no extrato antes." })),
    place,
    h("section", { class: "card", "aria-label": "Situação" }, h("p", {}, badge(boletoTones[b.status] ?? "", words.boletoState(b.status)), b.detail && ` ${b.detail}`),
      pairs(["Esperado", words.reais(b.expected)], ["Recebido", words.reais(b.received)], ["Diferença", b.difference ? words.reais(b.difference) : ""], ["Vencimento", words.date(b.due_date)], ["Pago em", words.date(b.paid_on)], ["Crédito em", words.date(b.credit_on)], ["Por onde", b.channel && words.channel(b.channel)], ["Linha digitável", b.digitable_line], ["Emitido", b.register_only ? "em outro lugar" : "por aqui"]),
      resolution(b.resolution)),
    b.receipts?.length > 0 && h("section", { class: "card" }, h("h2", {}, "O que o banco informou"), h("ol", { class: "line" }, b.receipts.map((r) => h("li", { class: "ok" }, h("span", {}, words.date(r.paid_on || r.credit_on)), h("span", {}, words.reais(r.received)), h("span", { class: "soft small" }, r.channel && words.channel(r.channel)))))));
}

export async function showOrder(view, id) {
  const answer = await api.get("/v1/orders/" + encodeURIComponent(id), { signal: view.signal }), o = answer.agent;
  const state = h("div", { class: "field" }, h("label", { for: "situacao" }, "O que o fornecedor diz do pedido"), h("select", { name: "state", id: "situacao" }, h("option", { value: "completed" }, "foi concluído"), h("option", { value: "failed" }, "foi recusado, ou não existe lá")));
  const vendor = h("div", { class: "field" }, h("label", { for: "numero" }, "Número do pedido no fornecedor (se foi concluído)"), h("input", { name: "order_vendor_id", id: "numero", maxlength: "100", autocomplete: "off" }));
  view.put(trail("#/pagamentos/pedidos", "Pedidos com cartão"),
    head(`Pedido nº ${o.order_id}`, null, o.attention && resolve(view, `/v1/orders/${o.id}/resolve`, {
      title: "O que o fornecedor diz deste pedido?", text: "A resposta se perdeu. Pergunte ao fornecedor antes de fechar de novo: o cartão pode já ter sido cobrado.", fields: [state, vendor],
      body: (v) => (v.order_vendor_id ? v : { state: v.state, reason: v.reason }),
    })),
    h("section", { class: "card", "aria-label": "Situação" }, h("p", {}, badge(orderTones[o.state] ?? "", words.orderState(o.state)), o.detail && ` ${o.detail}`),
      pairs(["Itens", words.reais(o.amount)], ["Frete", words.reais(o.shipping)], ["Total", words.reais(o.total)], ["Cartão", o.brand], ["Parcelas", o.parcels], ["Criado", moment(o.created_at)], ["No fornecedor", answer.orderVendorId], ["Número", o.id]),
      answer.error && note("bad", h("p", {}, `O fornecedor recusou: ${answer.error.message ?? answer.error.code ?? ""}`)), resolution(o.resolution)));
}
