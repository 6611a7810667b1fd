// Rotinas: what runs by the clock, how it ended, and a button.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { drop, preview } from "../filedrop.js";
import { ask, badge, button, empty, head, moment, note, pairs, table, trail } from "../parts.js";

const tones = { done: "ok", failed: "bad", interrupted: "warn", running: "info" };
const files = ["products", "operators"];
const loads = ["products", "operators", "history"];

export async function show(view) {
  if (view.rest[0]) return showOne(view, view.rest[0]);
  const place = h("div", {});
  view.put(head("Rotinas", "O que este caixa faz sozinho, na hora marcada."), place);
  let before = "";
  const draw = async (background) => {
    const { routines } = await api.get("/v1/routines", { background, signal: view.signal });
    const text = JSON.stringify(routines);
    if (text !== before) {
      fill(place, routines.length === 0 ? empty("Nenhuma rotina", "Este caixa não tem nada para fazer sozinho.") : table("Rotinas",
        ["Rotina", "Quando", "A última vez", { name: "A próxima", class: "tight" }, { name: h("span", { class: "unseen" }, "Rodar"), class: "tight" }], routines.map((r) => row(view, r, () => draw(false)))));
    }
    before = text;
  };
  await draw(false);
  view.every(2000, () => draw(true));
}

function row(view, r, again) {
  const last = r.running ?? r.last, [, what] = words.routines[r.name] ?? [];
  return [
    [h("a", { href: "#/rotinas/" + r.name, id: "rotina-" + r.name }, words.routineName(r.name)), what && h("p", { class: "soft small" }, what)],
    [words.capital(r.when), r.shop && !r.here && h("p", { class: "soft small" }, "Só no caixa principal da loja")],
    last ? [badge(tones[last.state], words.runStates[last.state]), " ", moment(last.ended_at ?? last.started_at)] : h("span", { class: "soft" }, "nunca"),
    moment(r.next_at),
    r.here && (r.running ? h("span", { class: "soft" }, "rodando…") : button("rodar-" + r.name, "Rodar agora", () => run(view, r, again))),
  ];
}

/** run starts a routine after a yes. */
async function run(view, r, again) {
  const everything = loads.includes(r.name) && h("label", { class: "check" }, h("input", { type: "checkbox", name: "full", value: "1" }), "Mandar tudo, e não só o que mudou");
  await ask({
    title: `Rodar ${words.routineName(r.name)} agora?`, button: "Rodar agora", fields: [everything],
    body: [h("p", {}, words.routines[r.name]?.[1] ? words.routines[r.name][1] + "." : "", " Vender não para enquanto isso. A hora marcada continua a mesma.")],
    act: ({ full }) => api.post(`/v1/routines/${r.name}/run${full ? "?full=1" : ""}`),
  });
  await again();
}

async function showOne(view, name) {
  const place = h("div", { class: "stack" }), actions = h("div", { class: "actions" });
  const bring = files.includes(name) && h("section", { class: "card", "aria-labelledby": "trazer" }, h("h2", { id: "trazer" }, "Carregar um arquivo"), fileOf(name, () => draw(false)));
  view.put(trail("#/rotinas", "Rotinas"), h("div", { class: "head" }, h("div", {}, h("h1", { tabindex: "-1" }, words.routineName(name)), h("p", { class: "lead" }, words.routines[name]?.[1])), actions), bring, place);
  let before = "", ran = false;
  const draw = async (background) => {
    const [{ routines }, answer] = await Promise.all([api.get("/v1/routines", { background, signal: view.signal }), api.get(`/v1/routines/${encodeURIComponent(name)}/runs`, { background, signal: view.signal })]);
    const runs = answer.runs ?? [], r = routines.find((one) => one.name === name), text = JSON.stringify([r, runs]);
    if (text === before || !r) return;
    before = text;
    if (ran && !r.running) say(`${words.routineName(name)} ${words.runStates[r.last?.state] ?? "terminou"}.`);
    ran = Boolean(r.running);
    fill(actions, r.here && !r.running && button("rodar", "Rodar agora", () => run(view, r, () => draw(false)), "primary"));
    fill(place, h("section", { class: "card", "aria-label": "Quando" }, pairs(["Quando", words.capital(r.when)], ["A próxima", moment(r.next_at)], ["Onde", r.here ? "neste caixa" : "só no caixa principal da loja"])),
      r.running && h("section", { class: "card", "aria-live": "polite" }, h("h2", {}, "Rodando desde ", moment(r.running.started_at)), h("progress", { "aria-label": "Rodando" }), figures(r.running)),
      runs.length === 0 ? empty("Ainda não rodou", "Ela roda na hora marcada, ou agora, pelo botão.") : h("section", { class: "stack", "aria-label": "Vezes anteriores" }, h("h2", {}, "Vezes anteriores"), runs.filter((one) => one.state !== "running").map(report)));
  };
  await draw(false);
  view.every(1000, () => draw(true));
}

/** fileOf takes a file for a load: it is shown before it goes, and goes as one of the source's folder does. */
function fileOf(name, again) {
  const place = drop("arquivo", "Solte aqui um arquivo CSV ou JSON, ou escolha:", {
    path: (file) => `/v1/files/${name}?${new URLSearchParams({ name: file.name })}`,
    shown: (p) => [preview(p), !p.refused && p.records > 0 && h("div", { class: "buttons" }, button("carregar", `Carregar ${words.many(p.records, "registro", "registros")}`, () => send(p), "primary"))],
  });
  const send = (p) => ask({
    title: "Carregar este arquivo?", button: "Carregar",
    body: [h("p", {}, `${words.many(p.records, "registro", "registros")}: o que é novo ou mudou vai à Mercafácil. O que não está no arquivo fica como está.`), p.faulty > 0 && h("p", {}, `${words.many(p.faulty, "registro com defeito não vai", "registros com defeito não vão")}.`)],
    act: async () => {
      await api.post(`/v1/files/${name}/${p.id}/load`);
      place.clear();
      await again();
    },
  });
  return place.element;
}

function report(one) {
  return h("article", { class: "card" }, h("p", {}, badge(tones[one.state], words.runStates[one.state]), " ", moment(one.started_at), h("span", { class: "soft" }, one.ended_at ? `, em ${words.lasted(Date.parse(one.ended_at) - Date.parse(one.started_at))}` : "", one.cause === "person" ? ", a pedido de alguém" : "")),
    figures(one), one.errors?.length > 0 && note(one.state === "done" ? "warn" : "bad", h("ul", { class: "plain" }, one.errors.map((e) => h("li", {}, e)))));
}

function figures(one) {
  const rows = Object.entries(one.counts ?? {}).filter(([, n]) => n !== 0).map(([name, n]) => [words.capital(words.count(name, n)), name === "bytes" || name === "bytes_freed" ? words.size(n) : words.number(n)]);
  return rows.length > 0 ? pairs(...rows) : h("p", { class: "soft small" }, one.state === "running" ? "" : "Não havia nada para fazer.");
}
