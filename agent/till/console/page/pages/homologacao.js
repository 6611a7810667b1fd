// Homologação: what the shop's till does now, and what has been ticked off. The agent only looks.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { ask, badge, button, empty, failure, field, head, moment, note, table, tabs } from "../parts.js";

const route = "/v1/homologation";
const tones = { passed: "ok", answered: "ok", failed: "bad", open: "" };
const proved = (item) => item.verdict === "passed" || item.verdict === "answered";
const shows = { "": () => true, errados: (item) => item.verdict === "failed", faltam: (item) => item.verdict === "open", feitos: proved };

export async function show(view) {
  const only = shows[view.query.get("mostrar")] ? view.query.get("mostrar") : "", actions = h("div", { class: "actions" }), place = h("div", { class: "stack" });
  view.put(h("div", { class: "head" }, h("div", {}, h("h1", { tabindex: "-1" }, "Homologação"), h("p", { class: "lead" }, "O caixa da loja faz o roteiro da Mercafácil, um item por vez; o pdvagent olha o que passa, e marca. Nada é enviado nem mudado por isso.")), actions), place);
  let before = "", verdicts = null;
  const draw = (state) => {
    const text = JSON.stringify(state);
    if (text === before) return;
    before = text;
    verdicts = tell(state, verdicts);
    const change = async (asked) => draw(await api.post(route, asked));
    fill(actions, state.watching ? button("encerrar", "Encerrar", () => stop(change)) : button("comecar", "Começar a acompanhar", () => start(change), "primary"));
    if (state.watching) fill(place, now(state, change), progress(state), items(state, only, change));
    else fill(place, empty("Ninguém está acompanhando", "O que o caixa faz só é olhado enquanto alguém acompanha, por aqui ou por pdvagent homologation watch."));
  };
  draw(await api.get(route, { signal: view.signal }));
  view.every(1000, async () => draw(await api.get(route, { background: true, signal: view.signal })));
}

/** tell says in one line which verdicts are new, and gives those that are known now. That of the item being done stands in its place. */
function tell(state, known) {
  const news = state.items.filter((item) => known && known[item.id] !== undefined && known[item.id] !== item.verdict && item.verdict !== "open" && item.id !== state.current);
  const lines = ["failed", "passed", "answered"].map((verdict) => [verdict, news.filter((item) => item.verdict === verdict)]).filter(([, list]) => list.length > 0);
  if (lines.length > 0) say(lines.map(([verdict, list]) => `${words.capital(words.verdict(verdict))}: ${list.map((item) => item.id).join(", ")}.`).join(" "));
  return Object.fromEntries(state.items.map((item) => [item.id, item.verdict]));
}

/** now is what the till does at this moment. */
function now(state, change) {
  const item = state.items.find((one) => one.id === state.current), after = next(state), trouble = h("div", {});
  const go = after && button("seguinte", item ? "Item seguinte" : "Primeiro item", () => change({ do: "item", item: after.id }).catch((error) => fill(trouble, failure(error))), !item || proved(item) ? "primary" : "");
  if (!item) return h("section", { class: "card", "aria-label": "Agora" }, h("p", {}, after ? "O movimento comum do caixa já marca itens. Para fazer um por vez, peça o primeiro, ou escolha na lista." : "Não há mais o que o caixa possa fazer."), trouble, h("div", { class: "actions" }, go));
  return h("section", { class: "card", "aria-label": "Agora" },
    h("div", { class: "head" }, h("div", {}, h("h2", {}, "Agora, no caixa: ", h("span", { class: "mono" }, item.id), " ", item.title)), h("div", { class: "actions" }, go)),
    h("p", { class: "todo", id: "fazer" }, state.instruction),
    state.needs?.length > 0 && h("p", { class: "soft small" }, "Precisa estar cadastrado na Mercafácil: ", state.needs.join("; "), "."),
    h("div", { "aria-live": "polite" }, result(item)), trouble);
}

function result(item) {
  if (item.verdict === "failed") return note("bad", h("p", {}, h("strong", {}, "Errado: "), item.words), h("p", {}, "Corrija no caixa e faça o item de novo."));
  if (proved(item)) return note("ok", h("p", {}, h("strong", {}, "Certo: "), item.words));
  return note("info", h("p", {}, item.words || "Esperando o caixa."));
}

