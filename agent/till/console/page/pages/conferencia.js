// Conferência: a day's sales by what became of them, till by till.
import { fill, h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { drop } from "../filedrop.js";
import { button, empty, failure, field, head, note, save, table } from "../parts.js";

const columns = [["accepted", "Aceitas"], ["delivered", "Chegaram"], ["cancelled", "Canceladas"], ["pending", "Esperando"], ["dead", "Recusadas"], ["held", "Retidas"]];

export async function show(view) {
  const day = h("input", { type: "date", value: view.query.get("dia") || words.today() }), place = h("div", { class: "stack" }, h("p", { class: "soft" }, "Somando o dia…"));
  const csv = button("csv", "Salvar em CSV", async () => {
    try {
      save(`conferencia-${day.value}.csv`, await (await api.request("GET", `/v1/reconcile?format=csv&day=${day.value}`)).blob());
    } catch (error) {
      fill(place, failure(error));
    }
  });
  const decimal = h("select", {}, h("option", { value: "comma" }, "1234,56"), h("option", { value: "point" }, "1234.56"));
  const compared = drop("arquivo-erp", "Solte aqui o arquivo do ERP (CSV ou JSON), ou escolha:", {
    path: (file) => `/v1/files/erp?${new URLSearchParams({ name: file.name, day: day.value, decimal: decimal.value })}`, shown: (answer) => differences(answer, day.value),
  });
  decimal.addEventListener("change", () => compared.again());
  view.put(head("Conferência", "As vendas de um dia, pelo que foi feito delas. Pela data do cupom.", csv), h("div", { class: "filters" }, field("dia", "Dia", day)), place,
    h("section", { class: "card", "aria-labelledby": "erp" }, h("h2", { id: "erp" }, "Comparar com o ERP"), h("p", { class: "soft small" }, "Uma linha por venda (coupon e value), ou por caixa (till, count e value). Nada é alterado."), h("div", { class: "filters" }, field("decimal", "Decimais", decimal)), compared.element));
  const load = async () => {
    if (!day.value) return;
    history.replaceState(null, "", "#/conferencia?dia=" + day.value);
    try {
      draw(place, await api.get("/v1/reconcile?day=" + day.value, { signal: view.signal }), day.value);
    } catch (error) {
      if (!view.signal.aborted) fill(place, failure(error));
    }
  };
  day.addEventListener("change", () => { load(); compared.again(); });
  await load();
}

function draw(place, report, day) {
  const { total } = report;
  if (total.accepted.count + total.held.count === 0) {
    fill(place, empty("Nenhuma venda neste dia", "Escolha outro dia."));
    return;
  }
  const rows = [...report.tills, { ...total, till: "Todos" }];
  fill(place,
    verdict(total, day),
    table("Conferência por caixa", ["Caixa", ...columns.map(([, name]) => ({ name, class: "right" }))], rows.map((t) => [t.till === "Todos" ? h("strong", {}, "Todos") : t.till || "(sem código)", ...columns.map(([key]) => amount(t[key]))])),
    total.discount_unconfirmed.count > 0 && note("warn", `${words.many(total.discount_unconfirmed.count, "venda chegou", "vendas chegaram")} sem a confirmação dos descontos: a Mercafácil não sabe que eles foram usados. O programa do caixa deve confirmar antes de mandar o cupom.`),
    report.notes?.length > 0 && h("section", { class: "card", "aria-labelledby": "observacoes" }, h("h2", { id: "observacoes" }, "Observações das vendas aceitas"), h("ul", { class: "plain" }, report.notes.map((n) => h("li", {}, h("strong", {}, words.number(n.count)), " × ", n.detail)))),
    h("p", {}, h("a", { href: "#/vendas?dia=" + day }, "Ver as vendas deste dia, uma a uma")));
}

/** differences shows what the ERP and the agent do not agree on. */
function differences(answer, day) {
  if (answer.refused || !answer.differences) return note("bad", answer.refused || "O arquivo não pôde ser comparado.");
  if (answer.differences.length === 0) return note("ok", `O ERP e este caixa concordam: ${words.many(answer.records, "linha", "linhas")}.`);
  const rows = answer.differences, plain = (cents) => (cents === undefined || cents === null ? "" : (Number(cents) / 100).toFixed(2).replace(".", ","));
  const quoted = (text) => `"${String(text ?? "").replaceAll('"', '""').replace(/^[=+@\t-]/, "'$&")}"`;
  const csv = ["coupon;till;erp;agent;difference", ...rows.map((d) => [quoted(d.coupon), quoted(d.till), plain(d.erp), plain(d.agent), quoted(d.words)].join(";"))].join("\r\n");
  return [note("warn", words.many(rows.length, "diferença", "diferenças") + ` entre o ERP e este caixa em ${words.date(day)}.`),
    table("Diferenças", ["Cupom", { name: "Caixa", class: "tight" }, { name: "ERP", class: "right" }, { name: "Aqui", class: "right" }, "O que há"], rows.slice(0, 500).map((d) => [d.coupon ? h("a", { href: "#/vendas/" + encodeURIComponent(d.coupon) }, d.coupon) : "—", d.till, words.reais(d.erp), words.reais(d.agent), d.words])),
    h("div", { class: "buttons" }, button("csv-diferencas", "Salvar as diferenças em CSV", () => save(`diferencas-${day}.csv`, new Blob(["\ufeff" + csv], { type: "text/csv" }))))];
}

const amount = (a) => (a.count === 0 ? h("span", { class: "soft" }, "—") : [words.number(a.count), h("p", { class: "soft small" }, words.reais(a.value))]);

function verdict(total, day) {
  const open = [[total.pending, "esperando"], [total.dead, "recusadas"], [total.held, "retidas"]].filter(([a]) => a.count > 0);
  if (open.length === 0) return note("ok", `O dia fecha: das ${words.many(total.accepted.count, "venda aceita", "vendas aceitas")} em ${words.date(day)}, nenhuma falta chegar.`);
  return note("warn", `O dia ainda não fecha: ${open.map(([a, word]) => `${words.number(a.count)} ${word} (${words.reais(a.value)})`).join(", ")}. `, (total.dead.count > 0 || total.held.count > 0) && h("a", { href: "#/pendencias" }, "Resolver as pendências"));
}
