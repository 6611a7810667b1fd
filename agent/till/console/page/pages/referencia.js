// The reference of the API, made from /openapi.json: the routes by subject, and each with its fields, answers and an example.
import { h } from "../dom.js";
import { open } from "../api.js";
import * as words from "../words.js";
import { badge, empty, head, table, trail } from "../parts.js";
import { hrefFrom, guideOf } from "../guides.js";
import { inline, render } from "../markdown.js";

let contract = null; // read once

export async function show(view) {
  contract ??= open("/openapi.json").then((answer) => answer.json()).catch((error) => { contract = null; throw error; });
  const api = await contract, [, method, path] = view.rest;
  if (method) return showOperation(view, api, method, path);
  const way = { href: hrefFrom(guideOf("fidelidade")), code: (code) => h("pre", { tabindex: "0", "aria-label": "Exemplo" }, code) };
  view.put(trail("#/guias", "Guias"), head("Referência da API", api.info.summary, h("a", { class: "as-button", href: "/openapi.yaml", download: "openapi.yaml" }, "openapi.yaml")),
    api.tags.map((tag) => group(api, tag)),
    h("article", { class: "guide", "aria-labelledby": "regras" }, h("h2", { id: "regras" }, "O que vale para todas"), lowered(render(api.info.description, way))));
  return undefined;
}

/** lowered makes the headings of a text those of a part of a page. */
const lowered = (nodes) => nodes.map((n) => (/^H[1-6]$/.test(n.tagName) ? h("h3", { id: n.id }, [...n.childNodes]) : n));

const operations = (api) => Object.entries(api.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));

const hrefOf = (method, path) => `#/guias/api/${method}/${encodeURIComponent(path)}`;

function group(api, tag) {
  const list = operations(api).filter((o) => o.operation.tags.includes(tag.name)), id = "assunto-" + tag.name.replace(/\W+/g, "-");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, tag.name), h("p", { class: "soft small" }, tag.description),
    h("ul", { class: "plain routes" }, list.map(({ path, method, operation }) => h("li", {}, badge(method === "GET" ? "" : "info", method), " ", h("a", { class: "mono", href: hrefOf(method, path) }, path), h("span", { class: "soft small" }, operation.summary)))));
}

function showOperation(view, api, method, path) {
  const operation = api.paths[path]?.[method.toLowerCase()];
  if (!operation) {
    view.put(trail("#/guias/api", "Referência da API"), head(`${method} ${path ?? ""}`), empty("Não há esta rota", "Confira o endereço."));
    return;
  }
  const way = { href: hrefFrom(guideOf("fidelidade")), code: (code) => h("pre", { tabindex: "0", "aria-label": "Exemplo" }, code) };
  const body = follow(api, operation.requestBody), parameters = (operation.parameters ?? []).map((p) => follow(api, p));
  view.put(trail("#/guias/api", "Referência da API"), head(operation.summary, h("span", { class: "mono" }, `${method} ${path}`)),
    h("article", { class: "guide" }, operation.description && render(operation.description, way), operation.security?.length === 0 && h("p", {}, "Sem token.")),
    parameters.length > 0 && h("section", { class: "card", "aria-label": "Parâmetros" }, h("h2", {}, "Parâmetros"),
      table("Lista de parâmetros", ["Nome", { name: "Onde", class: "tight" }, "O que é"], parameters.map((p) => [[h("code", {}, p.name), p.required && must()], places[p.in] ?? p.in, [inline(p.description ?? p.schema?.description ?? "", way), p.schema?.enum && h("p", { class: "soft small" }, p.schema.enum.join(", ")), p.example !== undefined && h("p", { class: "soft small" }, "por exemplo ", h("code", {}, String(p.example)))]]))),
    body && content(api, "O que se manda", body, way),
    Object.entries(operation.responses).map(([status, answer]) => content(api, status === "default" ? "Qualquer recusa" : `Resposta ${status}`, follow(api, answer), way)));
}

const places = { query: "no endereço", path: "no caminho", header: "cabeçalho" };

const must = () => [" ", badge("warn", "obrigatório")];

/** follow gives what a reference stands for. */
function follow(api, node) {
  for (let i = 0; node?.$ref && i < 10; i++) node = node.$ref.slice(2).split("/").reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], api);
  return node;
}

function content(api, title, node, way) {
  const [[media, { schema, example, examples } = {}] = []] = Object.entries(node?.content ?? {}), id = "parte-" + title.replace(/\W+/g, "-");
  const shown = example ?? Object.values(examples ?? {}).map((e) => follow(api, e)?.value)[0] ?? follow(api, schema)?.example;
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), h("p", { class: "soft small" }, inline(node.description ?? "", way), media && [" ", h("code", {}, media)]),
    schema && fields(api, schema, way),
    shown !== undefined && h("pre", { tabindex: "0", "aria-label": "Exemplo: " + title }, typeof shown === "string" ? shown : JSON.stringify(shown, null, 2)));
}

/** shape is a schema with all that it is made of. */
function shape(api, schema) {
  const node = follow(api, schema) ?? {}, parts = (node.allOf ?? []).map((part) => shape(api, part));
  return parts.reduce((all, part) => ({ ...part, ...all, properties: { ...part.properties, ...all.properties }, required: [...(part.required ?? []), ...(all.required ?? [])] }), node);
}

const types = { string: "texto", integer: "inteiro", number: "número", boolean: "sim ou não", object: "objeto", array: "lista", null: "nulo" };

function typeOf(api, node) {
  if (node.enum) return node.enum.map(String).join(", ");
  if (node.const !== undefined) return String(node.const);
  const options = node.oneOf ?? node.anyOf;
  if (options) return [...new Set(options.map((o) => typeOf(api, shape(api, o))))].filter(Boolean).join(" ou ");
  const name = [node.type ?? (node.properties ? "object" : [])].flat().map((t) => types[t] ?? t).join(" ou ");
  if (node.type === "array" && node.items) return name + " de " + (typeOf(api, shape(api, node.items)) || "valores");
  return [name, node.format === "date-time" ? "data e hora" : node.format === "date" ? "data" : ""].filter(Boolean).join(", ");
}

function fields(api, schema, way, depth = 0) {
  let node = shape(api, schema);
  if (node.type === "array") node = shape(api, node.items);
  const options = (node.oneOf ?? node.anyOf ?? []).map((o) => shape(api, o)).filter((o) => o.properties);
  const list = Object.entries(node.properties ?? {});
  if (list.length === 0 && options.length > 0) return options.map((o) => fields(api, o, way, depth));
  if (list.length === 0) return depth === 0 && typeOf(api, node) ? h("p", { class: "soft" }, words.capital(typeOf(api, node))) : null;
  return h("ul", { class: "fields" }, list.map(([name, inner]) => {
    const field = shape(api, inner);
    return h("li", {}, h("code", {}, name), h("span", { class: "soft small" }, " " + typeOf(api, field)), node.required?.includes(name) && must(), field.description && [" ", inline(field.description, way)], depth < 5 && fields(api, inner, way, depth + 1));
  }));
}
