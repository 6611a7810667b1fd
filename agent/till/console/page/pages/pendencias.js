// Pendências: what waits for a person, grouped by its cause.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { ask, badge, button, empty, head, moment, table } from "../parts.js";
import { cause, named, sends } from "../causes.js";
import { show as showOne } from "./pendencia.js";

const page = 500; // rows asked for at once
const most = 5000; // rows shown
const shownFirst = 25;

export async function show(view) {
  if (view.rest[0]) return showOne(view, view.rest[0]);
  const place = h("div", { class: "stack" });
  view.put(head("Pendências", "O que espera por alguém. O resto da fila segue sem isto."), place);
  await draw(view, place);
}

async function draw(view, place) {
  const lists = await Promise.all(["held", "dead", "unread"].map((state) => all(state, view.signal)));
  const jobs = lists.flat(), groups = new Map();
  for (const job of jobs) {
    const { key } = cause(job);
    groups.set(key, [...(groups.get(key) ?? []), job]);
  }
  if (jobs.length === 0) {
    fill(place, empty("Nada pendente", "Tudo o que os caixas mandaram foi enviado, ou está a caminho."));
    return;
  }
  const again = () => draw(view, place);
  const sorted = [...groups.values()].sort((a, b) => b.length - a.length);
  fill(place, sorted.map((list, i) => group(list, i, again)));
}

async function all(state, signal) {
  const list = [];
  for (let after = ""; list.length < most;) {
    const answer = await api.get(`/v1/queue?state=${state}&limit=${page}${after && "&after=" + after}`, { signal });
    list.push(...answer.jobs);
    if (!answer.next) break;
    after = answer.next;
  }
  return list;
}

function group(list, index, again) {
  const why = cause(list[0]), id = "causa-" + index, chosen = new Set(), place = h("div", { class: "stack" });
  let shown = shownFirst;
  const acts = h("div", { class: "actions" });
  const redraw = () => {
    const all = h("input", { type: "checkbox", id: id + "-todos", "aria-label": `Escolher todos os ${list.length}`, onchange: () => { if (all.checked) for (const job of list) chosen.add(job); else chosen.clear(); redraw(); } });
    all.checked = chosen.size === list.length;
    all.indeterminate = chosen.size > 0 && chosen.size < list.length;
    fill(acts, h("span", { class: "soft small grow" }, chosen.size > 0 ? words.many(chosen.size, "escolhido", "escolhidos") : "Nenhum escolhido"),
      sends(list[0]) && off(button(id + "-enviar", "Enviar de novo", () => sendAgain([...chosen], again)), chosen.size),
      off(button(id + "-descartar", "Descartar", () => discard([...chosen], again), "danger"), chosen.size));
    fill(place, table(why.heading, [{ name: all, class: "tight" }, "Cupom ou transação", "O que é", "Desde", { name: "Tentativas", class: "right" }, { name: h("span", { class: "unseen" }, "Abrir"), class: "tight" }],
      list.slice(0, shown).map((job) => row(job, chosen, redraw))),
    list.length > shown && h("div", {}, button(id + "-mais", `Mostrar mais ${Math.min(50, list.length - shown)}`, () => { shown += 50; redraw(); })));
  };
  redraw();
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, why.heading, " ", badge("warn", list.length >= most ? `mais de ${words.number(most)}` : words.number(list.length))), h("p", { class: "soft" }, why.text), acts, place);
}

function off(element, count) {
  element.disabled = count === 0;
  return element;
}

function row(job, chosen, redraw) {
  const box = h("input", { type: "checkbox", id: "escolher-" + job.id, "aria-label": "Escolher " + named(job), onchange: () => { if (box.checked) chosen.add(job); else chosen.delete(job); redraw(); } });
  box.checked = chosen.has(job);
  return [box, h("a", { href: "#/pendencias/" + job.id, id: "nome-" + job.id }, named(job)), words.jobKind(job.kind), moment(job.created_at), job.shape?.times ?? job.attempts,
    h("a", { class: "as-button", href: "#/pendencias/" + job.id, id: "abrir-" + job.id, "aria-label": "Abrir " + named(job) }, "Abrir")];
}

/** summary says how many of what. */
function summary(jobs) {
  const kinds = new Map();
  for (const job of jobs) kinds.set(job.kind, (kinds.get(job.kind) ?? 0) + 1);
  return h("ul", {}, [...kinds].map(([kind, n]) => h("li", {}, `${words.number(n)} × ${words.jobKind(kind)}`)),
    jobs.length <= 5 && h("li", {}, jobs.map(named).join(", ")));
}

/** sendAgain says what would happen, and does it. */
export async function sendAgain(jobs, again) {
  await ask({
    title: jobs.length === 1 ? "Enviar de novo à Mercafácil?" : `Enviar ${words.number(jobs.length)} registros de novo à Mercafácil?`,
    body: [h("p", {}, "O conteúdo segue como está, agora. Se a Mercafácil recusar outra vez, volta para cá."), summary(jobs)],
    button: "Enviar de novo", act: (_, progress) => each(jobs, (job) => api.post(`/v1/queue/${job.id}/retry`), "enviado de novo", "enviados de novo", progress),
  });
  await again();
}

/** discard says what would happen, and does it. */
export async function discard(jobs, again) {
  const reason = h("input", { name: "reason", id: "motivo", required: true, maxlength: "200", autocomplete: "off" });
  const done = await ask({
    title: jobs.length === 1 ? "Descartar?" : `Descartar ${words.number(jobs.length)} registros?`, danger: true, button: "Descartar",
    body: [h("p", {}, "Não vai à Mercafácil, nunca mais, e não volta. Na conferência do dia aparece como descartado."), summary(jobs)],
    fields: [h("div", { class: "field" }, h("label", { for: "motivo" }, "Por quê"), reason, h("p", { class: "help" }, "Fica no registro, com o seu nome. Não escreva dados de clientes."))],
    act: ({ reason: why }, progress) => each(jobs, (job) => api.post(`/v1/queue/${job.id}/discard`, { reason: why }), "descartado", "descartados", progress),
  });
  if (done !== undefined) await again(true);
}

/** each does it one by one; those that were refused are named at the end. */
async function each(jobs, act, one, more, progress) {
  const refused = [];
  for (const [i, job] of jobs.entries()) {
    if (jobs.length > 1) progress(h("p", {}, `${words.number(i + 1)} de ${words.number(jobs.length)}`), h("progress", { max: jobs.length, value: i + 1, "aria-label": "Andamento" }));
    try {
      await act(job);
    } catch (error) {
      if (jobs.length === 1) throw error;
      refused.push(`${named(job)}: ${error.message}`);
    }
  }
  say(`${words.many(jobs.length - refused.length, one, more)}.`);
  if (refused.length > 0) {
    jobs.length = 0;
    const error = new Error(`${words.many(refused.length, "não pôde", "não puderam")}:`);
    error.fields = refused.map((detail) => ({ detail }));
    throw error;
  }
  return true;
}
