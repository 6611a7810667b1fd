// Simulador: the simulated cloud, where that is the agent's: what it has, and buttons for what may go wrong and for paying.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { ask, badge, button, empty, failure, head, moment, table } from "../parts.js";

/** near tells whether the agent's cloud is the simulated one. */
export const near = async () => api.current() !== null && (await api.optional("/v1/simulator", { background: true }).catch(() => null)) !== null;

/** faults are what may go wrong, in the words of a shop: title, what the cloud is told. */
export const faults = [
  ["Não responder", { route: "*", fault: "silence" }], ["Responder devagar, 4 s", { route: "*", fault: "slow", delay_ms: 4000 }], ["Erro 503", { route: "*", fault: "status", status: 503 }],
  ["Recusar o token", { route: "*", fault: "status", status: 401 }], ["Fazer e não responder", { route: "*", fault: "lost" }], ["Página de Wi-Fi", { route: "*", fault: "html" }], ["Desconto que não fecha", { route: "apply", fault: "mismatch" }],
];

const cloud = (path) => "/v1/simulator/" + path;
const send = (path, body = {}) => api.request("POST", cloud(path), { body: JSON.stringify(body) });

export async function show(view) {
  if (!(await near())) {
    view.put(head("Simulador"), empty("A nuvem deste caixa é a de verdade", "O simulador aparece quando mercafacil.base_url é o endereço do pdvagent sandbox, nesta máquina."));
    return;
  }
  const times = h("select", { id: "vezes" }, h("option", { value: "1" }, "uma vez"), h("option", { value: "3" }, "três vezes"), h("option", { value: "0" }, "até desligar"));
  const trouble = h("div", {}), live = h("div", { class: "stack" });
  const does = (what, act) => async () => {
    try {
      await act();
      fill(trouble);
      say(what);
      await draw(false);
    } catch (error) {
      fill(trouble, failure(error));
    }
  };
  const fault = ([title, body], i) => button("defeito-" + i, title, does(`Ligado: ${title}.`, () => send("mercafacil/faults", { ...body, times: Number(times.value) })));
  view.put(head("Simulador", "A nuvem simulada deste caixa: o que ela tem, e o que dá errado quando você quer.", button("semear", "Clube e ofertas do começo", does("Clube e ofertas de volta.", () => send("mercafacil/seed"))), button("zerar", "Esquecer tudo", () => reset(draw), "danger")),
    trouble, h("section", { class: "card", "aria-labelledby": "defeitos" }, h("h2", { id: "defeitos" }, "Dar defeito"), h("div", { class: "filters" }, h("div", { class: "field" }, h("label", { for: "vezes" }, "Por quanto tempo"), times)),
      h("div", { class: "actions" }, faults.map(fault), button("fora", "Sair da rede por 30 s", does("A nuvem saiu da rede.", () => send("mercafacil/faults", { route: "*", fault: "gone", seconds: 30 }))), button("sarar", "Desligar todos", does("Nenhum defeito.", () => api.request("DELETE", cloud("mercafacil/faults"))), "primary"))), live);
  let before = "";
  const draw = async (background) => {
    const ask1 = (path) => api.get(cloud(path), { background, signal: view.signal }).catch((error) => { if (error.code === "cloud_away") return null; throw error; });
    const [all, charges, invoices, boletos] = await Promise.all([ask1("mercafacil/everything"), ask1("gateway/charges"), ask1("sevenaz/invoices"), ask1("sicoob/boletos")]);
    const text = JSON.stringify([all && { ...all, now: "" }, charges, invoices, boletos]);
    if (text === before) return;
    before = text;
    fill(live, all === null ? empty("A nuvem simulada está fora da rede", "Ela volta sozinha, ou com o pdvagent sandbox.") : [on(all.faults ?? []), paying(charges ?? [], invoices ?? [], boletos ?? [], does), club(all), arrivals(all.received ?? [])]);
  };
  await draw(false);
  view.every(2000, () => draw(true));
}

