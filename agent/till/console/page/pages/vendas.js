// Vendas: search, the sales of a day, and the life of one.
import { fill, h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { badge, empty, failure, field, head, note, table } from "../parts.js";
import { show as showOne } from "./venda.js";

export const fates = { delivered: ["ok", "chegou"], cancelled: ["", "cancelada"], pending: ["info", "esperando"], dead: ["bad", "recusada"], held: ["warn", "retida"] };
const shownFirst = 50;

export async function show(view) {
  if (view.rest[0]) return showOne(view, view.rest[0]);
  const day = view.query.get("dia") || words.today(), fate = view.query.get("situacao") ?? "", text = view.query.get("texto") ?? "";
  const search = h("input", { name: "id", autocomplete: "off", spellcheck: "false" });
  const find = h("form", { class: "card", role: "search", "aria-label": "Procurar uma venda" }, h("div", { class: "filters" }, h("div", { class: "field wide" }, h("label", { for: "procurar" }, "Cupom ou transação"), search), h("button", { class: "primary", id: "procurar-sim" }, "Procurar")));
  search.id = "procurar";
  find.addEventListener("submit", (event) => {
    event.preventDefault();
    if (search.value.trim()) location.hash = "#/vendas/" + encodeURIComponent(search.value.trim());
  });
  const place = h("div", { class: "stack" }, h("p", { class: "soft" }, "Lendo o dia…"));
  const dayInput = h("input", { type: "date", value: day }), fateInput = h("select", {}, h("option", { value: "" }, "todas"), Object.entries(fates).map(([code, [, word]]) => h("option", { value: code }, word)));
  fateInput.value = fate;
  const operatorInput = h("input", { value: view.query.get("operador") ?? "", autocomplete: "off", spellcheck: "false", placeholder: "0123" });
  const textInput = h("input", { value: text, autocomplete: "off", placeholder: "66,93 ou 19:12 ou 012" });
  view.put(head("Vendas", "O que os caixas venderam, e o que foi feito de cada venda."), find,
    h("div", { class: "stack" }, h("div", { class: "filters" }, field("dia", "Dia do cupom", dayInput), field("operador", "Operador", operatorInput), field("situacao", "Situação", fateInput), h("div", { class: "wide field" }, h("label", { for: "texto" }, "Valor, hora, caixa ou cupom"), textInput)), place));
  textInput.id = "texto";
  let sales = [], shown = shownFirst, progress = "", asked = 0, forgotten = 0, late = false;
  const keep = () => history.replaceState(null, "", "#/vendas?" + new URLSearchParams({ dia: dayInput.value, operador: operatorInput.value, situacao: fateInput.value, texto: textInput.value }));
  const draw = () => {
    const wanted = textInput.value.trim().toLowerCase();
    const list = sales.filter((s) => (!fateInput.value || s.fate === fateInput.value) && (!wanted || [s.coupon, s.till, s.time, words.reais(s.value)].some((v) => v.toLowerCase().includes(wanted))));
    if (list.length === 0 && progress) return fill(place, h("p", { class: "soft", role: "status" }, progress));
    if (list.length === 0) return fill(place, more(), sales.length === 0 ? empty(operatorInput.value ? "Nenhuma venda deste operador neste dia" : "Nenhuma venda neste dia", "Escolha outro dia, ou procure pelo número do cupom.") : empty("Nenhuma venda assim", `Este dia tem ${words.many(sales.length, "venda", "vendas")}. Mude o filtro.`));
    return fill(place, more(), h("p", { class: "soft small", role: "status" }, progress || `${words.many(list.length, "venda", "vendas")}, ${words.reais(list.reduce((sum, s) => sum + BigInt(s.value), 0n))}`),
      table("Vendas do dia", [{ name: "Hora", class: "tight" }, "Cupom", { name: "Caixa", class: "tight" }, { name: "Valor", class: "right" }, { name: "Situação", class: "tight" }], list.slice(0, shown).map(row)),
      list.length > shown && h("button", { id: "mais", type: "button", onclick: () => { shown += 200; draw(); } }, `Mostrar mais ${Math.min(200, list.length - shown)}`));
  };
  /** more says what the search has left out. */
  const more = () => (progress ? null : [forgotten > 0 && note("info", `O operador de ${words.many(forgotten, "venda", "vendas")} deste dia já não é sabido: o conteúdo das vendas se guarda por alguns dias.`),
    !late && dayInput.value < words.today() && h("p", { class: "soft small" }, "Até um dia depois. ", h("button", { type: "button", class: "quiet", id: "tarde", onclick: () => { late = true; load(); } }, "Procurar também o que chegou mais tarde"))]);
  /** load reads the day page by page; what has come is shown at once. A newer search ends it. */
  const load = async () => {
    if (!dayInput.value) return;
    const mine = ++asked, wanted = new URLSearchParams({ day: dayInput.value, ...(operatorInput.value.trim() && { operator: operatorInput.value.trim() }), ...(late && { late: "1" }) });
    [sales, forgotten] = [[], 0];
    try {
      for (let next = null; next !== undefined;) {
        const page = await api.get(`/v1/sales?${wanted}${next ? "&after=" + next : ""}`, { signal: view.signal });
        if (mine !== asked) return;
        next = page.next;
        [sales, forgotten] = [[...page.sales.reverse(), ...sales], forgotten + page.forgotten];
        progress = next ? `Procurando… ${words.many(sales.length, "venda", "vendas")} até agora, aceitas até ${words.time(page.reached)}` : "";
        draw();
      }
    } catch (error) {
      if (!view.signal.aborted) fill(place, failure(error));
    }
  };
  for (const input of [dayInput, operatorInput]) input.addEventListener("change", () => { [late, shown] = [false, shownFirst]; keep(); load(); });
  for (const input of [fateInput, textInput]) input.addEventListener("input", () => { keep(); shown = shownFirst; draw(); });
  await load();
}

function row(s) {
  const [tone, word] = fates[s.fate] ?? ["", s.fate];
  return [h("span", { class: "num" }, s.time), h("a", { href: "#/vendas/" + encodeURIComponent(s.coupon), id: "venda-" + s.job }, s.coupon || `registro ${s.job}`), s.till, words.reais(s.value),
    [badge(tone, word), s.unconfirmed && [" ", badge("warn", "desconto sem confirmação")], s.notes?.length > 0 && [" ", badge("", words.many(s.notes.length, "observação", "observações"))]]];
}
