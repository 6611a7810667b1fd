// One exchange of the journal: both sides, its relatives, and the same call as curl.
import { h } from "../dom.js";
import * as api from "../api.js";
import * as json from "../json.js";
import * as words from "../words.js";
import { badge, button, copy, empty, head, moment, pairs, trail } from "../parts.js";
import { outcome, saidOf } from "../life.js";
import { languages, program, requestOf } from "../copyas.js";

let chosen = "curl"; // the language of the last call that was looked at

export async function show(view, ref) {
  const at = view.query.get("em") ?? "", text = await api.getText(`/v1/traffic?limit=500${ref === "-" ? "" : "&key=" + encodeURIComponent(ref)}`, { signal: view.signal });
  const lines = JSON.parse(text).lines, index = lines.findIndex((l) => l.at === at && (ref === "-" || l.ref === ref));
  if (index < 0) {
    view.put(trail("#/diario", "Diário"), head("Chamada"), empty("Isto não está mais no diário", "O diário guarda alguns dias."));
    return;
  }
  const line = lines[index], node = json.member(json.parse(text), "lines").elements[index], [tone, word] = outcome(line), others = lines.filter((l, i) => i !== index && l.ref === line.ref && l.side !== "support");
  const language = h("select", { id: "linguagem", onchange: () => { chosen = language.value; shown.textContent = source(); } }, languages.map(([code, name]) => h("option", { value: code }, name)));
  language.value = chosen;
  const source = () => program(language.value, [requestOf(line, node, location.origin)]), shown = h("pre", { tabindex: "0", "aria-label": "O código" }, source());
  view.put(
    trail("#/diario", "Diário"),
    head(saidOf(line), h("span", { class: "mono" }, `${line.method} ${line.route}`), h("label", { class: "unseen", for: "linguagem" }, "Linguagem"), language, button("copiar", "Copiar", () => copy(source(), "Código"))),
    h("section", { class: "card", "aria-label": "Resumo" }, h("p", {}, badge(tone, word), line.detail && ` ${line.detail}`),
      pairs(["Quando", moment(line.at)], ["Quem chamou", line.side === "cloud" ? "o agente" : words.sides[line.side].toLowerCase()], ["Levou", words.lasted(line.ms)], ["Resposta", line.status || "nenhuma"], ["De quem foi a recusa", line.origin && words.parties[line.origin]], ["Referência", line.ref])),
    h("div", { class: "sides" }, side(line.side === "cloud" ? "O agente disse" : `O ${words.sides[line.side].toLowerCase()} disse`, line.request, json.member(node, "request")), side(line.side === "cloud" ? "A nuvem respondeu" : "O agente respondeu", line.response, json.member(node, "response"))),
    h("details", { class: "card", id: "codigo" }, h("summary", {}, "O mesmo pedido, em código"), h("p", { class: "soft small" }, "Os segredos são nomes a preencher; o que está mascarado vai mascarado."), shown),
    others.length > 0 && h("section", { class: "card", "aria-labelledby": "mesma" }, h("h2", { id: "mesma" }, "Da mesma chamada"), h("ul", { class: "plain" }, others.map((l) => h("li", {}, moment(l.at), " ", h("a", { href: `#/diario/${encodeURIComponent(l.ref)}?em=${encodeURIComponent(l.at)}` }, saidOf(l)), h("span", { class: "soft" }, ` · ${outcome(l)[1]} · ${words.lasted(l.ms)}`))))),
  );
}

function side(title, body, node) {
  const id = "lado-" + title.replace(/\W+/g, "-");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), !body ? h("p", { class: "soft" }, "Nada no corpo, ou ele não é guardado.") : [
    h("pre", { tabindex: "0", "aria-labelledby": id }, body.json !== undefined ? json.print(json.member(node, "json")) : body.head ?? body.shape),
    body.json === undefined && h("p", { class: "soft small" }, body.head ? `O começo de ${words.size(body.bytes)}${body.count ? `, ${words.many(body.count, "item", "itens")}` : ""}.` : "Não é JSON: x é uma letra, 9 um algarismo."),
    h("p", { class: "soft small" }, words.size(body.bytes))]);
}
