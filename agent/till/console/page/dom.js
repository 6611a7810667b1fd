// The one place where elements are made. Text becomes text nodes and attributes become attributes: nothing that a till, a cloud
// or a file said is ever read as markup.

/** h makes an element: h("a", {href: "#/inicio", class: "x", onclick: f}, "text", child, …). null and false are left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** fill replaces what an element holds. The focus stays at the element with the same id. */
export function fill(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Set([...element.querySelectorAll("details[open][id]")].map((d) => d.id));
  element.replaceChildren();
  append(element, children);
  for (const details of element.querySelectorAll("details[id]")) if (open.has(details.id)) details.open = true;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** say tells a screen reader, and shows for a moment, what was done. */
export function say(text) {
  const line = h("p", {}, text);
  document.getElementById("dito").append(line);
  setTimeout(() => line.remove(), 8000);
}
