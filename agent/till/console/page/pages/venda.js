// The life of one sale: a time line, whose the delay was, what the agent keeps of it.
import { h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { badge, empty, head, moment, note, pairs, trail } from "../parts.js";
import { delays, outcome, saidOf } from "../life.js";

const sessions = { none: "sem transação do clube", open: "transação aberta", confirmed: "descontos confirmados", cancelled: "transação cancelada", abandoned: "transação abandonada" };
const tones = { sent: "ok", pending: "info", dead: "bad", held: "warn", damaged: "bad" };

export async function show(view, id) {
  let sale;
  try {
    sale = await api.get("/v1/sales/" + encodeURIComponent(id), { signal: view.signal });
  } catch (error) {
    if (error.status !== 404) throw error;
    view.put(trail("#/vendas", "Vendas"), head(id), empty("Não há venda assim neste caixa", "Confira o número. Cada caixa só conhece as suas vendas; e o que já foi enviado há muito tempo é apagado daqui."));
    return;
  }
  const lines = await journal(sale, id, view.signal), jobs = sale.jobs, waiting = jobs.filter((j) => j.state === "held" || j.state === "dead");
  view.put(
    trail("#/vendas", "Vendas"), beside(sale),
    head(sale.coupon ? `Venda ${sale.coupon}` : "Venda sem cupom ainda", sessions[sale.session], waiting.map((j) => h("a", { class: "as-button primary", href: "#/pendencias/" + j.id, id: "resolver-" + j.id }, "Resolver a pendência"))),
    h("section", { class: "card", "aria-label": "O que foi feito dela" },
      pairs(["Cupom", sale.coupon], ["Transação", sale.transaction_id], ["Cliente do clube", sale.loyalty?.loyalty === undefined ? "" : sale.loyalty.loyalty ? "sim" : "não"]),
      h("ul", { class: "plain" }, jobs.map((j) => h("li", {}, badge(tones[j.state] ?? "", words.jobState(j.state)), ` ${words.kindName(j.kind ?? "")}`, j.reason && `: ${words.jobReason(j.reason)}`, h("span", { class: "soft small" }, ` · registro ${j.id} · `, moment(j.updated_at)))),
        jobs.length === 0 && h("li", { class: "soft" }, "O caixa ainda não mandou a venda.")),
      sale.notes?.length > 0 && note("info", h("p", {}, "Observações:"), h("ul", {}, sale.notes.map((n) => h("li", {}, n.field ? words.fieldName(n.field) + ": " : "", n.detail))))),
    h("section", { class: "card", "aria-labelledby": "demora" }, h("h2", { id: "demora" }, "De quem foi a demora"), blame(delays(lines, jobs), lines)),
    h("section", { class: "card", "aria-labelledby": "vida" }, h("h2", { id: "vida" }, "A vida desta venda"), life(lines, jobs)),
  );
}

/** beside leads to what the same till sold just before and after. */
const beside = ({ before, after }) => (before || after) && h("nav", { class: "tabs", "aria-label": "Vendas vizinhas do mesmo caixa" },
  before && h("a", { href: "#/vendas/" + encodeURIComponent(before.coupon), id: "anterior" }, `‹ Anterior, ${before.time}`),
  after && h("a", { href: "#/vendas/" + encodeURIComponent(after.coupon), id: "seguinte" }, `Seguinte, ${after.time} ›`));

/** journal gives what was said about a sale, each once, in its order. */
async function journal(sale, id, signal) {
  const keys = new Set([sale.transaction_id, sale.coupon, ...sale.jobs.map((j) => j.id), id].filter((k) => k && !k.startsWith("[")));
  const answers = await Promise.all([...keys].slice(0, 12).map((key) => api.get(`/v1/traffic?limit=200&key=${encodeURIComponent(key)}`, { signal })));
  const seen = new Map(answers.flatMap((a) => a.lines).filter((l) => l.side !== "support").map((l) => [`${l.at} ${l.side} ${l.route} ${l.ref}`, l]));
  return [...seen.values()].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function blame(spent, lines) {
  if (lines.length === 0) return h("p", { class: "soft" }, "O diário já não tem as chamadas desta venda.");
  const most = Math.max(...Object.values(spent), 1), what = { till: "entre uma chamada e outra: itens, pagamento", agent: "respondendo e guardando", network: "sem resposta, e a espera por ela", cloud: "respondendo" };
  return h("ul", { class: "blame" }, Object.entries(spent).map(([party, ms]) => h("li", {}, h("span", {}, words.capital(words.parties[party]), h("span", { class: "unseen" }, ": " + what[party])),
    h("meter", { min: 0, max: most, value: ms, "aria-label": `${words.parties[party]}: ${words.lasted(ms)}`, title: what[party] }), h("span", { class: "num" }, words.lasted(ms)))));
}

function life(lines, jobs) {
  const kept = jobs.filter((j) => !lines.some((l) => l.ref === j.id || l.keys?.includes(j.id))).map((j) => ({ at: j.created_at, job: j }));
  const all = [...lines.map((line) => ({ at: line.at, line })), ...kept].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (all.length === 0) return empty("Nada no diário", "O diário guarda alguns dias; esta venda é de antes.");
  return h("ol", { class: "line" }, all.map(({ at, line, job }) => {
    if (job) return h("li", { class: "" }, moment(at), h("span", {}, `${words.kindName(job.kind ?? "")}: guardada no agente`), h("span", {}));
    const [tone, text] = outcome(line);
    return h("li", { class: tone }, moment(at), h("span", {}, saidOf(line), h("span", { class: "soft" }, ` · ${text} · ${words.lasted(line.ms)}`)), h("a", { class: "small", href: `#/diario/${encodeURIComponent(line.ref || "-")}?em=${encodeURIComponent(line.at)}`, "aria-label": `Ver a chamada: ${saidOf(line)}` }, "Ver"));
  }));
}

