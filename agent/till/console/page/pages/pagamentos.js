// Pagamentos: Pix and titles, boletos, orders by card; what asks for a person first.
import { fill, h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { badge, empty, failure, field, head, moment, note, table, tabs } from "../parts.js";
import { showBoleto, showOrder, showPayment } from "./pagamento.js";

export const paymentTones = { paid: "ok", confirming: "info", completed: "ok", awaiting_payment: "info", created: "info", registering: "info", failed: "bad", expired: "", canceled: "", paid_late: "warn", conflicted: "warn", unknown: "warn" };
export const boletoTones = { open: "info", paid: "ok", written_off: "", review: "warn" };
export const orderTones = { completed: "ok", failed: "bad", unknown: "warn" };

const parts = { "": showPayments, faturas: showInvoices, boletos: showBoletos, pedidos: showOrders };
const shownFirst = 100;

export async function show(view) {
  const [part, id] = view.rest;
  if (part === "pix" && id) return showPayment(view, id);
  if (part === "boletos" && id) return showBoleto(view, id);
  if (part === "pedidos" && id) return showOrder(view, id);
  const here = "#/pagamentos" + (parts[part] && part ? "/" + part : ""), place = h("div", { class: "stack" });
  view.put(head("Pagamentos", "O que foi cobrado por aqui, e o que pede uma decisão."),
    tabs("Meios de pagamento", here, [["#/pagamentos", "Pix e títulos"], ["#/pagamentos/faturas", "Faturas"], ["#/pagamentos/boletos", "Boletos"], ["#/pagamentos/pedidos", "Pedidos com cartão"]]), place);
  await (parts[part] ?? showPayments)(view, place);
}

const absent = (what, where) => empty(`${what} não são usados neste caixa`, `Quem cuida da configuração os liga em ${where}.`);

/** listed shows what asks for a person before the rest. */
function listed(place, list, attention, columns, row, nothing) {
  if (list.length === 0) return fill(place, nothing);
  const asks = list.filter(attention), rest = list.filter((one) => !attention(one));
  return fill(place,
    asks.length > 0 && h("section", { class: "stack", "aria-labelledby": "decidir" }, h("h2", { id: "decidir" }, "Pedem uma decisão ", badge("warn", words.number(asks.length))), table("Pedem uma decisão", columns, asks.map(row))),
    h("section", { class: "stack", "aria-labelledby": "outros" }, asks.length > 0 && h("h2", { id: "outros" }, "Os outros"), rest.length === 0 ? empty("Nenhum outro") : table("Os outros", columns, rest.slice(0, shownFirst).map(row)),
      rest.length > shownFirst && h("p", { class: "soft small" }, `Os ${shownFirst} mais novos, de ${words.number(rest.length)}.`)));
}

async function showPayments(view, place) {
  const answer = await api.optional("/v1/payments", { signal: view.signal });
  if (!answer) return fill(place, absent("Pix e títulos", "payments.ideamaker"));
  const columns = [{ name: "Criado", class: "tight" }, "Referência", "O que é", { name: "Valor", class: "right" }, { name: "Situação", class: "tight" }];
  return listed(place, answer.payments, (p) => p.attention, columns,
    (p) => [moment(p.created_at), h("a", { href: "#/pagamentos/pix/" + p.id, id: "pix-" + p.id }, p.reference || p.id.slice(0, 8)), words.capital(words.paymentKind(p.kind)), words.reais(p.amount), badge(paymentTones[p.status] ?? "", words.paymentState(p.status))],
    empty("Nenhuma cobrança ainda", "Quando um caixa cobrar por Pix ou vender um título, aparece aqui."));
}

const invoiceStates = { open: ["info", "em aberto"], paid: ["ok", "paga"], canceled: ["", "cancelada"], expired: ["warn", "vencida"], unknown: ["warn", "não se sabe"] };

/** showInvoices asks 7AZ for a shopper's invoices, and lists what was paid of invoices here. */
async function showInvoices(view, place) {
  const answer = await api.optional("/v1/payments", { signal: view.signal }), paid = (answer?.payments ?? []).filter((p) => p.kind === "invoice"), found = h("div", { class: "stack", "aria-live": "polite" });
  const input = h("input", { autocomplete: "off", spellcheck: "false", inputmode: "numeric", required: true });
  const form = h("form", { class: "card", role: "search", "aria-label": "Faturas de um cliente" }, h("div", { class: "filters" }, field("documento", "CPF ou CNPJ do cliente", input, {}), h("button", { class: "primary", id: "faturas-sim" }, "Procurar as faturas")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const list = await api.optional("/v1/invoices?document=" + encodeURIComponent(input.value.replace(/[^0-9A-Za-z]/g, "")), { signal: view.signal });
      fill(found, list === null ? absent("Faturas", "payments.sevenaz") : list.invoices.length === 0 ? empty("Nenhuma fatura em aberto", "A 7AZ não tem faturas deste documento.")
        : table("Faturas do cliente", ["Fatura", { name: "Vencimento", class: "tight" }, "Contrato", { name: "Valor", class: "right" }, { name: "Situação", class: "tight" }], list.invoices.map((i) => [i.id, words.date(i.due_date), i.contract ?? "", words.reais(i.amount), badge(...(invoiceStates[i.status] ?? ["", i.status]))])),
        list?.unread > 0 && note("warn", `${words.many(list.unread, "fatura veio", "faturas vieram")} de um jeito que não se pôde ler.`));
    } catch (error) {
      fill(found, failure(error));
    }
  });
  const columns = [{ name: "Criado", class: "tight" }, "Fatura", { name: "Valor", class: "right" }, { name: "Situação", class: "tight" }];
  return fill(place, form, found, h("section", { class: "stack", "aria-labelledby": "pagas" }, h("h2", { id: "pagas" }, "Cobradas por este caixa"), paid.length === 0 ? empty("Nenhuma fatura cobrada aqui", "Quando um caixa cobrar uma fatura, aparece aqui.")
    : table("Faturas cobradas", columns, paid.slice(0, shownFirst).map((p) => [moment(p.created_at), h("a", { href: "#/pagamentos/pix/" + p.id, id: "fatura-" + p.id }, p.reference || p.id.slice(0, 8)), words.reais(p.amount), badge(paymentTones[p.status] ?? "", words.paymentState(p.status))]))));
}

