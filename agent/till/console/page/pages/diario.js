// Diário: what was said, live, between the tills, the agent and the clouds.
import { fill, h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { badge, button, empty, field, head, moment, table } from "../parts.js";
import { saidOf, outcome } from "../life.js";
import { show as showOne } from "./chamada.js";

const most = 300;

export async function show(view) {
  if (view.rest[0]) return showOne(view, view.rest[0]);
  const query = view.query, side = select(query.get("lado") ?? "", [["", "caixas e nuvens"], ["till", "só caixas"], ["cloud", "só nuvens"], ["support", "só suporte"]]);
  const key = h("input", { value: query.get("chave") ?? "", autocomplete: "off", spellcheck: "false" }), route = h("input", { value: query.get("rota") ?? "", autocomplete: "off", spellcheck: "false", placeholder: "coupons" });
  const faults = h("input", { type: "checkbox", id: "falhas" });
  faults.checked = query.get("falhas") === "1";
  const place = h("div", { class: "stack" }, h("p", { class: "soft" }, "Lendo o diário…")), pause = button("pausar", "Pausar", () => { paused = !paused; pause.textContent = paused ? "Continuar" : "Pausar"; });
  let lines = [], paused = false, before = "";
  view.put(head("Diário", "O que se disse entre os caixas, o agente e as nuvens, com os dados de clientes escondidos.", pause),
    h("div", { class: "filters" }, field("lado", "Quem fala", side), wide(field("chave", "Cupom, transação ou número", key)), field("rota", "Endereço contém", route), h("label", { class: "check", for: "falhas" }, faults, "Só falhas")), place);
  const asked = () => new URLSearchParams({ limit: "500", ...(side.value && { side: side.value }), ...(key.value.trim() && { key: key.value.trim() }), ...(route.value.trim() && { route: route.value.trim() }) });
  const draw = () => {
    const list = lines.filter((l) => (side.value || l.side !== "support") && (!faults.checked || l.status === 0 || l.status >= 400)).slice(-most).reverse(), text = JSON.stringify(list.map((l) => [l.at, l.ref]));
    if (text === before && place.querySelector("table, .empty")) return;
    before = text;
    fill(place, list.length === 0 ? empty("Nada assim no diário", faults.checked ? "Nenhuma falha. Bom sinal." : "Quando um caixa chamar, aparece aqui na hora.")
      : table("Diário", [{ name: "Hora", class: "tight" }, { name: "Quem", class: "tight" }, "O que foi", "Como terminou", { name: "Levou", class: "right" }], list.map(row)));
  };
  const load = async (background) => {
    const wanted = asked();
    if (background && lines.length > 0) wanted.set("since", lines.at(-1).at);
    const answer = await api.get("/v1/traffic?" + wanted, { background, signal: view.signal });
    lines = background ? [...lines, ...answer.lines].slice(-1000) : answer.lines;
    draw();
  };
  const again = () => {
    history.replaceState(null, "", "#/diario?" + new URLSearchParams({ lado: side.value, chave: key.value, rota: route.value, falhas: faults.checked ? "1" : "" }));
    lines = [];
    return load(false).catch(() => undefined);
  };
  for (const input of [side, key, route]) input.addEventListener("change", again);
  faults.addEventListener("change", again);
  await load(false);
  view.every(1000, () => (paused ? undefined : load(true)));
}

function select(value, options) {
  const element = h("select", {}, options.map(([code, word]) => h("option", { value: code }, word)));
  element.value = value;
  return element;
}

function wide(element) {
  element.classList.add("wide");
  return element;
}

function row(l) {
  const [tone, text] = outcome(l);
  return [moment(l.at), words.sides[l.side], [h("a", { href: `#/diario/${encodeURIComponent(l.ref || "-")}?em=${encodeURIComponent(l.at)}`, id: `linha-${l.ref}-${l.at}` }, saidOf(l)), h("p", { class: "soft small mono" }, `${l.method} ${l.route}`)],
    badge(tone, text), words.lasted(l.ms)];
}
