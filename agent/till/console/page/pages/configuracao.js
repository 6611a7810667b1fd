// Configuração: the file's options by section, the difference before saving, the versions and the way back.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { ask, badge, button, empty, head, may, moment, note, table, tabs } from "../parts.js";
import { draft, dropDraft, keepDraft } from "../drafts.js";
import * as trial from "../trial.js";
import { fieldsOf, input, secret, typed, valueAt } from "../schemaform.js";

const sections = {
  shop: "Loja e caixa", mercafacil: "Mercafácil", payments: "Pagamentos", routines: "Rotinas", till: "Programa do caixa", loyalty: "Fidelidade", sender: "Envio", store: "Banco de dados",
  backup: "Cópia de segurança", traffic: "Diário", log: "Log", network: "Rede", security: "Segurança", chain: "Hub da rede", api: "Acesso",
};
const versions = "versoes";

export async function show(view) {
  if (!may("admin")) {
    view.put(head("Configuração"), empty("É preciso o acesso de administração", "Saia e entre com o token de administração deste caixa."));
    return;
  }
  const section = view.rest[0] ?? "shop", here = "#/configuracao" + (view.rest[0] ? "/" + section : "");
  const nav = tabs("Partes da configuração", here, [["#/configuracao", sections.shop], ...Object.entries(sections).filter(([key]) => key !== "shop").map(([key, name]) => ["#/configuracao/" + key, name]), ["#/configuracao/" + versions, "Versões"]]);
  const place = h("div", { class: "stack" });
  view.put(head("Configuração", "O arquivo deste caixa. Nada muda antes de você ver a diferença e gravar."), nav, place);
  await (section === versions ? showVersions(view, place) : section === "experiencia" ? showTrial(view, place) : showSection(view, place, section));
}

async function showSection(view, place, section) {
  const [answer, schema] = await Promise.all([api.request("GET", "/v1/config", { signal: view.signal }), api.get("/v1/config/schema", { signal: view.signal })]);
  const config = await answer.json(), tag = answer.headers.get("ETag");
  const key = "configuracao/" + section, state = draft(key) ?? { texts: new Map(), faults: new Map(), changed: () => state.texts.size > 0 };
  keepDraft(key, state);
  if (state.texts.size === 0 || state.conflict) Object.assign(state, { tag, config: state.conflict ? state.config : config }); // what was begun is of the version that was seen then
  const list = fieldsOf(schema, schema.properties[section] ?? {}, [section]), trouble = h("div", {}), groups = new Map();
  for (const f of list) {
    const group = f.path.slice(1, -1).join(" › ");
    groups.set(group, [...(groups.get(group) ?? []), f]);
  }
  const inputs = (fields) => h("div", { class: "grid wide" }, fields.map((f) => {
    const path = f.path.join("."), shown = valueAt(config, f.path), hidden = secret(f, shown), before = hidden ? "" : shown;
    return input(f, shown, state.texts.get(path) ?? before, state.faults.get(path), (text) => { if (text === before) state.texts.delete(path); else state.texts.set(path, text); });
  }));
  const form = h("form", { class: "stack", "aria-label": sections[section] ?? section },
    state.conflict && bothChanges(state, list, config), [...groups].map(([group, fields]) => (group ? h("fieldset", {}, h("legend", {}, titleOf(group)), inputs(fields)) : h("div", { class: "card" }, inputs(fields)))), trouble,
    h("div", { class: "buttons" }, state.texts.size > 0 && button("desfazer", "Desfazer o que digitei", () => { dropDraft(key); view.reload(); }, "quiet"), h("button", { class: "primary", id: "gravar" }, "Ver a diferença e gravar"), h("button", { id: "experimentar" }, "Experimentar por 5 minutos")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(view, { key, state, list, config, trouble, trying: event.submitter?.id === "experimentar" });
  });
  fill(place, list.length === 0 ? empty("Não há nada aqui") : form);
}

const parts = { source: "de onde vêm os registros", seller: "vendedor", ideamaker: "IdeaMaker", sevenaz: "7AZ", webhook: "Avisos dos fornecedores", sicoob: "Sicoob", cashorder: "Pedidos com cartão" };

/** titleOf names a part of a section: products › source is Carga de produtos › de onde vêm os registros. */
const titleOf = (group) => group.split(" › ").map((name) => parts[name] ?? words.routineName(name)).join(" › ");

/** bothChanges shows what somebody else changed meanwhile, and what this person wants. */
function bothChanges(state, list, config) {
  const theirs = list.filter((f) => valueAt(state.config, f.path) !== valueAt(config, f.path)), mine = list.filter((f) => state.texts.has(f.path.join(".")));
  return note("warn", h("p", {}, state.conflict),
    theirs.length > 0 && [h("p", {}, h("strong", {}, "A mudança da outra pessoa, que já vale:")), h("ul", { class: "diff", id: "deles" }, theirs.map((f) => difference(f, valueAt(state.config, f.path), valueAt(config, f.path))))],
    h("p", {}, h("strong", {}, "A sua, que ainda não foi gravada:")), h("ul", { class: "diff", id: "minhas" }, mine.map((f) => difference(f, valueAt(config, f.path), state.texts.get(f.path.join("."))))));
}

