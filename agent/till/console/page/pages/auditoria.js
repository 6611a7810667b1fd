// Auditoria: what people did, by what, and what it was before and after.
import { fill, h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { badge, button, empty, failure, field, head, moment, table } from "../parts.js";

const outcomes = { done: ["ok", "feito"], refused: ["warn", "recusado"], failed: ["bad", "falhou"] };
const ways = { console: "console", command: "linha de comando", program: "outro programa" };

export async function show(view) {
  const who = h("input", { value: view.query.get("quem") ?? "", autocomplete: "off", spellcheck: "false" }), since = h("input", { type: "date", value: view.query.get("desde") ?? "" }), place = h("div", { class: "stack" });
  let entries = [], next = "";
  view.put(head("Auditoria", "O que as pessoas fizeram neste caixa: quem, quando, e o que era antes."), h("div", { class: "filters" }, field("quem", "Quem", who), field("desde", "Desde", since)), place);
  const load = async (more) => {
    const query = new URLSearchParams({ limit: "100", ...(who.value.trim() && { who: who.value.trim() }), ...(since.value && { since: since.value }), ...(more && { after: next }) });
    try {
      const answer = await api.get("/v1/audit?" + query, { signal: view.signal });
      entries = more ? [...entries, ...answer.entries] : answer.entries;
      next = answer.next ?? "";
      fill(place, entries.length === 0 ? empty("Ninguém fez nada ainda", "Reenviar, corrigir, descartar, rodar, configurar: tudo o que alguém fizer aparece aqui.") : table("Auditoria", [{ name: "Quando", class: "tight" }, { name: "Quem", class: "tight" }, "O que fez", "Antes e depois", { name: "Como terminou", class: "tight" }], entries.map(row)),
        next && h("div", {}, button("mais", "Mostrar mais antigas", () => load(true))));
    } catch (error) {
      if (!view.signal.aborted) fill(place, failure(error));
    }
  };
  for (const input of [who, since]) input.addEventListener("change", () => { history.replaceState(null, "", "#/auditoria?" + new URLSearchParams({ quem: who.value, desde: since.value })); load(false); });
  await load(false);
}

function row(e) {
  const [tone, word] = outcomes[e.outcome] ?? ["", e.outcome];
  return [moment(e.at), [e.who, h("p", { class: "soft small" }, ways[e.via] ?? e.via)],
    [e.what, e.target && [" ", h("span", { class: "mono" }, e.target)], e.reason && h("p", { class: "soft small" }, `Motivo: ${e.reason}`)],
    changes(e.before, e.after), badge(tone, word)];
}

/** changes shows what was before and after: of an object, field by field. */
function changes(before, after) {
  const object = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
  if (!object(before) && !object(after)) return change("", before, after);
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]));
  return h("ul", { class: "diff small" }, names.map((name) => h("li", {}, change(name, before?.[name], after?.[name]))));
}

const change = (name, before, after) => [name && [h("span", { class: "mono" }, name), ": "], before !== undefined && [h("del", {}, value(before)), " → "], after !== undefined && h("ins", {}, value(after))];

const value = (v) => (typeof v === "string" ? words.jobReason(words.jobState(v)) : JSON.stringify(v));
