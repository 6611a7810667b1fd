// Diagnóstico: the doctor's checks as they end, the faults first to the eye.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { badge, button, failure, head, note } from "../parts.js";

const verdicts = { ok: ["ok", "em ordem"], aviso: ["warn", "aviso"], falha: ["bad", "falha"], pulado: ["", "não conferido"] };

export async function show(view) {
  const place = h("div", { class: "stack" }), summary = h("div", {});
  const again = button("conferir", "Conferir de novo", () => run(view, place, summary, again), "primary");
  view.put(head("Diagnóstico", "Confere a instalação: configuração, disco, fila, nuvem, relógio, certificado. Não muda nada.", again), summary, place);
  await run(view, place, summary, again);
}

async function run(view, place, summary, again) {
  again.disabled = true;
  fill(place);
  const groups = { falha: [], aviso: [], ok: [], pulado: [] }, total = { n: 0 };
  const draw = () => {
    fill(summary, h("p", { class: "soft", role: "status" }, `${words.many(total.n, "verificação", "verificações")} até agora…`));
    fill(place, Object.entries(groups).filter(([, list]) => list.length > 0).map(([verdict, list]) => section(verdict, list)));
  };
  try {
    await each("/v1/doctor", view.signal, (finding) => {
      (groups[finding.verdict] ?? groups.aviso).push(finding);
      total.n++;
      draw();
    });
    const bad = groups.falha.length, warn = groups.aviso.length, text = bad + warn === 0 ? "Tudo em ordem." : [bad > 0 && words.many(bad, "falha", "falhas"), warn > 0 && words.many(warn, "aviso", "avisos")].filter(Boolean).join(" e ") + ".";
    fill(summary, note(bad > 0 ? "bad" : warn > 0 ? "warn" : "ok", `${words.many(total.n, "verificação", "verificações")}: ${text}`));
    say("Diagnóstico terminado. " + text);
  } catch (error) {
    if (!view.signal.aborted) fill(summary, failure(error));
  }
  again.disabled = false;
}

/** each hands over the lines of an NDJSON answer as they come. */
async function each(path, signal, use) {
  const reader = (await api.request("GET", path, { signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) if (line.trim()) use(JSON.parse(line));
    if (done) return;
  }
}

function section(verdict, list) {
  const [tone, word] = verdicts[verdict], id = "grupo-" + verdict, rows = h("ul", { class: "checks" }, list.map((f) => h("li", {}, h("h3", {}, badge(tone, word), " ", f.title), h("p", {}, f.evidence), f.advice && h("p", { class: "advice" }, f.advice))));
  if (verdict === "falha" || verdict === "aviso") return h("section", { class: "card", "aria-label": words.capital(word) }, rows);
  return h("details", { class: "card", id }, h("summary", {}, `${words.capital(word)}: ${words.number(list.length)}`), rows);
}