async function save(view, { key, state, list, config, trouble, trying }) {
  const changed = list.filter((f) => state.texts.has(f.path.join(".")));
  if (changed.length === 0) return fill(trouble, note("warn", "Nada foi mudado ainda."));
  const patch = {};
  for (const f of changed) {
    const last = f.path.slice(0, -1).reduce((at, name) => (at[name] ??= {}), patch);
    last[f.path.at(-1)] = typed(f, state.texts.get(f.path.join(".")));
  }
  let refused = null;
  const what = h("ul", { class: "diff" }, changed.map((f) => difference(f, valueAt(config, f.path), state.texts.get(f.path.join(".")))));
  const act = async () => {
    try {
      return await (await api.request(trying ? "POST" : "PUT", trying ? "/v1/config/trial" : "/v1/config", { body: JSON.stringify(patch), headers: { "If-Match": state.tag } })).json();
    } catch (error) {
      if (!(error.fields?.length > 0) && error.code !== "changed") throw error;
      refused = error;
      return true;
    }
  };
  const outcome = await (trying ? trial.begin(what, act) : ask({
    title: "Gravar estas mudanças?", button: "Gravar",
    body: [what, h("p", { class: "soft" }, "A versão de agora fica guardada, e volta por Versões. O que só vale depois de reiniciar é dito a seguir.")],
    act,
  }));
  if (!outcome) return undefined;
  state.conflict = undefined;
  if (refused?.code === "changed") {
    state.conflict = refused.message;
    return view.reload();
  }
  if (refused) {
    state.faults = new Map(refused.fields.map((f) => [f.field, f.detail]));
    fill(trouble);
    view.reload();
    setTimeout(() => document.querySelector(".faulty input, .faulty select")?.focus(), 300);
    return say(refused.message);
  }
  dropDraft(key);
  view.reload();
  return trying ? trial.look() : told(outcome);
}

function difference(f, before, after) {
  const hidden = secret(f, before);
  return h("li", {}, h("strong", {}, f.path.join(".")), ": ", h("del", {}, hidden ? "(escondido)" : before || "(vazio)"), " → ", h("ins", {}, hidden ? "(novo, escondido)" : after || "(vazio)"));
}

/** told says what holds now, and what does after a restart. */
function told(outcome) {
  const parts = ["Gravado."];
  if (outcome.needs_restart.length > 0) parts.push(`Vale depois de reiniciar o serviço pdvagent: ${outcome.needs_restart.join(", ")}.`);
  say([...parts, ...outcome.warnings.map((w) => w.detail ?? w.Detail ?? "")].join(" "));
}

async function showVersions(view, place) {
  const list = [...(await api.get("/v1/config/versions", { signal: view.signal })).versions].reverse();
  fill(place, list.length > 1 && h("div", {}, button("voltar", "Voltar à versão anterior", () => undo(view, list), "danger")),
    list.length === 0 ? empty("Nenhuma versão ainda") : table("Versões da configuração", [{ name: "Versão", class: "tight" }, { name: "Quando", class: "tight" }, "Quem", "O que mudou"],
      list.map((v, i) => [[words.number(v.number), i === 0 && [" ", badge("ok", "agora")]], moment(v.at), v.author, v.changed.length > 0 ? v.changed.join(", ") : h("span", { class: "soft" }, "—")])));
}

async function undo(view, list) {
  const outcome = await ask({
    title: "Voltar à versão anterior?", danger: true, button: "Voltar a ela",
    body: [h("p", {}, `Desfaz a versão ${list[0].number}, de ${list[0].author}: ${list[0].changed.join(", ") || "o arquivo mudado por fora"}.`)],
    act: () => api.post("/v1/config/undo", {}),
  });
  if (!outcome) return;
  view.reload();
  told(outcome);
}


/** showTrial says how the latest try ended, and leads to the options that it was about. */
async function showTrial(view, place) {
  const last = await api.get("/v1/config/trial", { signal: view.signal });
  if (last.state === "none") return fill(place, empty("Nada foi experimentado"));
  const section = last.changed[0]?.split(".")[0] ?? "shop", ends = { running: "está em experiência", kept: "ficou", reverted: "foi desfeita", edited: "acabou: o arquivo foi mudado por fora e ficou como está" };
  return fill(place, h("div", { class: "card stack", id: "ultima-experiencia" },
    h("p", {}, h("strong", {}, last.changed.join(", ")), `, de ${last.by}, `, moment(last.began_at), `: ${ends[last.state] ?? last.state}.`),
    h("p", { class: "soft" }, "Se a mudança serve, grave-a. Se não, é só dizer que está ciente: nada mais muda."),
    h("div", { class: "buttons" }, h("a", { class: "as-button primary", id: "ver-opcoes", href: "#/configuracao/" + section }, "Ver as opções"),
      last.state !== "running" && button("ciente", "Estou ciente", async () => { await api.request("DELETE", "/v1/config/trial"); location.hash = "#/inicio"; }))));
}
