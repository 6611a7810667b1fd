// The examples of the guides: code with a button that copies it and, where the agent's cloud is the simulated one, a button for
// each call that runs it here.
import { fill, h } from "./dom.js";
import * as api from "./api.js";
import * as json from "./json.js";
import { ask, button, copy, note } from "./parts.js";

/** sandboxNear tells whether calls may be tried: there is a session, and the cloud is the simulated one. */
export async function sandboxNear(view) {
  return api.current() !== null && (await api.optional("/v1/simulator", { signal: view.signal }).catch(() => null)) !== null;
}

let copied = 0;

/** codeOf gives the function that shows a block of code. */
export const codeOf = (runnable) => (code, kind) => {
  const id = "codigo-" + ++copied, calls = runnable && (kind === "sh" || kind === "") ? callsOf(code) : [];
  return h("div", { class: "example" }, h("pre", { id, tabindex: "0", "aria-label": "Exemplo" }, code),
    kind && h("div", { class: "buttons" },
      calls.map((call, i) => button(`${id}-tentar-${i}`, `Experimentar ${call.method} ${call.shown}`, () => tryCall(call))),
      button(id + "-copiar", "Copiar", () => copy(code, "Exemplo"), "quiet")));
};

/** words splits commands of a shell: quotes, comments, lines that go on. It gives a list of words for each command. */
export function words(text) {
  const commands = [[]];
  let word = null;
  const end = (command) => {
    if (word !== null) commands.at(-1).push(word);
    word = null;
    if (command && commands.at(-1).length > 0) commands.push([]);
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i], rest = text.slice(i);
    const single = /^(\$?)'((?:[^'\\]|\\.|\\(?='))*?)'/s.exec(rest), plain = /^'([^']*)'/.exec(rest), double = /^"((?:[^"\\]|\\.)*)"/s.exec(rest);
    if (plain) {
      word = (word ?? "") + plain[1];
      i += plain[0].length - 1;
    } else if (c === "$" && single?.[1]) {
      word = (word ?? "") + single[2].replace(/\\(.)/gs, (all, e) => ({ n: "\n", r: "\r", t: "\t" })[e] ?? e);
      i += single[0].length - 1;
    } else if (double) {
      word = (word ?? "") + double[1].replace(/\\(["\\$`])/g, "$1");
      i += double[0].length - 1;
    } else if (c === "\\" && text[i + 1] === "\n") i++;
    else if (c === "\n" || c === ";" || c === "|" || c === "&") end(true);
    else if (c === " " || c === "\t") end(false);
    else if (c === "#" && word === null) i += /^[^\n]*/.exec(rest)[0].length - 1;
    else word = (word ?? "") + c;
  }
  end(true);
  return commands.filter((c) => c.length > 0);
}

const agentBase = /^http:\/\/127\.0\.0\.1:8780(\/.*)$/, control = /^http:\/\/127\.0\.0\.1:879[01]\/control(\/[^/?]+\/[^/?]+)$/;

/** callsOf finds the calls of the agent and of the simulated cloud in an example: {method, path, shown, headers, body}. */
export function callsOf(text) {
  return words(text).map((command) => {
    if (command[0] === "api" && command[1]?.startsWith("/")) return { method: "POST", path: command[1], shown: command[1], headers: {}, body: command[2] };
    if (command[0] !== "curl") return null;
    const call = { method: "", headers: {}, body: undefined };
    let url = "";
    for (let i = 1; i < command.length; i++) {
      const word = command[i];
      if (word === "-X") call.method = command[++i];
      else if (word === "-H") {
        const [, name, value] = /^([^:]+):\s*(.*)$/.exec(command[++i] ?? "") ?? [];
        if (name && !/^(authorization|content-type)$/i.test(name)) call.headers[name] = value;
        if (/^content-type$/i.test(name ?? "")) call.type = value;
      } else if (/^(-d|--data|--data-binary)$/.test(word)) call.body = command[++i];
      else if (/^(-o|-O|-w|-u|-b|--output)$/.test(word)) return null; // it makes a file, or says more than a page can
      else if (/^https?:/.test(word)) url = word;
      else if (!/^-[sSfiN]+$/.test(word)) return null;
    }
    const inAgent = agentBase.exec(url), inCloud = control.exec(url);
    if (!inAgent && !inCloud) return null;
    call.method ||= call.body === undefined ? "GET" : "POST";
    call.path = inAgent ? inAgent[1] : "/v1/simulator" + inCloud[1];
    call.shown = inAgent ? inAgent[1] : "/control" + inCloud[1];
    return /\/events/.test(call.path) ? null : call; // a stream has no end
  }).filter((call) => call !== null);
}

let lastTransaction = ""; // of an answer: the examples write ID

const known = (text) => (lastTransaction && text ? text.replace(/"ID"/g, JSON.stringify(lastTransaction)).replace(/\/ID(?=$|\/)/, "/" + encodeURIComponent(lastTransaction)) : text);

/** tryCall shows a call, makes it when the person says so, and shows the answer. */
function tryCall(call) {
  const body = h("textarea", { class: "code", spellcheck: "false", "aria-label": "Corpo", value: pretty(known(call.body)) }), path = h("input", { spellcheck: "false", autocomplete: "off", "aria-label": "Endereço", value: known(call.path) }), place = h("div", { class: "stack", "aria-live": "polite" });
  return ask({
    title: `Experimentar ${call.method} ${call.shown}`, button: "Enviar",
    body: [h("p", { class: "soft small" }, "Vai a este agente, com o seu acesso, e dele à nuvem simulada."), path, call.method !== "GET" && call.body !== undefined && body, place],
    act: async () => {
      const headers = Object.fromEntries(Object.entries(call.headers).map(([name, value]) => [name, /\$|uuidgen/.test(value) ? crypto.randomUUID() : value]));
      const answer = await api.request(call.method, path.value.trim(), { headers, body: call.method === "GET" ? undefined : call.body === undefined ? "{}" : body.value, type: call.type });
      const text = await answer.text();
      lastTransaction = /"transaction_id"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? lastTransaction;
      fill(place, note("ok", `A resposta: ${answer.status}, ${answer.headers.get("X-Agent-Delivery") ?? "ok"}`), h("pre", { tabindex: "0", "aria-label": "A resposta" }, pretty(text).slice(0, 20000)));
      return ask.stay;
    },
  });
}

function pretty(text) {
  try {
    return text ? json.print(json.parse(text)) : "";
  } catch {
    return text;
  }
}
