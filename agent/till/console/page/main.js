// The frame of the console: sign-in, navigation by the address's fragment, and whether the agent answers.
import { fill, h, say } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { failure, field, head } from "./parts.js";
import * as trial from "./trial.js";
import { pages } from "./pages.js";

const content = document.getElementById("conteudo");
let shown = null; // {path, stop}

/** start opens the session that the address's one-time code stands for, if there is one, and then the page. */
async function start() {
  api.onSignIn(signInDialog);
  const code = /^#codigo=(.+)$/.exec(location.hash);
  if (code) {
    history.replaceState(null, "", "#/inicio");
    await api.signIn({ code: decodeURIComponent(code[1]) }).catch((error) => { refusedCode = error.message; });
  }
  api.onAlive(alive);
  trial.watch(() => { if (/^#\/(configuracao|inicio)/.test(location.hash)) route(); });
  addEventListener("hashchange", route);
  document.getElementById("pular").addEventListener("click", (event) => {
    event.preventDefault();
    content.focus();
  });
  route();
}

let refusedCode = ""; // why the link that opened the page did not

/** route shows the page of the address. */
function route() {
  const address = location.hash.replace(/^#\/?/, "") || "inicio";
  const [path, query] = address.split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  const page = pages.find((p) => p.path === name) ?? pages[0];
  if (shown) shown.abort.abort();
  document.body.classList.remove("menu-open");
  const abort = new AbortController();
  const place = h("div", { class: "page" });
  shown = { abort, page };
  const view = viewOf(place, abort.signal, rest, new URLSearchParams(query));
  frame(page);
  reveal(page);
  document.title = `${page.title} · pdvagent`;
  fill(content, place);
  content.scrollTo?.(0, 0);
  page.show(view).catch((error) => { if (!abort.signal.aborted) view.put(head(page.title), failure(error)); }).then(() => { if (!abort.signal.aborted) place.querySelector("h1")?.focus({ preventScroll: true }); });
}

/** viewOf is what a page gets: its place, its address, and ways that end when the person leaves it. */
function viewOf(place, signal, rest, query) {
  return {
    place, signal, rest, query,
    put: (...nodes) => { if (!signal.aborted) fill(place, ...nodes); },
    /** every repeats f in the background while the page is shown; what fails is tried again. */
    every: (ms, f) => {
      const again = () => setTimeout(async () => {
        if (signal.aborted) return;
        if (!document.hidden && api.current()) await f().catch(() => undefined);
        if (!signal.aborted) again();
      }, ms);
      again();
    },
    reload: () => { if (!signal.aborted) route(); },
  };
}

/** reveal shows in the navigation the pages that not every till has. */
async function reveal(here) {
  for (const page of pages) {
    if (!page.when || !page.hidden || !(await page.when())) continue;
    page.hidden = false;
    if (shown?.page === here) frame(here);
  }
}

/** frame draws the navigation. */
function frame(here) {
  const session = api.current();
  const item = (p) => h("li", {}, h("a", { href: "#/" + p.path, id: "nav-" + p.path, "aria-current": p === here ? "page" : null }, p.title));
  const groups = [...new Set(pages.map((p) => p.group))];
  fill(document.getElementById("topo"),
    h("a", { class: "brand", href: "#/inicio" }, h("span", { class: "mark", "aria-hidden": "true" }), "pdvagent"),
    h("button", { id: "menu", type: "button", class: "menu", "aria-expanded": "false", "aria-controls": "nav", onclick: toggleMenu }, "Menu"),
    h("nav", { id: "nav", "aria-label": "Páginas" }, groups.map((group) => h("ul", {}, pages.filter((p) => p.group === group && !p.hidden).map(item)))),
    session && h("div", { class: "who" }, h("p", {}, session.name, h("span", {}, words.scopes[session.scope] ?? session.scope)), h("button", { id: "sair", type: "button", class: "quiet", onclick: leave }, "Sair")));
}

function toggleMenu(event) {
  const open = document.body.classList.toggle("menu-open");
  event.currentTarget.setAttribute("aria-expanded", String(open));
}

async function leave() {
  await api.signOut();
  location.hash = "#/inicio";
  route();
}

let silence = null;

/** alive shows that the agent does not answer; when it does again, the page is as it was. */
function alive(since) {
  const place = document.getElementById("aviso");
  const back = silence !== null && since === null;
  silence = since;
  document.body.classList.toggle("silent", since !== null);
  fill(place, since && h("p", {}, h("strong", {}, `O pdvagent não responde desde ${words.time(since)}. `),
    "O que se vê abaixo é de antes. Vendas já guardadas não se perdem; esta página volta sozinha quando ele voltar. Se demorar, ligue o serviço pdvagent neste computador."));
  if (back) {
    say("O pdvagent voltou a responder.");
    document.dispatchEvent(new CustomEvent("agent-back"));
    if (!content.querySelector("form")) route();
  }
}

/** signInDialog covers the page until the person has a session. What the page holds stays: a form is there again afterwards. */
function signInDialog() {
  return new Promise((done) => {
    const trouble = h("div", {}, refusedCode && failure({ message: refusedCode }));
    refusedCode = "";
    const before = document.activeElement;
    const input = h("input", { type: "password", name: "token", required: true, autocomplete: "off", spellcheck: "false" });
    const form = h("form", { id: "entrar" },
      h("p", { class: "brand" }, h("span", { class: "mark", "aria-hidden": "true" }), "pdvagent"),
      h("h2", { id: "entrar-titulo" }, "Entrar no console deste caixa"),
      h("p", { class: "lead" }, "Cole um token de suporte ou de administração. Ou abra o console pelo menu Iniciar, ou com ", h("code", {}, "pdvagent console"), ", que entra sem pedir nada."),
      field("token", "Token", input, { help: "Está na configuração do caixa, em api.tokens. Ele não fica guardado no navegador." }),
      trouble, h("div", { class: "buttons" }, h("button", { class: "primary", id: "entrar-sim" }, "Entrar")));
    const dialog = h("dialog", { class: "cover", "aria-labelledby": "entrar-titulo" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => { if (dialog.isConnected) dialog.showModal(); }); // a browser closes it at a second Escape
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await api.signIn({ token: input.value.trim() });
      } catch (error) {
        fill(trouble, failure(error));
        input.select();
        return;
      }
      dialog.remove();
      if (before?.isConnected) before.focus();
      frame(shown.page);
      reveal(shown.page);
      done();
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

start();
