// Calls of the local API, the session, and whether the agent answers. Everything goes by the routes that everybody has.

import { say } from "./dom.js";

const kept = "pdvagent.session";
let session = read();
let askForSession = () => Promise.reject(new Error("sem sessão"));

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(kept));
  } catch {
    return null;
  }
}

export const current = () => session;

function keep(next) {
  session = next;
  if (next) sessionStorage.setItem(kept, JSON.stringify(next));
  else sessionStorage.removeItem(kept);
}

/** onSignIn names the function that asks the person to sign in; its promise ends with the session. */
export function onSignIn(ask) {
  askForSession = ask;
}

/** signIn opens a session by {code} or {token}. */
export async function signIn(by) {
  const answer = await send("POST", "/v1/console/session", { body: JSON.stringify(by) });
  if (!answer.ok) throw await refusal(answer);
  keep(await answer.json());
  return session;
}

/** signOut ends the session. */
export async function signOut() {
  const ended = session;
  keep(null);
  if (ended) await send("DELETE", "/v1/console/session", { token: ended.token }).catch(() => undefined);
}

/** Refusal is an answer that is no success: its message is the agent's sentence. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || `O pdvagent respondeu ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
    this.fields = problem.fields ?? [];
    this.job = problem.job ?? "";
  }
}

/** Gone is a call that got no answer. */
export class Gone extends Error {
  constructor() {
    super("O pdvagent não respondeu. Nada se perde: tente de novo quando o aviso sumir.");
  }
}

async function refusal(answer) {
  const problem = await answer.json().catch(() => ({}));
  return new Refusal(answer.status, problem ?? {});
}

async function send(method, path, { body, token = session?.token, background = false, signal, type = "application/json", headers: more = {} } = {}) {
  const headers = { ...more };
  if (token) headers.Authorization = "Bearer " + token;
  if (body !== undefined) headers["Content-Type"] = type;
  if (background) headers["X-Console-Background"] = "1";
  try {
    return await fetch(path, { method, headers, body, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (failure) {
    if (signal?.aborted) throw failure;
    look();
    throw new Gone();
  }
}

let asking = null; // the sign-in in progress: several calls may wait for it

/** request makes a call and gives the answer. Without a valid session the person signs in and the call is made again; quiet: it is refused. */
export async function request(method, path, { quiet = false, ...options } = {}) {
  for (;;) {
    if (!session && !quiet) {
      asking ??= askForSession().finally(() => { asking = null; });
      await asking;
    }
    const used = session;
    const answer = await send(method, path, options);
    if (answer.headers.get("X-Agent-Audit") === "not_written") say("Feito, mas a auditoria não pôde ser gravada: confira o disco.");
    if (answer.ok) return answer;
    if (answer.status !== 401 || quiet) throw await refusal(answer);
    if (session === used) keep(null);
  }
}

/** open asks for a file of the program, which needs no session. */
export async function open(path) {
  const answer = await send("GET", path, { token: "" });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

export const get = async (path, options) => (await request("GET", path, options)).json();
export const getText = async (path, options) => (await request("GET", path, options)).text();
export const post = async (path, body, options) => (await request("POST", path, { ...options, body: body === undefined ? undefined : JSON.stringify(body) })).json();
export const put = async (path, text, options) => (await request("PUT", path, { ...options, body: text })).json();

/** stream calls each(event, data) for every event of a stream, until it ends; true: the agent ended it as it should, with "end". */
export async function stream(path, each, options) {
  const reader = (await request("GET", path, { ...options, headers: { Accept: "text/event-stream" } })).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", whole = false;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const events = (rest + chunk.value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const name = /^event: (.*)$/m.exec(event)?.[1], data = /^data: (.*)$/m.exec(event)?.[1];
      whole ||= name === "end";
      if (name && data) each(name, JSON.parse(data));
    }
  }
  return whole;
}

/** download makes a call whose answer is a file, and gives its name and content. */
export async function download(method, path, options) {
  const answer = await request(method, path, options);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "pdvagent";
  return [name, await answer.blob()];
}

/** optional is get for a part that may not be configured: null then. */
export async function optional(path, options) {
  try {
    return await get(path, options);
  } catch (failure) {
    if (failure.code === "not_configured" || failure.status === 404) return null;
    throw failure;
  }
}

// Whether the agent answers. A page that looks every two seconds and waits two for the answer shows it within five.
const watchers = new Set();
const beat = 2000;
let silentSince = null;
let timer = 0;

/** onAlive calls f(since) at each change; since is null while the agent answers. */
export function onAlive(f) {
  watchers.add(f);
  look();
}

async function look() {
  clearTimeout(timer);
  timer = setTimeout(look, beat);
  let alive = false;
  try {
    const answer = await fetch("/health", { signal: AbortSignal.timeout(beat), cache: "no-store", credentials: "omit", headers: { "X-Console-Background": "1" } });
    alive = answer.ok || answer.status === 503;
  } catch { /* no answer */ }
  const before = silentSince;
  silentSince = alive ? null : (silentSince ?? new Date());
  if ((before === null) !== (silentSince === null)) for (const f of watchers) f(silentSince);
}
