// One thing that waits for a person: what it is, why it waits, and the form that repairs it.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as json from "../json.js";
import * as words from "../words.js";
import { ask, badge, button, failure, field, head, may, moment, note, pairs, trail } from "../parts.js";
import { cause, mends, named, sends } from "../causes.js";
import { bodyForm, withoutMissing } from "../bodyform.js";
import { draft, dropDraft, keepDraft } from "../drafts.js";
import { discard, sendAgain } from "./pendencias.js";

export async function show(view, id) {
  const text = await api.getText(`/v1/queue/${id}`, { signal: view.signal });
  const job = JSON.parse(text), body = json.member(json.parse(text), "body");
  const waits = ["held", "dead", "unread"].includes(job.state), why = cause(job);
  const again = async (gone) => { if (gone) { dropDraft("pendencia/" + id); location.hash = "#/pendencias"; } else view.reload(); };
  view.put(
    trail("#/pendencias", "Pendências"),
    head(`${words.kindName(job.kind ?? "")} ${named(job)}`, waits ? why.text : "Isto não espera mais por ninguém.",
      waits && sends(job) && button("enviar", "Enviar de novo", () => sendAgain([job], () => view.reload())),
      waits && button("descartar", "Descartar", () => discard([job], again), "danger")),
    h("section", { class: "card", "aria-label": "O que é" }, h("p", {}, badge({ held: "warn", dead: "bad", unread: "warn", sent: "ok" }[job.state] ?? "", words.jobState(job.state)), " ", words.jobReason(job.reason)),
      pairs(["Chegou", moment(job.created_at)], ["Mudou", job.updated_at.slice(0, 19) !== job.created_at.slice(0, 19) && moment(job.updated_at)], ["Tentativas", job.attempts], ["Cupom", job.coupon], ["Transação", job.transaction_id], ["Registro", job.id],
        job.shape && ["Onde parou a leitura", place(job.shape)], job.shape && ["Vezes", job.shape.times]),
      job.unanswered && note("warn", "Uma tentativa ficou sem resposta: a Mercafácil pode já ter isto."),
      answered(job),
      (job.coupon || job.transaction_id) && h("p", {}, h("a", { href: "#/vendas/" + encodeURIComponent(job.transaction_id || job.coupon) }, "Ver a vida desta venda"))),
    waits && mends(job) && (job.state === "unread" ? rewrite(view, job) : body ? repair(view, job, body) : note("warn", "O conteúdo não pode ser lido aqui.")),
  );
}

function place(shape) {
  const at = shape.line ? `linha ${shape.line}, coluna ${shape.column}` : "desconhecido";
  return [at, shape.near && [", perto de ", h("code", {}, shape.near), h("span", { class: "soft" }, " (x é uma letra, 9 um algarismo)")]];
}

function answered(job) {
  if (!job.last_answer) return job.last_error && h("p", {}, "Última tentativa: ", words.jobReason(job.last_error.class), job.last_error.status ? ` ${job.last_error.status}` : "", ", ", moment(job.last_error.at), ".");
  const body = job.last_answer.body;
  return h("div", { class: "stack" }, h("p", {}, `A Mercafácil respondeu ${job.last_answer.status}, `, moment(job.last_answer.at), body ? ":" : "."), body && h("pre", { tabindex: "0", "aria-label": "Resposta da Mercafácil" }, JSON.stringify(body, null, 2)));
}

