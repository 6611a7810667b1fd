// Guias: the documents as pages, without internet; search, and the reference of the API beside them. No session is needed.
import { fill, h } from "../dom.js";
import * as words from "../words.js";
import { empty, field, head, save, trail } from "../parts.js";
import { groups, guideOf, guides, hrefFrom, search, sections, textOf, titleOf } from "../guides.js";
import { render } from "../markdown.js";
import { codeOf, sandboxNear } from "../examples.js";
import { show as showReference } from "./referencia.js";

export async function show(view) {
  const [name, anchor] = view.rest;
  if (name === "api") return showReference(view);
  if (name) return showGuide(view, name, anchor);
  const input = h("input", { type: "search", autocomplete: "off", spellcheck: "false", value: view.query.get("busca") ?? "" }), place = h("div", { class: "stack" });
  view.put(head("Guias", "Tudo o que está escrito sobre o pdvagent, aqui mesmo, sem internet.", h("a", { class: "as-button", href: "#/guias/api" }, "Referência da API")),
    h("div", { class: "filters", role: "search", "aria-label": "Procurar nos guias" }, wide(field("busca", "Procurar nos guias", input))), place);
  const draw = async () => {
    const asked = input.value.trim(), found = await search(asked);
    if (input.value.trim() !== asked) return;
    fill(place, asked === "" ? index() : results(found, asked));
  };
  input.addEventListener("input", () => {
    history.replaceState(null, "", "#/guias" + (input.value.trim() ? "?" + new URLSearchParams({ busca: input.value.trim() }) : ""));
    draw();
  });
  await draw();
}

function wide(element) {
  element.classList.add("wide");
  return element;
}

const index = () => h("div", { class: "grid wide" }, groups.map((g) => h("section", { class: "card top", "aria-label": g.title }, h("h2", {}, g.title),
  h("ul", { class: "plain" }, g.guides.map(([name, , title, what]) => h("li", {}, h("a", { href: "#/guias/" + name }, title), h("p", { class: "soft small" }, what)))))));

const most = 40;

function results(found, asked) {
  if (found.length === 0) return empty("Nada sobre “" + asked + "”", "Tente uma palavra só, ou o começo dela.");
  return [h("p", { class: "soft small", role: "status" }, words.many(found.length, "trecho", "trechos")),
    h("ul", { class: "plain found" }, found.slice(0, most).map(({ guide, section, line }) => h("li", {}, h("a", { href: `#/guias/${guide.name}/${section.anchor}` }, section.title), h("span", { class: "soft small" }, " · " + guide.title), line && h("p", { class: "soft small" }, line))))];
}

async function showGuide(view, name, anchor) {
  const guide = guideOf(name);
  if (!guide) {
    view.put(trail("#/guias", "Guias"), head("Guia"), empty("Não há guia com este nome", guides.map((g) => g.title).join(", ")));
    return;
  }
  const text = await textOf(guide);
  if (guide.program) {
    const up = guides.find((g) => g.file.split("/")[0] === guide.file.split("/")[0]) ?? guideOf("monitoramento");
    view.put(trail("#/guias/" + up.name, up.title), head(guide.title, "", h("button", { type: "button", id: "salvar", onclick: () => save(guide.name, new Blob([text])) }, "Salvar o arquivo")), h("pre", { tabindex: "0", "aria-label": guide.title }, text));
    return;
  }
  const way = { href: hrefFrom(guide), title: titleOf, code: codeOf(await sandboxNear(view)) };
  const body = render(text, way), parts = sections(text).filter((s) => s.level === 2);
  const title = body[0]?.tagName === "H1" ? body.shift() : null;
  view.put(trail("#/guias", "Guias"), head(title?.textContent ?? guide.title),
    parts.length > 2 && h("nav", { class: "contents", "aria-label": "Neste guia" }, h("ul", {}, parts.map((s) => h("li", {}, h("a", { href: `#/guias/${name}/${s.anchor}` }, s.title))))),
    h("article", { class: "guide", "data-guide": name }, body));
  const wanted = anchor && document.getElementById("secao-" + anchor);
  if (wanted) setTimeout(() => { // after the page has put the focus on its title
    wanted.scrollIntoView();
    wanted.focus({ preventScroll: true });
  });
}