async function showBoletos(view, place) {
  const [answer, strangers] = await Promise.all([api.optional("/v1/boletos", { signal: view.signal }), api.optional("/v1/boletos/unmatched", { signal: view.signal })]);
  if (!answer) return fill(place, absent("Boletos", "payments.sicoob"));
  const columns = [{ name: "Nosso número", class: "tight" }, "Seu número", { name: "Vencimento", class: "tight" }, { name: "Valor", class: "right" }, { name: "Recebido", class: "right" }, { name: "Situação", class: "tight" }];
  const list = h("div", { class: "stack" });
  listed(list, answer.boletos, (b) => b.attention || b.status === "review", columns,
    (b) => [h("a", { href: "#/pagamentos/boletos/" + b.nosso_numero, id: "boleto-" + b.nosso_numero }, b.nosso_numero), b.seu_numero ?? "", words.date(b.due_date), words.reais(b.amount), [words.reais(b.received), b.divergent && h("p", { class: "fault small" }, words.reais(b.difference))], badge(boletoTones[b.status] ?? "", words.boletoState(b.status))],
    empty("Nenhum boleto ainda", "Emitidos por aqui, ou registrados para a baixa, aparecem aqui."));
  const unmatched = strangers?.unmatched ?? strangers?.strangers ?? strangers?.settlements ?? [];
  return fill(place, list, unmatched.length > 0 && note("warn", h("p", {}, `O Sicoob informou ${words.many(unmatched.length, "pagamento", "pagamentos")} de boletos que este caixa não conhece:`), h("ul", {}, unmatched.slice(0, 20).map((s) => h("li", {}, `${s.nosso_numero}: ${s.reason ?? s.detail ?? ""}`)))));
}

async function showOrders(view, place) {
  const answer = await api.optional("/v1/orders", { signal: view.signal });
  if (!answer) return fill(place, absent("Pedidos com cartão", "payments.cashorder"));
  const columns = [{ name: "Criado", class: "tight" }, "Pedido", "Cartão", { name: "Total", class: "right" }, { name: "Situação", class: "tight" }];
  return listed(place, answer.orders, (o) => o.agent.attention, columns,
    ({ agent: o }) => [moment(o.created_at), h("a", { href: "#/pagamentos/pedidos/" + o.id, id: "pedido-" + o.id }, `nº ${o.order_id}`), `${o.brand}, ${words.many(o.parcels, "parcela", "parcelas")}`, words.reais(o.total), badge(orderTones[o.state] ?? "", words.orderState(o.state))],
    empty("Nenhum pedido ainda", "Pedidos fechados com cartão pelo caixa aparecem aqui."));
}

