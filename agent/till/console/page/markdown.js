// The guides' Markdown as elements. It knows what the guides use: headings, paragraphs, lists, tables, quotes, fenced code,
// `code`, **strong**, *emphasis* and [links](…). Pictures are left out. Text becomes text nodes (see dom.js): a guide cannot
// bring markup of its own.
import { h } from "./dom.js";

const fence = /^(`{3,})\s*(\S*)/, heading = /^(#{1,6})\s+(.*?)\s*#*$/, rule = /^ {0,3}(-{3,}|\*{3,})\s*$/;
const marker = /^(\s*)([-*+]|\d{1,3}[.)])(\s+)/, ruler = /^\|?[\s:|-]*-[\s:|-]*$/, quote = /^>\s?/;

/** slug is a heading's anchor, as the guides' own links have it. */
export const slug = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-");

/** plain is a line without its marks. */
export const plain = (text) => text.replace(/!\[[^\]]*\]\([^)]*\)/g, "").replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replace(/\*\*|`/g, "");

/**
 * render gives the elements of a guide. way.href(target) is where a link leads, null for nowhere; way.title(target, label),
 * if it is there, a better text for it; way.code(text, kind) shows code.
 */
export function render(text, way) {
  const used = new Map();
  return blocks(text.replace(/\r/g, "").split("\n"), {
    ...way,
    anchor(title) {
      const id = slug(title), n = used.get(id) ?? 0;
      used.set(id, n + 1);
      return n === 0 ? id : `${id}-${n}`;
    },
  });
}

const begins = (line) => fence.test(line.trimStart()) || heading.test(line) || rule.test(line) || marker.test(line) || quote.test(line) || line.startsWith("|");

function blocks(lines, way) {
  const found = [];
  for (let i = 0; i < lines.length;) {
    const line = lines[i], table = line.startsWith("|") && ruler.test(lines[i + 1] ?? "");
    let end = i + 1;
    if (line.trim() === "" || rule.test(line)) {
      if (line.trim() !== "") found.push(h("hr"));
    } else if (fence.test(line.trimStart())) {
      const [, ticks, kind] = fence.exec(line.trimStart()), depth = line.length - line.trimStart().length;
      while (end < lines.length && !lines[end].trimStart().startsWith(ticks)) end++;
      found.push(way.code(lines.slice(i + 1, end).map((l) => l.slice(Math.min(depth, l.length - l.trimStart().length))).join("\n"), kind));
      end++;
    } else if (heading.test(line)) {
      const [, marks, title] = heading.exec(line);
      found.push(h("h" + marks.length, { id: "secao-" + way.anchor(plain(title)), tabindex: "-1" }, inline(title, way)));
    } else if (table) {
      while (end < lines.length && lines[end].startsWith("|")) end++;
      found.push(tableOf(lines.slice(i, end), way));
    } else if (marker.test(line)) {
      const list = listOf(lines, i, way);
      found.push(list.element);
      end = list.end;
    } else if (quote.test(line)) {
      while (end < lines.length && quote.test(lines[end])) end++;
      found.push(h("blockquote", {}, blocks(lines.slice(i, end).map((l) => l.replace(quote, "")), way)));
    } else {
      while (end < lines.length && lines[end].trim() !== "" && !begins(lines[end])) end++;
      const content = inline(lines.slice(i, end).map((l) => l.trim()).join("\n"), way);
      if (content.some((n) => n instanceof Node || n.trim() !== "")) found.push(h("p", {}, content));
    }
    i = end;
  }
  return found;
}

/** listOf reads a list from a line on. What is indented below an item belongs to it. */
function listOf(lines, from, way) {
  const [, indent, kind] = marker.exec(lines[from]), ordered = /\d/.test(kind), items = [];
  let i = from;
  const another = (line) => {
    const found = marker.exec(line ?? "");
    return found !== null && found[1].length === indent.length && /\d/.test(found[2]) === ordered;
  };
  while (i < lines.length && another(lines[i])) {
    const width = marker.exec(lines[i])[0].length, item = [lines[i].slice(width)];
    for (i++; i < lines.length; i++) {
      const line = lines[i], depth = line.length - line.trimStart().length;
      if (line.trim() === "") {
        const next = lines.slice(i + 1).find((l) => l.trim() !== "") ?? "";
        if (next.length - next.trimStart().length < width && !another(next)) break;
        item.push("");
      } else if (depth > indent.length) {
        item.push(line.slice(Math.min(depth, width)));
      } else if (another(line) || begins(line) || item.at(-1) === "") break;
      else item.push(line.trim());
    }
    const inner = blocks(item, way);
    items.push(h("li", {}, inner.length > 0 && inner[0].tagName === "P" ? [...inner[0].childNodes] : inner[0], inner.slice(1)));
  }
  return { element: h(ordered ? "ol" : "ul", { start: ordered && parseInt(kind, 10) !== 1 ? String(parseInt(kind, 10)) : null }, items), end: i };
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((c) => c.trim().replaceAll("\\|", "|"));

function tableOf([first, , ...rest], way) {
  const names = cells(first), label = "Tabela: " + plain(names.join(", "));
  return h("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, h("table", {}, h("caption", { class: "unseen" }, label),
    h("thead", {}, h("tr", {}, names.map((c) => (c === "" ? h("td") : h("th", { scope: "col" }, inline(c, way)))))),
    h("tbody", {}, rest.map((line) => h("tr", {}, cells(line).map((c) => h("td", {}, inline(c, way))))))));
}

const mark = /(`+)([^`]|[^`].*?[^`])\1(?!`)|\*\*(.+?)\*\*|!\[[^\]]*\]\([^)]*\)|\[([^\]]+)\]\(([^)\s]+)\)|<(https?:\/\/[^>\s]+)>|(?<![\w*])\*([^\s*](?:[^*]*[^\s*])?)\*(?!\w)|\\([\\`*_{}[\]()#+.!<>|~-])/s;

/** inline gives the nodes of a line. */
export function inline(text, way) {
  const found = mark.exec(text);
  if (!found) return text === "" ? [] : [text];
  const [all, , code, strong, label, target, address, emphasis, escaped] = found, before = text.slice(0, found.index);
  let node = null; // of a picture
  if (code !== undefined) node = h("code", {}, code);
  else if (strong !== undefined) node = h("strong", {}, inline(strong, way));
  else if (emphasis !== undefined) node = h("em", {}, inline(emphasis, way));
  else if (escaped !== undefined) node = escaped;
  else if (address ?? target) {
    const href = way.href(address ?? target);
    node = href === null ? inline(label, way) : h("a", { href, ...(/^https?:/.test(href) && { target: "_blank", rel: "noreferrer" }) }, label === undefined ? address : inline(way.title?.(target, label) ?? label, way));
  }
  return [before, node, inline(text.slice(found.index + all.length), way)].flat(Infinity).filter((n) => n !== null && n !== "");
}
