// Diagnóstico: the doctor's checks as they end, and the support bundle.
import { fill, h, say } from "../dom.js";
import * as api from "../api.js";
import * as words from "../words.js";
import { button, failure, head, may, note, save } from "../parts.js";

const tones = { ok: "ok", aviso: "warn", falha: "bad", pulado: "off" };

/** mends are the pages that mend what a check finds. */
const mends = {
  config: ["#/configuracao", "Ver a configuração", "admin"], "config-warnings": ["#/configuracao", "Ver a configuração", "admin"], "cloud-token": ["#/configuracao/mercafacil", "Trocar o token", "admin"],
  timezone: ["#/configuracao", "Ver o fuso", "admin"], "store-size": ["#/configuracao/store", "Ver o limite", "admin"], "queue-attention": ["#/pendencias", "Resolver"], "queue-age": ["#/vendas", "Ver as vendas"],
  deliveries: ["#/diario?lado=cloud&falhas=1", "Ver as tentativas"], circuit: ["#/diario?lado=cloud&falhas=1", "Ver as tentativas"], routines: ["#/rotinas", "Ver as rotinas"], alarms: ["#/inicio", "Ver em Início"],
};

export async function show(view) {
  const asks = h("ul", { class: "lights", "aria-label": "O que pede atenção" }), fine = h("ul", { class: "lights", id: "em-ordem", "aria-label": "O que está em ordem" });
  const said = h("p", { role: "status", id: "andamento" }), trouble = h("div", {}), again = button("verificar", "Verificar de novo", () => run());
  view.put(
    head("Diagnóstico", "O pdvagent examina este computador, a rede e a nuvem. Nada é alterado.", again, button("pacote", "Baixar pacote de suporte", (event) => bundle(event.currentTarget, trouble))),
    trouble, said, asks, h("details", { id: "certas", class: "card" }, h("summary", {}, "O que está em ordem"), fine));
  const run = async () => {
    const count = { ok: 0, aviso: 0, falha: 0, pulado: 0 };
    again.disabled = true;
    fill(trouble);
    fill(asks);
    fill(fine);
    said.textContent = "Verificando…";
    try {
      const whole = await api.stream("/v1/doctor", (event, found) => {
        if (event !== "check") return;
        count[found.verdict] += 1;
        (found.advice ? asks : fine).append(line(found));
        said.textContent = `Verificando… ${words.many(Object.values(count).reduce((a, b) => a + b), "verificação feita", "verificações feitas")}.`;
      }, { signal: view.signal });
      said.textContent = whole ? summary(count) : "A verificação parou antes do fim. Verifique de novo.";
    } catch (error) {
      if (view.signal.aborted) return;
      said.textContent = "";
      fill(trouble, failure(error));
    }
    again.disabled = false;
  };
  run(); // the page is shown at once, and fills itself
}

function line(found) {
  const tone = tones[found.verdict] ?? "off", [href, text, scope] = mends[found.check] ?? [];
  return h("li", {}, h("span", { class: "light " + tone, "aria-hidden": "true" }), h("h2", {}, found.title),
    h("div", { class: "why" }, h("p", {}, h("span", { class: "unseen" }, { warn: "Aviso: ", bad: "Falha: ", off: "Não verificado: " }[tone] ?? ""), found.evidence), found.advice && h("p", { class: "soft small" }, found.advice)),
    h("div", { class: "mend" }, found.advice && href && may(scope ?? "support") && h("a", { class: "as-button", href, id: "mexer-" + found.check }, text)));
}

function summary(count) {
  const asks = [count.falha > 0 && words.many(count.falha, "falha", "falhas"), count.aviso > 0 && words.many(count.aviso, "aviso", "avisos")].filter(Boolean).join(" e ");
  const rest = `${words.many(count.ok, "verificação em ordem", "verificações em ordem")}, ${words.many(count.pulado, "que não se aplica agora", "que não se aplicam agora")}`;
  return `${asks ? words.capital(asks) : "Nada pede atenção"}; ${rest}.`;
}

async function bundle(pressed, trouble) {
  pressed.disabled = true;
  fill(trouble, note("info", "Juntando o pacote…"));
  try {
    save(...(await api.download("POST", "/v1/support-bundle", { body: "{}" })));
    fill(trouble);
    say("O pacote foi baixado. Ele não tem dados pessoais nem senhas; LEIA-ME.txt diz o que há nele.");
  } catch (error) {
    fill(trouble, failure(error));
  }
  pressed.disabled = false;
}
