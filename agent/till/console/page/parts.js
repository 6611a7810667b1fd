// Pieces that several pages are made of.
import { fill, h, say } from "./dom.js";
import { current } from "./api.js";
import * as words from "./words.js";

/** badge is a state with its colour; the word says it, too. */
export const badge = (tone, text) => h("span", { class: "badge " + tone }, text);

/** moment is an instant, with all of it in the title. */
export const moment = (at) => (at ? h("time", { datetime: new Date(at).toISOString(), title: words.stamp(at) }, words.time(at)) : "—");

export const button = (id, text, onclick, kind = "") => h("button", { id, type: "button", class: kind, onclick }, text);

export const link = (href, ...text) => h("a", { href }, ...text);

/** note is a paragraph that stands out: tone is info, ok, warn or bad. */
export const note = (tone, ...content) => h("div", { class: "note " + tone, role: tone === "bad" ? "alert" : null }, ...content);

/** empty is what a list says that has nothing in it. */
export const empty = (title, text) => h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), text && h("p", {}, text));

/** head is a page's title with what stands beside it. */
export const head = (title, lead, ...actions) => h("div", { class: "head" }, h("div", {}, h("h1", { tabindex: "-1" }, title), lead && h("p", { class: "lead" }, lead)), actions.length > 0 && h("div", { class: "actions" }, ...actions));

/** trail leads back to the list that a page belongs to. */
export const trail = (href, text) => h("p", { class: "trail" }, h("a", { href }, "‹ ", text));

/** failure shows why something did not work. */
export function failure(error) {
  return note("bad", h("p", {}, error.message), error.fields?.length > 0 && h("ul", {}, error.fields.map((f) => h("li", {}, f.field ? words.fieldName(f.field) + ": " : "", f.detail))));
}

/** pairs is a list of names and values. */
export const pairs = (...rows) => h("dl", { class: "pairs" }, rows.filter((r) => r && r[1] !== "" && r[1] !== false && r[1] !== undefined && r[1] !== null).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

/** table has a caption that only screen readers read; a cell may be {class, value}. */
export function table(caption, columns, rows) {
  return h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" }, h("table", {},
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.class }, c.name ?? c)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, i) => h("td", { class: columns[i].class }, cell)))))));
}

/** field is a labelled input; fault marks it. */
export function field(id, label, input, { help, fault } = {}) {
  input.id = id;
  const described = [fault && id + "-erro", help && id + "-ajuda"].filter(Boolean).join(" ");
  if (described) input.setAttribute("aria-describedby", described);
  if (fault) input.setAttribute("aria-invalid", "true");
  return h("div", { class: "field" + (fault ? " faulty" : "") }, h("label", { for: id }, label), input,
    fault && h("p", { class: "fault", id: id + "-erro" }, fault), help && h("p", { class: "help", id: id + "-ajuda" }, help));
}

let dialogs = 0;

/**
 * ask opens a dialog: body says what would happen, fields are inputs whose values the action gets by their names. act(values)
 * does it while the dialog waits; a refusal is shown in it. With ask.stay it stays open. The promise gives what act returned, or undefined after "Voltar".
 */
export function ask({ title, body = [], fields = [], button: label, danger = false, act = async () => true }) {
  return new Promise((done) => {
    const id = "dialogo-" + ++dialogs, trouble = h("div", {});
    const go = h("button", { class: danger ? "danger" : "primary", id: id + "-sim" }, label);
    const back = h("button", { type: "button", id: id + "-nao", onclick: () => dialog.close() }, "Voltar");
    const form = h("form", {}, h("h2", { id: id + "-titulo" }, title), body, fields, trouble, h("div", { class: "buttons" }, back, go));
    const dialog = h("dialog", { "aria-labelledby": id + "-titulo" }, form);
    const before = document.activeElement;
    let result;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      try {
        result = (await act(Object.fromEntries(new FormData(form)), (...progress) => fill(trouble, ...progress))) ?? true;
        if (result === ask.stay) go.disabled = false;
        else dialog.close();
      } catch (error) {
        fill(trouble, failure(error));
        go.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      done(result);
    });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("input, textarea, select") ?? (danger ? back : go)).focus();
  });
}

/** ask.stay is what act gives when the dialog is to stay open. */
ask.stay = Symbol("stay");

/** copy puts a text into the clipboard. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(what + " copiado.");
  } catch {
    say("O navegador não deixou copiar. Selecione o texto e copie por ele.");
  }
}

/** save hands a file to the person. */
export function save(name, content) {
  const url = URL.createObjectURL(content);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** tabs are links between the parts of a page. */
export const tabs = (label, here, list) => h("nav", { class: "tabs", "aria-label": label }, list.map(([href, text, count]) => h("a", { href, "aria-current": href === here ? "page" : null }, text, count > 0 && h("span", { class: "count" }, count))));

/** may tells whether the session has a scope. */
export const may = (scope) => ["till", "support", "admin"].indexOf(current()?.scope) >= ["till", "support", "admin"].indexOf(scope);