/** next is the item that follows the one being done, of those that a till can do and that nobody has proved. */
function next(state) {
  const at = state.items.findIndex((one) => one.id === state.current);
  return [...state.items.slice(at + 1), ...state.items.slice(0, Math.max(at, 0))].find((one) => one.till && !proved(one));
}

function progress(state) {
  const count = (test) => state.items.filter(test).length, done = count(proved), wrong = count(shows.errados);
  return h("section", { class: "card", "aria-label": "Andamento" },
    h("p", {}, words.many(done, "item feito", "itens feitos"), ` de ${state.items.length}`, wrong > 0 && [", ", badge("bad", words.many(wrong, "errado", "errados"))], h("span", { class: "soft" }, ", desde ", moment(state.began))),
    h("progress", { "aria-label": "Itens feitos", max: state.items.length, value: done }));
}

function items(state, only, change) {
  const here = only ? "#/homologacao?mostrar=" + only : "#/homologacao";
  const stages = state.stages.map((stage) => [stage, state.items.filter((item) => item.stage === stage.id && shows[only](item))]).filter(([, list]) => list.length > 0);
  return [
    tabs("Mostrar", here, [["#/homologacao", "Todos"], ["#/homologacao?mostrar=errados", "Errados", state.items.filter(shows.errados).length], ["#/homologacao?mostrar=faltam", "Faltam"], ["#/homologacao?mostrar=feitos", "Feitos"]]),
    stages.length === 0 ? empty("Nenhum item assim") : stages.map(([stage, list]) => h("div", { class: "stack" }, h("h2", {}, stage.title),
      table(stage.title, [{ name: "Item", class: "tight" }, "O que", "O que se viu", { name: "Quem vê", class: "tight" }, { name: h("span", { class: "unseen" }, "Fazer"), class: "tight" }], list.map((item) => row(state, item, change))))),
  ];
}

function row(state, item, change) {
  return [
    h("span", { class: "mono" }, item.id), item.title,
    [badge(tones[item.verdict], words.verdict(item.verdict)), item.verdict !== "open" && [" ", moment(item.at)], item.words && h("p", { class: "soft small" }, item.words)],
    words.prover(item.by),
    item.by !== "machine" ? button("confirmar-" + item.id, "Confirmar", () => confirm(item, change))
      : item.till && (item.id === state.current ? h("span", { class: "soft" }, "agora") : button("fazer-" + item.id, proved(item) ? "Fazer de novo" : "Fazer agora", () => change({ do: "item", item: item.id }).then(() => document.getElementById("fazer")?.scrollIntoView({ block: "center" })))),
  ];
}

async function confirm(item, change) {
  await ask({
    title: `Confirmar ${item.id}: ${item.title}`, button: "Confirmar",
    body: [h("p", {}, "Nenhuma máquina vê este item. O nome e o que foi visto vão para o relatório.")],
    fields: [field("quem", "Quem confirma", h("input", { name: "by", required: true, autocomplete: "off" })), field("viu", "O que viu ou decidiu", h("textarea", { name: "says", required: true }))],
    act: ({ by, says }) => change({ do: "confirm", item: item.id, by: by.trim(), says: says.trim() }),
  });
}

/** start begins a watch, or goes on with one that was ended. */
async function start(change) {
  await ask({
    title: "Começar a acompanhar?", button: "Começar",
    body: [h("p", {}, "O que foi marcado antes continua. As vendas não param nem esperam por isso.")],
    fields: [
      field("produtos", "Produtos da loja no lugar dos do roteiro", h("input", { name: "products", autocomplete: "off", spellcheck: "false" }), { help: "papel=código, como cafe=12345, arroz=777. Vazio: os do roteiro, ou os de antes." }),
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "fresh", value: "1" }), "Esquecer o que foi marcado e começar de novo"),
    ],
    act: ({ products, fresh }) => change({ do: "start", fresh: Boolean(fresh), products: Object.fromEntries(products.split(/[\s,;]+/).filter(Boolean).map((pair) => pair.split("=")).map(([role, code]) => [role, code ?? ""])) }),
  });
}

async function stop(change) {
  await ask({
    title: "Encerrar o acompanhamento?", button: "Encerrar",
    body: [h("p", {}, "O que foi marcado fica guardado, e continua quando alguém começar de novo. O relatório assinado sai neste computador, antes de encerrar: ", h("code", {}, "pdvagent homologation watch --stop --out PASTA"), ".")],
    act: () => change({ do: "stop" }),
  });
}
