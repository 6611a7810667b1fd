// Início: one sentence that says how the till is, and the lights.
import { h } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { may } from "../parts.js";
import { lights, sentence } from "../lights.js";

export async function show(view) {
  let before = "";
  const look = async (background) => {
    const [status, routines, pix, boletos, orders, sent] = await Promise.all([
      api.get("/v1/status", { background, signal: view.signal }),
      api.get("/v1/routines", { background, signal: view.signal }),
      api.optional("/v1/payments?attention=1", { background, signal: view.signal }),
      api.optional("/v1/boletos?status=review", { background, signal: view.signal }),
      api.optional("/v1/orders?attention=1", { background, signal: view.signal }),
      api.get("/v1/traffic?side=cloud&route=coupons&limit=100", { background, signal: view.signal }),
    ]);
    const seen = {
      status, routines: routines.routines, now: Date.now(), admin: may("admin"),
      pix: pix?.payments ?? null, boletos: boletos?.boletos ?? null, orders: orders?.orders ?? null,
      lastSale: sent.lines.filter((l) => l.status >= 200 && l.status < 300 && /coupons\/?$/.test(l.route)).at(-1)?.at ?? null,
    };
    const drawn = draw(seen), text = drawn.map((n) => n.outerHTML).join("");
    if (text !== before) view.put(...drawn);
    before = text;
  };
  await look(false);
  view.every(3000, () => look(true));
}

function draw(seen) {
  const list = lights(seen), said = sentence(seen, list);
  return [
    h("div", { class: "sentence " + said.tone }, h("span", { class: "light " + said.tone, "aria-hidden": "true" }), h("div", {},
      h("h1", { tabindex: "-1", id: "como-esta" }, said.text), said.more && h("p", { class: "lead" }, said.more))),
    h("ul", { class: "lights", "aria-label": "Como está cada parte" }, list.map((l) => h("li", {},
      h("span", { class: "light " + l.tone, "aria-hidden": "true" }),
      h("h2", {}, l.name),
      h("div", { class: "why" }, h("p", {}, h("span", { class: "unseen" }, { ok: "Em ordem: ", warn: "Atenção: ", bad: "Parado: ", off: "" }[l.tone]), l.why), l.tell && h("p", { class: "soft small" }, l.tell)),
      h("div", { class: "mend" }, l.mend && h("a", { class: "as-button" + (l.tone === "ok" || l.tone === "off" ? "" : " primary"), href: l.mend[0], id: "luz-" + l.id }, l.mend[1]))))),
    h("p", { class: "soft small" }, `pdvagent ${seen.status.version} · ${words.many(seen.status.queue.sent, "registro enviado", "registros enviados")} desde o começo`),
  ];
}