const reset = (draw) => ask({
  title: "Esquecer tudo o que a nuvem simulada tem?", button: "Esquecer tudo", danger: true, body: [h("p", {}, "Clube, ofertas, transações e cupons dela somem. O que este caixa já mandou não vai de novo.")],
  act: async () => {
    await send("mercafacil/reset");
    await draw(false);
  },
});

const on = (list) => (list.length === 0 ? null : h("section", { class: "stack", "aria-label": "Defeitos ligados" }, h("h2", {}, "Defeitos ligados"), h("ul", { class: "plain" }, list.map((f) => h("li", {}, badge("bad", faults.find(([, b]) => b.fault === f.fault && (b.status ?? 0) === (f.status ?? 0))?.[0] ?? f.fault), h("span", { class: "soft small" }, f.times ? ` mais ${words.many(f.times, "vez", "vezes")}` : " até desligar"))))));

/** paying lists what a shopper may pay: a button each. */
function paying(charges, invoices, boletos, does) {
  const rows = [
    ...charges.filter((c) => c.paid_times === 0).reverse().map((c) => ["Pix", c.customCode || c.paymentId, c.amount, "gateway/pay", { charge: c.id }]),
    ...boletos.filter((b) => b.situation === "Em Aberto" && b.paid === 0).reverse().map((b) => ["Boleto", String(b.nosso_numero), b.amount, "sicoob/pay", { nosso_numero: b.nosso_numero }]),
    ...invoices.filter((i) => i.paid === 0).map((i) => ["Fatura", i.erpInvoiceId, i.finalAmount || i.amount, "sevenaz/pay", { invoice: i.erpInvoiceId }]),
  ];
  return h("section", { class: "stack", "aria-labelledby": "pagar" }, h("h2", { id: "pagar" }, "Esperando que alguém pague"), rows.length === 0 ? empty("Nada a pagar", "Uma cobrança feita por um caixa aparece aqui.")
    : table("A pagar", [{ name: "O que", class: "tight" }, "Número", { name: "Valor", class: "right" }, { name: h("span", { class: "unseen" }, "Pagar"), class: "tight" }], rows.slice(0, 30).map(([what, number, amount, path, body], i) => [what, number, words.reais(amount), button("pagar-" + i, "Pagar", does(`${what} pago.`, () => send(path, body)))])));
}

const club = (all) => h("section", { class: "stack", "aria-labelledby": "clube" }, h("h2", { id: "clube" }, "Clube e ofertas"), !all.members?.length ? empty("Ninguém no clube", "O botão no alto põe de volta o clube e as ofertas do começo.")
  : table("Clube", ["Documento", "Nome"], all.members.map((m) => [h("span", { class: "num" }, m.document_no), m.name])),
  all.offers?.length > 0 && table("Ofertas", ["Oferta", "Produto", "Regra"], all.offers.map((o) => [o.id, o.product ?? "no total", rule(o)])));

const rule = (o) => ({ percentage: `${o.percent} %`, takepay: `leve ${o.take}, pague ${o.pay}`, combo: `${o.percent} % com outros produtos`, absolute: `R$ ${o.value} no total`, payment: `R$ ${o.value} como pagamento` })[o.type] ?? o.type;

const arrivals = (list) => h("section", { class: "stack", "aria-labelledby": "chegou" }, h("h2", { id: "chegou" }, "O que chegou"), list.length === 0 ? empty("Nada ainda", "Cada chamada do agente aparece aqui.")
  : table("As últimas chamadas", [{ name: "Hora", class: "tight" }, "Chamada", { name: "Resposta", class: "tight" }, "Avisos"], list.slice(0, 30).map((a) => [moment(a.at), h("span", { class: "mono" }, a.path.split("?")[0]), a.fault ? badge("bad", a.fault) : badge(a.status < 300 ? "ok" : "warn", String(a.status)), (a.warnings ?? []).join(" ")])));
