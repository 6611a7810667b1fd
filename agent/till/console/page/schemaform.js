// A form made from the configuration's JSON Schema: one input for each field that may be changed from here.
import { h } from "./dom.js";
import { field } from "./parts.js";

const secretName = /(^|_)(token|key|password|secret|header|login)$/;

/** fieldsOf lists the plain fields of a section: {path, node, required}. Nested sections are parts of their own. */
export function fieldsOf(schema, node, path) {
  const known = resolve(schema, node);
  return Object.entries(known.properties ?? {}).flatMap(([name, child]) => {
    const inner = resolve(schema, child), at = [...path, name];
    return inner.properties ? fieldsOf(schema, inner, at) : [{ path: at, node: { ...inner, ...child } }];
  });
}

function resolve(schema, node) {
  return node.$ref ? { ...node.$ref.split("/").slice(1).reduce((at, part) => at[part], schema), ...node } : node;
}

/** valueAt reads a path of the shown configuration, as the form has it: a text. */
export function valueAt(config, path) {
  const value = path.reduce((at, name) => at?.[name], config);
  return value === undefined || value === null ? "" : Array.isArray(value) ? value.map((v) => (typeof v === "object" ? JSON.stringify(v) : v)).join(", ") : shorter(String(value));
}

/** shorter writes 2h0m0s as 2h. */
const shorter = (text) => (/^(\d+h)?(\d+m)?\d+(\.\d+)?s$/.test(text) ? text.replace(/(?<=[hm])0s$/, "").replace(/(?<=h)0m$/, "") : text);

/** secret tells whether a field is shown hidden. */
export const secret = (f, shown) => shown === "***" || (f.node.type === "string" && secretName.test(f.path.at(-1)));

/** fixed tells why a field is not changed from here; empty: it is. */
export function fixed(f) {
  if (f.node["x-names"]) return "Muda-se só neste computador, com pdvagent config set.";
  if (f.node.const !== undefined || f.path.join(".") === "api.tokens" || (f.node.type === "object" && !f.node.properties)) return "Muda-se no arquivo de configuração.";
  return "";
}

/** input makes the input of a field. */
export function input(f, shown, text, fault, changed) {
  const id = "opcao-" + f.path.join("-"), hidden = secret(f, shown), why = fixed(f);
  const ends = [f.node.default !== undefined && f.node.default !== "" && `Se vazio: ${{ true: "sim", false: "não" }[f.node.default] ?? f.node.default}.`, hidden && (shown ? "Há um gravado; deixe vazio para mantê-lo." : "Não há nenhum gravado."), why];
  const [label, rest] = named(f), help = [h("code", {}, f.path.at(-1)), " ", [rest, ...ends].filter(Boolean).join(" ")];
  if (why) return field(id, label, h("input", { value: hidden ? "" : shown, readonly: true }), { help });
  const box = control(f, hidden);
  box.value = text;
  box.addEventListener("input", () => changed(box.value));
  return field(id, label, box, { help, fault });
}

/** named is the beginning of a field's description, as its label, and the rest of it. */
function named(f) {
  const [, begin, rest] = /^([^;:(]{3,60})[;:]?\s*(.*)$/.exec(f.node.description ?? "") ?? [null, f.path.at(-1), ""];
  return [begin.trim(), rest && rest + "."];
}

function control(f, hidden) {
  const options = f.node.type === "boolean" ? ["true", "false"] : f.node.enum;
  if (options) return h("select", {}, h("option", { value: "" }, "(vazio)"), options.map((o) => h("option", { value: String(o) }, f.node.type === "boolean" ? { true: "sim", false: "não" }[o] : String(o))));
  return h("input", { type: hidden ? "password" : "text", autocomplete: hidden ? "new-password" : "off", spellcheck: "false", inputmode: f.node.type === "integer" || f.node.type === "number" ? "decimal" : null });
}

/** typed turns a text of the form into the value of the patch; null takes the field out of the file. */
export function typed(f, text) {
  if (text === "") return null;
  if (f.node.type === "boolean") return text === "true";
  if (f.node.type === "array") return text.split(",").map((part) => part.trim()).filter(Boolean);
  const number = Number(text.replace(",", "."));
  if ((f.node.type === "integer" || f.node.type === "number" || f.node.enum?.every((o) => typeof o === "number")) && Number.isFinite(number)) return number;
  return text;
}