/** repair is the form of a body. What was typed before stays, also when the person comes back to it. */
function repair(view, job, original) {
  const key = "pendencia/" + job.id;
  let state = draft(key);
  if (!state || state.updated !== job.updated_at) {
    state = { updated: job.updated_at, root: original, faults: job.faults ?? [], changes: new Map() };
    state.changed = () => state.changes.size > 0;
    keepDraft(key, state);
  }
  const trouble = h("div", {}), inputs = h("div", { class: "stack" }), begun = h("p", { class: "soft small" });
  const changed = (path, before, after) => {
    const first = state.changes.has(path) ? state.changes.get(path)[0] : before;
    if (first === after) state.changes.delete(path);
    else state.changes.set(path, [first, after]);
    fill(begun, state.changes.size > 0 ? words.many(state.changes.size, "campo mudado", "campos mudados") + "; ainda não enviado." : "");
  };
  const draw = () => {
    fill(inputs, bodyForm(state.root, state.faults, changed));
    fill(begun, state.changes.size > 0 ? words.many(state.changes.size, "campo mudado", "campos mudados") + "; ainda não enviado." : "");
  };
  draw();
  const whole = state.faults.filter((f) => !inputs.querySelector(`[data-path="${CSS.escape(f.field)}"]`));
  const form = h("form", { class: "card", "aria-labelledby": "corrigir" },
    h("div", { class: "head" }, h("h2", { id: "corrigir" }, "Corrigir e enviar"), state.changes.size > 0 && button("recomecar", "Desfazer o que digitei", () => { dropDraft(key); view.reload(); }, "quiet")),
    state.faults.length > 0 && note("warn", h("p", {}, words.many(state.faults.length, "coisa está errada:", "coisas estão erradas:")), h("ul", {}, state.faults.map((f) => h("li", {}, whole.includes(f) ? words.fieldName(f.field) : h("a", { href: "#campo", onclick: (e) => jump(e, f.field) }, words.fieldName(f.field)), ": ", f.detail)))),
    inputs, trouble, h("div", { class: "buttons" }, begun, h("button", { class: "primary", id: "corrigir-enviar" }, "Conferir e enviar")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(view, job, state, trouble, key);
  });
  return form;
}

function jump(event, path) {
  event.preventDefault();
  document.querySelector(`[data-path="${CSS.escape(path)}"]`)?.focus();
}

/** send shows the difference, and sends the repaired body after a yes. New faults are marked in the form. */
async function send(view, job, state, trouble, key) {
  if (state.changes.size === 0) {
    fill(trouble, note("warn", "Nada foi mudado ainda."));
    return;
  }
  fill(trouble);
  let refused = null;
  const done = await ask({
    title: "Enviar com estas mudanças?", button: "Enviar",
    body: [h("ul", { class: "diff" }, [...state.changes].map(([path, [before, after]]) => h("li", {}, h("strong", {}, words.fieldName(path)), ": ", h("del", {}, before || "(vazio)"), " → ", h("ins", {}, after || "(vazio)")))),
      h("p", { class: "soft" }, "O conteúdo corrigido é conferido e vai à Mercafácil. O que o caixa mandou fica guardado como veio.")],
    act: async () => {
      try {
        return await api.put(`/v1/queue/${job.id}/body`, json.print(withoutMissing(state.root), ""));
      } catch (error) {
        if (!(error.fields?.length > 0)) throw error;
        refused = error;
        return { refused: true };
      }
    },
  });
  if (!done) return;
  if (refused) {
    state.faults = refused.fields;
    await view.reload();
    setTimeout(() => document.querySelector(".faulty input")?.focus());
    return;
  }
  finished(done, key);
}

function finished(receipt, key) {
  dropDraft(key);
  say(["Corrigido e enviado.", ...receipt.warnings].join(" "));
  location.hash = "#/pendencias";
}

/** rewrite is for what could not be read: an administrator sees the text and writes the right one. */
function rewrite(view, job) {
  if (!may("admin")) return note("info", "Para corrigir o que não pôde ser lido é preciso o acesso de administração: o texto que veio pode ter dados de clientes. Com o seu acesso pode-se descartar.");
  const key = "pendencia/" + job.id, trouble = h("div", {});
  const area = h("textarea", { class: "code", spellcheck: "false", required: true });
  const begun = draft(key) ?? { text: "", changed: () => begun.text !== begun.original, original: "" };
  keepDraft(key, begun);
  area.value = begun.text;
  area.addEventListener("input", () => { begun.text = area.value; });
  const look = button("ver-texto", "Mostrar o que veio", async () => {
    try {
      area.value = begun.text = begun.original = await api.getText(`/v1/queue/${job.id}/text`);
      area.focus();
    } catch (error) {
      fill(trouble, failure(error));
    }
  });
  const form = h("form", { class: "card", "aria-labelledby": "corrigir" }, h("div", { class: "head" }, h("h2", { id: "corrigir" }, "Escrever o conteúdo certo"), look),
    field("texto", "Conteúdo, em JSON", area, { help: "O texto que veio pode ter dados de clientes: só aparece se você pedir." }), trouble,
    h("div", { class: "buttons" }, h("button", { class: "primary", id: "corrigir-enviar" }, "Enviar")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      json.parse(area.value);
    } catch (error) {
      fill(trouble, note("bad", `Isto ainda não é JSON: ${error.message}.`));
      return;
    }
    try {
      finished(await api.put(`/v1/queue/${job.id}/body`, area.value), key);
    } catch (error) {
      fill(trouble, failure(error));
    }
  });
  return form;
}
