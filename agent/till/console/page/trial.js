// A change of the configuration that is being tried: a countdown on every page, with the two ways to end it.
import { fill, h, say } from "./dom.js";
import * as api from "./api.js";
import { ask, button, may } from "./parts.js";

const beat = 4000;
let running = null; // {by, changed, until}: until is by this computer's clock
let ended = () => undefined;

/** watch looks for a try as long as the page is open; after() is called when one ends. */
export function watch(after) {
  ended = after;
  setInterval(draw, 1000);
  const again = async () => {
    if (!document.hidden && api.current()) await look().catch(() => undefined);
    setTimeout(again, beat);
  };
  again();
}

/** look asks the agent now. */
export async function look() {
  const trial = await api.get("/v1/config/trial", { background: true, quiet: true }), before = running;
  running = trial.state === "running" ? { by: trial.by, changed: trial.changed, until: Date.now() + trial.left_seconds * 1000 } : null;
  if (before && running) running.until = Math.abs(before.until - running.until) < 3000 ? before.until : running.until; // no jumps
  draw();
  if (before && !running) {
    say({ kept: "A mudança ficou.", reverted: "A mudança foi desfeita: tudo voltou a ser como era.", edited: "O arquivo foi mudado por fora e ficou como está; a experiência acabou." }[trial.state] ?? "");
    ended();
  }
}

let shown = "";

function draw() {
  const place = document.getElementById("experiencia"), key = running && `${running.by} ${running.changed}`;
  if (key !== shown) {
    shown = key;
    fill(place, running && h("div", { class: "trying" },
      h("p", {}, h("strong", {}, "Em experiência: "), running.changed.join(", "), `, por ${running.by}. Volta sozinha em `, h("span", { id: "falta", class: "nowrap" }), "."),
      may("admin") && h("div", { class: "buttons" }, button("experiencia-fica", "Ficar com a mudança", () => end("POST", "/v1/config/trial/confirm"), "primary"), button("experiencia-volta", "Voltar agora", () => end("DELETE", "/v1/config/trial")))));
  }
  const left = running && Math.max(0, Math.round((running.until - Date.now()) / 1000)), told = document.getElementById("falta");
  if (told) told.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

async function end(method, path) {
  try {
    await api.request(method, path, { body: method === "POST" ? "{}" : undefined });
  } catch (error) {
    say(error.message);
  }
  await look().catch(() => undefined);
}

/** begin tries a change: body says what would differ. It gives undefined after "Voltar". */
export const begin = (body, act) => ask({ title: "Experimentar por 5 minutos?", button: "Experimentar", body: [body, h("p", { class: "soft" }, "Vale na hora e volta sozinho em 5 minutos, também se o computador reiniciar, a não ser que você fique com a mudança.")], act });
