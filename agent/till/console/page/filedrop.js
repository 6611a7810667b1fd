// A place where a file is dropped, or chosen by keyboard, and what the agent would make of it.
import { fill, h } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { badge, failure, note, table } from "./parts.js";

const most = 100_000_000;

/** drop gives the place. path(file) is where the file goes; shown(answer, file) gives what is shown of the answer. */
export function drop(id, label, { path, shown }) {
  const place = h("div", { class: "stack", "aria-live": "polite" });
  const input = h("input", { type: "file", id, accept: ".csv,.txt,.json,.ndjson,.jsonl", onchange: () => input.files[0] && take(input.files[0]) });
  let last = null;
  const take = async (file) => {
    last = file;
    if (file.size > most) return fill(place, failure({ message: `O arquivo tem ${words.size(file.size)}; o limite é ${words.size(most)}. Divida-o em partes.` }));
    fill(place, h("p", { class: "soft" }, `Lendo ${file.name}, ${words.size(file.size)}…`), h("progress", { "aria-label": "Lendo o arquivo" }));
    try {
      const answer = await (await api.request("POST", path(file), { body: file, type: "application/octet-stream" })).json();
      if (last === file) fill(place, h("h3", {}, file.name), shown(answer, file));
    } catch (error) {
      fill(place, failure(error));
    }
    return undefined;
  };
  const zone = h("div", { class: "drop" }, h("label", { for: id }, label), input);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  return { element: h("div", { class: "stack" }, zone, place), again: () => last && take(last), clear: (...nodes) => fill(place, ...nodes) };
}

/** preview shows the columns, the first records and the faulty ones. */
export function preview(p) {
  const names = [...new Set([...p.columns.map((c) => c.field), ...p.first.flatMap((record) => Object.keys(record))])].filter((name) => p.first.some((record) => record[name] !== undefined));
  return [
    p.refused ? note("bad", h("p", {}, p.refused)) : h("p", {}, badge("ok", words.many(p.records, "registro certo", "registros certos")), p.faulty > 0 && [" ", badge("bad", words.many(p.faulty, "com defeito", "com defeito"))]),
    p.columns.length > 0 && h("p", { class: "small" }, "Colunas: ", p.columns.map((c, i) => [i > 0 && ", ", h("span", { class: c.field ? "" : "soft" }, c.column, c.field ? (c.field === c.column ? "" : ` → ${c.field}`) : " (não usada)")])),
    p.first.length > 0 && table("Os primeiros registros", names, p.first.map((record) => names.map((name) => (record[name] === undefined ? "" : String(record[name]))))),
    p.faults.length > 0 && h("section", { class: "stack", "aria-label": "Registros com defeito" }, h("h3", {}, "Com defeito"), table("Linhas com defeito", [{ name: "Onde", class: "tight" }, "Campo", "Por quê"], p.faults.map((f) => [f.place, f.field ? words.fieldName(f.field) : "", f.detail])),
      p.faulty > p.faults.length && h("p", { class: "soft small" }, `Os ${p.faults.length} primeiros, de ${words.number(p.faulty)}.`)),
  ];
}
