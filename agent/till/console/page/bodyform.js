// A form of a JSON body: each plain value is an input with its Portuguese name, the faulty ones are marked. What is not touched
// goes back as it came, spelling and all.
import { h } from "./dom.js";
import * as json from "./json.js";
import * as words from "./words.js";
import { field } from "./parts.js";

const numeric = /^(quantity|packing_quantity|unit_value|total_value|total_value_with_discount|amount|instalments)$/;
const hidden = /^\[texto de \d+\]$|\*\*/; // a masked value
const pathOf = (base, name) => (base ? base + "." : "") + name;

/** hiddenValue tells whether a node's value is masked. */
export const hiddenValue = (node) => node.type === "string" && hidden.test(node.value);

/** bodyForm gives the inputs of a body. changed(path, before, after) is called at each input. */
export function bodyForm(root, faults, changed) {
  addMissing(root, faults);
  const byPath = new Map(faults.map((f) => [f.field, f.detail]));
  return object(root, "", byPath, changed);
}

/** addMissing gives a faulty field that is not there an empty node, so that it has an input. */
function addMissing(root, faults) {
  for (const { field: path } of faults) {
    const parts = path.split("."), name = parts.pop();
    if (!/^\w+$/.test(name)) continue;
    let at = root;
    for (const part of parts) {
      const [, key, index] = /^([^[]*)(?:\[(\d+)\])?$/.exec(part) ?? [];
      at = json.member(at, key);
      if (index !== undefined) at = at?.elements?.[Number(index)];
    }
    if (at?.type === "object" && !json.member(at, name)) at.members.push([name, { type: "string", value: "", missing: true }]);
  }
}

/** withoutMissing drops the empty nodes that nobody filled in. */
export function withoutMissing(node) {
  if (node.type === "array") return { ...node, elements: node.elements.map(withoutMissing) };
  if (node.type !== "object") return node;
  return { ...node, members: node.members.filter(([, v]) => !(v.missing && v.value === "")).map(([name, v]) => [name, withoutMissing(v)]) };
}

function object(node, base, byPath, changed) {
  const plain = node.members.filter(([, v]) => v.type !== "object" && v.type !== "array"), deep = node.members.filter(([, v]) => v.type === "object" || v.type === "array");
  return [
    plain.length > 0 && h("div", { class: "grid" }, plain.map(([name, v]) => input(name, v, pathOf(base, name), byPath, changed))),
    deep.map(([name, v]) => nested(v, pathOf(base, name), byPath, changed)),
  ];
}

function nested(node, path, byPath, changed) {
  const own = byPath.get(path) && h("p", { class: "fault" }, byPath.get(path));
  if (node.type === "object") return h("fieldset", {}, h("legend", {}, words.fieldName(path)), own, object(node, path, byPath, changed));
  return [own, node.elements.map((element, i) => {
    const at = `${path}[${i}]`;
    if (element.type === "object") return nested(element, at, byPath, changed);
    return h("div", { class: "grid" }, input("", element, at, byPath, changed));
  })];
}

function input(name, node, path, byPath, changed) {
  const masked = hiddenValue(node), fault = byPath.get(path);
  const box = h("input", { value: json.text(node), autocomplete: "off", spellcheck: "false", "data-path": path, inputmode: node.type === "number" || numeric.test(name) ? "decimal" : null });
  box.addEventListener("input", () => {
    const before = json.text(node);
    write(node, name, box.value, fault !== undefined);
    changed(path, before, json.text(node));
  });
  return field("campo-" + path.replace(/\W+/g, "-"), words.fieldName(path.split(".").pop()), box, { fault, help: masked ? "Escondido. Deixe assim para manter o que veio." : null });
}

/** write puts what a person typed into the node: a number where there was one, or should be one; the comma is a point then. */
function write(node, name, typed, faulty) {
  const number = typed.trim().replace(/^(-?)(\d{1,3}(?:\.\d{3})+),/, (_, sign, whole) => sign + whole.replaceAll(".", "") + ",").replace(",", ".");
  const wasNumber = node.type === "number" || node.wasNumber, decimal = /^-?(0|[1-9]\d*)(\.\d+)?$/.test(number);
  node.wasNumber = wasNumber;
  if (decimal && (wasNumber || ((faulty || node.missing) && numeric.test(name)))) {
    node.type = "number";
    node.raw = number;
    delete node.value;
  } else if (node.type === "literal" && ["true", "false", "null"].includes(typed)) {
    node.raw = typed;
  } else {
    node.type = "string";
    node.value = typed;
    delete node.raw;
  }
}
