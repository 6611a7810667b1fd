// JSON as it was written: numbers keep their spelling (10.00 stays 10.00), members their order and doubled names.
// A node is {type: "object", members: [[name, node], …]}, {type: "array", elements: [node, …]}, {type: "string", value} or
// {type: "number" | "literal", raw}.

const token = /\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([{}[\],:]))/y;

/** parse reads a JSON text; it throws a SyntaxError. */
export function parse(text) {
  let at = 0;
  const next = () => {
    token.lastIndex = at;
    const found = token.exec(text);
    if (!found) throw new SyntaxError("posição " + at);
    at = token.lastIndex;
    return found;
  };
  const peek = () => {
    const before = at;
    const found = next();
    at = before;
    return found[4];
  };
  const expect = (mark) => {
    if (next()[4] !== mark) throw new SyntaxError("falta " + mark);
  };
  const list = (close, item) => {
    const items = [];
    if (peek() === close) {
      expect(close);
      return items;
    }
    for (;;) {
      items.push(item());
      const mark = next()[4];
      if (mark === close) return items;
      if (mark !== ",") throw new SyntaxError("falta vírgula");
    }
  };
  const value = () => {
    const [, string, number, literal, mark] = next();
    if (string !== undefined) return { type: "string", value: JSON.parse(string) };
    if (number !== undefined) return { type: "number", raw: number };
    if (literal !== undefined) return { type: "literal", raw: literal };
    if (mark === "[") return { type: "array", elements: list("]", value) };
    if (mark !== "{") throw new SyntaxError("falta um valor");
    return { type: "object", members: list("}", () => { const name = JSON.parse(next()[1]); expect(":"); return [name, value()]; }) };
  };
  const node = value();
  if (text.slice(at).trim() !== "") throw new SyntaxError("há texto depois do fim");
  return node;
}

/** print writes a node; indent "" writes it on one line. */
export function print(node, indent = "  ", depth = "") {
  const inner = depth + indent, [newline, end, space] = indent ? ["\n" + inner, "\n" + depth, " "] : ["", "", ""];
  switch (node.type) {
    case "string": return JSON.stringify(node.value);
    case "array":
      return node.elements.length === 0 ? "[]" : "[" + newline + node.elements.map((e) => print(e, indent, inner)).join("," + newline) + end + "]";
    case "object":
      return node.members.length === 0 ? "{}" : "{" + newline + node.members.map(([name, e]) => JSON.stringify(name) + ":" + space + print(e, indent, inner)).join("," + newline) + end + "}";
  }
  return node.raw;
}

/** member gives the node of a name, or undefined. */
export function member(node, name) {
  return node?.type === "object" ? node.members.find(([known]) => known === name)?.[1] : undefined;
}

/** text gives a plain value as a person reads it. */
export function text(node) {
  return node === undefined ? "" : node.type === "string" ? node.value : node.raw ?? print(node, "");
}
